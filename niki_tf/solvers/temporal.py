"""NIKI over time: the one-stage mapping of every frame, with couplings between the frames of a window."""

import keras
import tensorflow as tf

from niki_tf.flows import TemporalFlow
from niki_tf.solvers import smoothing
from niki_tf.solvers.invertible import POSE, InvertibleSolver, Observation
from niki_tf.solvers.one_stage import EMBEDDING


@keras.saving.register_keras_serializable("niki_tf")
class Temporal(InvertibleSolver):
    """Invertible kinematics on (R^176)^T: T frames of (joints, joint_sigma, padding) <-> T of (rotation 6D, z).

    Inputs are windows, joints (..., T, 29, 3), of any length T; training saw 16 frames. Between the blocks of the
    one-stage mapping, which act on each frame, temporal couplings shift and scale a part of the frames by what
    self-attention over the others says. A single frame passes through the one-stage mapping alone. What the network is
    shown is steadied over time: the joints (`smoothing`) and the frame of the trunk. `windows.solve_motion` solves
    motion of any length, `streaming` solves it live.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        couplings: number of coupling steps on each frame.
        hidden: width of their networks.
        bounded: where the tanh sits, "scale" or "translation".
        pairs: pairs of temporal coupling steps.
        temporal_hidden: width of their attention.
        split: which frames a temporal step moves: "interleaved", every other one, or "halves" of the window (the
            paper).
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.Temporal(body.mannequin_skeleton(), couplings=4, hidden=32, pairs=1, temporal_hidden=32)
        >>> solver.ik(tf.random.normal([5, 16, 29, 3]))["body_pose"].shape.as_list()
        [5, 16, 23, 3, 3]

    Source: Li et al., NIKI, CVPR 2023; supplementary C.1.
    """

    temporal = True
    steadies = True
    embedding = EMBEDDING

    def __init__(
        self, skeleton, *, couplings=16, hidden=512, bounded="scale", pairs=4, temporal_hidden=128,
        split="interleaved", **kwargs,
    ):  # fmt: skip
        super().__init__(skeleton, **kwargs)
        self.flow = TemporalFlow(
            POSE + EMBEDDING, condition=self.condition_size, couplings=couplings, hidden=hidden, bounded=bounded,
            pairs=pairs, temporal_hidden=temporal_hidden, split=split,
        )  # fmt: skip

    @property
    def extra_inputs(self):
        """Inputs besides those of the contract."""
        return super().extra_inputs | {"frame_mask": ()}

    def steadied(self, joints, joint_sigma, frame_mask=None):
        """The joints (N, T, 29, 3), `smoothing.smoothed`."""
        return smoothing.smoothed(joints, joint_sigma, frame_mask, equations=self.equations)

    def to_pose(self, seen, shape, *, training=False):
        """See `InvertibleSolver.to_pose`; nothing lies between, the twist is not used."""
        y = self._through("inverse", seen.vector(), shape, training=training)
        return y[..., :POSE], y[..., POSE:], {}

    def to_observation(self, pose, z, shape, *, training=False):
        """See `InvertibleSolver.to_observation`."""
        x = self._through("forward", tf.concat([pose, z], -1), shape, training=training)
        return Observation.of_vector(x), {}

    def _through(self, way, vector, shape, *, training):
        """`vector` (N, T, 176) one way through the flow.

        A lone frame gets a filler beside it, for LiteRT knows no empty sets of frames.
        """
        frames = tf.shape(vector)[-2]
        filler = [[0, 0], [0, tf.maximum(2 - frames, 0)]]
        mask = tf.ones_like(vector[..., 0]) if shape.frame_mask is None else shape.frame_mask
        vector, condition = (tf.pad(x, [*filler, [0, 0]]) for x in (vector, shape.condition))
        flow = self.flow.bijector(condition, frame_mask=tf.pad(mask, filler), training=training)
        return getattr(flow, way)(vector)[..., :frames, :]

    def start_from(self, one_stage):
        """Takes the weights of a `OneStage` of the same size for all that acts on single frames.

        Raises:
            ValueError: it is not a one-stage solver of this size.
        """
        theirs, own = one_stage.get_weights(), [*self.code.weights, *self.flow.spatial.weights]
        if [w.shape for w in theirs] != [tuple(w.shape) for w in own]:
            raise ValueError(f"`one_stage` must be a OneStage of the size of {self.name}; got {one_stage.name}.")
        for variable, value in zip(own, theirs, strict=True):
            variable.assign(value)

    def freeze_spatial(self):
        """Keeps all that acts on single frames as it is: training then moves the temporal couplings alone."""
        self.flow.spatial.trainable = False
        if self.condition == "bones":
            self.code.trainable = False

    @property
    def published_weights(self):
        """None: nobody has published a temporal solver."""
        return None

    def get_config(self):
        """Constructor arguments."""
        spatial = {name: getattr(self.flow.spatial, name) for name in ("couplings", "hidden", "bounded")}
        temporal = {name: getattr(self.flow, name) for name in ("pairs", "temporal_hidden", "split")}
        return {**super().get_config(), **spatial, **temporal}
