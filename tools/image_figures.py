"""Draws what methods make of images (niki_tf/cli/image_figures.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("image_figures")
