"""The body layer: body files, the mannequin, forward kinematics, skinning, swing-twist, analytic inverse kinematics."""

from niki_tf.body.analytic_ik import analytic_ik
from niki_tf.body.body import Body
from niki_tf.body.body_data import BodyData
from niki_tf.body.body_files import load_body
from niki_tf.body.kinematics import forward_kinematics
from niki_tf.body.mannequin import mannequin
from niki_tf.body.mannequin_skeleton import mannequin_skeleton
from niki_tf.body.rest_skeleton import RestSkeleton
from niki_tf.body.swing_twist import rotations_to_swing_twist, swing_twist_to_rotations

__all__ = [
    "Body",
    "BodyData",
    "RestSkeleton",
    "analytic_ik",
    "forward_kinematics",
    "load_body",
    "mannequin",
    "mannequin_skeleton",
    "rotations_to_swing_twist",
    "swing_twist_to_rotations",
]
