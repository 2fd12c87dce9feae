"""Fits the pose prior of map_fit (niki_tf/cli/fit_pose_prior.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("fit_pose_prior")
