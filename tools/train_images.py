"""Trains a network of images (niki_tf/cli/train_images.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("train_images")
