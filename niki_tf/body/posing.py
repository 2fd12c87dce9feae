"""A body posed as NumPy arrays with joint 0 at the origin, by one graph for any number of frames."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body.body import Body
from niki_tf.body.body_data import BodyData
from niki_tf.body.swing_twist import rotations_to_swing_twist
from niki_tf.shapes import TensorLike, real_tensors


class BodyPoser:
    """Poses a body by rotations and betas, from arrays to arrays.

    Args:
        data: the body to pose.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> poser = body.BodyPoser(body.mannequin())
        >>> posed = poser.pose(np.eye(3) + np.zeros([2, 24, 1, 1]), betas=np.zeros([2, 10]))
        >>> posed["joints"][0, 0].tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, data: BodyData) -> None:
        self.body_joints = data.body_joints()
        self._pose = tf.function(Body(data), reduce_retracing=True, autograph=False)
        self._twist = tf.function(self._twist_of, reduce_retracing=True, autograph=False)

    @property
    def num_betas(self) -> int:
        """Number of shape coefficients of the body."""
        return self.body_joints.num_betas

    def _twist_of(self, rotations: tf.Tensor, betas: tf.Tensor) -> tf.Tensor:
        return rotations_to_swing_twist(rotations, self.body_joints(betas))[1]

    def truth(self, rotations: np.ndarray, *, betas: np.ndarray) -> dict[str, np.ndarray]:
        """Ground truth of posed bodies: the arguments with twist, joints and vertices.

        Args:
            rotations: (N, 24, 3, 3) local rotation matrices, root first.
            betas: (N, B) shape coefficients.

        Returns:
            dict of float32 arrays: rotations (N, 24, 3, 3), betas (N, B), twist (N, 23, 2), joints (N, 29, 3) and
            vertices (N, V, 3), both in metres with joint 0 at the origin.

        Raises:
            ValueError: a shape does not fit.
        """
        rotations, betas = self._checked(rotations, betas)
        twist = self._twist(rotations, betas).numpy()
        return {"rotations": rotations, "betas": betas, "twist": twist, **self.pose(rotations, betas=betas)}

    def pose(self, rotations: np.ndarray, *, betas: np.ndarray) -> dict[str, np.ndarray]:
        """Joints (N, 29, 3) and vertices (N, V, 3) of bodies posed by `rotations` (N, 24, 3, 3); see `truth`."""
        rotations, betas = self._checked(rotations, betas)
        posed = self._pose({"betas": betas, "global_orient": rotations[:, :1], "body_pose": rotations[:, 1:]})
        root = posed["joints"][:, :1]
        return {"joints": (posed["joints"] - root).numpy(), "vertices": (posed["vertices"] - root).numpy()}

    def _checked(self, rotations: TensorLike, betas: TensorLike) -> tuple[np.ndarray, np.ndarray]:
        """Both as float32; ValueError if a shape does not fit, a number is too large or a matrix is no rotation."""
        endings = {"rotations": (skeletons.NUM_ROTATIONS, 3, 3), "betas": (self.num_betas,)}
        given = {"rotations": rotations, "betas": betas}
        tensors = real_tensors(given, endings, turns=["rotations"], dtype=tf.float32)
        rotations, betas = tensors["rotations"].numpy(), tensors["betas"].numpy()
        if rotations.ndim != 4:
            raise ValueError(f"`rotations` must have shape (N, 24, 3, 3); got {rotations.shape}. Give N = 1 for one.")
        if betas.shape != (len(rotations), self.num_betas):
            raise ValueError(
                f"`betas` must have shape ({len(rotations)}, {self.num_betas}); got {betas.shape}. Give them for each."
            )
        return rotations, betas
