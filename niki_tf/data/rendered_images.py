"""Images of people that the package draws: a random body in a pose of a motion file, dressed, lit, before a camera.

This is how networks of images can be trained and tested without a licensed picture. They show one body without hair
and clothes that move: nothing about photographs follows from them.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from niki_tf import rotations as rot
from niki_tf.body import BodyData, BodyPoser
from niki_tf.data.sources import MotionSet
from niki_tf.drawing import offscreen, textures
from niki_tf.settings import described

_PADDING = (1.1, 1.4)
"""Size of the crop as a share of the square around the joints: about the 1.25 of the published code."""
_SHIFT = 0.05
"""Standard deviation of the crop's centre, in widths of the crop."""
_BLUR, _NOISE = 0.8, 6.0
"""Largest blur, pixels, and largest standard deviation of the camera's noise, of 0..255."""
_HIGHEST_LIGHT = (-1.0, -0.2)
"""Range of the light's height, y down."""


@dataclasses.dataclass(frozen=True)
class Scenes:
    """What is drawn at random.

    Raises:
        ValueError: a range is empty or negative, or `image_size` is below 16.
    """

    image_size: int = described(256, "Height and width of the images, pixels.")
    beta_limit: float = described(2.5, "Shape coefficients are standard normal, clipped here.")
    focal_range: tuple[float, float] = described((0.8, 2.0), "Focal length in heights of the whole picture.")
    distance_range: tuple[float, float] = described((2.0, 8.0), "Metres from the camera to the pelvis.")
    tilt_deg: float = described(15.0, "Standard deviation of the camera's tilt, degrees.")

    def __post_init__(self) -> None:
        for name in ("focal_range", "distance_range"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"`{name}` must be two positive numbers, the smaller first; got {(low, high)}.")
        if self.image_size < 16:
            raise ValueError(f"`image_size` must be 16 pixels or more; got {self.image_size}.")


class RenderedImages:
    """Images by number: each the same for the same seed, motion, body and scenes.

    Args:
        motion: `MotionSet` that poses are drawn from, its sources by their weights.
        body: the body that is drawn.
        scenes: `Scenes`.
        seed: a whole number.
        opengl: see `offscreen.Renderer`.

    Example:
        >>> from niki_tf import body, data
        >>> from niki_tf.data.rendered_images import RenderedImages, Scenes
        >>> motion = data.load_sources(["made"], made_frames=20)
        >>> images = RenderedImages(motion, body=body.mannequin(), scenes=Scenes(image_size=64), seed=0, opengl=False)
        >>> images.example(3)["image"].shape
        (64, 64, 3)
    """

    def __init__(
        self, motion: MotionSet, *, body: BodyData, scenes: Scenes, seed: int, opengl: bool | None = None
    ) -> None:
        self._motion, self._body, self.scenes, self._seed = motion, body, scenes, seed
        self._poser = BodyPoser(body)
        self._renderer = offscreen.Renderer(body.faces, size=scenes.image_size, opengl=opengl)

    def example(self, number: int) -> dict[str, np.ndarray]:
        """The image of a number, and what is true of it.

        Returns:
            dict of image uint8 (S, S, 3); joints (29, 3), metres relative to joint 0 in the camera's axes (x to the
            right, y down, z away), root (3,), where joint 0 is; rotations (24, 3, 3), the root's in these axes; betas
            (B,); twist (23, 2); uv (29, 2), in widths of the crop from its centre; image_center (2,), of the whole
            picture, likewise; focal (), in widths of the crop; and frame (), of the motion.
        """
        rng = np.random.default_rng([self._seed, number])
        frame, rotations = self._pose(rng)
        betas = np.clip(rng.standard_normal(self._poser.num_betas), -self.scenes.beta_limit, self.scenes.beta_limit)
        truth = self._poser.truth(rotations[None], betas=betas[None])
        truth = {name: value[0] for name, value in truth.items()}
        root, focal, center = self._camera(rng, truth["joints"])
        uv = focal * (truth["joints"] + root)[:, :2] / (truth["joints"] + root)[:, 2:] + center
        size = self.scenes.image_size
        image = self._renderer.draw(
            truth.pop("vertices") + root,
            textures.clothes(rng, self._body.v_template, self._body.lbs_weights),
            focal=focal * size,
            center=(center + 0.5) * size,
            light=_light(rng),
            background=textures.background(rng, size),
        )
        found = {"image": _photographed(rng, image), "root": root, "uv": uv, "image_center": center, "focal": focal}
        numbers = {name: np.asarray(value, np.float32) for name, value in (truth | found).items() if name != "image"}
        return {**numbers, "image": found["image"], "frame": np.int64(frame)}

    def examples(self, first: int = 0, count: int | None = None) -> Iterator[dict[str, np.ndarray]]:
        """The examples from number `first` on, `count` of them, endlessly if it is None."""
        number = first
        while count is None or number < first + count:
            yield self.example(number)
            number += 1

    def dataset(self, *, batch_size: int, first: int = 0, count: int | None = None) -> tf.data.Dataset:
        """Batches of the examples from number `first` on, of the same names; see `examples`."""
        shown = self.example(first)
        signature = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in shown.items()}
        examples = tf.data.Dataset.from_generator(lambda: self.examples(first, count), output_signature=signature)
        return examples.batch(batch_size, drop_remainder=count is None).prefetch(2)

    def _pose(self, rng: np.random.Generator) -> tuple[int, np.ndarray]:
        """A frame, and its rotations (24, 3, 3) as a camera sees them that looks from anywhere around."""
        frame = drawn_frame(rng, self._motion)
        local = rot.rotvec_to_matrix(tf.constant(self._motion.poses[frame].astype(np.float32))).numpy()
        turn, tilt = rng.uniform(0, 2 * np.pi), np.radians(self.scenes.tilt_deg) * rng.standard_normal()
        camera = _about(0, np.pi + tilt) @ _about(1, turn)  # half a turn about x: y up becomes y down
        local[0] = camera @ local[0]
        return frame, local

    def _camera(self, rng: np.random.Generator, joints: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Where joint 0 is (3,), focal length and the picture's centre (2,), both in widths of the crop."""
        scenes = self.scenes
        focal, depth = rng.uniform(*scenes.focal_range), rng.uniform(*scenes.distance_range)
        depth = max(depth, 0.5 - float(joints[:, 2].min()))
        aside = rng.uniform(-0.25, 0.25, 2) * depth / focal
        root = np.array([*aside, depth])
        seen = focal * (joints + root)[:, :2] / (joints + root)[:, 2:]
        low, high = seen.min(0), seen.max(0)
        width = (high - low).max() * rng.uniform(*_PADDING)
        middle = 0.5 * (low + high) + width * _SHIFT * rng.standard_normal(2)
        return root, focal / width, -middle / width


def drawn_frame(rng: np.random.Generator, motion: MotionSet) -> int:
    """Number of a frame: of a source by its weight, then uniform."""
    source = rng.choice(len(motion.probabilities), p=motion.probabilities)
    return int(motion.starts[source] + rng.integers(motion.counts[source]))


def _about(axis: int, angle: float) -> np.ndarray:
    """Rotation (3, 3) about a coordinate axis."""
    vector = np.zeros(3, np.float32)
    vector[axis] = angle
    return rot.rotvec_to_matrix(tf.constant(vector)).numpy()


def _light(rng: np.random.Generator) -> offscreen.Light:
    """One light from above, on either side, and light from everywhere, both a little coloured."""
    direction = np.array([rng.normal(), rng.uniform(*_HIGHEST_LIGHT), -abs(rng.normal())])
    warmth = 1.0 + 0.1 * rng.uniform(-1, 1) * np.array([1.0, 0.0, -1.0])
    strength = rng.uniform(0.3, 0.8)
    ambient = rng.uniform(0.25, 0.6)
    return offscreen.Light(direction / np.linalg.norm(direction), strength * warmth, ambient / warmth)


def _photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The image with the blur and the noise of a camera."""
    blurred = offscreen.blurred(image, rng.uniform(0, _BLUR))
    noisy = blurred + rng.normal(0, rng.uniform(0, _NOISE), image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
