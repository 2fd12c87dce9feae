"""A person who was seen in a picture or video: joints to solve, and the solved motion back to where it was seen."""

import dataclasses
import functools

import numpy as np

from niki_tf import skeletons
from niki_tf.inference import picture_motion, rates
from niki_tf.inference.motion import Motion
from niki_tf.inference.reading import Person
from niki_tf.io.picture_camera import PictureCamera
from niki_tf.skeletons import PointSet
from niki_tf.vision.tracks import Track

_POINTS = {len(skeletons.POINT_SETS[name]): skeletons.POINT_SETS[name] for name in ("mediapipe_33", "smpl_29")}
"""Joint sets of tracks, by the number of points: those of BlazePose, and of a network of images."""


@dataclasses.dataclass(frozen=True)
class SeenPerson:
    """Landmarks of a person over T frames, and the camera that took them."""

    track: Track
    camera: PictureCamera
    times: np.ndarray
    """(T,) seconds."""
    name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def point_set(self) -> PointSet:
        """That the landmarks are of."""
        return _POINTS[self.track.picture.shape[1]]

    @functools.cached_property
    def person(self) -> Person:
        """The landmarks as joints before the camera, to be solved."""
        track, focal, center = self.track, self.camera.focal, self.camera.center
        points = picture_motion.camera_points(track.world, track.middle, focal=focal, center=center)
        several = len(self.times) > 1
        return Person(
            name=self.name,
            joints=picture_motion.on_rays(points, track.picture, track.visibility**2, focal=focal, center=center),
            point_set=self.point_set,
            fps=None if several else rates.FPS,
            times=self.times if several else None,
            unit=1.0,
            up="y",
            in_camera=True,
            joint_sigma=np.nan_to_num(track.sigma, nan=skeletons.ABSENT),
            twist=np.nan_to_num(track.twist) if track.twist[track.seen].any() else None,
            notes=self.notes,
        )

    def placed(self, motion: Motion) -> tuple[Motion, np.ndarray]:
        """A solved motion where it was seen, and the distance (T,) in pixels of its points from the landmarks."""
        weights = self.track.visibility**2 * (self.track.sigma < skeletons.ABSENT)
        return picture_motion.placed(
            motion,
            self.track.picture,
            weights,
            point_set=self.point_set,
            focal=self.camera.focal,
            center=self.camera.center,
        )

    def leaning_on(self, motion: Motion) -> Person:
        """The joints to solve anew, at depths that lean on those of a first solution; see `picture_motion`."""
        joints = picture_motion.leaning_on(
            self.placed(motion)[0],
            self.person.joints,
            self.track.picture,
            point_set=self.point_set,
            focal=self.camera.focal,
            center=self.camera.center,
        )
        return dataclasses.replace(self.person, joints=joints)
