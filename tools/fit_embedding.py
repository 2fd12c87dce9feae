"""Makes the error embedding of a solver standard normal (niki_tf/cli/fit_embedding.py)."""

from niki_tf.cli.main import run

if __name__ == "__main__":
    run("fit_embedding")
