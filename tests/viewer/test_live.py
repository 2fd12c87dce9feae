"""The live viewer: sliders make joints worse, and they are solved anew."""

import time

import numpy as np
import pytest

import niki_tf
from niki_tf import body, motion, skeletons
from niki_tf.inference.reading import Person
from niki_tf.player.skinned import Played
from niki_tf.viewer import live
from niki_tf.viewer.corrupting import Corruption

SMPL = skeletons.POINT_SETS["smpl_24"]
pytestmark = pytest.mark.slow


def solve(person, name):
    given = {"skeleton": person.point_set, "unit": person.unit, "up": person.up}
    found = niki_tf.solve(person.joints, **given, fps=30, solver=name, finish="off")
    assert isinstance(found, niki_tf.inference.Motion)
    return found


@pytest.fixture
def viewer():
    pytest.importorskip("viser", reason='viser is not installed: pip install "niki-tf[view]"')
    joints = SMPL.at_rest[None].repeat(6, 0)
    person = live.prepared(Person("", 100 * joints, SMPL, 30.0), solve, "analytic")
    np.testing.assert_allclose(person.joints, joints, atol=1e-5)
    clip = motion.Clip(poses=np.zeros([6, 24, 3]), trans=np.zeros([6, 3]), up="y")
    shown = [Played("file", clip)]
    found = live.LiveViewer(shown, [person], body.mannequin(), solve=solve, solvers=["analytic", "mlp"], port=0)
    yield found
    found.close()


def wait_for(what, *, seconds=60):
    until = time.time() + seconds
    while not what():
        assert time.time() < until
        time.sleep(0.05)


def test_sliders_are_solved_and_answers_kept(viewer):
    wait_for(lambda: len(viewer.bodies) == 2)
    clean = viewer.bodies[1]
    assert np.isfinite(clean.points).all()
    viewer.controls.set_corruption(Corruption(noise_mm=40.0, missing=5))
    wait_for(lambda: viewer.bodies[1] is not clean and np.isnan(viewer.bodies[1].points).any())
    assert np.isnan(viewer.bodies[1].points[..., 0]).sum() == 5 * 6
    worse = viewer.bodies[1].take.errors.mean()
    assert worse > clean.take.errors.mean()
    viewer.controls.on_keep()
    wait_for(lambda: len(viewer.bodies) == 3)
    assert [each.number for each in viewer.bodies] == [0, 1, 2]
    assert [each.take.name for each in viewer.bodies] == ["file", "analytic", "analytic"]


def test_the_timeline_plays_and_steps(viewer):
    controls = viewer.controls
    first = controls.frame
    wait_for(lambda: controls.frame != first)
    controls.toggle()
    time.sleep(0.3)
    before = controls.frame
    controls.step(1)
    assert controls.frame == (before + 1) % 6
    time.sleep(0.3)
    assert controls.frame == (before + 1) % 6
