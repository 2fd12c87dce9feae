"""From the image of a person to a pose: what an image tells, solved by any solver."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from niki_tf import camera, contract, precision
from niki_tf.body import BodyJoints
from niki_tf.fitting.linear_solvers import LinearSolver
from niki_tf.shapes import TensorLike
from niki_tf.solvers.solver import Solver
from niki_tf.vision.image_joints import ImageJoints
from niki_tf.vision.image_model import ImageModel


@keras.saving.register_keras_serializable("niki_tf")
class ImageSolver(ImageModel):
    """`ImageJoints` and a solver behind it; see `ImageModel` for the inputs.

    Returns what the solver does, in the camera's axes, x to the right, y down, z away from the camera, with `transl`
    where the image's camera sees the body, and `betas` (..., B), `uv` (..., 29, 2) and `camera` (..., 3) of the
    `ImageJoints`. A solver of windows takes windows of images, (..., T, H, W, 3).

    Args:
        image_joints: the `ImageJoints`.
        solver: any solver of a body with as many betas.

    Raises:
        ValueError: the two have bodies with different numbers of betas.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, solvers, vision
        >>> body_joints = body.mannequin_joints()
        >>> seen = vision.ImageJoints(body_joints, backbone="mobilenet_v2", image_size=64)
        >>> model = vision.ImageSolver(seen, solver=solvers.Analytic(body_joints))
        >>> model({"image": np.zeros([1, 64, 64, 3])})["body_pose"].shape.as_list()
        [1, 23, 3, 3]
    """

    @precision.in_float32
    def __init__(self, image_joints: ImageJoints, *, solver: Solver, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        counts = image_joints.body_joints.num_betas, solver.body_joints.num_betas
        if counts[0] != counts[1]:
            raise ValueError(
                f"`solver` must have a body of as many betas as `image_joints`, {counts[0]}; got {counts[1]}. "
                "Use solver.for_body."
            )
        self.image_joints, self.solver = image_joints, solver
        self.built = True

    @property
    def image_size(self) -> int:
        """Height and width of a crop, pixels."""
        return self.image_joints.image_size

    def call(self, inputs: Mapping[str, TensorLike], *, training: bool = False) -> dict[str, tf.Tensor]:
        """See the class."""
        seen = self.image_joints(inputs, training=training)
        told = [*contract.INPUTS, *(contract.HEAT.keys() & self.solver.extra_inputs.keys())]
        answer = dict(self.solver({name: seen[name] for name in told}, training=training))
        root = camera.camera_to_transl(seen["camera"])
        kept = {name: seen[name] for name in ("betas", "camera")}
        return {**answer, **kept, "uv": seen["uvd"][..., :2], "transl": answer["transl"] + root}

    def for_body(self, body_joints: BodyJoints, *, linear_solver: LinearSolver | None = None) -> "ImageSolver":
        """The same model, same weights, whose solver is for another body; see `Solver.for_body`."""
        return ImageSolver(self.image_joints, solver=self.solver.for_body(body_joints, linear_solver=linear_solver))

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        parts = {"image_joints": self.image_joints, "solver": self.solver}
        return {"name": self.name, **{key: keras.saving.serialize_keras_object(part) for key, part in parts.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ImageSolver":
        """A model from what `get_config` gave."""
        parts = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("image_joints", "solver")}
        return cls(**{**config, **parts})
