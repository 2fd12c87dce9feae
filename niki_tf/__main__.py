"""`python -m niki_tf COMMAND`."""

from niki_tf.cli.main import main

if __name__ == "__main__":
    main()
