"""A solved motion: the pose of one person in every frame."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import body, rotations
from niki_tf.body import kinematics
from niki_tf.contract import JointState
from niki_tf.fitting.bone_shape import ShapeEstimate
from niki_tf.inference import saving
from niki_tf.motion.pieces import pieces
from niki_tf.skeletons.axes import Layout


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
    state: np.ndarray
    """What each joint was told by, (T, 24) int32: 0 seen, 1 filled from frames within a second, 2 guessed; see
    `contract.JointState`."""
    expected_error: np.ndarray
    """Mean distance of each joint from the truth that is to be expected, relative to joint 0, (T, 24) float32, metres;
    see `fitting.expected_error`."""
    body_joints: body.BodyJoints
    """Of the body that was posed."""
    shape: ShapeEstimate | None = None
    """How the betas were found, with their uncertainty; None if they were given."""
    layout: Layout | None = None
    """Unit and axes that the joints were given in. The motion itself is in metres with y up."""
    mirrored: bool = False
    """Whether the joints were given in left-handed axes."""
    notes: tuple[str, ...] = ()
    """What was recognised, and what of the joints that were given is likely wrong, a line each."""
    ground: np.ndarray | None = None
    """The plane of the ground, (4,): n x + d = 0 in metres with y up, n of length 1 and upwards; None if not known."""
    contacts: np.ndarray | None = None
    """Whether left ankle, left foot, right ankle and right foot are on the ground, (T, 4) bool; None without ground."""

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def seen(self) -> np.ndarray:
        """Whether the joints that were given tell where a joint is in the same frame, (T, 24) bool."""
        return self.state == JointState.SEEN

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
        return self._as(rotations.matrix_to_rotvec)

    @property
    def quaternions_wxyz(self) -> np.ndarray:
        """The same rotations as unit quaternions (T, 24, 4), real part first."""
        return self._as(rotations.matrix_to_quaternion_wxyz)

    @property
    def rotations_6d(self) -> np.ndarray:
        """The same rotations as their first two rows, (T, 24, 6); see `rotations.matrix_to_6d`."""
        return self._as(rotations.matrix_to_6d)

    def _as(self, form: Callable[[np.ndarray], tf.Tensor]) -> np.ndarray:
        """The rotations in another form, piece by piece."""
        return np.concatenate([form(self.rotations[part]).numpy() for part in pieces(len(self))])

    @property
    def world_rotations(self) -> np.ndarray:
        """Rotation matrices of the joints relative to the world, (T, 24, 3, 3)."""
        return kinematics.world_rotations(tf.constant(self.rotations)).numpy()

    @property
    def rest_joints(self) -> np.ndarray:
        """Joints (29, 3) of the body at rest, metres, in the shape of the first frame."""
        return self.body_joints(tf.constant(self.betas[0])).numpy()

    def joints(self, posed: body.Body | None = None) -> np.ndarray:
        """Joints (T, 29, 3) in the world, metres, of the body `posed`, or of the one that was solved for."""
        if posed is not None:
            return self._pose(posed)["joints"].numpy()
        return np.concatenate([self._joints(part) for part in pieces(len(self))]) + self.transl[:, None]

    def _joints(self, part: slice) -> np.ndarray:
        """Joints (n, 29, 3) of some frames without `transl`."""
        rest = self.body_joints(tf.constant(self.betas[part]))
        return kinematics.forward_kinematics(tf.constant(self.rotations[part]), rest)[0].numpy()

    def vertices(self, posed: body.Body | None = None) -> np.ndarray:
        """Vertices (T, V, 3) in the world, metres, of the body `posed`, or of the mannequin."""
        return self._pose(posed or _mannequin())["vertices"].numpy()

    def _pose(self, posed: body.Body) -> dict[str, tf.Tensor]:
        pose = {"betas": self.betas, "global_orient": self.global_orient, "body_pose": self.body_pose}
        return posed({**pose, "transl": self.transl})

    def save(self, path: str | os.PathLike, **options: Any) -> pathlib.Path:
        """Writes the motion to a file, whole or not at all, in the format of its ending, and gives the path.

        Args:
            path: ends in .npz (AMASS's layout), .bvh, .glb (a skinned body), .mp4 or .png (four moments).
            **options: of .npz `original`, `columns` and `up`; of .bvh `bone_names`, `unit`, `up` and `rig`; of .glb
                `body` and `bone_names`; of .mp4 and .png `body` and `image_size`. See the functions of
                `niki_tf.inference.saving`.

        Raises:
            ValueError: the ending is none of these, or has no such option.
            ImportError: PyAV, which writes videos, is not installed.
        """
        return saving.save(self, path, **options)


@functools.cache
def _mannequin() -> body.Body:
    return body.Body(body.mannequin())
