"""Turns a published PyTorch checkpoint into a solver (niki_tf/cli/convert_checkpoint.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("convert_checkpoint")
