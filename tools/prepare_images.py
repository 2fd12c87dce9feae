"""Draws a set of images (niki_tf/cli/prepare_images.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("prepare_images")
