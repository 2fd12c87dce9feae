import pytest
import tensorflow as tf

from niki_tf import body, evaluation, motion, solvers


@pytest.fixture(scope="module")
def clips():
    return [motion.made_motion(seed, frames=20) for seed in range(2)]


class Forgetful(solvers.OneStage):
    """Loses the padding on the way."""

    def fk(self, *args, **options):
        return super().fk(*args, **options) | {"padding": tf.zeros([1, 66])}


def _rows(clips, solver, **options):
    mannequin = body.mannequin()
    made = solver(mannequin.body_joints(), hidden_dim=8, num_couplings=2) if isinstance(solver, type) else solver
    return evaluation.round_trip_rows(clips, solvers={"it": made}, body=mannequin, **{"stride": 4, **options})


def test_an_invertible_solver_comes_back(clips):
    (row,) = _rows(clips, solvers.OneStage)
    assert (row["solver"], row["frames"]) == ("it", 10)
    assert 0 < row["mean_mm"] < row["max_mm"] < 0.1
    assert 0 < row["mean_deg"] < row["max_deg"] < 0.05
    assert row["fk_mm"] > 10


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", ["one_stage", "twist_swing"])
def test_shipped_models_come_back(clips, name, repo):
    (row,) = _rows(clips, solvers.load(repo / "saved_models" / name))
    assert row["max_mm"] < 0.1
    assert row["max_deg"] < 0.05
    assert row["fk_mm"] < 20


@pytest.mark.usefixtures("eager")
def test_what_is_lost_on_the_way_shows(clips):
    (row,) = _rows(clips, Forgetful, batch_size=1, stride=16)
    assert row["max_deg"] > 1
    assert row["max_mm"] > 1


def test_a_solver_of_one_way_is_refused(clips):
    with pytest.raises(ValueError, match="`solvers` must be invertible; it has no `fk`"):
        _rows(clips, solvers.Analytic(body.mannequin_joints()))
