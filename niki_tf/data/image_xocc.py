"""Truncation and occlusion over time in pictures: 3DPW-XOCC of any frames with joints.

By default as section I says it: at key frames, every 8, the image is clipped with probability 2/3 so that a part of the
body lies outside, and a square of up to 30 % of the clipped image is covered by Gaussian noise; between key frames both
move linearly. The published code does it otherwise, and `shape` and `box` choose that: the clip becomes the network's
box, fitted to the joints that are left when the upper or the lower body is dropped, and the noise is a rectangle.

Source: NIKI, supplementary material, section I, and its published code.
"""

import dataclasses

import numpy as np

from niki_tf.data.occlusion import CUT_PROBABILITY, KEY_EVERY, LARGEST_SQUARE
from niki_tf.skeletons import PointSet

SHAPES = ["square", "rectangle"]
"""Of what is covered by noise: as the text, or the published code, has it."""
BOXES = ["fixed", "refit"]
"""Whether the clip cuts the picture and leaves the person's box, as the text has it, or becomes the box."""

NOISE = (127.5, 64.0)
"""Mean and standard deviation of the noise, of 0..255. Set by hand."""
BOX_SCALE = (0.95, 1.35)
"""Least and largest size of a refitted box as a share of the square around its joints. Source: published code."""
LARGEST_SHIFT = 100.0
"""Pixels that a refitted box is moved by, at most, on each axis. Source: published code."""
ASPECT = (0.5, 2.0)
"""Least and largest height over width of a rectangle. Source: published code."""

_SMALLEST_REST = 30.0
"""Pixels; a box is not refitted to joints that are closer together. Source: published code."""
_PLAIN_SCALE = 1.25
"""Size of a box that is not refitted, as a share of the square around the person's box. Source: published code."""
_LEAST_CLIP = 2.0
"""Pixels that a clipped image has at least, on each axis."""
_ARMS, _LEGS = ((18, 20, 22), (19, 21, 23)), ((4, 7, 10), (5, 8, 11))
_UPPER = (9, 12, 13, 14, 15, 16, 17, *_ARMS[0], *_ARMS[1])
_LOWER = (0, 1, 2, *_LEGS[0], *_LEGS[1])
_PARTS = (_UPPER, _LOWER, *_ARMS, *_LEGS)
"""Joints of SMPL whose points are a part of the body: upper body, lower body, each limb."""


@dataclasses.dataclass(frozen=True)
class Hidden:
    """What is hidden of T frames, pixels, as left, top, right, bottom.

    Attributes:
        clip: (T, 4), what is kept of the picture.
        cover: (T, 4), what is covered by noise.
        box: (T, 4), the person's, refitted or as it was.
        hidden: (T, J), bool, joints outside the clip or under the cover.
    """

    clip: np.ndarray
    cover: np.ndarray
    box: np.ndarray
    hidden: np.ndarray


def hide(
    points: np.ndarray,
    seen: np.ndarray,
    boxes: np.ndarray,
    *,
    point_set: PointSet,
    size: tuple[int, int],
    seed: int,
    shape: str = "square",
    box: str = "fixed",
) -> Hidden:
    """What is hidden of the frames of one clip; the same for the same arguments.

    Args:
        points: (T, J, 2) pixels.
        seen: (T, J), bool, joints that are labelled.
        boxes: (T, 4) of the person: left, top, right, bottom, pixels.
        point_set: of the J points.
        size: width and height of the frames, pixels.
        seed: a whole number.
        shape: one of `SHAPES`.
        box: one of `BOXES`.
    """
    frames = len(points)
    keys = [min(frame, frames - 1) for frame in range(0, frames - 1 + 2 * KEY_EVERY, KEY_EVERY)]
    parts = _members(point_set)
    clips, covers = [], []
    for number, frame in enumerate(keys):
        rng = np.random.default_rng([seed, number])
        if box == "refit":
            clip = _refitted(rng, points[frame], seen[frame], parts[:2], boxes[frame])
        else:
            clip = _clipped(rng, points[frame], seen[frame], parts, size)
        clips.append(clip)
        covers.append(_cover(rng, clip, shape))
    clip, cover = _between(np.array(clips), frames), _between(np.array(covers), frames)
    new_boxes = clip if box == "refit" else boxes
    hidden = ~_inside(points, clip) | _inside(points, cover)
    return Hidden(clip, cover, new_boxes, hidden & seen)


def draw(picture: np.ndarray, clip: np.ndarray, cover: np.ndarray, *, seed: int, frame: int, cut: bool) -> np.ndarray:
    """A picture, uint8 (H, W, 3), of which a part is covered by noise and, with `cut`, what is outside the clip black.

    Args:
        picture: uint8 (H, W, 3).
        clip: (4,) left, top, right, bottom, pixels.
        cover: (4,), the same.
        seed: a whole number.
        frame: number of the frame, which has noise of its own.
        cut: whether the clip cuts the picture.
    """
    drawn, (height, width) = picture.copy(), picture.shape[:2]
    rows, columns = _pixels(cover[1], cover[3], height), _pixels(cover[0], cover[2], width)
    rng = np.random.default_rng([seed, frame, 1])
    noise = rng.normal(*NOISE, size=[rows.stop - rows.start, columns.stop - columns.start, 3])
    drawn[rows, columns] = np.clip(np.rint(noise), 0, 255).astype(np.uint8)
    if cut:
        kept = np.zeros_like(drawn)
        rows, columns = _pixels(clip[1], clip[3], height), _pixels(clip[0], clip[2], width)
        kept[rows, columns] = drawn[rows, columns]
        drawn = kept
    return drawn


def _members(point_set: PointSet) -> np.ndarray:
    """Which points are of which part, (P, J), bool."""
    used = np.isin(np.arange(len(point_set)), point_set.used)
    return np.array([np.isin(point_set.carriers, part) & used for part in _PARTS])


def _clipped(
    rng: np.random.Generator, points: np.ndarray, seen: np.ndarray, parts: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """The clip (4,) of a key frame: the whole picture, or less, so that a random part is outside.

    Of the four edges that one is moved which leaves the fewest joints outside.
    """
    whole = np.array([0.0, 0.0, *size])
    there = parts & seen
    choice = rng.integers(len(parts))
    if rng.random() >= CUT_PROBABILITY or not there.any():
        return whole
    part = there[choice] if there[choice].any() else there[there.any(1)][0]
    low, high = points[part].min(0), points[part].max(0)
    kept = [seen & (points[:, 0] > high[0]), seen & (points[:, 1] > high[1]), seen & (points[:, 0] < low[0])]
    kept.append(seen & (points[:, 1] < low[1]))
    edge = int(np.argmax([side.sum() for side in kept]))
    clip = whole.copy()
    clip[edge] = (high[edge] + 1.0) if edge < 2 else (low[edge - 2] - 1.0)
    axis = edge % 2
    clip[edge] = np.clip(clip[edge], _LEAST_CLIP, size[axis] - _LEAST_CLIP)
    return clip


def _refitted(
    rng: np.random.Generator, points: np.ndarray, seen: np.ndarray, halves: np.ndarray, box: np.ndarray
) -> np.ndarray:
    """The box (4,) of a key frame, fitted to what is left without the upper or the lower body, or the person's own."""
    own = _square(box, _PLAIN_SCALE)
    able = [half for half in halves if seen[half].mean() > 0.5]
    if not able or rng.random() >= CUT_PROBABILITY:
        return own
    left = points[seen & ~able[rng.integers(len(able))]]
    if not len(left) or (np.ptp(left, 0) < _SMALLEST_REST).any():
        return own
    shift = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2)
    around = np.concatenate([left.min(0), left.max(0)]) + np.tile(shift, 2)
    return _square(around, rng.uniform(*BOX_SCALE))


def _square(box: np.ndarray, scale: float) -> np.ndarray:
    """The square (4,) with the centre of a box and `scale` times its longer side."""
    middle, half = 0.5 * (box[:2] + box[2:]), 0.5 * scale * (box[2:] - box[:2]).max()
    return np.concatenate([middle - half, middle + half])


def _cover(rng: np.random.Generator, clip: np.ndarray, shape: str) -> np.ndarray:
    """What is covered (4,) of a key frame's clip: a square, or a rectangle, of 0 to 30 % of its area, within it."""
    extent = clip[2:] - clip[:2]
    area = rng.uniform(0.0, LARGEST_SQUARE) * extent.prod()
    aspect = rng.uniform(*ASPECT) if shape == "rectangle" else 1.0
    side = np.minimum(np.sqrt([area / aspect, area * aspect]), extent)
    if shape == "square":
        side[:] = side.min()
    low = clip[:2] + rng.random(2) * (extent - side)
    return np.concatenate([low, low + side])


def _between(keys: np.ndarray, frames: int) -> np.ndarray:
    """Values (K, 4) of key frames, linearly interpolated to (frames, 4)."""
    place = np.arange(frames) / KEY_EVERY
    before = place.astype(int)
    share = (place - before)[:, None]
    return (1.0 - share) * keys[before] + share * keys[before + 1]


def _inside(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Which points (T, J, 2) are inside the boxes (T, 4) of their frames, (T, J)."""
    return np.all((points >= box[:, None, :2]) & (points < box[:, None, 2:]), axis=-1)


def _pixels(low: float, high: float, size: int) -> slice:
    """The pixels from `low` to `high`, of `size`."""
    first, last = (int(np.clip(np.rint(place), 0, size)) for place in (low, high))
    return slice(first, max(first, last))
