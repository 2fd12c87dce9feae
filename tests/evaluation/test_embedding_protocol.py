"""The embedding protocol: moments of an embedding that is known, and drawn ones."""

import numpy as np
import pytest

from niki_tf import body, evaluation, motion, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.evaluation.protocols import embedding

MANNEQUIN = body.mannequin()
SIZES = {"num_couplings": 2, "hidden_dim": 8}


class Known(solvers.OneStage):
    """Its z has the same moments whatever it is given."""

    def ik(self, joints, **given):
        z = np.random.default_rng(7).normal(size=[len(joints), 32])
        z[:, 0] = 2.0 * z[:, 0] + 0.5
        z[:, 1] = 0.8 * z[:, 2] + 0.6 * z[:, 1]
        return {**super().ik(joints, **given), "z": z}


def _rows(solver, **options):
    clips = [motion.made_motion(seed, frames=100) for seed in range(3)]
    return evaluation.embedding_rows(clips, solvers={"it": solver}, body=MANNEQUIN, stride=1, seed=3, **options)


def _of_all(rows):
    return [row for row in rows if row["joint"] == "all"]


def test_moments_are_those_of_the_embedding():
    every = _rows(Known(body.mannequin_joints(), **SIZES))
    rows = _of_all(every)
    assert [row["noise"] for row in rows] == ["10", "20", "30", "50", "100", "all"]
    assert [row["frames"] for row in rows] == [300] * 5 + [1500]
    for row in rows:
        assert row["mean"] == pytest.approx(0.5, abs=0.2)
        assert row["largest_variance"] == pytest.approx(4.0, abs=1.0)
        assert row["least_variance"] == pytest.approx(1.0, abs=0.35)
        assert row["correlation"] == pytest.approx(0.8, abs=0.1)
        assert 0.0 < row["correlation_rms"] < 0.12
    assert rows[0]["drawn_mm"] is None
    moments, drawn, _ = embedding.embedding_tables(every).split("\n\n")
    assert (moments.count("\n"), drawn.count("\n")) == (7, 2)
    assert "None" not in moments + drawn


def test_drawn_embeddings_come_back_and_move_joints():
    (*_, row) = _of_all(_rows(solvers.OneStage(body.mannequin_joints(), **SIZES)))
    assert 0.0 < row["drawn_mm"] < row["drawn_p90_mm"]
    assert row["back_deg"] < 0.1


class Drawing(solvers.OneStage):
    """Its `fk` gives the true joints with errors of known moments, whatever z is."""

    def fk(self, global_orient, body_pose, **given):
        answer = super().fk(global_orient, body_pose, **given)
        true = self.pose_joints(global_orient, body_pose, betas=given["betas"])
        errors = np.zeros([len(true), 29, 3], np.float32)
        errors[:, 5] = 0.01, 0.0, 0.02
        errors[:, 20] = 0.05 * np.random.default_rng(5).normal(size=[len(true), 3])
        return {**answer, "joints": true + errors}

    def pose_joints(self, global_orient, body_pose, *, betas):
        rotations = np.concatenate([global_orient, body_pose], 1)
        return kinematics.forward_kinematics(rotations, self.body_joints(betas))[0].numpy()


def _estimate(joints, *, factor, scale, noise, sigma_noise):
    assert factor == 1.0
    return joints + 0.03 * noise * (np.arange(29) > 0)[:, None], 0.03 + 0.0 * sigma_noise


def test_errors_of_joints_stand_beside_those_of_an_estimator():
    rows = [
        row for row in _rows(Drawing(body.mannequin_joints(), **SIZES), estimate=_estimate) if row["joint"] != "all"
    ]
    assert [row["joint"] for row in rows] == list(skeletons.SMPL_29.names[1:])
    found = {row["joint"]: row for row in rows}
    fifth, twentieth = (found[skeletons.SMPL_29.names[n]] for n in (5, 20))
    assert fifth["drawn_bias_mm"] == pytest.approx(1000 * np.hypot(0.01, 0.02), rel=1e-3)
    assert fifth["drawn_rms_mm"] == pytest.approx(1000 * np.hypot(0.01, 0.02), rel=1e-3)
    assert twentieth["drawn_rms_mm"] == pytest.approx(50 * np.sqrt(3), rel=0.1)
    assert twentieth["drawn_bias_mm"] < 10
    assert found[skeletons.SMPL_29.names[7]]["drawn_rms_mm"] < 0.01
    for row in rows:
        assert row["estimator_rms_mm"] == pytest.approx(30 * np.sqrt(3), rel=0.1)
        assert row["estimator_bias_mm"] < 8


def test_other_solvers_are_an_error():
    skeleton, small = body.mannequin_joints(), {"num_temporal_pairs": 1, "temporal_hidden_dim": 8}
    for solver in (solvers.Analytic(skeleton), solvers.Temporal(skeleton, **SIZES, **small)):
        with pytest.raises(ValueError, match="must be invertible solvers of single frames without twist; it is none"):
            _rows(solver)
