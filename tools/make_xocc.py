"""Makes 3DPW-XOCC of any folder of frames with joints (niki_tf/cli/make_xocc.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("make_xocc")
