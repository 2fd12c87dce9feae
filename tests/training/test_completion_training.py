"""Training of the guess of joints that joint sets do not tell."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, skeletons
from niki_tf.solvers.joint_completion import JointCompletion
from niki_tf.training import joint_completion

SETS = skeletons.POINT_SETS


def test_sets_tell_joints_more_or_less_precisely():
    lsp, coco = joint_completion.told_sigma([SETS["lsp_14"], SETS["coco_17"]])
    wrist, spine, hip, foot = 20, 3, 1, 10
    assert lsp[wrist] < 1e-3
    assert (lsp[spine], coco[foot]) == (skeletons.ABSENT, skeletons.ABSENT)
    assert 0.01 < coco[hip] < 0.05


def test_observed_joints_have_the_errors_that_their_sigma_says():
    told = joint_completion.told_sigma([SETS["coco_17"], SETS["kit_21"]])
    truth = tf.zeros([4000, 29, 3])
    seen, sigma = joint_completion.observe(truth, told, tf.random.Generator.from_seed(1))
    absent = sigma.numpy() >= skeletons.ABSENT
    np.testing.assert_array_equal(seen.numpy()[absent], 0.0)
    ratio = seen.numpy()[~absent] / sigma.numpy()[~absent][:, None]
    assert np.std(ratio) == pytest.approx(1.0, abs=0.02)
    assert absent[:, 3].mean() == pytest.approx(0.52, abs=0.05)  # COCO lacks spine1, and some miss it besides


@pytest.mark.slow
def test_it_learns_and_repeats_itself():
    rest = body.mannequin_joints()(tf.random.stateless_normal([64, 10], [1, 2]))
    batch = {"joints": rest, "rest_joints": rest}

    def losses():
        model = JointCompletion(hidden_dim=16)
        for layer in model._hidden:
            layer.kernel.assign(0.1 * tf.random.stateless_normal(layer.kernel.shape, [3, 4]))
        told = joint_completion.told_sigma([SETS["coco_17"]])
        steps = joint_completion.fit(model, [batch] * 60, sigma_of_sets=told, steps=60, seed=0, learning_rate=0.01)
        return [loss for loss, _ in steps]

    first, second = losses(), losses()
    assert first == second
    assert np.mean(first[-10:]) < np.mean(first[:10]) - 0.5
