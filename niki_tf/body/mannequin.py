"""The mannequin: the default body of the package, which needs no licence and no download."""

import functools
import importlib.resources

import numpy as np

from niki_tf.body.body_data import BodyData
from niki_tf.body.mannequin_joints import joint_directions, rest_joints


@functools.lru_cache(maxsize=1)
def mannequin() -> BodyData:
    """The mannequin: a closed surface on SMPL's joints with ten named shape directions and pose directions.

    The surface is stored in the package (`tools/mannequin/` builds it); joints and their directions are those of
    `mannequin_joints()`. `mannequin_joints.SHAPE_NAMES` says what each of the ten betas makes larger.

    Returns:
        BodyData, read-only, the same object at each call.

    Example:
        >>> from niki_tf.body.mannequin import mannequin
        >>> mannequin().num_betas
        10
    """
    packed = importlib.resources.files("niki_tf.body").joinpath("mannequin.npz")
    with packed.open("rb") as file, np.load(file) as arrays:
        surface = {name: arrays[name] for name in arrays.files}
    return BodyData(**surface, joints=rest_joints(), joint_directions=joint_directions())
