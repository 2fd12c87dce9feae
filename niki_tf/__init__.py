"""Neural inverse kinematics with invertible networks (NIKI, CVPR 2023) in TensorFlow and Keras.

`niki_tf.training`, `niki_tf.evaluation` and `niki_tf.export` are imported by name, as they bring plotting, drawing and
networking along.
"""

from niki_tf import body, camera, data, flows, rotations, skeletons, solvers

__all__ = ["body", "camera", "data", "flows", "rotations", "skeletons", "solvers"]
