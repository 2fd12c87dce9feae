"""Trains the guess of joints that joint sets do not tell (niki_tf/cli/fit_joint_completion.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("fit_joint_completion")
