"""Trains the prior of motion behind the temporal solver (niki_tf/cli/fit_motion_prior.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("fit_motion_prior")
