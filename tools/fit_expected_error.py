"""Fits what solvers expect of their own error (niki_tf/cli/fit_expected_error.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("fit_expected_error")
