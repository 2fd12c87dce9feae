"""Measures solvers by a protocol (niki_tf/cli/evaluate.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("evaluate")
