"""The protocol of images: rows a set and solver, errors of the body that is said, against the true one."""

import numpy as np
import pytest

from niki_tf import evaluation, rotations, solvers
from niki_tf.body import mannequin_joints
from niki_tf.evaluation.protocols.images import image_tables


def clip(poser, rng, *, images="plain", off=0.0, frames=4):
    turns = np.asarray(rotations.rotvec_to_matrix(np.float32(0.2 * rng.normal(size=[frames, 24, 3]))))
    betas = np.tile(np.float32(0.5 * rng.normal(size=10)), (frames, 1))
    truth = poser.truth(turns, betas=betas)
    joints = truth["joints"] + np.float32(off * rng.normal(size=truth["joints"].shape))
    inputs = {"joints": joints, "joint_sigma": np.zeros([frames, 29]), "betas": betas, "twist": truth["twist"]}
    return evaluation.ImageClip(images, inputs, turns, betas)


@pytest.fixture
def compared():
    return {"analytic": solvers.Analytic(mannequin_joints())}


def test_rows_are_of_each_set_and_grow_with_the_error(toy_body, poser, rng, compared):
    clips = [clip(poser, rng), clip(poser, rng), clip(poser, rng, images="xocc", off=0.05, frames=5)]
    plain, hidden = evaluation.image_rows(clips, solvers=compared, body=toy_body)
    assert [(row["images"], row["solver"], row["frames"]) for row in (plain, hidden)] == [
        ("plain", "analytic", 8),
        ("xocc", "analytic", 5),
    ]
    for metric in ("mpjpe", "pa_mpjpe", "pve", "accel"):
        assert plain[metric] < 3.0 < hidden[metric]
    assert "xocc" in image_tables([plain, hidden])
    (half,) = evaluation.image_rows(clips, solvers=compared, body=toy_body, stride=3)
    assert half["frames"] == 4


def test_the_body_that_is_said_is_measured(toy_body, poser, rng, compared):
    right = clip(poser, rng)
    inputs = {**right.inputs, "betas": right.inputs["betas"] + np.float32(2.0)}
    (true,) = evaluation.image_rows([right], solvers=compared, body=toy_body)
    (wrong,) = evaluation.image_rows([right._replace(inputs=inputs)], solvers=compared, body=toy_body)
    assert wrong["pve"] > true["pve"] + 5.0


def test_short_clips_and_answers_that_are_none_are_named(toy_body, poser, rng, compared):
    with pytest.raises(ValueError, match="`clips` must have 3 frames or more for an acceleration"):
        evaluation.image_rows([clip(poser, rng, frames=2)], solvers=compared, body=toy_body)
    broken = {
        "broken": lambda inputs: {
            **compared["analytic"](inputs),
            "body_pose": np.nan * inputs["joints"][..., :23, :, None] * np.ones(3),
        }
    }
    with pytest.raises(FloatingPointError, match="an answer to a clip of plain holds NaN"):
        evaluation.image_rows([clip(poser, rng)], solvers=broken, body=toy_body)
