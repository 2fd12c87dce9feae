"""The protocols, one a module: clips and solvers in, rows of a table out."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from niki_tf.evaluation.protocols import (
    bones,
    calibration,
    collisions,
    denoising,
    embedding,
    error_score,
    gaps,
    half_body,
    images,
    joint_sets,
    noise,
    occlusion_levels,
    rates,
    round_trip,
    sensitivity,
    world,
    xocc,
)
from niki_tf.evaluation.tables import Row

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "bones",
    "calibration",
    "collisions",
    "denoising",
    "embedding",
    "error_score",
    "gaps",
    "half_body",
    "images",
    "joint_sets",
    "noise",
    "occlusion_levels",
    "rates",
    "round_trip",
    "sensitivity",
    "world",
    "xocc",
]


class Protocol(NamedTuple):
    """What a protocol consists of."""

    rows: Callable[..., list[Row]]
    """A function (clips, *, solvers, body, ...) that measures."""
    tables: Callable[[Sequence[Row]], str]
    """A function of the rows that gives them as text."""
    figure: Callable[..., None] | None = None
    """A function (rows, path, *, title) that draws them as a PNG, where that is all it needs."""


PROTOCOLS = {
    "noise": Protocol(noise.noise_rows, noise.noise_tables),
    "xocc": Protocol(xocc.xocc_rows, xocc.xocc_tables),
    "collisions": Protocol(collisions.collision_rows, collisions.collision_tables, collisions.collision_figure),
    "occlusion_levels": Protocol(
        occlusion_levels.occlusion_level_rows,
        occlusion_levels.occlusion_level_tables,
        occlusion_levels.occlusion_level_figure,
    ),
    "sensitivity": Protocol(
        sensitivity.sensitivity_rows, sensitivity.sensitivity_tables, sensitivity.sensitivity_figure
    ),
    "error_score": Protocol(error_score.error_score_rows, error_score.error_score_tables),
    "round_trip": Protocol(round_trip.round_trip_rows, round_trip.round_trip_tables),
    "embedding": Protocol(embedding.embedding_rows, embedding.embedding_tables),
    "world": Protocol(world.world_rows, world.world_tables),
    "joint_sets": Protocol(joint_sets.joint_set_rows, joint_sets.joint_set_tables),
    "bones": Protocol(bones.bone_rows, bones.bone_tables),
    "gaps": Protocol(gaps.gap_rows, gaps.gap_tables, gaps.gap_figure),
    "half_body": Protocol(half_body.half_body_rows, half_body.half_body_tables, half_body.half_body_figure),
    "denoising": Protocol(denoising.denoising_rows, denoising.denoising_tables, denoising.denoising_figure),
    "calibration": Protocol(
        calibration.calibration_rows, calibration.calibration_tables, calibration.calibration_figure
    ),
    "images": Protocol(images.image_rows, images.image_tables),
    "rates": Protocol(rates.rate_rows, rates.rate_tables, rates.rate_figure),
}
"""The protocols by the names that programs give them."""
