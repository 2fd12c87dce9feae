"""The mannequin: a body of our own making that needs no licence and no download, the default body of the package."""

import functools
import importlib.resources

import numpy as np

from niki_tf.body.body_data import BodyData
from niki_tf.body.mannequin_joints import joint_directions, rest_joints


@functools.lru_cache(maxsize=1)
def mannequin():
    """The licence-free body: a statue's surface with SMPL's joints, ten shape directions with meaning, pose directions.

    The surface lies in the package, made by `tools/build_mannequin.py`; joints and their directions are those of
    `mannequin_joints()`, and `mannequin_joints.SHAPE_NAMES` says what each of the ten betas makes larger.

    Returns:
        BodyData, read-only, the same object every time.

    Example:
        >>> from niki_tf.body.mannequin import mannequin
        >>> mannequin().num_betas
        10
    """
    packed = importlib.resources.files("niki_tf.body").joinpath("mannequin.npz")
    with packed.open("rb") as file, np.load(file) as arrays:
        surface = {name: arrays[name] for name in arrays.files}
    return BodyData(**surface, joints=rest_joints(), joint_directions=joint_directions())
