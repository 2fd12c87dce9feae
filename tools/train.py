"""Trains a solver (niki_tf/cli/train.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("train")
