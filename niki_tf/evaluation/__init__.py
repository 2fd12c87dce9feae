"""Evaluation: metrics, protocols, tables and figures."""

from niki_tf.evaluation.error_score import error_score_rows
from niki_tf.evaluation.figures import acceleration_figure, noise_figure
from niki_tf.evaluation.filters import SMOOTHING, one_euro, savitzky_golay, whittaker
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
from niki_tf.evaluation.named_solvers import FINISH, check_solver, compiled, load_solver
from niki_tf.evaluation.noise import JointErrors, noise_rows
from niki_tf.evaluation.pictures import SideBySide
from niki_tf.evaluation.ranks import auroc, rank_correlation
from niki_tf.evaluation.rendering import draw_skeleton, render_mesh, side_by_side
from niki_tf.evaluation.round_trip import round_trip_rows
from niki_tf.evaluation.scenes import Scene, answer_errors, observed_scene, scene_of_joints, times_ms
from niki_tf.evaluation.scoring import Scorer, local_rotations
from niki_tf.evaluation.tables import pivot, text_table, write_csv, write_json
from niki_tf.evaluation.xocc import ALIGNMENTS, HardClip, hardest_clip, xocc_rows

__all__ = [
    "ALIGNMENTS", "FINISH", "SMOOTHING", "HardClip", "JointErrors", "Scene", "Scorer", "SideBySide", "accel_error",
    "acceleration_figure", "answer_errors", "auroc", "check_solver", "compiled", "draw_skeleton", "error_score_rows",
    "hardest_clip", "load_solver", "local_rotations", "mpjpe", "noise_figure", "noise_rows", "observed_scene",
    "one_euro", "pa_mpjpe", "pivot", "pve", "rank_correlation", "render_mesh", "root_aligned",
    "root_aligned_mpjpe", "rotation_error_deg", "round_trip_rows", "savitzky_golay", "scene_of_joints",
    "side_by_side", "similarity_aligned", "text_table", "times_ms", "whittaker", "write_csv", "write_json",
    "xocc_rows",
]  # fmt: skip
