"""Fetches files of other people that the package uses but does not carry (niki_tf/cli/get_assets.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("get_assets")
