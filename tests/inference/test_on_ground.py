"""`niki_tf.solve(ground=)`: where the ground is, when there is none, and in which axes."""

import numpy as np
import pytest

import niki_tf
from niki_tf import body, motion, solvers
from niki_tf.evaluation import feet as judged
from niki_tf.fitting import bone_shape, contacts
from niki_tf.inference import on_ground, points
from niki_tf.motion import observed_points
from niki_tf.skeletons import POINT_SETS, axes

FRAMES = 60


@pytest.fixture(scope="module")
def walk(poser):
    """True joints of made motion, and noisy ones."""
    clip = motion.made_motion(5, frames=FRAMES)
    local = niki_tf.rotations.rotvec_to_matrix(clip.poses).numpy()
    posed = poser.pose(local, betas=np.zeros([FRAMES, 10], np.float32))["joints"]
    true = posed - posed[:, :1] + clip.trans[:, None]
    return true, true + 0.01 * np.random.default_rng(0).normal(size=true.shape)


@pytest.fixture(scope="module")
def solver():
    return solvers.Analytic(body.mannequin_joints())


def _solved(joints, solver, **options):
    return niki_tf.solve(joints, betas=np.zeros(10), solver=solver, **{"finish": "light", "unit": "m", **options})


def test_feet_slide_less_on_a_ground_that_is_found(walk, solver):
    true, noisy = walk
    off, feet = (_solved(noisy, solver, ground=ground) for ground in ("off", "feet"))
    assert off.ground is None
    assert off.contacts is None
    assert feet.contacts.shape == (FRAMES, 4)
    assert -feet.ground[3] == pytest.approx(0.0, abs=0.02)
    slide = [judged.foot_columns([judged.planted_speeds(x.joints(), true, fps=30)])["foot_speed"] for x in (off, feet)]
    assert slide[1] < 0.5 * slide[0]
    distances = np.linalg.norm(feet.joints() - noisy, axis=-1)
    np.testing.assert_allclose(feet.residual, distances, atol=1e-4)


@pytest.mark.slow
def test_by_default_only_what_is_smoothed_over_time_stands_on_a_ground(walk, solver, monkeypatch):
    asked = []
    stand = on_ground.stand
    monkeypatch.setattr(on_ground, "stand", lambda *given, **more: asked.append(given[2]) or stand(*given, **more))
    assert _solved(walk[1][:3], solver).ground is None
    over_time = solvers.Recurrent(body.mannequin_joints(), hidden_dim=8)
    for options in ({}, {"smoothing": "light"}, {"ground": "off"}, {"ground": "feet"}):
        _solved(walk[1][:3], over_time, finish="off", **options)
    assert [(want.find, want.asked) for want in asked] == [
        (False, False),
        (True, False),
        (False, False),
        (False, True),
        (True, True),
    ]


def test_where_up_is_not_certain_no_ground_is_looked_for():
    lying = axes.Layout(1.0, "y", 1.0, np.zeros([1, 1], bool), up_is_certain=False)
    assert not on_ground.wanted(None, lying).find
    assert on_ground.wanted("feet", lying).find
    assert not on_ground.wanted(None, None).find


@pytest.mark.parametrize(("unit", "up", "mirror"), [(1.0, "y", False), (0.01, "z", False), (1.0, "-y", True)])
def test_a_plane_is_in_the_units_and_axes_of_the_joints(walk, solver, unit, up, mirror):
    flip = np.array([-1.0, 1.0, 1.0]) if mirror else np.ones(3)
    given = (walk[1] * flip) @ axes.Y_UP[up] / unit
    plane = np.append(axes.Y_UP[up].T @ [0.0, 2.0, 0.0], 2.0 * -0.05 / unit)
    found = _solved(given, solver, ground=plane, unit=unit, up=up, mirror=mirror)
    np.testing.assert_allclose(found.ground, [0.0, 1.0, 0.0, -0.05], atol=1e-9)
    assert found.joints()[:, [7, 8, 10, 11, 27, 28], 1].min() > 0.045
    other_side = _solved(given, solver, ground=-plane, unit=unit, up=up, mirror=mirror)
    np.testing.assert_allclose(other_side.ground, found.ground, atol=1e-9)


@pytest.mark.parametrize("ground", ["floor", [0, 1, 0], [0, 0, 0, 1], [0, np.nan, 0, 1], [[0, 1, 0, 0]]])
def test_what_is_no_ground_is_an_error(walk, solver, ground):
    with pytest.raises(ValueError, match=r"`ground` must be feet, off or a plane \(4,\)"):
        _solved(walk[1][:2], solver, ground=ground)


def test_a_ground_of_text_is_an_error(walk, solver):
    with pytest.raises(ValueError, match="`ground` must be an array of real numbers; got <U1"):
        _solved(walk[1][:2], solver, ground=["a"] * 4)


def test_joints_relative_to_the_pelvis_or_the_hips_show_no_ground(walk, solver):
    noisy = walk[1]
    for middle in (noisy[:, :1], noisy[:, 1:3].mean(1, keepdims=True)):
        found = _solved(noisy - middle, solver, ground="feet")
        assert found.ground is None
        assert any("relative to the pelvis or the hips" in note for note in found.notes)
    assert not any("ground" in note for note in _solved(noisy, solver, ground="feet").notes)


def test_how_far_points_reach_does_not_depend_on_where_they_are(rng):
    paths = np.cumsum(rng.normal(size=[9, 4, 3]), 0)
    paths[3, 1] = np.nan
    reach = np.linalg.norm(np.nanmax(paths, 0) - np.nanmin(paths, 0), axis=-1)
    for place in (0.0, [5.0, 2.0, -7.0]):
        np.testing.assert_allclose(on_ground._extents(paths + place), reach)


def test_who_never_stands_stays_as_solved_and_is_told(walk, solver):
    gliding = walk[1] + np.linspace([0, 0, 0], [8, 0, 0], FRAMES)[:, None]
    off, found = (_solved(gliding, solver, ground=ground) for ground in ("off", "feet"))
    assert found.ground is None
    assert any("the feet never stand" in note for note in found.notes)
    seen = observed_points.from_points(
        {"joints": gliding, "betas": np.zeros(10)}, point_set=POINT_SETS["smpl_29"], num_betas=10
    )
    given = {"seen": np.ones([FRAMES, 29], bool), "point_set": POINT_SETS["smpl_29"], "body_joints": solver.body_joints}
    answer = points.solve_points(seen, point_set=POINT_SETS["smpl_29"], solver=solver, steps=1)
    notes = [on_ground.stand(answer, seen, on_ground.Wanted(find=True, asked=asked), **given).note for asked in (0, 1)]
    assert ["the feet never stand" in note for note in notes] == [False, True]
    np.testing.assert_array_equal(found.rotations, off.rotations)
    np.testing.assert_array_equal(found.transl, off.transl)


def test_points_of_other_sets_and_frames_without_the_person(walk, solver):
    smpl = POINT_SETS["smpl_24"]
    joints = np.concatenate([np.full([2, 24, 3], np.nan), walk[1][:, :24], np.full([3, 24, 3], np.nan)])
    found = _solved(joints, solver, skeleton=smpl, ground="feet")
    assert found.contacts.shape == (FRAMES + 5, 4)
    assert not found.contacts[:2].any()
    assert not found.contacts[-3:].any()
    assert found.contacts[2:-3].any()


def test_each_shot_stands_for_itself(walk, solver):
    joints = np.concatenate([walk[1], walk[1] + [1.0, 0.0, 0.0]])
    seen = observed_points.from_points(
        {"joints": joints, "betas": np.zeros(10)}, point_set=POINT_SETS["smpl_29"], num_betas=10
    )
    from niki_tf.inference import points

    answer = points.solve_points(seen, point_set=POINT_SETS["smpl_29"], solver=solver, steps=1)
    given = {"seen": np.ones([len(joints), 29], bool), "point_set": POINT_SETS["smpl_29"]}
    both = on_ground.stand(
        answer, seen, on_ground.Wanted(find=True), body_joints=solver.body_joints, cuts=[FRAMES], **given
    )
    np.testing.assert_allclose(both.answer.local[:FRAMES], both.answer.local[FRAMES:], atol=1e-3)
    np.testing.assert_allclose(both.answer.transl[:FRAMES] + [1, 0, 0], both.answer.transl[FRAMES:], atol=1e-3)
    np.testing.assert_array_equal(both.contacts[:FRAMES], both.contacts[FRAMES:])


def test_contacts_go_with_the_frames_of_a_motion_at_a_steady_rate(walk, solver):
    from niki_tf.inference import steady

    times = np.cumsum(np.where(np.arange(FRAMES) % 2, 0.02, 0.05))
    found = _solved(walk[1], solver, ground="feet", times=times)
    assert len(steady.steady(found).contacts) == len(steady.steady(found))
    assert contacts.FEET == (7, 10, 8, 11)


@pytest.mark.slow
def test_known_rotations_are_kept_on_the_ground(walk, solver):
    noisy, known = walk[1][:20], np.zeros([20, 24, 3, 3])
    known[:, [0, 7, 10]] = np.eye(3)
    found = _solved(noisy, solver, ground="feet", known_rotations=known)
    assert found.contacts.any()
    np.testing.assert_allclose(found.world_rotations[:, [0, 7, 10]], known[:, [0, 7, 10]], atol=1e-5)


@pytest.mark.parametrize("size", [1.0, 1.5])
def test_a_solver_that_takes_the_ground_is_told_a_plane_that_is_given(walk, monkeypatch, size):
    """Joints are given to a solver relative to an origin and at a usual size, and the plane with them."""
    told = []

    def network(inputs, **windows):
        told.append(inputs)
        length = len(inputs["joints"])
        rest = np.tile(np.eye(3, dtype=np.float32), [length, 24, 1, 1])
        return {"global_orient": rest[:, :1], "body_pose": rest[:, 1:], "expected_error": np.zeros([length, 24])}

    monkeypatch.setattr(points, "_network", lambda *_: network)
    prior = solvers.TemporalPrior(
        body.mannequin_joints(),
        first={"num_couplings": 2, "hidden_dim": 8, "num_temporal_pairs": 1, "temporal_hidden_dim": 8},
        hidden_dim=12,
        num_layers=1,
    )
    growth = bone_shape.growth_direction(prior.body_joints)
    betas = (size - 1.0) * growth
    joints = size * walk[0][:8] + [1.0, 0.5, 2.0]
    niki_tf.solve(joints, betas=betas, solver=prior, finish="off", unit="m", up="y", ground=[0.0, -1.0, 0.0, 0.5])
    (inputs,) = told
    heights = np.einsum("tki,ti->tk", inputs["joints"], inputs["ground"][:, :3]) + inputs["ground"][:, 3:]
    np.testing.assert_allclose(size * heights, joints[..., 1] - 0.5, atol=1e-4)
    told.clear()
    niki_tf.solve(joints, betas=betas, solver=prior, finish="off", unit="m", up="y", ground="off")
    assert "ground" not in told[0]
