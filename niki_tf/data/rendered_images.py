"""Images of people that the package draws: a random body in a pose of a motion file, dressed, lit, before a camera.

This is how networks of images can be trained and tested without a licensed picture. They show one body without hair
and clothes that move: nothing about photographs follows from them.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import cv2
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
        return next(self.clip(number, frames=1))

    def clip(self, number: int, *, frames: int) -> Iterator[dict[str, np.ndarray]]:
        """The images of successive frames of one person, before a camera that stands still, and what is true of them.

        The crop follows the person, always as much larger than the square around the joints.

        Args:
            number: of the clip.
            frames: of the motion, one after the other.

        Returns:
            iterator over what `example` gives.

        Raises:
            ValueError: no clip of the motion is as long.
        """
        rng = np.random.default_rng([self._seed, number])
        first = drawn_frame(rng, self._motion, frames=frames)
        rotations, shifts = self._poses(rng, first, frames)
        betas = np.clip(rng.standard_normal(self._poser.num_betas), -self.scenes.beta_limit, self.scenes.beta_limit)
        truth = self._poser.truth(rotations, betas=np.tile(betas, (frames, 1)))
        truth |= self._camera(rng, truth["joints"], shifts)
        for frame, image in enumerate(self._images(rng, truth)):
            numbers = {
                name: np.asarray(value[frame], np.float32) for name, value in truth.items() if name != "vertices"
            }
            yield {**numbers, "image": image, "frame": np.int64(first + frame)}

    def _images(self, rng: np.random.Generator, truth: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
        """The image of each frame, of bodies and cameras over time."""
        size = self.scenes.image_size
        tint = textures.clothes(rng, self._body.v_template, self._body.lbs_weights)
        light, background = _light(rng), textures.background(rng, size)
        blur, noise = rng.uniform(0, _BLUR), rng.uniform(0, _NOISE)
        for frame, vertices in enumerate(truth["vertices"]):
            image = self._renderer.draw(
                vertices + truth["root"][frame],
                tint,
                focal=float(truth["focal"][frame] * size),
                center=(truth["image_center"][frame] + 0.5) * size,
                light=light,
                background=_seen_behind(background, truth, frame),
            )
            yield _photographed(rng, image, blur=blur, noise=noise)

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

    def _poses(self, rng: np.random.Generator, first: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (T, 24, 3, 3) as a camera sees them that looks from anywhere around, and ways (T, 3) gone."""
        some = slice(first, first + frames)
        local = rot.rotvec_to_matrix(tf.constant(self._motion.poses[some].astype(np.float32))).numpy()
        turn, tilt = rng.uniform(0, 2 * np.pi), np.radians(self.scenes.tilt_deg) * rng.standard_normal()
        camera = _about(0, np.pi + tilt) @ _about(1, turn)  # half a turn about x: y up becomes y down
        local[:, 0] = camera @ local[:, 0]
        path = self._motion.pelvis[some]
        return local, (path - path[0]) @ camera.T

    def _camera(self, rng: np.random.Generator, joints: np.ndarray, shifts: np.ndarray) -> dict[str, np.ndarray]:
        """Where joint 0 is and what the crop shows of each frame: root, uv, focal and image_center of `example`.

        Args:
            rng: of what is drawn.
            joints: (T, 29, 3) metres, relative to joint 0.
            shifts: (T, 3) metres, of joint 0 from where it is in the first frame.
        """
        scenes = self.scenes
        focal, depth = rng.uniform(*scenes.focal_range), rng.uniform(*scenes.distance_range)
        depth = max(depth, 0.5 - float((joints + shifts[:, None])[..., 2].min()))
        aside = rng.uniform(-0.25, 0.25, 2) * depth / focal
        root = np.array([*aside, depth]) + shifts
        points = joints + root[:, None]
        seen = focal * points[..., :2] / points[..., 2:]
        low, high = seen.min(1), seen.max(1)
        width = (high - low).max(-1) * rng.uniform(*_PADDING)
        middle = 0.5 * (low + high) + width[:, None] * _SHIFT * rng.standard_normal(2)
        uv = (seen - middle[:, None]) / width[:, None, None]
        return {"root": root, "uv": uv, "focal": focal / width, "image_center": -middle / width[:, None]}


def drawn_frame(rng: np.random.Generator, motion: MotionSet, *, frames: int = 1) -> int:
    """Number of a frame with `frames` - 1 others of its clip behind it: of a source by its weight, then uniform.

    Raises:
        ValueError: no clip of the source is as long.
    """
    source = rng.choice(len(motion.probabilities), p=motion.probabilities)
    start, count = motion.starts[source], motion.counts[source]
    firsts = start + np.flatnonzero(motion.ends[start : start + count] - np.arange(start, start + count) >= frames - 1)
    if not len(firsts):
        raise ValueError(f"`frames` must be those of a clip of {motion.sources[source].path}; got {frames}, too many.")
    return int(firsts[rng.integers(len(firsts))])


def _seen_behind(background: np.ndarray, camera: Mapping[str, np.ndarray], frame: int) -> np.ndarray:
    """What the crop of a frame shows of a background that stands still, and is the first frame's crop.

    Args:
        background: uint8 (S, S, 3).
        camera: focal (T,) and image_center (T, 2) of each frame.
        frame: number of the frame.
    """
    if frame == 0:
        return background
    larger, size = camera["focal"][0] / camera["focal"][frame], len(background)
    corner = (camera["image_center"][0] - larger * camera["image_center"][frame]) * size
    corner = corner + 0.5 * (1.0 - larger) * (size - 1)
    matrix = np.array([[larger, 0.0, corner[0]], [0.0, larger, corner[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(background, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


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


def _photographed(rng: np.random.Generator, image: np.ndarray, *, blur: float, noise: float) -> np.ndarray:
    """The image with the blur, pixels, and the noise, of 0..255, of a camera."""
    noisy = offscreen.blurred(image, blur) + rng.normal(0, noise, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
