"""What every protocol needs: a posed body as the truth, and the errors of answers to it."""

import numpy as np
import tensorflow as tf

from niki_tf import body as bodies
from niki_tf import skeletons
from niki_tf.evaluation import metrics

METRICS = ("mpjpe", "pa_mpjpe", "pve", "rotation_deg")
"""The errors a scorer gives, three in millimetres and one in degrees; the columns of every protocol's table."""


class Scorer:
    """Poses a body by the truth and by answers, and measures how far an answer is from the truth.

    MPJPE and PA-MPJPE go over SMPL's 24 joints, PVE over the body's vertices; all but PA-MPJPE (which aligns more) are
    root-aligned. The answer is posed with the true betas.

    Args:
        data: BodyData, the body to pose.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, evaluation
        >>> scorer = evaluation.Scorer(body.mannequin())
        >>> truth = scorer.truth(np.eye(3) + np.zeros([2, 24, 1, 1]), betas=np.zeros([2, 10]))
        >>> answer = {"global_orient": truth["rotations"][:, :1], "body_pose": truth["rotations"][:, 1:]}
        >>> scorer.scores(answer, truth=truth)["mpjpe"].tolist()
        [0.0, 0.0]
    """

    def __init__(self, data):
        self.skeleton = data.rest_skeleton()
        self._pose = tf.function(bodies.Body(data), reduce_retracing=True, autograph=False)
        self._twist = tf.function(self._twist_of, reduce_retracing=True, autograph=False)

    @property
    def num_betas(self):
        """Number of shape coefficients of the body."""
        return self.skeleton.num_betas

    def _twist_of(self, rotations, betas):
        return bodies.rotations_to_swing_twist(rotations, self.skeleton(betas))[1]

    def truth(self, rotations, *, betas):
        """The body posed by the truth.

        Args:
            rotations: (N, 24, 3, 3) local rotation matrices, root first.
            betas: (N, B) shape coefficients, B as the body has.

        Returns:
            dict of float32 arrays: rotations (N, 24, 3, 3), betas (N, B), twist (N, 23, 2), joints (N, 29, 3) and
            vertices (N, V, 3), both in metres with joint 0 at the origin.

        Raises:
            ValueError: a shape is not the one above.
        """
        rotations, betas = np.asarray(rotations, np.float32), np.asarray(betas, np.float32)
        if rotations.ndim != 4 or rotations.shape[1:] != (24, 3, 3):
            raise ValueError(f"`rotations` must have shape (N, 24, 3, 3); got {rotations.shape}.")
        if betas.shape != (len(rotations), self.num_betas):
            raise ValueError(f"`betas` must have shape ({len(rotations)}, {self.num_betas}); got {betas.shape}.")
        twist = self._twist(rotations, betas).numpy()
        return {"rotations": rotations, "betas": betas, "twist": twist, **self.posed(rotations, betas=betas)}

    def posed(self, rotations, *, betas):
        """The body posed by `rotations` (N, 24, 3, 3): dict of joints (N, 29, 3), vertices (N, V, 3) as in `truth`."""
        posed = self._pose({"betas": betas, "global_orient": rotations[:, :1], "body_pose": rotations[:, 1:]})
        root = posed["joints"][:, :1]
        return {"joints": (posed["joints"] - root).numpy(), "vertices": (posed["vertices"] - root).numpy()}

    def scores(self, answer, *, truth):
        """Errors of an answer, one number a frame.

        Args:
            answer: dict with global_orient (N, 1, 3, 3) and body_pose (N, 23, 3, 3), as every solver gives it.
            truth: what `truth` gave for the same frames.

        Returns:
            dict of float64 arrays (N,): mpjpe, pa_mpjpe, pve in millimetres, rotation_deg in degrees.

        Raises:
            FloatingPointError: the answer holds numbers that are not finite.
        """
        rotations = local_rotations(answer)
        if not np.isfinite(rotations).all():
            raise FloatingPointError("`answer` must hold finite rotations; got NaN or infinity. Are the weights whole?")
        posed = self.posed(rotations, betas=truth["betas"])
        joints, true_joints = (which["joints"][:, : len(skeletons.SMPL_24)] for which in (posed, truth))
        return {
            "mpjpe": metrics.mpjpe(joints, true_joints),
            "pa_mpjpe": metrics.pa_mpjpe(joints, true_joints),
            "pve": metrics.pve(posed["vertices"], truth["vertices"]),
            "rotation_deg": metrics.rotation_error_deg(rotations, truth["rotations"]),
        }


def local_rotations(answer):
    """The local rotations (..., 24, 3, 3) of a solver's answer, root first."""
    return np.concatenate([answer["global_orient"], answer["body_pose"]], -3)
