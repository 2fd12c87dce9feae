"""Observation, answers and truth of a motion side by side, as one picture or as a video."""

import os
import pathlib
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from niki_tf.body.posing import BodyPoser
from niki_tf.drawing import rendering, video
from niki_tf.files import atomic_write
from niki_tf.motion.observed_motion import ObservedMotion

_AZIMUTH, _ELEVATION = 25.0, 8.0
"""Direction of the camera, degrees, set by hand."""
_MARGIN = 1.12
"""Height of a panel over the largest extent of the joints, for what the body adds to them; set by hand."""


class SideBySide:
    """Pictures of frames of a motion: the observed joints, then a posed body for each answer.

    All panels of all frames share their scale; those of a frame are centred on its observed joints.

    Args:
        observed: `ObservedMotion` of T frames.
        poser: `BodyPoser` of the body that is drawn.
        faces: (F, 3) of that body.
        poses: dict of caption -> local rotations (T, 24, 3, 3), one panel each.
        image_size: pixels, height and width of a panel.

    Example:
        >>> from niki_tf import body, drawing, motion
        >>> mannequin = body.mannequin()
        >>> poser = body.BodyPoser(mannequin)
        >>> observed = motion.observe(motion.made_motion(0, frames=2), poser=poser, noise_mm=20, seed=0)
        >>> poses = {"truth": observed.true_rotations}
        >>> pictures = drawing.SideBySide(observed, poser=poser, faces=mannequin.faces, poses=poses, image_size=64)
        >>> pictures.moment(1, captions=["observed", "truth"]).shape
        (88, 128, 3)
    """

    def __init__(
        self,
        observed: ObservedMotion,
        *,
        poser: BodyPoser,
        faces: np.ndarray,
        poses: Mapping[str, np.ndarray],
        image_size: int = 300,
    ) -> None:
        self.observed, self.poser, self.faces, self.poses, self.image_size = observed, poser, faces, poses, image_size
        self._joints = joints = observed.joints - observed.joints[:, :1]  # bodies have joint 0 at the origin, too
        self._centres = (joints.min(1) + joints.max(1)) / 2
        self._extent = _MARGIN * float((joints.max(1) - joints.min(1)).max())

    def moment(self, frame: int, *, captions: Sequence[str]) -> np.ndarray:
        """The panels of one frame, uint8 (H, W, 3); captions for the observed joints and for each answer."""
        camera = {
            "image_size": self.image_size,
            "azimuth": _AZIMUTH,
            "elevation": _ELEVATION,
            "center": self._centres[frame],
            "extent": self._extent,
        }
        panels = [rendering.draw_skeleton(self._joints[frame], **camera)]
        for vertices in self._vertices(frame):
            panels.append(rendering.render_mesh(vertices, self.faces, **camera))
        return rendering.side_by_side(panels, captions)

    def _vertices(self, frame: int) -> np.ndarray:
        """The posed bodies of one frame, (number of answers, V, 3)."""
        turned = np.stack([rotations[frame] for rotations in self.poses.values()])
        betas = np.repeat(self.observed.inputs["betas"][frame : frame + 1], len(turned), 0)
        return self.poser.pose(turned, betas=betas)["vertices"]

    def write_picture(self, path: str | os.PathLike, *, errors: Mapping[str, np.ndarray], moments: int = 5) -> None:
        """Writes a PNG, a row for each of `moments` frames spread over the motion.

        Args:
            path: file to write, atomically.
            errors: dict of caption -> millimetres (T,), written above the panels of that caption.
            moments: number of rows.

        Raises:
            OSError: the picture cannot be written.
        """
        last = len(self.observed) - 1
        rows = []
        for frame in np.unique(np.linspace(0, last, moments + 2)[1:-1].round().astype(int)):
            captions = [f"{name}: {errors[name][frame]:.0f} mm" if name in errors else name for name in self.poses]
            seconds = f"observed, {frame / self.observed.fps:.1f} s"
            rows.append(self.moment(frame, captions=[seconds, *captions]))
        with atomic_write(path) as temporary:
            write_image(temporary, np.concatenate(rows))

    def write_video(self, path: str | os.PathLike, *, step: int = 3) -> None:
        """Writes an MP4 of every `step`-th frame, in real time.

        Args:
            path: file to write, atomically.
            step: distance of the frames that are drawn.

        Raises:
            ImportError: PyAV is not installed.
        """
        captions = ["observed", *self.poses]
        images = (self.moment(frame, captions=captions) for frame in range(0, len(self.observed), step))
        video.write_video(path, images, fps=self.observed.fps / step)


def write_image(path: pathlib.Path, image: np.ndarray) -> None:
    """Writes a picture, uint8 (height, width, 3), red, green, blue; OSError if that cannot be done."""
    if not cv2.imwrite(str(path), image[..., ::-1]):
        raise OSError(f"The picture {path} could not be written.")
