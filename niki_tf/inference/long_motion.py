"""Motion of any length piece by piece, so that memory does not grow with it: one shape, and pieces that overlap.

Shots are pieces, too, which share nothing, so that nothing is smoothed across a cut.
"""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from niki_tf import skeletons
from niki_tf.inference.points import PointsAnswer
from niki_tf.motion.observed_points import ObservedPoints

WHOLE = 2048
"""Frames that are solved at once."""
_OVERLAP = 128
"""Frames that two pieces share: more than twice the longest window."""
_STRETCH = 64
"""Frames of a stretch that the shape is found from."""
_OF_FRAMES = ("local", "transl", "residual", "state", "expected_error")
"""What an answer has for each frame, besides the betas."""


_Whole = TypeVar("_Whole")


class Part(NamedTuple):
    """Frames that are solved by themselves."""

    observed: ObservedPoints
    """Their points."""
    frames: slice
    """Which they are."""


Steps = Generator[Iterable[Part], Iterable[PointsAnswer], _Whole]
"""Gives parts that may be solved anywhere, in any order, is sent their answers in theirs, and ends with the whole."""


def answered(steps: Steps[_Whole], solve: Callable[[ObservedPoints, slice], PointsAnswer]) -> _Whole:
    """The end of steps whose parts are solved here, one after the other.

    Args:
        steps: generator of parts.
        solve: function of the points of some frames, and of which they are, that solves them.
    """
    try:
        parts = next(steps)
        while True:
            parts = steps.send(solve(*part) for part in parts)
    except StopIteration as end:
        return end.value


def solve_pieces(
    observed: ObservedPoints,
    solve: Callable[[ObservedPoints, slice], PointsAnswer],
    *,
    cuts: Sequence[int] = (),
    whole: int = WHOLE,
) -> PointsAnswer:
    """The answer to all frames; see `piece_steps` and `answered`."""
    return answered(piece_steps(observed, cuts=cuts, whole=whole), solve)


def piece_steps(observed: ObservedPoints, *, cuts: Sequence[int] = (), whole: int = WHOLE) -> Steps[PointsAnswer]:
    """Steps to the answer to all frames; a shape that is not given is found from stretches spread over the motion.

    First comes the part that tells the shape, if it is not given, then the pieces; or, of a motion of one piece, that.

    Args:
        observed: T frames.
        cuts: frames that begin another shot, in order.
        whole: frames that are solved at once.
    """
    frames = len(observed.points)
    if frames <= whole and not cuts:
        (found,) = yield [Part(observed, slice(0, frames))]
        return found
    shape, betas = None, observed.betas
    if betas is None:
        sample = _sample(observed, whole // _STRETCH) if frames > whole else observed
        (found,) = yield [Part(sample, slice(0, len(sample.points)))]
        shape, betas = found.shape, np.repeat(found.betas[:1], frames, 0)
        observed = observed._replace(betas=betas)
    solved: dict[str, list[np.ndarray]] = {name: [] for name in _OF_FRAMES}
    pieces = list(_pieces([0, *cuts, frames], whole))
    answers = yield (Part(observed.part(part), part) for part, _ in pieces)
    for (_, kept), answer in zip(pieces, answers, strict=True):
        for name, arrays in solved.items():
            arrays.append(getattr(answer, name)[kept])
    return PointsAnswer(betas=betas, shape=shape, **{name: np.concatenate(arrays) for name, arrays in solved.items()})


def _pieces(ends: Sequence[int], whole: int) -> Iterator[tuple[slice, slice]]:
    """The frames of each piece of the shots between `ends`, and which of its own are kept."""
    for first, end in itertools.pairwise(ends):
        for start in range(first, max(end - _OVERLAP, first + 1), whole - _OVERLAP):
            stop = min(start + whole, end)
            kept = slice(_OVERLAP // 2 if start > first else 0, None if stop == end else whole - _OVERLAP // 2)
            yield slice(start, stop), kept


def _sample(observed: ObservedPoints, count: int) -> ObservedPoints:
    """`count` stretches, evenly spread, one after the other as if they were one motion of the mean rate.

    In the first two frames of each nothing is seen, so that frames of two stretches are not taken for neighbours.
    """
    starts = np.linspace(0, len(observed.points) - _STRETCH, count).astype(int)
    chosen = (starts[:, None] + np.arange(_STRETCH)).ravel()
    sigma = observed.sigma[chosen].reshape(count, _STRETCH, -1)
    sigma[:, :2] = skeletons.ABSENT
    seen = observed.at(chosen)._replace(sigma=sigma.reshape(len(chosen), -1))
    return seen._replace(times=np.arange(len(chosen)) / observed.fps)
