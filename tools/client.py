"""Sends a motion to TensorFlow Serving (niki_tf/cli/client.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("client")
