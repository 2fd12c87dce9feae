"""What the shipped weights weigh: every clone and every wheel carries them."""

from niki_tf import solvers


def _bytes(folders):
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"]
    return sum(path.stat().st_size for path in files)


def test_weights_stay_small(repo):
    folders = {path for path in (repo / "saved_models").iterdir() if path.is_dir()}
    of_images = {repo / "saved_models" / "image_backbone"}
    assert _bytes(folders - of_images) < 40e6
    assert _bytes(of_images) < 6e6


def test_every_shipped_solver_is_found_by_its_name():
    assert {"mlp", "one_stage", "temporal", "temporal_prior", "twist_swing", "map_fit"} == set(solvers.shipped())
