"""Motion files in the layout of AMASS, made for tests."""

import numpy as np


def amass(columns=72, frames=40, rate=30.0, seed=0, **changes):
    """Arrays of a motion file; a key changed to None is left out."""
    rng = np.random.default_rng(seed)
    arrays = {
        "poses": rng.normal(0, 0.4, [frames, columns]),
        "trans": rng.normal(size=[frames, 3]),
        "mocap_framerate": rate,
        "betas": rng.normal(size=16),
        "gender": "female",
    } | changes
    return {key: array for key, array in arrays.items() if array is not None}


def write(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def contents(path):
    with np.load(path, allow_pickle=True) as file:
        return {name: file[name] for name in file.files}
