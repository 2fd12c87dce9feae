"""The embedding protocol: moments of an embedding that is known, and drawn ones."""

import numpy as np
import pytest

from niki_tf import body, evaluation, motion, solvers
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


def _rows(solver):
    clips = [motion.made_motion(seed, frames=100) for seed in range(3)]
    return evaluation.embedding_rows(clips, solvers={"it": solver}, body=MANNEQUIN, stride=1, seed=3)


def test_moments_are_those_of_the_embedding():
    rows = _rows(Known(body.mannequin_joints(), **SIZES))
    assert [row["noise"] for row in rows] == ["10", "20", "30", "50", "100", "all"]
    assert [row["frames"] for row in rows] == [300] * 5 + [1500]
    for row in rows:
        assert row["mean"] == pytest.approx(0.5, abs=0.2)
        assert row["largest_variance"] == pytest.approx(4.0, abs=1.0)
        assert row["least_variance"] == pytest.approx(1.0, abs=0.35)
        assert row["correlation"] == pytest.approx(0.8, abs=0.1)
        assert 0.0 < row["correlation_rms"] < 0.12
    assert rows[0]["drawn_mm"] is None
    table = embedding.embedding_tables(rows)
    assert table.count("\n") == 11
    assert "None" not in table


def test_drawn_embeddings_come_back_and_move_joints():
    (*_, row) = _rows(solvers.OneStage(body.mannequin_joints(), **SIZES))
    assert 0.0 < row["drawn_mm"] < row["drawn_p90_mm"]
    assert row["back_deg"] < 0.1


def test_other_solvers_are_an_error():
    skeleton, small = body.mannequin_joints(), {"num_temporal_pairs": 1, "temporal_hidden_dim": 8}
    for solver in (solvers.Analytic(skeleton), solvers.Temporal(skeleton, **SIZES, **small)):
        with pytest.raises(ValueError, match="must be invertible solvers of single frames without twist; it is none"):
            _rows(solver)
