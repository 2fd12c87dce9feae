"""Shows motion on one page or live (niki_tf/cli/view.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("view")
