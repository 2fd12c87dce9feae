"""One picture or video: the people in it, each solved, and their bodies drawn over it."""

import dataclasses
import functools
import itertools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from niki_tf import archives, files
from niki_tf.cli.solve_files import FileSolver, Line
from niki_tf.drawing import overlay_film
from niki_tf.inference import Motion
from niki_tf.inference.seen_person import SeenPerson
from niki_tf.io import pictures, videos
from niki_tf.io.picture_camera import PictureCamera, picture_camera
from niki_tf.vision import tracking, tracks
from niki_tf.vision.blazepose import BlazePose
from niki_tf.vision.network_landmarks import NetworkLandmarks
from niki_tf.vision.tracks import Track

_MOST_THREADS = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How pictures and videos are looked at; the flags of the program."""

    person: str = "largest"
    """`largest`, `all`, or the number of one, the largest is 0."""
    focal: float | None = None
    """Pixels."""
    landmarks: str | None = None
    """Size of the network."""
    image_network: str | None = None
    """Folder or name of a network of images that tells the joints."""
    start: float = 0.0
    end: float | None = None
    stride: int = 1

    def __post_init__(self) -> None:
        if self.person not in ("largest", "all") and not self.person.isdecimal():
            raise ValueError(f"`person` must be largest, all or a number from 0; got {self.person!r}.")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"`end` must be more than `start`, seconds; got {self.end} and {self.start}.")


class _Looked(NamedTuple):
    """What was seen in a picture or video."""

    people: list[Track]
    camera: PictureCamera
    times: np.ndarray
    """(T,) seconds."""
    notes: tuple[str, ...]


def is_seen(path: pathlib.Path) -> bool:
    """Whether a file is a picture or a video."""
    return path.is_file() and (pictures.is_picture(path) or videos.is_video(path))


class PictureSolver:
    """Solves the people in pictures and videos.

    Args:
        solver: of the joints.
        options: how pictures are looked at.
    """

    def __init__(self, solver: FileSolver, options: PictureOptions) -> None:
        self._solver, self._options = solver, options
        threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, _MOST_THREADS)
        self._estimator = functools.cache(lambda: BlazePose(options.landmarks, threads=threads))
        network = options.image_network
        self._tell = None if network is None else NetworkLandmarks(network, argument="image_network")

    def __call__(self, path: pathlib.Path, target: pathlib.Path) -> list[Line]:
        """Solves the chosen people of a picture or video and gives what was found of each.

        Args:
            path: of the file.
            target: of the files that are written, without their ending; of several people each adds a number.

        Raises:
            ValueError: the file cannot be read, nobody was found, or the file would be overwritten.
            FileNotFoundError: a network was not fetched.
            ImportError: a package is missing.
        """
        looked = self._look(path)
        chosen = self._chosen(looked.people, path)
        lines, bodies = [], []
        for number, track in chosen:
            own = target.with_name(f"{target.name}_{number}") if self._options.person == "all" else target
            line, body = self._solve(number, track, looked, path, own)
            lines.append(line)
            bodies.append(body)
        drawn = str(self._draw(path, target, bodies, looked))
        return [{**line, "outputs": [*line["outputs"], drawn]} for line in lines]

    def _look(self, path: pathlib.Path) -> _Looked:
        """Finds the people in every frame."""
        estimator, times, shapes = self._estimator(), [], []
        follow = tracking.Tracker(estimator, tell=self._tell)

        def sightings() -> Iterator[list[tracking.Sighting]]:
            for time, image in tqdm(self._frames(path), unit="frame", leave=False, disable=None, desc=path.name):
                times.append(time)
                shapes.append(image.shape[:2])
                yield follow(image)

        notes: tuple[str, ...] = ()
        people = tracks.tracks(sightings())
        height, width = shapes[0]
        camera = picture_camera(path, height=height, width=width, focal=self._options.focal)
        if camera.source == "guessed":
            notes += (
                f"The focal length is guessed, {camera.focal:.0f} pixels, the picture's diagonal: distances to the "
                "camera are as uncertain. Give `focal`.",
            )
        return _Looked(people, camera, np.array(times), notes)

    def _frames(self, path: pathlib.Path) -> Iterator[videos.Frame]:
        """The frames that are looked at."""
        if pictures.is_picture(path):
            return iter([videos.Frame(0.0, pictures.read_picture(path))])
        options = self._options
        video = videos.Video(path, start=options.start, end=options.end, stride=options.stride)
        return itertools.islice(video, self._solver.options.frames)

    def _chosen(self, people: Sequence[Track], path: pathlib.Path) -> list[tuple[int, Track]]:
        """Numbers of the people who are solved, and what was seen of them."""
        if not people:
            raise ValueError(f"no person was found in {path}.")
        numbered = list(enumerate(people))
        if self._options.person == "all":
            return numbered
        number = 0 if self._options.person == "largest" else int(self._options.person)
        if number >= len(people):
            raise ValueError(
                f"`person` must be 0 to {len(people) - 1}, the people that were found in {path}; got {number}."
            )
        return [numbered[number]]

    def _solve(
        self, number: int, track: Track, looked: _Looked, path: pathlib.Path, target: pathlib.Path
    ) -> tuple[Line, overlay_film.SeenBody]:
        """Solves one person, writes the motion, and gives what was found and the body to draw."""
        seen = SeenPerson(track, looked.camera, looked.times, str(number), looked.notes)
        distances: list[np.ndarray] = []

        def place(motion: Motion) -> Motion:
            moved, apart = seen.placed(motion)
            distances.append(apart)
            return moved

        person = seen.leaning_on(self._solver.solved(seen.person))
        line, motion = self._solver.solve_person(person, path, target, place=place)
        for output in (pathlib.Path(output) for output in line["outputs"] if output.endswith(".npz")):
            _add(output, _beside(track, looked.camera))
        return {**line, **self._told(track, looked, distances[0])}, self._seen_body(motion, track)

    def _told(self, track: Track, looked: _Looked, distance: np.ndarray) -> Line:
        """What is told of a person beside what is told of joints."""
        return {
            "people_found": len(looked.people),
            "frames_seen": int(track.seen.sum()),
            "frames_without_person": tracks.without_person(track.seen),
            "estimator": f"blazepose {self._estimator().size}",
            **({} if self._tell is None else {"image_network": self._options.image_network}),
            "focal_px": round(looked.camera.focal, 1),
            "focal_from": looked.camera.source,
            "picture_px": round(float(np.nanmean(distance)), 1),
        }

    def _seen_body(self, motion: Motion, track: Track) -> overlay_film.SeenBody:
        body = self._solver.drawn_body()

        def vertices(first: int, last: int) -> np.ndarray:
            part = slice(first, last)
            pose = {"global_orient": motion.global_orient[part], "body_pose": motion.body_pose[part]}
            betas = motion.betas[part, : body.num_betas]
            return body({**pose, "betas": betas, "transl": motion.transl[part]})["vertices"].numpy()

        return overlay_film.SeenBody(vertices, track.seen)

    def _draw(
        self, path: pathlib.Path, target: pathlib.Path, bodies: Sequence[overlay_film.SeenBody], looked: _Looked
    ) -> pathlib.Path:
        """Writes the picture or video with the bodies over it, and gives its path."""
        from niki_tf import drawing

        faces = self._solver.drawn_body().faces.numpy()
        images = (image for _, image in self._frames(path))
        drawn = overlay_film.film(images, bodies, faces, focal=looked.camera.focal, center=looked.camera.center)
        output = target.with_name(f"{target.name}_overlay")
        if pictures.is_picture(path):
            output = output.with_name(f"{output.name}.png")
            with files.atomic_write(output) as temporary:
                drawing.write_image(temporary, next(drawn))
            return output
        span = looked.times[-1] - looked.times[0]
        return overlay_film.write_film(output, drawn, fps=(len(looked.times) - 1) / span if span > 0 else 1.0)


def _beside(track: Track, camera: PictureCamera) -> dict[str, Any]:
    """What .npz files hold beside the motion."""
    return {
        "person_seen": track.seen,
        "frame_of": "camera",
        "focal_px": camera.focal,
        "focal_from": camera.source,
        "principal_point_px": camera.center,
        "picture_size_px": np.array([camera.width, camera.height]),
        "landmarks_px": track.picture,
        "landmarks_visibility": track.visibility,
        "landmarks_presence": track.presence,
    }


def _add(path: pathlib.Path, arrays: dict[str, Any]) -> None:
    """Adds arrays to an .npz file."""
    everything = {**archives.read_arrays(path), **arrays}
    with files.atomic_write(path) as temporary:
        np.savez(temporary, **everything)
