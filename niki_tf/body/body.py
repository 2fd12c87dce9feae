"""The body layer: from shape, pose and translation to vertices and joints."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import contract, precision, skeletons
from niki_tf.body.body_data import POSE_FEATURES, BodyData
from niki_tf.body.body_joints import BodyJoints
from niki_tf.body.kinematics import forward_kinematics
from niki_tf.shapes import TensorLike, real_tensors, reshape_last, spread


@keras.saving.register_keras_serializable("niki_tf")
class Body(keras.layers.Layer):
    """A posed body by linear blend skinning: vertices and joints from shape, rotations and translation.

    v = sum_j w_vj (R_j (v_rest - J_j) + p_j) + transl

    R_j and p_j are the world rotation and position of joint j, J_j its position at rest; v_rest is the template moved
    by shape and pose directions. The arrays are weights that do not train, so `.keras` files hold them, while
    `get_config` only holds their sizes: a layer made from a config has no surface until its weights are loaded.

    Args:
        data: BodyData, from `mannequin()` or `load_body(path)`.

    Attributes:
        body_joints: `BodyJoints`, betas (..., B) -> rest joints (..., 29, 3) in metres, without the mesh.

    Raises:
        ValueError: `data` is no BodyData.

    Example:
        >>> import numpy as np, tensorflow as tf
        >>> from niki_tf import body
        >>> body_joints = body.mannequin_joints()
        >>> data = body.BodyData(
        ...     v_template=np.eye(3), shapedirs=np.zeros([3, 3, 10]), lbs_weights=np.full([3, 24], 1 / 24),
        ...     faces=[[0, 1, 2]], joints=body_joints.joints, joint_directions=body_joints.directions)
        >>> pose = tf.eye(3, batch_shape=[5, 24])
        >>> posed = body.Body(data)(betas=tf.zeros([10]), global_orient=pose[:, :1], body_pose=pose[:, 1:])
        >>> posed["vertices"].shape.as_list(), posed["joints"].shape.as_list()
        ([5, 3, 3], [5, 29, 3])

    Source: Loper et al., SMPL, SIGGRAPH Asia 2015.
    """

    def __init__(self, data: BodyData, **kwargs: Any) -> None:
        super().__init__(**{"trainable": False, "dtype": precision.FLOAT32, **kwargs})
        if not isinstance(data, BodyData):
            raise ValueError(f"`data` must be a BodyData (mannequin() or load_body(path)); got {type(data).__name__}.")
        self.num_vertices, self.num_betas = len(data.v_template), data.num_betas
        self.body_joints = data.body_joints()
        self.v_template = self._constant("v_template", data.v_template.T)
        self.shapedirs = self._constant("shapedirs", data.shapedirs.T.reshape(self.num_betas, -1))
        self.posedirs = None
        if data.posedirs is not None:
            self.posedirs = self._constant("posedirs", data.posedirs.T.reshape(POSE_FEATURES, -1))
        self.lbs_weights = self._constant("lbs_weights", data.lbs_weights.T)
        self.faces = self._constant("faces", data.faces)
        self.built = True

    def _constant(self, name: str, array: np.ndarray) -> keras.Variable:
        """A weight that does not train, initialised to `array`."""
        initial, dtype = keras.initializers.Constant(array), array.dtype.name
        return self.add_weight(shape=array.shape, dtype=dtype, initializer=initial, trainable=False, name=name)

    def __call__(self, inputs: dict[str, TensorLike] | None = None, **kwargs: Any) -> dict[str, tf.Tensor]:
        """See `call`; arguments are checked before Keras has the call, which would wrap the message."""
        names = ("betas", "global_orient", "body_pose", "transl")
        given = {name: kwargs.pop(name, None) for name in names}
        held = [*given.values(), *(inputs.values() if isinstance(inputs, dict) else ())]
        if any(isinstance(value, keras.KerasTensor) for value in held):
            return super().__call__(inputs, **given, **kwargs)
        return super().__call__(self._checked(inputs, given), **kwargs)

    def call(
        self,
        inputs: dict[str, TensorLike] | None = None,
        *,
        betas: TensorLike | None = None,
        global_orient: TensorLike | None = None,
        body_pose: TensorLike | None = None,
        transl: TensorLike | None = None,
    ) -> dict[str, tf.Tensor]:
        """Vertices and joints of the posed body; takes a dictionary of the arguments below or the arguments themselves.

        Args:
            inputs: dictionary with the names below.
            betas: (..., B) shape coefficients; None for the mean shape.
            global_orient: (..., 1, 3, 3) rotation matrices of the root.
            body_pose: (..., 23, 3, 3) local rotation matrices of joints 1 to 23.
            transl: (..., 3) metres added to vertices and joints; None for zero. All leading axes broadcast.

        Returns:
            Dictionary with vertices (..., V, 3) and joints (..., 29, 3) in metres.

        Raises:
            ValueError: a name is missing or unknown, or a shape does not fit.
        """
        given = {"betas": betas, "global_orient": global_orient, "body_pose": body_pose, "transl": transl}
        given = self._checked(inputs, given)
        betas, transl = given.get("betas", tf.zeros([self.num_betas], self.compute_dtype)), given.get("transl")
        rotations = _joined(given["global_orient"], given["body_pose"])
        rest = self.body_joints(betas)
        joints, world = forward_kinematics(rotations, rest)
        turned = (x[..., : skeletons.NUM_ROTATIONS, :] for x in (joints, rest))
        vertices = self._skin(self._rest_vertices(betas, rotations), world, *turned)
        if transl is not None:
            vertices, joints = vertices + transl[..., None, :], joints + transl[..., None, :]
        return {"vertices": vertices, "joints": joints}

    def _checked(
        self, inputs: dict[str, TensorLike] | None, given: dict[str, TensorLike | None]
    ) -> dict[str, tf.Tensor]:
        """The arguments of `call` that are not None, as tensors; ValueError for what does not fit."""
        inputs = {} if inputs is None else inputs
        if not isinstance(inputs, dict) or not set(inputs) <= set(given):
            got = ", ".join(map(str, inputs)) if isinstance(inputs, dict) else type(inputs).__name__
            raise ValueError(
                f"`inputs` must be a dictionary with the names {', '.join(given)}; got {got}. Or give them by name."
            )
        given = {name: value for name, value in {**given, **inputs}.items() if value is not None}
        missing = [name for name in contract.POSE if name not in given]
        if missing:
            got = ", ".join(given) or "nothing"
            raise ValueError(f"`{missing[0]}` is missing; got {got}. The body needs global_orient and body_pose.")
        endings = {"betas": (self.num_betas,), **contract.POSE, "transl": (3,)}
        return real_tensors(given, endings, turns=tuple(contract.POSE), dtype=tf.as_dtype(self.compute_dtype))

    def _rest_vertices(self, betas: tf.Tensor, rotations: tf.Tensor) -> tf.Tensor:
        """Vertices (..., 3, V) in the T-pose, moved by the directions of shape and pose."""
        moved = tf.linalg.matmul(betas[..., None, :], self.shapedirs)
        if self.posedirs is not None:
            features = rotations[..., 1:, :, :] - tf.eye(3, dtype=rotations.dtype)
            moved += tf.linalg.matmul(reshape_last(features, 3, [1, POSE_FEATURES]), self.posedirs)
        return self.v_template + reshape_last(moved, 2, [3, self.num_vertices])

    def _skin(self, vertices: tf.Tensor, world: tf.Tensor, joints: tf.Tensor, rest: tf.Tensor) -> tf.Tensor:
        """Linear blend skinning of vertices (..., 3, V) at rest to posed ones (..., V, 3).

        One product of transforms (..., 24) and weights (24, V), in which vertices are the last axis: three to four
        times as fast on a CPU as (V, 3, 4) matrices on (V, 3) vectors.
        """
        shift = joints - tf.linalg.matvec(world, rest)
        leading = tf.shape(shift)[:-2]
        transforms = tf.concat([spread(world, leading, 3), shift[..., None]], -1)
        transforms = tf.reshape(tf.einsum("...jrc->...rcj", transforms), [-1, skeletons.NUM_ROTATIONS])
        blended = tf.matmul(transforms, self.lbs_weights)
        blended = tf.reshape(blended, tf.concat([leading, [3, 4, self.num_vertices]], 0))
        posed = tf.reduce_sum(blended[..., :3, :] * vertices[..., None, :, :], -2) + blended[..., 3, :]
        return tf.linalg.matrix_transpose(posed)

    def get_config(self) -> dict[str, Any]:
        """Sizes and the config of the body joints; the surface itself is in the weights."""
        sizes = {"vertices": self.num_vertices, "faces": self.faces.shape[0], "posed": self.posedirs is not None}
        return {**super().get_config(), **sizes, "body_joints": self.body_joints.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Body":
        """A layer of the right sizes, into which weights can be loaded."""
        config = dict(config)
        vertices, body_joints = config.pop("vertices"), BodyJoints.from_config(config.pop("body_joints"))
        posed, weights = config.pop("posed"), np.zeros([vertices, skeletons.NUM_ROTATIONS])
        weights[:, 0] = 1.0
        data = BodyData(
            v_template=np.zeros([vertices, 3]),
            shapedirs=np.zeros([vertices, 3, body_joints.num_betas]),
            lbs_weights=weights,
            faces=np.zeros([config.pop("faces"), 3]),
            joints=body_joints.joints,
            joint_directions=body_joints.directions,
            posedirs=np.zeros([vertices, 3, POSE_FEATURES]) if posed else None,
        )
        return cls(data, **config)


def _joined(global_orient: tf.Tensor, body_pose: tf.Tensor) -> tf.Tensor:
    """Rotations (..., 24, 3, 3) from those of the root and of the other joints, whose leading axes broadcast."""
    if global_orient.shape[:-3] != body_pose.shape[:-3]:
        leading = tf.broadcast_dynamic_shape(tf.shape(global_orient)[:-3], tf.shape(body_pose)[:-3])
        global_orient, body_pose = spread(global_orient, leading, 3), spread(body_pose, leading, 3)
    return tf.concat([global_orient, body_pose], -3)
