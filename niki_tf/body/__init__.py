"""The body layer: body files, the mannequin, forward kinematics, skinning, swing-twist, analytic inverse kinematics."""

from niki_tf.body.kinematics import forward_kinematics
from niki_tf.body.mannequin_skeleton import mannequin_skeleton
from niki_tf.body.rest_skeleton import RestSkeleton

__all__ = ["RestSkeleton", "forward_kinematics", "mannequin_skeleton"]
