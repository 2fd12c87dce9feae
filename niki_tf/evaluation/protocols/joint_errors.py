"""Errors of the joints that the noise protocol gives to solvers: isotropic or an estimator's, and absent joints."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.evaluation.protocols import common, frame_windows
from niki_tf.evaluation.protocols.common import Arrays, Stream


@dataclasses.dataclass(frozen=True)
class JointErrors:
    """The errors of the joints that solvers are given.

    Raises:
        ValueError: `sigma` without `estimate`, or `absent` not in [0, 1).
    """

    estimate: Callable[..., tuple[Any, Any]] | None = None
    """None for noise of the same size along each axis of each joint; or an estimator's recipe, a function
    (joints, *, factor, scale, noise, sigma_noise) -> joints, sigma, such as `niki_tf.data.estimate`."""
    sigma: bool = False
    """Give solvers the sigma that `estimate` reports."""
    absent: float = 0.0
    """Probability that a joint of a frame is absent. It is given as (0, 0, 0) with the sigma
    `niki_tf.skeletons.ABSENT`; without joint 0 the others are relative to the mean of those present."""

    def __post_init__(self) -> None:
        if self.sigma and self.estimate is None:
            raise ValueError("`sigma` is reported by an estimator only; got isotropic noise. Leave it out.")
        if not 0.0 <= self.absent < 1.0:
            raise ValueError(f"`absent` must be a probability of at least 0 and below 1; got {self.absent}.")


ISOTROPIC = JointErrors()
"""The paper's: noise alone, the same on every joint and axis."""


@dataclasses.dataclass(frozen=True, eq=False)
class RandomErrors:
    """Random numbers of some frames, or of windows about them, the same for all solvers and levels."""

    noise: np.ndarray
    """(N, 29, 3) or (N, T, 29, 3), standard normal."""
    absent: np.ndarray
    """(N, 29) or (N, T, 29), uniform in [0, 1); a joint is absent where it is below the probability."""
    scale: np.ndarray
    """(N, 1, 1) or (N, 1, 1, 1), uniform in [0, 1), for the size of an estimator's body."""
    sigma: np.ndarray
    """(N, 29) or (N, T, 29), standard normal, for the sigma that an estimator reports."""

    @classmethod
    def draw(cls, frames: int, *, seed: int) -> "RandomErrors":
        """Those of `frames` frames."""
        absent, scale, sigma = (
            common.random_stream(seed, stream) for stream in (Stream.ABSENT, Stream.SCALE, Stream.SIGMA)
        )
        return cls(
            noise=common.random_noise(frames, seed=seed),
            absent=absent.random((frames, skeletons.NUM_JOINTS), np.float32),
            scale=scale.random((frames, 1, 1), np.float32),
            sigma=sigma.standard_normal((frames, skeletons.NUM_JOINTS), np.float32),
        )

    def of(self, some: slice) -> "RandomErrors":
        """Those of `some` frames."""
        return RandomErrors(self.noise[some], self.absent[some], self.scale[some], self.sigma[some])

    def around(
        self, windows: frame_windows.FrameWindows, *, seed: int, stream: Stream = Stream.WINDOWS
    ) -> "RandomErrors":
        """Those of windows, in which the measured frames keep theirs; all frames of a window have one scale."""
        random = common.random_stream(seed, stream)
        size, places = (*windows.frames.shape, skeletons.NUM_JOINTS), (np.arange(len(windows.middle)), windows.middle)
        noise = random.standard_normal((*size, 3), np.float32)
        sigma = random.standard_normal(size, np.float32)
        absent = random.random(size, np.float32)
        for of_all, of_measured in ((noise, self.noise), (absent, self.absent), (sigma, self.sigma)):
            of_all[places] = of_measured
        return RandomErrors(noise, absent, self.scale[:, None], sigma)


def observe(truth: Arrays, level: float, random: RandomErrors, *, errors: JointErrors, twist: bool) -> Arrays:
    """What a solver that knows the true betas is given at one level.

    Args:
        truth: true joints, betas and, if it is given, twist.
        level: millimetres, or the factor of an estimator's errors.
        random: `RandomErrors` of the same frames or windows.
        errors: `JointErrors`.
        twist: give the true twist.
    """
    if errors.estimate is None:
        seen = common.observation(truth, noise=random.noise * (level / 1000), twist=twist)
    else:
        joints, sigma = errors.estimate(
            truth["joints"],
            factor=level,
            scale=2.0 * random.scale - 1.0,
            noise=random.noise,
            sigma_noise=random.sigma,
        )
        seen = common.observation(truth, noise=np.asarray(joints) - truth["joints"], twist=twist)
        seen |= {"joint_sigma": np.asarray(sigma)} if errors.sigma else {}
    return with_absent(seen, random.absent < errors.absent) if errors.absent else seen


def with_absent(seen: Arrays, absent: np.ndarray) -> Arrays:
    """The observation with the joints that are `absent` (..., 29) set to zeros, and their sigma to ABSENT."""
    present = ~absent[..., None]
    mean = np.sum(seen["joints"] * present, -2, keepdims=True) / np.maximum(present.sum(-2, keepdims=True), 1)
    # If joint 0 is absent, joints relative to it would reveal its position.
    joints = seen["joints"] - np.where(absent[..., :1, None], mean, 0.0)
    sigma = np.where(absent, skeletons.ABSENT, seen.get("joint_sigma", 0.0))
    return {**seen, "joints": (joints * present).astype(np.float32), "joint_sigma": sigma.astype(np.float32)}
