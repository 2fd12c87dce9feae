"""The world protocol: what it measures, of whom, and that neither is right by chance."""

from types import SimpleNamespace

import numpy as np
import pytest

from niki_tf import evaluation, motion, rotations, solvers
from niki_tf.fitting import bone_shape


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 70), (1, 59), (2, 60))]


def _oracle(away=0.0, shake=0.0):
    """A solver that knows the true pose of a person at rest, put `away` metres along x, every second frame `shake`."""

    def solve(inputs):
        count = len(inputs["joints"])
        still = np.tile(np.eye(3, dtype=np.float32), [count, 24, 1, 1])
        transl = inputs["joints"][:, 0] - solve.pelvis + away * np.eye(3)[0]
        transl = transl + shake * (np.arange(count) % 2)[:, None] * np.eye(3)[0]
        return {"global_orient": still[:, :1], "body_pose": still[:, 1:], "transl": transl.astype(np.float32)}

    return solve


@pytest.fixture
def rows(monkeypatch, toy_body):
    """A function of an oracle that gives the row of its measurement without noise on two clips of a still person."""
    monkeypatch.setattr(evaluation.protocols.world, "compile_solver", lambda solver, **_: solver)
    monkeypatch.setattr(
        evaluation.protocols.common, "random_bodies", lambda frames, **_: np.zeros([frames, 10], np.float32)
    )
    clip = motion.Clip(poses=np.zeros([60, 24, 3]), trans=np.linspace([0, 0, 0], [1, 0, 1], 60))

    def measure(oracle):
        oracle.pelvis = toy_body.joints[0]
        (row,) = evaluation.world_rows([clip, clip], solvers={"oracle": oracle}, body=toy_body, levels_mm=[0])
        return row

    return measure


def test_what_stands_apart_and_what_shakes_is_told_in_the_world_alone(rows):
    assert rows(_oracle())["world_mpjpe"] == pytest.approx(0.0, abs=1e-3)
    apart = rows(_oracle(away=0.05))
    assert apart["frames"] == 120
    assert apart["foot_speed"] is None  # the clip glides along: no foot stands
    assert "None" not in evaluation.PROTOCOLS["world"].tables([apart])
    assert (apart["mpjpe"], apart["world_mpjpe"]) == (pytest.approx(0.0, abs=1e-3), pytest.approx(50.0, abs=1e-2))
    assert apart["world_accel"] == pytest.approx(0.0, abs=1e-2)
    shaking = rows(_oracle(shake=0.01))
    assert shaking["world_accel"] == pytest.approx(20.0, abs=0.1)  # 0, 10, 0 mm: a second difference of 20
    assert shaking["accel"] == pytest.approx(0.0, abs=1e-2)
    assert shaking["world_mpjpe"] == pytest.approx(5.0, abs=1e-2)


def test_feet_that_stand_are_told_to_slide_when_the_answer_does(monkeypatch, toy_body):
    monkeypatch.setattr(evaluation.protocols.world, "compile_solver", lambda solver, **_: solver)
    monkeypatch.setattr(
        evaluation.protocols.common, "random_bodies", lambda frames, **_: np.zeros([frames, 10], np.float32)
    )
    oracle = _oracle(shake=0.01)
    oracle.pelvis = toy_body.joints[0]
    clip = motion.Clip(poses=np.zeros([60, 24, 3]), trans=np.zeros([60, 3]))
    rows = evaluation.world_rows([clip], solvers={"oracle": oracle}, body=toy_body, levels_mm=[0])
    assert rows[0]["true_foot_speed"] == pytest.approx(0.0, abs=1e-6)
    assert rows[0]["foot_speed"] == pytest.approx(0.3, abs=1e-3)  # 10 mm in a thirtieth of a second
    assert rows[0]["sliding_percent"] == 100.0
    assert rows[0]["penetration_mm"] == pytest.approx(0.0, abs=1e-3)
    assert "planted feet, m/s" in evaluation.PROTOCOLS["world"].tables(rows)


def test_a_body_that_sinks_is_told_to_be_under_the_ground(monkeypatch, toy_body):
    monkeypatch.setattr(evaluation.protocols.world, "compile_solver", lambda solver, **_: solver)
    oracle = _oracle()
    clip = motion.Clip(poses=np.zeros([60, 24, 3]), trans=np.zeros([60, 3]))

    def depth(rise):
        oracle.pelvis = toy_body.joints[0] - (0.0, rise, 0.0)
        rows = evaluation.world_rows([clip], solvers={"a": oracle}, body=toy_body, levels_mm=[0], betas="zeros")
        assert "under the ground, mm" in evaluation.PROTOCOLS["world"].tables(rows)
        return rows[0]["penetration_mm"]

    assert depth(-0.02) == pytest.approx(20.0, abs=0.01)
    assert depth(0.02) == 0.0


def test_short_clips_are_left_out_and_noise_counts(walks, toy_body, poser):
    solver = solvers.Analytic(poser.body_joints)
    rows = evaluation.world_rows(walks, solvers={"analytic": solver}, body=toy_body, levels_mm=[0, 20])
    assert [(row["solver"], row["noise_mm"], row["frames"]) for row in rows] == [("analytic", n, 120) for n in (0, 20)]
    assert rows[0]["world_mpjpe"] < 0.1
    assert rows[1]["world_mpjpe"] > 10
    assert "in the world, mm" in evaluation.PROTOCOLS["world"].tables(rows)
    with pytest.raises(ValueError, match="`clips` must hold a clip of 60 frames or more; got 1 shorter ones"):
        evaluation.world_rows(walks[1:2], solvers={"analytic": solver}, body=toy_body)


def test_a_translation_that_is_not_finite_is_an_error(rows):
    def broken(inputs):
        answer = _oracle()
        answer.pelvis = np.zeros(3)
        found = answer(inputs)
        return {**found, "transl": np.full_like(found["transl"], np.nan)}

    with pytest.raises(FloatingPointError, match="`answer` must hold finite numbers"):
        rows(broken)


@pytest.mark.parametrize("betas", ["true", "zeros", "found"])
def test_whatever_betas_are_given_a_true_pose_of_them_is_where_the_true_body_is(toy_body, poser, walks, betas):
    given = []

    def solve(inputs):
        given.append(inputs["betas"])
        local = rotations.rotvec_to_matrix(walks[0].poses[:60]).numpy()
        transl = inputs["joints"][:, 0] - poser.body_joints(inputs["betas"]).numpy()[:, 0]
        return {"global_orient": local[:, :1], "body_pose": local[:, 1:], "transl": transl}

    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(evaluation.protocols.world, "compile_solver", lambda solver, **_: solver)
        settings = {"solvers": {"a": solve}, "body": toy_body, "levels_mm": [0], "betas": betas}
        (row,) = evaluation.world_rows(walks[:1], **settings)
    assert max(row[key] for key in ("mpjpe", "world_mpjpe", "accel", "world_accel")) < 0.01
    (betas_given,) = given
    assert betas_given.any() == (betas != "zeros")
    assert np.ptp(betas_given, axis=0).max() == 0.0


def test_betas_are_found_from_all_noisy_frames(toy_body, poser, walks, monkeypatch):
    seen = []

    def compiled(_, *, inputs, motion):
        seen.append(inputs)
        return lambda inputs: (
            {"global_orient": np.tile(np.eye(3), [60, 1, 1, 1]), "transl": np.zeros([60, 3])}
            | {"body_pose": np.tile(np.eye(3), [60, 23, 1, 1])}
        )

    monkeypatch.setattr(evaluation.protocols.world, "compile_solver", compiled)
    evaluation.world_rows(walks[:1], solvers={"a": compiled}, body=toy_body, levels_mm=[20], betas="found")
    joints = seen[0]["joints"]
    expected = bone_shape.estimate_shape(joints, np.zeros(joints.shape[:2]), body_joints=poser.body_joints).betas
    np.testing.assert_allclose(seen[0]["betas"], np.tile(expected, [60, 1]), atol=1e-6)


def test_with_and_without_a_ground_it_is_the_call_of_users(monkeypatch, toy_body, poser, walks):
    asked = []

    def solved(joints, *, betas, ground, **_):
        asked.append((ground, joints))
        local = rotations.rotvec_to_matrix(walks[0].poses[:60]).numpy()
        transl = joints[:, 0] - poser.body_joints(betas).numpy()[:, 0] + 0.1 * (ground == "feet")
        return SimpleNamespace(global_orient=local[:, :1], body_pose=local[:, 1:], transl=transl)

    monkeypatch.setattr(evaluation.protocols.world.world_motion, "solved", solved)
    solver = solvers.Analytic(poser.body_joints)
    rows = evaluation.world_rows(
        walks[:1], solvers={"a": solver}, body=toy_body, levels_mm=[0, 20], ground=True, twist=False
    )
    assert [(row["ground"], row["noise_mm"]) for row in rows] == [
        (way, mm) for way in ("off", "feet") for mm in (0, 20)
    ]
    assert rows[0]["world_mpjpe"] == pytest.approx(0.0, abs=1e-3)
    assert rows[2]["world_mpjpe"] == pytest.approx(100.0 * np.sqrt(3), abs=1e-2)
    assert [way for way, _ in asked] == ["off", "off", "feet", "feet"]
    np.testing.assert_array_equal(asked[1][1], asked[3][1])
    assert "feet" in evaluation.PROTOCOLS["world"].tables(rows)
    needy = solvers.TwistSwing(poser.body_joints, num_couplings=2, hidden_dim=8)
    with pytest.raises(ValueError, match="must do without the twist"):
        evaluation.world_rows(walks[:1], solvers={"a": needy}, body=toy_body, ground=True)
