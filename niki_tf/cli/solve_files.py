"""One file of joints or of motion: read, solved, written in every format that is wanted, and what was found."""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from niki_tf import archives, body, io, rotations, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.cli.memory_flag import ANY, Memory, Need
from niki_tf.evaluation import metrics
from niki_tf.inference import Motion, long_motion, points, reading, saving
from niki_tf.inference.long_motion import Part
from niki_tf.inference.points import PointsAnswer
from niki_tf.inference.reading import Person
from niki_tf.inference.solve import STEPS, PersonTask, person_tasks
from niki_tf.io import bvh
from niki_tf.io.bvh_file import BvhFile
from niki_tf.motion.clip import LARGEST_BETA, Clip, check_size
from niki_tf.motion.pieces import pieces
from niki_tf.skeletons import PointSet, axes
from niki_tf.solvers import zoo

Line = dict[str, Any]
"""What was found of one person, by name."""

_USUAL_FPS = 30.0
_NEED = Need(first=5e8, frame=8e3, at_once=1e5)
"""Bytes of solving a motion: with `temporal_prior` pieces of 512 frames took 427 MB, of 2048 511; 59,000 frames more
273 MB."""
_FEWEST = 512
"""Frames of a piece at least: enough for the shape to be found."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How files are read and solved, and what is written; the flags of the program."""

    formats: tuple[str, ...] = ("npz", "png")
    skeleton: str | None = None
    unit: str | None = None
    up: str | None = None
    swap_sides: bool = False
    mirror: bool = False
    finish: str = "full"
    smoothing: str = "full"
    ground: str | None = None
    model: str | None = None
    fps: float | None = None
    betas: str | None = None
    trans: str = "transl"
    noise_mm: float = 0.0
    seed: int = 0
    frames: int | None = None
    body: str = "mannequin"
    bone_names: str = "smpl"


@dataclasses.dataclass(frozen=True)
class Source:
    """A person to solve, and what is known beside the joints."""

    person: Person
    joints: np.ndarray | None = None
    """True joints (T, 24, 3), metres, in the axes of the file."""
    local: np.ndarray | None = None
    """True local rotations (T, 24, 3, 3)."""
    original: pathlib.Path | None = None
    """The motion file of the same frames, or more."""
    rig: BvhFile | None = None
    """The rig that the joints are of."""


class FileSolver:
    """Solves files by the same options; what is loaded or compiled for one serves the next.

    Args:
        options: of all files.
        data: the body that is posed.
        memory: that may be taken.

    Raises:
        ValueError: an option names nothing.
    """

    def __init__(self, options: Options, data: body.BodyData, memory: Memory = ANY) -> None:
        self.options, self._data, self._memory = options, data, memory
        self._body_joints = data.body_joints() if options.body != "mannequin" else body.mannequin_joints()
        self._skeleton = reading.named_skeleton(options.skeleton, data) if options.skeleton else None
        self._betas = _betas_of(options.betas)
        self._drawn = functools.cache(lambda: body.Body(data))
        self._load = functools.cache(lambda name: zoo.load(name, body_joints=self._body_joints))
        if options.unit is not None:
            axes.metres_of(options.unit)
        if options.model is not None:
            self._load(options.model)

    def __call__(self, path: pathlib.Path, target: pathlib.Path) -> list[Line]:
        """Solves the people of a file and gives what was found of each.

        Args:
            path: a file, or a folder of frames.
            target: of the files that are written, without their ending; of several people each adds a name.

        Raises:
            ValueError: the file cannot be read or solved, or would be overwritten.
        """
        sources = self.sources(path)
        targets = targets_of(sources, target)
        return [self._solve_source(source, path, own)[0] for source, own in zip(sources, targets, strict=True)]

    def solve_person(
        self, person: Person, path: pathlib.Path, target: pathlib.Path, *, place: Callable[[Motion], Motion]
    ) -> tuple[Line, Motion]:
        """Solves one person of a file and gives what was found, and the motion.

        Args:
            person: that is solved.
            path: of the file that the person is in.
            target: of the files that are written, without their ending.
            place: what is done to the solved motion before it is written.

        Raises:
            ValueError: the person cannot be solved, or the input would be overwritten.
        """
        return self._solve_source(Source(person), path, target, place)

    def _solve_source(
        self,
        source: Source,
        path: pathlib.Path,
        target: pathlib.Path,
        place: Callable[[Motion], Motion] | None = None,
    ) -> tuple[Line, Motion]:
        started = time.perf_counter()
        motion = self.solved(source.person)
        motion = place(motion) if place else motion
        line = self.written(motion, source, path, target)
        return {**line, "seconds": round(time.perf_counter() - started, 2)}, motion

    def written(self, motion: Motion, source: Source, path: pathlib.Path, target: pathlib.Path) -> Line:
        """Writes the motion of a person in every format that is wanted, and gives what was found.

        Args:
            motion: that is written.
            source: the person.
            path: of the file that the person is in.
            target: of the files that are written, without their ending.

        Raises:
            ValueError: the input would be overwritten.
        """
        notes = [*source.person.notes, *motion.notes]
        outputs = [self._write(motion, source, path, target, ending, notes) for ending in self.options.formats]
        line = {"file": str(path), "person": source.person.name, **_found(motion, source)}
        return {**line, "notes": notes, "outputs": outputs}

    def people(self, path: pathlib.Path) -> list[Person]:
        """The people of a file of joints, or the joints of one of motion; ValueError if it cannot be read."""
        return [source.person for source in self.sources(path)]

    def drawn_body(self) -> body.Body:
        """The body that is drawn."""
        return self._drawn()

    def sources(self, path: pathlib.Path) -> list[Source]:
        """The people of a file; ValueError if it cannot be read."""
        self._memory.check_file(path)
        if io.is_motion(path):
            return [self._posed(path)]
        people = reading.read_people(path, skeleton=self._skeleton)
        people = [person.first(self.options.frames) for person in people]
        rig = None
        if path.suffix.lower() == ".bvh" and "bvh" in self.options.formats:
            read = bvh.read_bvh(path)
            rig = dataclasses.replace(read, values=read.values[: self.options.frames])
        return [Source(person, rig=rig) for person in people]

    def _posed(self, path: pathlib.Path) -> Source:
        """The joints of a file of rotations, with noise if that is wanted."""
        try:
            (clip,) = io.load_clips(path, fps=None, trans=self.options.trans)
        except ValueError as error:
            raise error.__cause__ or error from None  # without what is said to those who read a folder
        frames = self.options.frames or len(clip)
        betas = _of_length(clip.betas, self._body_joints.num_betas)
        local = rotations.rotvec_to_matrix(clip.poses[:frames]).numpy()
        joints = _joints(local, clip, self._body_joints(betas).numpy())
        noise = np.random.default_rng(self.options.seed).standard_normal(joints.shape, np.float32)
        person = Person(
            name="",
            joints=joints + self.options.noise_mm / 1000 * noise,
            point_set=skeletons.POINT_SETS["smpl_29"],
            fps=clip.fps,
            times=None if clip.times is None else clip.times[:frames],
            unit=1.0,
            up=clip.up,
            betas=betas,
        )
        return Source(person, joints[:, :24], local, path)

    def solved(self, person: Person) -> Motion:
        """The motion of one person; ValueError if it takes more than the memory."""
        self._solver(len(person))  # which takes memory of its own
        whole = self._memory.at_once(
            len(person), _NEED, usual=long_motion.WHOLE, least=_FEWEST, cure="Or solve a part by --frames."
        )
        task = self.task(person)
        return self.with_note(long_motion.answered(task.steps(whole=whole), task.solve_part), person)

    def solve_part(self, part: Part, point_set: PointSet, *, frames: int) -> PointsAnswer:
        """What `task(...).solve_part` gives for a part of a motion of so many frames."""
        return points.solve_points(
            part.observed,
            point_set=point_set,
            solver=self._solver(frames),
            steps=STEPS[self.options.finish],
            smooth=self.options.smoothing == "full",
        )

    def with_note(self, motion: Motion, person: Person) -> Motion:
        """The motion with a note where its frame rate is taken to be the usual one."""
        told = person.fps or person.times is not None or self.options.fps or len(person) == 1
        note = f"The file does not tell its frame rate, {_USUAL_FPS:g} is taken: give `fps`."
        return motion if told else dataclasses.replace(motion, notes=(*motion.notes, note))

    def task(self, person: Person) -> PersonTask:
        """The steps to the motion of one person; ValueError if it cannot be solved."""
        options = self.options
        betas = {"file": person.betas, "found": None}.get(self._betas) if isinstance(self._betas, str) else self._betas
        betas = None if betas is None else _of_length(betas, self._body_joints.num_betas)
        (task,) = person_tasks(
            person.joints,
            skeleton=person.point_set,
            arrays={"joint_sigma": person.joint_sigma, "betas": betas, "twist": person.twist},
            fps=person.fps or options.fps or _USUAL_FPS,
            times=person.times,
            solver=self._solver(len(person)),
            finish=options.finish,
            smoothing=options.smoothing,
            ground=options.ground or ("off" if person.in_camera else None),
            unit=options.unit or person.unit,
            up=options.up or person.up,
            swap_sides=options.swap_sides,
            mirror=options.mirror,
        )
        return task

    def _solver(self, frames: int) -> solvers.Solver:
        alone = frames == 1 or self.options.smoothing == "off"
        return self._load(self.options.model or ("one_stage" if alone else "temporal_prior"))

    def _write(
        self, motion: Motion, source: Source, path: pathlib.Path, target: pathlib.Path, ending: str, notes: list[str]
    ) -> str:
        """Writes one format and gives its path."""
        output = target.with_name(f"{target.name}.{ending}")
        if output.resolve() == path.resolve():
            raise ValueError(f"`output` must be another folder than that of the input; {output} would be overwritten.")
        wanted: dict[str, Any] = {"bone_names": self.options.bone_names}
        if ending in ("glb", "mp4", "png"):
            wanted["body"] = self._data if ending == "glb" else self._drawn()
        if source.original is not None and motion.layout is not None:
            wanted |= {"original": source.original, "up": motion.layout.up} if ending == "npz" else {}
        if source.rig is not None and ending == "bvh":
            turned = self.options.swap_sides or self.options.mirror
            wanted["rig"] = None if turned else source.rig
            if turned:
                notes.append("With `swap_sides` or `mirror` a rig of SMPL's bones is written, not the file's own.")
        known = saving.options_of(f".{ending}")
        motion.save(output, **{name: value for name, value in wanted.items() if name in known})
        notes += filter(None, [saving.time_note(motion, f".{ending}")])
        return str(output)


def _found(motion: Motion, source: Source) -> Line:
    """What is told of a motion."""
    layout, residual = motion.layout, motion.residual
    size = motion.shape.size if motion.shape else (layout.size if layout else np.nan)
    line: Line = {
        "frames": len(motion),
        "fps": round(motion.fps, 3),
        "skeleton": source.person.point_set.name,
        "unit": layout.unit_name if layout else None,
        "up": layout.up if layout else None,
        "size": None if np.isnan(size) else round(float(size), 3),
        "betas": "found" if motion.shape else "told",
        "joints_seen": round(float(np.isfinite(residual).sum(1).mean()), 1),
        "residual_mm": round(1000 * float(np.nanmean(residual)), 2),
    }
    return line | _errors(motion, source)


def _errors(motion: Motion, source: Source) -> Line:
    """Errors to the truth, means over the frames; none where the truth is not known."""
    if source.joints is None or source.local is None or motion.layout is None:
        return {}
    joints, turn = motion.joints()[:, : source.joints.shape[1]], motion.layout.rotation
    errors: dict[str, list[np.ndarray]] = {"mpjpe_mm": [], "world_mm": [], "rotation_deg": []}
    for part in pieces(len(motion)):
        true, local = source.joints[part] @ turn.T, source.local[part].copy()
        local[:, 0] = turn @ local[:, 0]
        errors["mpjpe_mm"].append(metrics.root_aligned_mpjpe(joints[part], true))
        errors["world_mm"].append(metrics.mpjpe(joints[part], true))
        errors["rotation_deg"].append(metrics.rotation_error_deg(motion.rotations[part], local))
    return {name: round(float(np.concatenate(values).mean()), 3) for name, values in errors.items()}


def _joints(local: np.ndarray, clip: Clip, rest: np.ndarray) -> np.ndarray:
    """The joints (T, 29, 3) in the world of a clip with rotations (T, 24, 3, 3), of a body at rest (29, 3)."""
    shift = clip.trans[: len(local)] - (rest[0] if clip.trans_convention == "pelvis" else 0.0)
    posed = []
    for part in pieces(len(local)):
        turned = local[part]
        joints, _ = kinematics.forward_kinematics(turned, np.broadcast_to(rest, [len(turned), *rest.shape]))
        posed.append(joints.numpy() + shift[part, None])
    return np.concatenate(posed)


def _betas_of(text: str | None) -> np.ndarray | str:
    """Betas (B,) that the flag tells, or "file", those of each file, or "found"."""
    if text in (None, "found"):
        return "file" if text is None else "found"
    if text == "zeros":
        return np.zeros(1, np.float32)
    assert text is not None
    path = pathlib.Path(text).expanduser()
    try:
        if path.is_file():
            betas = np.asarray(_betas_in(path))
        else:
            betas = np.array([float(number) for number in text.split(",")], np.float32)
    except (ValueError, OSError, KeyError, IndexError, EOFError) as error:
        raise ValueError(
            f"`betas` must be zeros, found, numbers with commas, or an .npz file with `betas` or an .npy file; got "
            f"{text!r} ({error})."
        ) from None
    if betas.dtype.kind not in "fiu" or not betas.size or betas.ndim > 2 or not np.isfinite(betas).all():
        raise ValueError(f"`betas` must be finite numbers; got {betas.dtype} {betas.shape} in {text!r}.")
    check_size(betas, "`betas`", LARGEST_BETA)
    return betas.astype(np.float32).reshape(-1, betas.shape[-1])[0]


def _betas_in(path: pathlib.Path) -> np.ndarray | None:
    """The `betas` of an .npz file, or the array of an .npy file."""
    if path.suffix == ".npz":
        return archives.read_arrays(path, names=["betas"])["betas"]
    return archives.read_array(path)


def _of_length(betas: np.ndarray, count: int) -> np.ndarray:
    """Betas (..., count): zeros are added, or those beyond, which the body has not, are left out."""
    missing = max(count - betas.shape[-1], 0)
    return np.pad(betas[..., :count], [(0, 0)] * (betas.ndim - 1) + [(0, missing)])


def targets_of(sources: Sequence[Source], target: pathlib.Path) -> list[pathlib.Path]:
    """Where the outputs of each person go, without their ending: of several people each adds a name."""
    names = [_safe(source.person.name or str(number)) for number, source in enumerate(sources)]
    return [target] if len(names) == 1 else [target.with_name(f"{target.name}_{name}") for name in names]


def _safe(name: str) -> str:
    """A person's name as a part of a file's."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
