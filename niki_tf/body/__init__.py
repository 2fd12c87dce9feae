"""Bodies: files, mannequin, kinematics, skinning, swing and twist, analytic inverse kinematics, collisions."""

from niki_tf.body.analytic_ik import analytic_ik
from niki_tf.body.body import Body
from niki_tf.body.body_data import BodyData
from niki_tf.body.body_files import load_body
from niki_tf.body.body_joints import BodyJoints
from niki_tf.body.kinematics import forward_kinematics, local_rotations, world_rotations
from niki_tf.body.mannequin import mannequin
from niki_tf.body.mannequin_joints import mannequin_joints
from niki_tf.body.posing import BodyPoser
from niki_tf.body.self_intersection import SelfIntersection, collision_percent, pairs_without
from niki_tf.body.swing_twist import rotations_to_swing_twist, swing_twist_to_rotations

__all__ = [
    "Body",
    "BodyData",
    "BodyJoints",
    "BodyPoser",
    "SelfIntersection",
    "analytic_ik",
    "collision_percent",
    "forward_kinematics",
    "load_body",
    "local_rotations",
    "mannequin",
    "mannequin_joints",
    "pairs_without",
    "rotations_to_swing_twist",
    "swing_twist_to_rotations",
    "world_rotations",
]
