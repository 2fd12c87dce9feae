"""A solved motion to files: one function a format, chosen by the ending."""

from __future__ import annotations

import inspect
import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from niki_tf import files, rotations, skeletons
from niki_tf.body.body import Body
from niki_tf.body.body_data import BodyData
from niki_tf.body.mannequin import mannequin
from niki_tf.inference import steady
from niki_tf.io import amass, bvh, bvh_motion, bvh_retarget, gltf
from niki_tf.io.bvh_file import BvhFile
from niki_tf.log import logger
from niki_tf.motion.clip import Clip
from niki_tf.skeletons import axes, naming

if TYPE_CHECKING:
    from niki_tf.drawing.moving_body import MovingBody
    from niki_tf.inference.motion import Motion

_MOMENTS = 4
"""Of a picture."""


def save(motion: Motion, path: str | os.PathLike, **options: Any) -> pathlib.Path:
    """Writes a motion in the format of the ending of `path`; see `Motion.save`."""
    path = pathlib.Path(path)
    if path.suffix.lower() not in SAVERS:
        raise ValueError(f"`path` must end in {', '.join(SAVERS)}; got {str(path)!r}.")
    saver = SAVERS[path.suffix.lower()]
    known = options_of(path.suffix)
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no option of {path.suffix} files, which have {', '.join(known)}.")
    saver(motion, path, **options)
    if note := time_note(motion, path.suffix):
        logger.warning("%s: %s", path, note)
    return path


def time_note(motion: Motion, ending: str) -> str:
    """What is done in files of this ending for frames that are not evenly spaced; empty if nothing need be said."""
    times = steady.uneven_times(motion)
    if times is None or ending.lower() not in (".npz", ".bvh", ".mp4"):
        return ""
    if ending.lower() == ".npz":
        return f"The frames are not evenly spaced: `times` holds their seconds, the mean rate is {motion.fps:.4g}."
    rate = steady.steady_rate(times)
    return f"The frames are not evenly spaced: {ending} is written at a steady {rate:.4g} frames per second."


def options_of(ending: str) -> tuple[str, ...]:
    """Names of the options of the format with this ending, one of `SAVERS`."""
    return tuple(inspect.signature(SAVERS[ending.lower()]).parameters)[2:]


def save_npz(
    motion: Motion,
    path: pathlib.Path,
    *,
    original: str | os.PathLike | None = None,
    columns: int | None = None,
    up: str = "y",
) -> None:
    """Writes AMASS's layout; keys `up` and `trans_convention` say what axes and what position it holds.

    Where frames are not evenly spaced, a key `times` (T,) has their seconds; `io.load_clips` reads it again.

    Args:
        motion: T frames.
        path: ends in .npz.
        original: a file of the same frames whose fingers, face, gender and other keys are kept; see `io.save_clip`.
        columns: of `poses`; see `io.save_clip`.
        up: the axis that is up in the file. AMASS's own files have "z".
    """
    root, transl = _turned(motion, up)
    times = steady.uneven_times(motion)
    poses = motion.rotation_vectors.copy()
    poses[:, 0] = rotations.matrix_to_rotvec(root).numpy()
    clip = Clip(poses=poses, trans=transl, fps=motion.fps, betas=motion.betas[0], name=path.stem, up=up, times=times)
    amass.save_clip(path, clip, original=original, columns=columns)


def save_bvh(
    motion: Motion,
    path: pathlib.Path,
    *,
    bone_names: str = "smpl",
    unit: float = 0.01,
    up: str = "y",
    rig: BvhFile | None = None,
) -> None:
    """Writes a rig of SMPL's bones, or the `rig` that the joints came from, in this motion.

    Frames that are not evenly spaced are written at a steady rate.

    Args:
        motion: T frames.
        path: ends in .bvh.
        bone_names: smpl, mixamo, unity or vrm.
        unit: metres in one unit of the file; centimetres unless given.
        up: the axis that is up in the file.
        rig: what `io.bvh.read_bvh` read of the file whose joints were solved, T frames: its bones, names, channels,
            unit and axes are kept, and the options above do not count.
    """
    if rig is not None:
        bvh.write_bvh(path, _retargeted(motion, rig))
        return
    motion = steady.steady(motion)
    root, transl = _turned(motion, up)
    local = motion.rotations if up == "y" else np.concatenate([root[:, None], motion.rotations[:, 1:]], 1)
    rest = motion.rest_joints
    made = bvh_motion.from_motion(
        local, rest_joints=rest, transl=transl, fps=motion.fps, bone_names=bone_names, unit=unit
    )
    bvh.write_bvh(path, made)


def save_glb(
    motion: Motion, path: pathlib.Path, *, body: BodyData | Body | None = None, bone_names: str = "smpl"
) -> None:
    """Writes a skinned, animated body in metres with y up, which are glTF's own axes.

    Args:
        motion: T frames.
        path: ends in .glb.
        body: that is written; the mannequin if None.
        bone_names: smpl, mixamo, unity or vrm.
    """
    posed = body or mannequin()
    betas = _of_length(motion.betas[0], posed.num_betas)
    gltf.write_glb(
        path,
        posed,
        rotations=motion.rotations,
        transl=motion.transl,
        fps=motion.fps,
        times=steady.uneven_times(motion),
        betas=betas,
        bone_names=bone_names,
    )


def save_mp4(motion: Motion, path: pathlib.Path, *, body: BodyData | Body | None = None, image_size: int = 400) -> None:
    """Writes a video of the body, every frame, in real time, at a steady rate; needs PyAV.

    Args:
        motion: T frames.
        path: ends in .mp4.
        body: that is drawn; the mannequin if None.
        image_size: pixels, height and width.
    """
    from niki_tf.drawing import video

    motion = steady.steady(motion)
    video.write_video(path, _drawn(motion, body).film(image_size=image_size), fps=motion.fps)


def save_png(motion: Motion, path: pathlib.Path, *, body: BodyData | Body | None = None, image_size: int = 400) -> None:
    """Writes a picture of four moments side by side.

    Args:
        motion: T frames.
        path: ends in .png.
        body: that is drawn; the mannequin if None.
        image_size: pixels, height and width of a moment.
    """
    from niki_tf import drawing

    image = _drawn(motion, body).strip(_MOMENTS, image_size=image_size)
    with files.atomic_write(path) as temporary:
        drawing.write_image(temporary, image)


SAVERS: dict[str, Callable[..., None]] = {
    ".npz": save_npz,
    ".bvh": save_bvh,
    ".glb": save_glb,
    ".mp4": save_mp4,
    ".png": save_png,
}
"""Ending -> what writes it."""


def _turned(motion: Motion, up: str) -> tuple[np.ndarray, np.ndarray]:
    """Rotations of the root (T, 3, 3) and transl (T, 3) in axes of which `up` is up."""
    if up not in axes.AXES:
        raise ValueError(f"`up` must be one of {', '.join(axes.AXES)}; got {up!r}.")
    if up == "y":
        return motion.rotations[:, 0], motion.transl
    turn, pelvis = axes.Y_UP[up].T, motion.rest_joints[0].astype(np.float64)
    moved = (motion.transl + pelvis) @ turn.T - pelvis
    return (turn @ motion.rotations[:, 0]).astype(np.float32), moved.astype(np.float32)


def _of_length(betas: np.ndarray, count: int) -> np.ndarray:
    """Betas (count,): zeros are added, or those beyond are left out."""
    if np.any(betas[count:]):
        logger.warning("%d betas do not fit into the file and are left out.", np.count_nonzero(betas[count:]))
    return np.pad(betas[:count], (0, max(count - len(betas), 0)))


def _retargeted(motion: Motion, rig: BvhFile) -> BvhFile:
    """The rig in this motion, in its own unit and axes."""
    if motion.mirrored or motion.layout is None:
        raise ValueError("`rig` must be of a motion solved from its joints in right-handed axes; write it without.")
    points = naming.from_names(rig.names, strict=False).points
    mapping = {
        name: skeletons.SMPL_24.index(point)
        for name, point in zip(rig.names, points, strict=True)
        if isinstance(point, str) and point in skeletons.SMPL_24.names
    }
    local = motion.rotations.copy()
    local[:, 0], transl = _turned(motion, motion.layout.up)
    pelvis = transl + motion.rest_joints[0]
    return bvh_retarget.retarget(rig, rotations=local, pelvis=pelvis, mapping=mapping, unit=motion.layout.unit)


def _drawn(motion: Motion, posed: BodyData | Body | None) -> MovingBody:
    from niki_tf.drawing.moving_body import MovingBody

    layer = posed if isinstance(posed, Body) else Body(posed or mannequin())
    betas = _of_length(motion.betas[0], layer.num_betas)

    def vertices(start: int, stop: int) -> np.ndarray:
        part = slice(start, stop)
        pose = {"global_orient": motion.global_orient[part], "body_pose": motion.body_pose[part]}
        return layer({**pose, "betas": betas, "transl": motion.transl[part]})["vertices"].numpy()

    return MovingBody(vertices, layer.faces.numpy(), joints=motion.joints(), fps=motion.fps)
