"""Small solvers of windows with strong weights, and random inputs for them."""

import functools

import keras
import numpy as np

from niki_tf import body, solvers

SKELETON = body.mannequin_joints()
MAKERS = {
    "temporal": lambda **more: solvers.Temporal(
        SKELETON, hidden_dim=16, num_couplings=2, num_temporal_pairs=1, temporal_hidden_dim=8, **more
    ),
    "temporal_prior": lambda **more: solvers.TemporalPrior(
        SKELETON,
        first={"hidden_dim": 16, "num_couplings": 2, "num_temporal_pairs": 1, "temporal_hidden_dim": 8},
        completion={"hidden_dim": 8},
        hidden_dim=12,
        num_layers=1,
        **more,
    ),
    "recurrent": lambda **more: solvers.Recurrent(SKELETON, hidden_dim=8, **more),
}


def strong(solver):
    for number, variable in enumerate(solver.trainable_variables):
        if len(variable.shape) == 2:
            size = 0.7 * variable.shape[0] ** -0.5
            variable.assign(keras.random.normal(variable.shape, stddev=size, seed=number))
    return solver


@functools.cache
def made(name):
    """The strong solver of that name, one for all tests: none changes it."""
    return strong(MAKERS[name]())


def random_inputs(rng, *leading):
    joints = SKELETON.joints + 0.1 * rng.normal(size=[*leading, 29, 3])
    arrays = {
        "joints": joints,
        "joint_sigma": 0.05 * rng.uniform(size=[*leading, 29]),
        "betas": rng.normal(size=[*leading, 10]),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}
