"""The one call from a photograph to poses."""

import os

import numpy as np

from niki_tf.inference.motion import Motion
from niki_tf.inference.reading import Person
from niki_tf.inference.seen_person import SeenPerson
from niki_tf.inference.solve import solve
from niki_tf.io import pictures
from niki_tf.io.picture_camera import picture_camera
from niki_tf.solvers.solver import Solver
from niki_tf.vision import tracks
from niki_tf.vision.image_joints import ImageJoints
from niki_tf.vision.network_landmarks import NetworkLandmarks
from niki_tf.vision.tracking import Estimator, Tracker


def solve_picture(
    picture: str | os.PathLike | bytes | np.ndarray,
    *,
    estimator: Estimator | None = None,
    network: str | os.PathLike | ImageJoints | None = None,
    solver: str | os.PathLike | Solver = "one_stage",
    focal: float | None = None,
) -> list[Motion]:
    """The people in a photograph, the largest first, each a motion of one frame in the axes of the camera.

    x is to the right in the picture, y up, z towards the viewer, metres; `transl` is where the body stands before the
    camera. Without a focal length, told or noted in the file, it is guessed to be the picture's diagonal.

    Args:
        picture: path or content of a file, or uint8 (H, W, 3), red, green, blue.
        estimator: `vision.BlazePose(...)`, made once for many pictures; made for this one if None.
        network: a network of images that tells the joints, and twists, of the people that the estimator finds: a
            `vision.ImageJoints`, its folder or name; None for the estimator's own landmarks.
        solver: name of a shipped solver, a folder that holds model.keras, or a solver; of single frames.
        focal: pixels, if it is known.

    Raises:
        ValueError: the picture cannot be read, nobody is in it, or `focal`, `network` or `solver` is none.
        FileNotFoundError: BlazePose was not fetched.
        ImportError: ai-edge-litert is not installed.
    """
    image = picture if isinstance(picture, np.ndarray) else pictures.read_picture(picture)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"`picture` must be uint8 (H, W, 3), red, green, blue; got {image.dtype} {image.shape}. "
            "Give the path of a file to have it converted."
        )
    height, width = image.shape[:2]
    path = picture if isinstance(picture, (str, os.PathLike)) else None
    camera = picture_camera(path, height=height, width=width, focal=focal)
    if estimator is None:
        from niki_tf.vision.blazepose import BlazePose

        estimator = BlazePose()
    tell = None if network is None else NetworkLandmarks(network)
    found = tracks.tracks([Tracker(estimator, tell=tell)(image)])
    if not found:
        raise ValueError("`picture` must show a person; none was found in it.")
    return [_solved(SeenPerson(track, camera, np.zeros(1)), solver) for track in found]


def _solved(seen: SeenPerson, solver: str | os.PathLike | Solver) -> Motion:
    """The motion of a person, solved twice: the second time for depths that lean on the first."""

    def motion(person: Person) -> Motion:
        answer = solve(
            person.joints,
            skeleton=person.point_set,
            joint_sigma=person.joint_sigma,
            fps=person.fps or 1.0,
            twist=person.twist,
            solver=solver,
            unit=person.unit,
            up=person.up,
            ground="off",
        )
        assert isinstance(answer, Motion)
        return answer

    return seen.placed(motion(seen.leaning_on(motion(seen.person))))[0]
