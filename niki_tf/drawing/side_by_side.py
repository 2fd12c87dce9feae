"""Observation, answers and truth of a motion side by side, as one picture or as a video."""

import cv2
import numpy as np

from niki_tf.drawing import rendering
from niki_tf.files import atomic_write

_AZIMUTH, _ELEVATION = 25.0, 8.0


class SideBySide:
    """Draws single moments of a motion: the observed joints, then a posed body for each answer.

    All panels of all moments share their scale; a moment is centred on its observed joints.

    Args:
        scene: ObservedMotion.
        poser: BodyPoser, whose body is posed.
        faces: (F, 3) of that body.
        poses: dict of caption -> local rotations (T, 24, 3, 3), one panel each.
        image_size: pixels, height and width of a panel.
    """

    def __init__(self, scene, *, poser, faces, poses, image_size=300):
        self.scene, self.poser, self.faces, self.poses, self.image_size = scene, poser, faces, poses, image_size
        joints = scene.inputs["joints"]
        self._centres = (joints.min(1) + joints.max(1)) / 2
        self._extent = 1.12 * float((joints.max(1) - joints.min(1)).max())

    def moment(self, frame, *, captions):
        """The panels of one frame, uint8 (H, W, 3), with as many captions as there are panels."""
        camera = {
            "image_size": self.image_size,
            "azimuth": _AZIMUTH,
            "elevation": _ELEVATION,
            "center": self._centres[frame],
            "extent": self._extent,
        }
        panels = [rendering.draw_skeleton(self.scene.inputs["joints"][frame], **camera)]
        for vertices in self._vertices(frame):
            panels.append(rendering.render_mesh(vertices, self.faces, **camera))
        return rendering.side_by_side(panels, captions)

    def _vertices(self, frame):
        """The posed bodies of one frame, (number of answers, V, 3)."""
        turned = np.stack([rotations[frame] for rotations in self.poses.values()])
        betas = np.repeat(self.scene.inputs["betas"][frame : frame + 1], len(turned), 0)
        return self.poser.pose(turned, betas=betas)["vertices"]

    def write_picture(self, path, *, errors, moments=5):
        """Writes a PNG, a row for each of `moments` frames spread over the motion.

        Args:
            path: file to write, whole or not at all.
            errors: dict of caption -> millimetres (T,), written above the panels of that caption.
            moments: number of rows.
        """
        last = len(self.scene.joints) - 1
        rows = []
        for frame in np.unique(np.linspace(0, last, moments + 2)[1:-1].round().astype(int)):
            captions = [f"{name}: {errors[name][frame]:.0f} mm" if name in errors else name for name in self.poses]
            seconds = f"observed, {frame / self.scene.fps:.1f} s"
            rows.append(self.moment(frame, captions=[seconds, *captions]))
        with atomic_write(path) as beside:
            _write_image(beside, np.concatenate(rows))

    def write_video(self, path, *, step=3):
        """Writes an MP4 of every `step`-th frame at the speed of life; OSError if OpenCV here has no such encoder."""
        with atomic_write(path) as beside:
            writer = None
            for frame in range(0, len(self.scene.joints), step):
                image = self.moment(frame, captions=["observed", *self.poses])
                writer = writer or _open_video(beside, image.shape, self.scene.fps / step)
                writer.write(_even(image)[..., ::-1])
            writer.release()


def _write_image(path, image):
    if not cv2.imwrite(str(path), image[..., ::-1]):
        raise OSError(f"The picture {path} could not be written.")


def _open_video(path, shape, fps):
    height, width = (side - side % 2 for side in shape[:2])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    if not writer.isOpened():
        raise OSError(f"OpenCV cannot write MP4 videos here ({path}); run with --novideo.")
    return writer


def _even(image):
    """The image without its last row or column where their number is odd, which video encoders refuse."""
    height, width = (side - side % 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[:height, :width])
