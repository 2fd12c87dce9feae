"""A solved motion: the pose of one person in every frame."""

import dataclasses
import functools
import os
import pathlib

import numpy as np
import tensorflow as tf

from niki_tf import body, rotations
from niki_tf.body import kinematics
from niki_tf.fitting.bone_shape import ShapeEstimate
from niki_tf.io import amass
from niki_tf.motion.clip import Clip


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """The poses that a solver found for the joints of one person, frame by frame.

    Example:
        >>> import numpy as np
        >>> import niki_tf
        >>> motion = niki_tf.solve(np.zeros([29, 3]) + niki_tf.body.mannequin_joints().joints)
        >>> len(motion), motion.body_pose.shape, motion.rotation_vectors.shape
        (1, (1, 23, 3, 3), (1, 24, 3))
    """

    rotations: np.ndarray
    """Local rotation matrices, root first, (T, 24, 3, 3) float32."""
    betas: np.ndarray
    """Shape coefficients, (T, B) float32, as they were given or found."""
    transl: np.ndarray
    """What SMPL-type bodies add to all vertices, (T, 3) float32, metres: puts the body where the joints were."""
    residual: np.ndarray
    """Distance of each joint that was given from the same joint of the pose, (T, J) float32, metres; NaN if unseen."""
    fps: float
    """Frames per second of the joints that were given, and so of the motion."""
    times: np.ndarray
    """Seconds of each frame, (T,)."""
    seen: np.ndarray
    """Whether the joints that were given tell where a joint is, (T, 24) bool; others are guessed."""
    expected_error: np.ndarray
    """Expected distance of each joint from the truth, (T, 24) float32, metres; see `inference.expected_error`."""
    body_joints: body.BodyJoints
    """Of the body that was posed."""
    shape: ShapeEstimate | None = None
    """How the betas were found, with their uncertainty; None if they were given."""

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def global_orient(self) -> np.ndarray:
        """Rotation matrices of the root, (T, 1, 3, 3)."""
        return self.rotations[:, :1]

    @property
    def body_pose(self) -> np.ndarray:
        """Local rotation matrices of joints 1 to 23, (T, 23, 3, 3)."""
        return self.rotations[:, 1:]

    @property
    def rotation_vectors(self) -> np.ndarray:
        """The same rotations as axis times angle, (T, 24, 3) radians."""
        return rotations.matrix_to_rotvec(self.rotations).numpy()

    @property
    def quaternions_wxyz(self) -> np.ndarray:
        """The same rotations as unit quaternions (T, 24, 4), real part first."""
        return rotations.matrix_to_quaternion_wxyz(self.rotations).numpy()

    @property
    def rotations_6d(self) -> np.ndarray:
        """The same rotations as their first two rows, (T, 24, 6); see `rotations.matrix_to_6d`."""
        return rotations.matrix_to_6d(self.rotations).numpy()

    @property
    def world_rotations(self) -> np.ndarray:
        """Rotation matrices of the joints relative to the world, (T, 24, 3, 3)."""
        return kinematics.world_rotations(tf.constant(self.rotations)).numpy()

    def joints(self, posed: body.Body | None = None) -> np.ndarray:
        """Joints (T, 29, 3) in the world, metres, of the body `posed`, or of the one that was solved for."""
        if posed is not None:
            return self._pose(posed)["joints"].numpy()
        rest = self.body_joints(tf.constant(self.betas))
        return kinematics.forward_kinematics(tf.constant(self.rotations), rest)[0].numpy() + self.transl[:, None]

    def vertices(self, posed: body.Body | None = None) -> np.ndarray:
        """Vertices (T, V, 3) in the world, metres, of the body `posed`, or of the mannequin."""
        return self._pose(posed or _mannequin())["vertices"].numpy()

    def _pose(self, posed: body.Body) -> dict[str, tf.Tensor]:
        pose = {"betas": self.betas, "global_orient": self.global_orient, "body_pose": self.body_pose}
        return posed({**pose, "transl": self.transl})

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Writes the motion as an .npz file in AMASS's layout, whole or not at all, and gives its path.

        Raises:
            ValueError: `path` does not end in .npz.
        """
        path = pathlib.Path(path)
        clip = Clip(poses=self.rotation_vectors, trans=self.transl, fps=self.fps, betas=self.betas[0], name=path.stem)
        amass.save_clip(path, clip)
        return path


@functools.cache
def _mannequin() -> body.Body:
    return body.Body(body.mannequin())
