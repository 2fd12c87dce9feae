"""Writes a solver as a SavedModel and as LiteRT files (niki_tf/cli/export.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("export")
