"""One page of all analyses: which there are, running them, tables, the model selection card, a player of motion."""

from niki_tf.report.analyses import ANALYSES, NOT_YET, Analysis, View
from niki_tf.report.analysis import Images
from niki_tf.report.image_analyses import IMAGES, analyses_of_images
from niki_tf.report.page import write_page
from niki_tf.report.runs import Result, Setting, found_so_far, is_finished, run_all

__all__ = [
    "ANALYSES",
    "IMAGES",
    "NOT_YET",
    "Analysis",
    "Images",
    "Result",
    "Setting",
    "View",
    "analyses_of_images",
    "found_so_far",
    "is_finished",
    "run_all",
    "write_page",
]
