"""Videos: reading them frame by frame, upright, with the times of the file, at constant memory."""

import os
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np

ENDINGS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".3gp")
"""Of videos."""
_MISSING_FRAMES = 2
"""Frames fewer than the file says that are nothing to tell: files count roughly."""


class Frame(NamedTuple):
    """A frame of a video."""

    time: float
    """Seconds from the beginning of the file."""
    image: np.ndarray
    """uint8 (H, W, 3), red, green, blue."""


def is_video(path: str | os.PathLike) -> bool:
    """Whether a file is a video, by its ending."""
    return pathlib.Path(path).suffix.lower() in ENDINGS


class Video:
    """The frames of a video, which can be gone through several times.

    Read by PyAV where that is installed, else by OpenCV.

    Args:
        path: of the file.
        start: seconds at which to begin.
        end: seconds at which to stop; at the end of the file if None.
        stride: every so many-th frame is given.

    Raises:
        ValueError: the file is not there or is no video, or a number is out of range.
    """

    def __init__(
        self, path: str | os.PathLike, *, start: float = 0.0, end: float | None = None, stride: int = 1
    ) -> None:
        self.path = pathlib.Path(path).expanduser()
        if not self.path.is_file():
            raise ValueError(f"`path` must be a video; nothing is at {str(self.path)!r}.")
        if start < 0 or (end is not None and end <= start):
            raise ValueError(f"`start` and `end` must be seconds, 0 or more, in this order; got {start} and {end}.")
        if stride < 1:
            raise ValueError(f"`stride` must be 1 or more; got {stride}.")
        self._start, self._end, self._stride = start, end, stride
        self.notes: tuple[str, ...] = ()
        """What went wrong when it was read last: it ends early."""

    def __iter__(self) -> Iterator[Frame]:
        """The frames from `start` to `end`.

        Raises:
            ValueError: the file is no video, or has no frame in between.
        """
        self.notes, given, read = (), 0, 0
        for frame in _frames(self.path, self._start, self):
            if self._end is not None and frame.time >= self._end:
                break
            if frame.time < self._start - 1e-6:
                continue
            if read % self._stride == 0:
                given += 1
                yield frame
            read += 1
        if not given:
            raise ValueError(
                f"`path` must be a video with frames from {self._start:g} s on; {str(self.path)!r} has none that "
                "can be read."
            )


def _frames(path: pathlib.Path, start: float, video: Video) -> Iterator[Frame]:
    """All frames from the last key frame before `start` on."""
    try:
        import av
    except ImportError:
        return _by_opencv(path, video)
    return _by_pyav(av, path, start, video)


def _by_pyav(av: Any, path: pathlib.Path, start: float, video: Video) -> Iterator[Frame]:
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise _no_video(path, error) from None
    with container:
        if not container.streams.video:
            raise _no_video(path, "there are no pictures in it")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first, count, last = float((stream.start_time or 0) * stream.time_base), 0, None
        if start > 0:
            container.seek(int((start + first) / stream.time_base), stream=stream)
        try:
            for decoded in container.decode(stream):
                last = _time(decoded, last, stream) if decoded.time is None else decoded.time - first
                count += 1
                yield Frame(last, _upright(decoded.to_ndarray(format="rgb24"), getattr(decoded, "rotation", 0)))
        except av.error.FFmpegError as error:
            video.notes = (f"The video ends early: after {count} frames it cannot be read ({error.strerror}).",)
            return
        _note_missing(video, count if start == 0 else None, stream.frames)


def _time(decoded: Any, last: float | None, stream: Any) -> float:
    """Seconds of a frame whose time the file does not tell."""
    return 0.0 if last is None else last + 1.0 / float(stream.average_rate or 30)


def _upright(image: np.ndarray, rotation: float) -> np.ndarray:
    """The picture turned to the left by `rotation` degrees, to which the file says it is to be."""
    return np.ascontiguousarray(np.rot90(image, round(rotation / 90) % 4))


def _by_opencv(path: pathlib.Path, video: Video) -> Iterator[Frame]:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise _no_video(path, "OpenCV cannot open it")
    try:
        rate, count, before = capture.get(cv2.CAP_PROP_FPS) or 30.0, 0, -1.0
        while True:
            there, image = capture.read()
            if not there:
                break
            told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            before = told if told > before else before + 1 / rate if count else 0.0
            count += 1
            yield Frame(before, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        _note_missing(video, count, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        capture.release()


def _note_missing(video: Video, count: int | None, told: int) -> None:
    """Notes that there are fewer frames than the file tells."""
    if count is not None and told - count > _MISSING_FRAMES:
        video.notes = (f"The video ends early: {count} of {told} frames could be read.",)


def _no_video(path: pathlib.Path, reason: object) -> ValueError:
    return ValueError(f"`path` must be a video ({', '.join(ENDINGS)}); {str(path)!r} cannot be read ({reason}).")
