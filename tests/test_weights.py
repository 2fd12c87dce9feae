"""What the shipped weights weigh: every clone and every wheel carries them."""

from niki_tf import solvers


def test_weights_for_joints_stay_small(repo):
    files = [path for path in (repo / "saved_models").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.suffix != ".md") < 40e6


def test_every_shipped_solver_is_found_by_its_name():
    assert {"mlp", "one_stage", "temporal", "temporal_prior", "twist_swing", "map_fit"} == set(solvers.shipped())
