"""Which joints of which frames are not seen: gaps, limbs and halves for a while or throughout, skipped frames."""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.data.random_streams import RandomStreams

_KINDS = {
    "none": 0.20,
    "gap": 0.30,
    "two gaps": 0.06,
    "part for a while": 0.17,
    "part throughout": 0.07,
    "usual set throughout": 0.15,
    "skipped frames": 0.05,
}
"""Kinds of absence and their shares. Set by hand."""
_LONGEST_GAP, _LONGEST_SECOND_GAP, _LONGEST_OF_PART, _MOST_SKIPPED = 32, 10, 50, 5
"""Frames. Set by hand."""
_SPAN_POWER = 1.5
"""Lengths of spans are proportional to a uniform number to this power: four of ten gaps are of at most 8 frames."""
_AT_AN_END = 0.15
"""Share of gaps that begin with the first or end with the last frame. Set by hand."""
_FEWEST_FRAMES = 2
"""Frames of a window in which something is seen; of one with fewer, everything is seen."""
_SMPL = skeletons.SMPL_29


def _below(*names: str) -> frozenset[int]:
    """The joints of these names and all that hang on them."""
    found = {_SMPL.index(name) for name in names}
    for joint, parent in enumerate(_SMPL.parents):
        if parent in found:
            found.add(joint)
    return frozenset(found)


_LIMBS = [_below(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]
_LEGS, _EVERY = _below("left_hip", "right_hip"), frozenset(range(len(_SMPL)))
_TIPS = frozenset(range(skeletons.NUM_ROTATIONS, len(_SMPL)))
_HANDS = _below("left_hand", "right_hand")
_HEADSET = frozenset(_SMPL.index(name) for name in ("head", "left_wrist", "right_wrist"))
_UPPER = _EVERY - _LEGS - {0}


def _table(parts: list[tuple[float, frozenset[int]]]) -> tuple[np.ndarray, np.ndarray]:
    """Joints (K, 29), bool, of K parts and the sums (K,) of their shares up to each."""
    shares = np.cumsum([share for share, _ in parts])
    joints = np.array([[joint in part for joint in range(len(_SMPL))] for _, part in parts])
    return joints, (shares / shares[-1]).astype(np.float32)


_PARTS = _table(
    [(4.0, part) for part in (*_LIMBS, _LEGS, _UPPER)]
    + [(0.4, frozenset([joint])) for joint in sorted(_EVERY)]
    + [(0.4, _below(name)) for name in _SMPL.names]
)
_SETS = _table(
    [(3.0, _LEGS | _TIPS | _HANDS), (1.0, _LEGS), (1.0, _UPPER), (2.0, _TIPS | _HANDS), (1.0, _EVERY - _HEADSET)]
    + [(0.25, limb) for limb in _LIMBS]
)


def legs_and_tips() -> np.ndarray:
    """The joints (29,), bool, of legs that are not seen, with the hands and the tips, which most joint sets lack."""
    return _SETS[0][0]


def random_absence(streams: RandomStreams, frame_mask: tf.Tensor) -> tf.Tensor:
    """Which joints are not seen, (n, T, 29), bool.

    Args:
        streams: `RandomStreams` of n windows.
        frame_mask: (n, T), 1.0 for frames and 0.0 for padding.
    """
    frames = frame_mask.shape[1]
    kind = _choose(streams, np.cumsum(list(_KINDS.values())).astype(np.float32))
    gap, second = (_span(streams, frames, longest)[..., None] for longest in (_LONGEST_GAP, _LONGEST_SECOND_GAP))
    part = tf.gather(tf.constant(_PARTS[0]), _choose(streams, _PARTS[1]))[:, None]
    usual = tf.gather(tf.constant(_SETS[0]), _choose(streams, _SETS[1]))[:, None]
    every = 2 + tf.cast(streams.uniform(1) * (_MOST_SKIPPED - 1), tf.int32)
    skipped = (tf.range(frames) % every != 0)[..., None]
    of_kind = [
        tf.zeros_like(gap),
        gap,
        gap | second,
        part & _span(streams, frames, _LONGEST_OF_PART)[..., None],
        part,
        usual,
        skipped,
    ]
    chosen = [(kind == number)[:, None, None] & lost for number, lost in enumerate(of_kind)]
    lost = tf.reduce_any([_everywhere(part, frame_mask) for part in chosen], 0)
    return lost & (frames_seen(lost, frame_mask) >= _FEWEST_FRAMES)[:, None, None]


def frames_seen(lost: tf.Tensor, frame_mask: tf.Tensor) -> tf.Tensor:
    """Number (n,) of frames in which a joint is seen; `lost` (n, T, 29), bool."""
    return tf.reduce_sum(tf.cast(tf.reduce_any(~lost, -1) & (frame_mask > 0.0), tf.int32), 1)


def _everywhere(lost: tf.Tensor, frame_mask: tf.Tensor) -> tf.Tensor:
    return tf.broadcast_to(lost, [*frame_mask.shape, len(_SMPL)])


def _choose(streams: RandomStreams, sums: np.ndarray) -> tf.Tensor:
    """Numbers (n,) of what is chosen, by sums (K,) of shares that end in 1."""
    chosen = tf.searchsorted(tf.constant(sums), streams.uniform(), side="right")
    return tf.minimum(chosen, len(sums) - 1)


def _span(streams: RandomStreams, frames: int, longest: int) -> tf.Tensor:
    """Whether a frame is in a span of 1 to `longest` frames, (n, frames), bool."""
    longest = min(longest, frames - _FEWEST_FRAMES)
    length = 1 + tf.cast(streams.uniform(1) ** _SPAN_POWER * longest, tf.int32)
    room = tf.cast(frames - length, tf.float32)
    start = tf.cast(streams.uniform(1) * (room + 1.0), tf.int32)
    end = streams.uniform(1)
    start = tf.where(end < 0.5 * _AT_AN_END, 0, tf.where(end < _AT_AN_END, frames - length, start))
    times = tf.range(frames)
    return (times >= start) & (times < start + length)
