"""Turns joints into a posed body, in a table, as files and as a picture (niki_tf/cli/solve.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("solve")
