"""Images varied, with all that is true of them: mirrored, turned, moved, coloured, partly hidden."""

import dataclasses
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from niki_tf import skeletons
from niki_tf.data import image_xocc
from niki_tf.settings import check_sizes, described, share

_ACROSS = np.array([-1.0, 1.0, 1.0])
"""A place seen in a mirror, x to the right."""
_POINTS = skeletons.POINT_SETS["smpl_29"]


@dataclasses.dataclass(frozen=True)
class ImageAugmentation:
    """How far images are varied.

    Raises:
        ValueError: a field is no finite number from 0 on, or a share or probability above 1.
    """

    mirror: float = share(0.5, "Probability that an image is mirrored.")
    turn_deg: float = described(15.0, "Largest turn of an image in its plane, degrees.")
    zoom: float = share(0.15, "Largest change of the crop's size, as a share of it.")
    shift: float = share(0.05, "Largest move of the crop on each axis, in its widths.")
    colour: float = share(0.2, "Largest change of the brightness of red, green and blue, as a share of it.")
    hidden: float = share(0.5, "Share of images that are cut and covered as 3DPW-XOCC does.")

    def __post_init__(self) -> None:
        check_sizes(self)


def augmented(
    example: Mapping[str, np.ndarray], settings: ImageAugmentation, *, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """`augmented_clip` of a clip of one image."""
    return augmented_clip([example], settings, rng=rng)[0]


def augmented_clip(
    examples: Sequence[Mapping[str, np.ndarray]], settings: ImageAugmentation, *, rng: np.random.Generator
) -> list[dict[str, np.ndarray]]:
    """The examples of a clip varied, all alike, with `hidden` (29,), bool, joints that are cut off or covered.

    Args:
        examples: of `image_sets.ImageSet`, over time.
        settings: `ImageAugmentation`.
        rng: of what is drawn.
    """
    is_mirrored = rng.random() < settings.mirror
    turn = np.radians(settings.turn_deg) * rng.uniform(-1, 1)
    size = 1.0 + settings.zoom * rng.uniform(-1, 1)
    shift = settings.shift * rng.uniform(-1, 1, 2)
    gain = 1.0 + settings.colour * rng.uniform(-1, 1, 3)
    found = [mirrored(example) if is_mirrored else example for example in examples]
    found = [moved(example, turn=turn, size=size, shift=shift) for example in found]
    images = np.stack([np.clip(np.rint(example["image"] * gain), 0, 255).astype(np.uint8) for example in found])
    hidden = np.zeros([len(found), skeletons.NUM_JOINTS], bool)
    if rng.random() < settings.hidden:
        uv = np.stack([example["uv"] for example in found])
        images, hidden = hide_clip(images, uv, seed=int(rng.integers(2**31)))
    parts = zip(found, images, hidden, strict=True)
    return [{**example, "image": image, "hidden": lost} for example, image, lost in parts]


def mirrored(example: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The example of the mirrored image: left is right."""
    joints, rotations = list(skeletons.SMPL_29.mirror), list(skeletons.SMPL_24.mirror)
    twists = [joint - 1 for joint in rotations[1:]]
    return {
        **example,
        "image": example["image"][:, ::-1],
        "joints": example["joints"][joints] * _ACROSS,
        "root": example["root"] * _ACROSS,
        "rotations": example["rotations"][rotations] * np.outer(_ACROSS, _ACROSS),
        "twist": example["twist"][twists] * [1.0, -1.0],
        "uv": example["uv"][joints] * _ACROSS[:2],
        "image_center": example["image_center"] * _ACROSS[:2],
    }


def moved(example: Mapping[str, np.ndarray], *, turn: float, size: float, shift: np.ndarray) -> dict[str, np.ndarray]:
    """The example of another crop: the camera turned about its axis, the crop enlarged and moved.

    Args:
        example: of `image_sets.ImageSet`.
        turn: radians, clockwise in the image.
        size: of the new crop, in sizes of the former one.
        shift: (2,), of what is in the middle, in widths of the former crop.
    """
    cos, sin = np.cos(turn), np.sin(turn)
    plane = np.array([[cos, -sin], [sin, cos]])
    space = np.eye(3)
    space[:2, :2] = plane
    rotations = example["rotations"].copy()
    rotations[0] = space @ rotations[0]
    return {
        **example,
        "image": _warped(example["image"], plane / size, shift / size),
        "joints": example["joints"] @ space.T,
        "root": space @ example["root"],
        "rotations": rotations,
        "uv": (example["uv"] @ plane.T + shift) / size,
        "image_center": (plane @ example["image_center"] + shift) / size,
        "focal": example["focal"] / size,
    }


def _warped(image: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The image in which what was at a place p, in widths from the centre, is at matrix p + shift."""
    width = len(image)
    middle = 0.5 * (width - 1)
    forward = np.concatenate([matrix, (middle - matrix @ [middle, middle] + width * shift)[:, None]], 1)
    return cv2.warpAffine(image, forward, (width, width), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def hide_clip(images: np.ndarray, uv: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of a clip cut and covered as 3DPW-XOCC does, and the joints that this hides, (T, 29), bool.

    Args:
        images: uint8 (T, S, S, 3).
        uv: (T, 29, 2), where joints are, in widths of the crop from its centre.
        seed: a whole number.
    """
    size = images.shape[1]
    points = (uv + 0.5) * size
    told = np.isfinite(points).all(-1)
    whole = np.tile([0.0, 0.0, size, size], (len(images), 1))
    found = image_xocc.hide(points, told, whole, point_set=_POINTS, size=(size, size), seed=seed)
    drawn = [
        image_xocc.draw(image, found.clip[frame], found.cover[frame], seed=seed, frame=frame, cut=True)
        for frame, image in enumerate(images)
    ]
    return np.stack(drawn), found.hidden
