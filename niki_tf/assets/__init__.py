"""Files of other people that the package uses but does not carry: what they are, fetching them, finding them again."""

from niki_tf.assets.cache import cache_folder, missing, path_of
from niki_tf.assets.fetching import fetch
from niki_tf.assets.manifest import ASSETS, GROUPS, Asset, Source, chosen

__all__ = ["ASSETS", "GROUPS", "Asset", "Source", "cache_folder", "chosen", "fetch", "missing", "path_of"]
