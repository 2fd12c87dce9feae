"""Web page export: a folder that solves poses in a browser, on any static server, without a request off it."""

from niki_tf.web.folder import NEEDED, check, sizes, write_folder

__all__ = ["NEEDED", "check", "sizes", "write_folder"]
