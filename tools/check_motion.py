"""Checks motion files (niki_tf/cli/check_motion.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("check_motion")
