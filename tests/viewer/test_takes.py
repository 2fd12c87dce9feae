"""What is shown of an answer: its motion, and the joints where the body is."""

import numpy as np
import pytest

import niki_tf
from niki_tf import io, motion, skeletons
from niki_tf.inference.reading import Person
from niki_tf.viewer import takes

SMPL = skeletons.POINT_SETS["smpl_24"]


def test_joints_of_another_unit_are_where_the_body_is():
    joints = 100 * SMPL.at_rest[None].repeat(3, 0)
    joints[1, 20] = np.nan
    person = Person("", joints, SMPL, 30.0)
    answer = niki_tf.solve(joints, skeleton=SMPL, fps=30, solver="analytic", finish="off")
    take = takes.of_answer(answer, person, name="analytic")
    np.testing.assert_array_equal(np.isnan(take.points).any(-1), np.isnan(joints).any(-1))
    np.testing.assert_allclose(np.nan_to_num(take.points), np.nan_to_num(joints / 100), atol=1e-5)
    assert np.nanmax(np.abs(take.points - answer.joints()[:, :24])) < 0.05
    assert (take.clip.up, take.states.shape, take.errors.shape) == ("y", (3, 24), (3, 24))


def test_motions_of_different_rates_are_refused(tmp_path):
    for name, fps in {"a": 30.0, "b": 60.0}.items():
        clip = motion.Clip(poses=np.zeros([4, 24, 3]), trans=np.zeros([4, 3]), fps=fps)
        io.save_clip(tmp_path / f"{name}.npz", clip)
    with pytest.raises(ValueError, match="one frame rate to be played side by side; got a 30, b 60. Give `fps`"):
        takes.same_rate(takes.of_file(tmp_path))
    takes.same_rate(takes.of_file(tmp_path, fps=30.0))
