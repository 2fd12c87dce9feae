"""Runs all analyses and writes one page that shows them (niki_tf/cli/report.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("report")
