"""The flag --image_solver, which the programs share."""

from absl import flags

IMAGE_SOLVER = flags.DEFINE_multi_string(
    "image_solver", [], "Folder of a model of images that gives poses by itself, such as a PartAttention; once a model."
)
