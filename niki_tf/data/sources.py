"""Sources of motion mixed by weight, laid end to end for drawing frames in the graph."""

import dataclasses
import math
import os
from collections.abc import Collection, Sequence

import numpy as np

from niki_tf.body import mannequin_joints
from niki_tf.io.amass import load_clips
from niki_tf.motion.clip import Clip, Clips
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.motion.made.made_motion import made_motion, random_poses

MADE = "made"
"""The path that stands for motion made by the package; a folder of that name is `./made`."""

_CLIP_FRAMES = 600
"""Longest clip of the source `made`: 20 seconds at 30 frames per second, set by hand."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One source of motion and its share of the mixture.

    Example:
        >>> from niki_tf import data
        >>> data.parse_source("amass/CMU=0.6")
        Source(path='amass/CMU', weight=0.6)
    """

    path: str
    """A folder, a file, a pattern such as `DIR/cmu__*`, or `made`."""
    weight: float = 1.0
    """Relative share of the examples; any positive number."""

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("`path` of a source must be a folder, a file, a pattern or `made`; got nothing.")
        if not 0 < self.weight < math.inf:
            raise ValueError(f"`weight` of source {self.path} must be a positive number; got {self.weight}.")


@dataclasses.dataclass(frozen=True, eq=False)
class MotionSet:
    """Frames of all sources laid end to end.

    An example is drawn in two steps: source s with probability `probabilities[s]`, then a frame uniformly from
    `starts[s]` to `starts[s] + counts[s] - 1`. So a source's share depends on its weight and not on its size.
    """

    poses: np.ndarray
    """Local axis-angle rotations, root first, (N, 24, 3) float16 (rounding at most 0.06 degrees), radians."""
    pelvis: np.ndarray
    """Position of joint 0 of the mannequin, (N, 3) float32, metres, y up, the ground at y = 0."""
    clips: np.ndarray
    """Number of the clip that each frame belongs to, (N,) int32; frames of a clip follow each other in time."""
    ends: np.ndarray
    """Last frame of the clip that each frame belongs to, (N,) int64."""
    starts: np.ndarray
    """First frame of each source, (S,) int64."""
    counts: np.ndarray
    """Number of frames of each source, (S,) int64."""
    probabilities: np.ndarray
    """Share of each source, (S,) float64, summing to 1."""
    sources: tuple[Source, ...]
    """The sources, in the order given."""
    skipped: tuple[str, ...] = ()
    """One message for each bad file that was left out."""

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def beginnings(self) -> np.ndarray:
        """First frame of the clip that each frame belongs to, (N,) int64."""
        return np.searchsorted(self.clips, self.clips).astype(np.int64)


def parse_source(text: str) -> Source:
    """The `Source` of a text `PATH=WEIGHT`, or `PATH` alone for weight 1, as the flag `--source` gives it.

    The weight follows the last `=`; a path that contains a `=` needs an explicit weight.

    Raises:
        ValueError: no number after the last `=`, or not a positive one.
    """
    path, equals, number = text.rpartition("=")
    if not equals:
        return Source(text)
    try:
        weight = float(number)
    except ValueError:
        raise ValueError(
            f"`source` must be PATH or PATH=WEIGHT, such as amass/CMU=0.6; got {text!r}. "
            "If the path contains a =, add a weight: PATH=1."
        ) from None
    return Source(path, weight)


def load_sources(
    sources: Sequence[Source | str],
    *,
    fps: float = 30.0,
    skip_bad: bool = False,
    made_frames: int = 60_000,
    seed: int = 0,
    trans: str = "transl",
    leave_out: Collection[str] = (),
    clip_share: float = 1.0,
) -> MotionSet:
    """The motion of all `sources` as one `MotionSet`.

    Args:
        sources: `Source`s, or texts for `parse_source`; at least one.
        fps: frames per second to which files are resampled.
        skip_bad: leave bad files out, reported in the log and in `.skipped`.
        made_frames: frames of the source `made`: half of it motion in clips, half unrelated random poses.
        seed: of the source `made`, and of the draw of clips.
        trans: see `io.load_clips`.
        leave_out: names of files, without folder and suffix, that are kept for tests.
        clip_share: share of the clips of each source but `made` that is drawn, at least one; those of a smaller share
            are among those of a larger one.

    Raises:
        ValueError: no source, the same one twice, a weight that is not positive, a name of `leave_out` that no file
            has, a share of clips that is not above 0 and up to 1, a source of which nothing is left, or a bad file.
        FileNotFoundError: a source leads to no file.
    """
    parsed = tuple(source if isinstance(source, Source) else parse_source(source) for source in sources)
    _check_sources(parsed, made_frames)
    if not 0 < clip_share <= 1:
        raise ValueError(f"`clip_share` must be above 0 and at most 1, which is all clips; got {clip_share}.")
    loaded = [
        _made(made_frames, fps=fps, seed=seed)
        if source.path == MADE
        else load_clips(source.path, fps=fps, skip_bad=skip_bad, trans=trans)
        for source in parsed
    ]
    loaded = _without(loaded, frozenset(leave_out))
    loaded = [
        clips if source.path == MADE else _drawn(clips, clip_share, seed=seed)
        for source, clips in zip(parsed, loaded, strict=True)
    ]
    lengths = [n for source, clips in zip(parsed, loaded, strict=True) for n in _lengths(source, clips)]
    counts = np.array([sum(map(len, clips)) for clips in loaded], np.int64)
    weights = np.array([source.weight for source in parsed])
    return MotionSet(
        poses=np.concatenate([clip.poses.astype(np.float16) for clips in loaded for clip in clips]),
        pelvis=np.concatenate([_pelvis(clip) for clips in loaded for clip in clips]),
        clips=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        ends=np.repeat(np.cumsum(lengths, dtype=np.int64) - 1, lengths),
        starts=np.cumsum(counts) - counts,
        counts=counts,
        probabilities=weights / weights.sum(),
        sources=parsed,
        skipped=tuple(message for clips in loaded for message in clips.skipped),
    )


def _without(loaded: list[Clips], names: frozenset[str]) -> list[Clips]:
    """The clips of each source, but for those of files of these names."""
    called = {clip.name.rpartition("/")[-1] for clips in loaded for clip in clips}
    if strangers := sorted(names - called):
        raise ValueError(f"`leave_out` must be names of files of the sources; got {strangers[0]}, which is none.")
    left = [
        Clips([clip for clip in clips if clip.name.rpartition("/")[-1] not in names], skipped=clips.skipped)
        for clips in loaded
    ]
    if not all(left):
        raise ValueError(f"`leave_out` must leave a clip of each source; got {', '.join(sorted(names))}.")
    return left


def _drawn(clips: Clips, share: float, *, seed: int) -> Clips:
    """A share of the clips, at least one, in their order."""
    order = np.random.default_rng(seed).permutation(len(clips))
    return Clips([clips[n] for n in sorted(order[: math.ceil(share * len(clips))])], skipped=clips.skipped)


def _pelvis(clip: Clip) -> np.ndarray:
    """Position of joint 0 of the mannequin in each frame, (T, 3) float32."""
    rest = mannequin_joints().joints[0] if clip.trans_convention == "transl" else 0.0
    return (clip.trans + rest).astype(np.float32)


def _check_sources(sources: tuple[Source, ...], made_frames: int) -> None:
    """Raises ValueError unless there are sources, each named once, with frames enough for `made`."""
    places = [os.path.abspath(os.path.expanduser(s.path)) if s.path != MADE else MADE for s in sources]
    repeated = [source.path for source, place in zip(sources, places, strict=True) if places.count(place) > 1]
    if repeated or not sources:
        raise ValueError(
            "`sources` must name one or more sources, each once; got "
            + (f"{', '.join(repeated)}. Add the weights up." if repeated else "none.")
        )
    if MADE in places and made_frames < 2:
        raise ValueError(f"`made_frames` must be 2 or more; got {made_frames}.")


def _made(frames: int, *, fps: float, seed: int) -> Clips:
    """Motion made by the package, `frames` in all: half in clips, half random poses on the ground, in the last clip."""
    single = frames // 2
    lengths = [_CLIP_FRAMES] * ((frames - single) // _CLIP_FRAMES) + [(frames - single) % _CLIP_FRAMES]
    moving = [made_motion((seed, number), frames=length, fps=fps) for number, length in enumerate(lengths) if length]
    poses = random_poses(seed, single)
    trans = np.zeros([single, 3])
    trans[:, 1] = -joint_positions(poses, mannequin_joints().joints)[..., 1].min(1)
    return Clips([*moving, Clip(poses=poses, trans=trans, fps=fps, trans_convention="pelvis")])


def _lengths(source: Source, clips: Clips) -> list[int]:
    """Frames of each clip; in the last of `made`, each of the unrelated poses is a clip of its own."""
    lengths = [len(clip) for clip in clips]
    return [*lengths[:-1], *[1] * lengths[-1]] if source.path == MADE else lengths
