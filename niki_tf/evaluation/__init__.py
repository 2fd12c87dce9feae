"""Evaluation: metrics, protocols, tables, figures and recorded results."""

from niki_tf.evaluation.answers import answer_errors, times_ms
from niki_tf.evaluation.figures import acceleration_figure, noise_figure
from niki_tf.evaluation.filters import FILTERS, one_euro, savitzky_golay, whittaker
from niki_tf.evaluation.metrics import (
    accel_error,
    mpjpe,
    pa_mpjpe,
    pve,
    root_aligned,
    root_aligned_mpjpe,
    rotation_error_deg,
    similarity_aligned,
)
from niki_tf.evaluation.protocols import PROTOCOLS
from niki_tf.evaluation.protocols.bones import bone_rows
from niki_tf.evaluation.protocols.calibration import calibration_rows
from niki_tf.evaluation.protocols.collisions import collision_rows
from niki_tf.evaluation.protocols.denoising import denoising_rows
from niki_tf.evaluation.protocols.embedding import embedding_rows
from niki_tf.evaluation.protocols.error_score import error_score_rows
from niki_tf.evaluation.protocols.gaps import gap_rows
from niki_tf.evaluation.protocols.half_body import half_body_rows
from niki_tf.evaluation.protocols.images import ImageClip, image_rows
from niki_tf.evaluation.protocols.joint_errors import JointErrors
from niki_tf.evaluation.protocols.joint_sets import joint_set_rows
from niki_tf.evaluation.protocols.noise import noise_rows
from niki_tf.evaluation.protocols.occlusion_levels import occlusion_level_rows
from niki_tf.evaluation.protocols.rates import rate_rows
from niki_tf.evaluation.protocols.round_trip import round_trip_rows
from niki_tf.evaluation.protocols.sensitivity import sensitivity_rows
from niki_tf.evaluation.protocols.world import world_rows
from niki_tf.evaluation.protocols.xocc import ALIGNMENTS, HardClip, hardest_clip, xocc_rows
from niki_tf.evaluation.ranks import auroc, rank_correlation
from niki_tf.evaluation.scoring import METRICS, pose_errors
from niki_tf.evaluation.tables import markdown_table, pivot, text_table, write_csv, write_json

__all__ = [
    "ALIGNMENTS",
    "FILTERS",
    "METRICS",
    "PROTOCOLS",
    "HardClip",
    "ImageClip",
    "JointErrors",
    "accel_error",
    "acceleration_figure",
    "answer_errors",
    "auroc",
    "bone_rows",
    "calibration_rows",
    "collision_rows",
    "denoising_rows",
    "embedding_rows",
    "error_score_rows",
    "gap_rows",
    "half_body_rows",
    "hardest_clip",
    "image_rows",
    "joint_set_rows",
    "markdown_table",
    "mpjpe",
    "noise_figure",
    "noise_rows",
    "occlusion_level_rows",
    "one_euro",
    "pa_mpjpe",
    "pivot",
    "pose_errors",
    "pve",
    "rank_correlation",
    "rate_rows",
    "root_aligned",
    "root_aligned_mpjpe",
    "rotation_error_deg",
    "round_trip_rows",
    "savitzky_golay",
    "sensitivity_rows",
    "similarity_aligned",
    "text_table",
    "times_ms",
    "whittaker",
    "world_rows",
    "write_csv",
    "write_json",
    "xocc_rows",
]
