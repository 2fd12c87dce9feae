"""A person who was seen in a picture or video: joints to solve, and the solved motion back to where it was seen."""

import dataclasses
import functools

import numpy as np

from niki_tf import skeletons
from niki_tf.inference import picture_motion, rates
from niki_tf.inference.motion import Motion
from niki_tf.inference.reading import Person
from niki_tf.io.picture_camera import PictureCamera
from niki_tf.vision import landmark_sigma
from niki_tf.vision.tracks import Track

_POINTS = skeletons.POINT_SETS["mediapipe_33"]


@dataclasses.dataclass(frozen=True)
class SeenPerson:
    """Landmarks of a person over T frames, and the camera that took them."""

    track: Track
    camera: PictureCamera
    times: np.ndarray
    """(T,) seconds."""
    name: str = ""
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def sigma(self) -> np.ndarray:
        """(T, 33) metres, uncertainty of the landmarks."""
        return landmark_sigma.landmark_sigma(self.track.visibility, self.track.presence)

    @functools.cached_property
    def person(self) -> Person:
        """The landmarks as joints before the camera, to be solved."""
        track, focal, center = self.track, self.camera.focal, self.camera.center
        points = picture_motion.camera_points(track.world, track.middle, focal=focal, center=center)
        several = len(self.times) > 1
        return Person(
            name=self.name,
            joints=picture_motion.on_rays(points, track.picture, track.visibility**2, focal=focal, center=center),
            point_set=_POINTS,
            fps=None if several else rates.FPS,
            times=self.times if several else None,
            unit=1.0,
            up="y",
            in_camera=True,
            joint_sigma=np.nan_to_num(self.sigma, nan=skeletons.ABSENT),
            notes=self.notes,
        )

    def placed(self, motion: Motion) -> tuple[Motion, np.ndarray]:
        """A solved motion where it was seen, and the distance (T,) in pixels of its points from the landmarks."""
        weights = self.track.visibility**2 * (self.sigma < skeletons.ABSENT)
        return picture_motion.placed(
            motion,
            self.track.picture,
            weights,
            point_set=_POINTS,
            focal=self.camera.focal,
            center=self.camera.center,
        )

    def leaning_on(self, motion: Motion) -> Person:
        """The joints to solve anew, at depths that lean on those of a first solution; see `picture_motion`."""
        joints = picture_motion.leaning_on(
            self.placed(motion)[0],
            self.person.joints,
            self.track.picture,
            point_set=_POINTS,
            focal=self.camera.focal,
            center=self.camera.center,
        )
        return dataclasses.replace(self.person, joints=joints)
