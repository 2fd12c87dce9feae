"""A solved motion: the pose of one person in every frame."""

import dataclasses
import os
import pathlib

import numpy as np

from niki_tf import body, rotations
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
    """Shape coefficients, (T, B) float32, as they were given."""
    transl: np.ndarray
    """What SMPL-type bodies add to all vertices, (T, 3) float32, metres: puts the body where the joints were."""
    residual: np.ndarray
    """Distance of each observed joint from the same joint of the pose, (T, 29) float32, metres."""
    fps: float
    """Frames per second of the joints that were given, and so of the motion."""

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

    def joints(self, posed: body.Body) -> np.ndarray:
        """Joints (T, 29, 3) of the body `posed` in the world, metres."""
        return self._pose(posed)["joints"].numpy()

    def vertices(self, posed: body.Body) -> np.ndarray:
        """Vertices (T, V, 3) of the body `posed` in the world, metres."""
        return self._pose(posed)["vertices"].numpy()

    def _pose(self, posed: body.Body) -> dict:
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
