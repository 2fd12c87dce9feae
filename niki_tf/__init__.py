"""Neural inverse kinematics with invertible networks (NIKI, CVPR 2023) in TensorFlow and Keras.

`niki_tf.training` and `niki_tf.evaluation` are imported by name, as they bring plotting and drawing along.
"""

from niki_tf import body, camera, data, flows, rotations, skeletons, solvers

__all__ = ["body", "camera", "data", "flows", "rotations", "skeletons", "solvers"]
