"""What Apache Beam's workers do with files: read them, solve clips or shards of long ones, put together, write.

A clip of up to `long_motion.WHOLE` frames is one record. A longer one is cut into the pieces that it is cut into on one
machine, which overlap; what all pieces share, shape, cuts, axes and ground, is found from the whole, as there.
"""

import dataclasses
import functools
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from niki_tf import body
from niki_tf.cli import beam_files
from niki_tf.cli.beam_files import Job
from niki_tf.cli.solve_files import FileSolver, Options, Source, targets_of
from niki_tf.inference import Motion, long_motion
from niki_tf.inference.long_motion import Part
from niki_tf.inference.points import PointsAnswer
from niki_tf.inference.solve import PersonTask
from niki_tf.skeletons import PointSet

BAD, LONG = "bad", "long"
"""Outputs beside the main one: what failed and why, and clips that are solved in shards."""
METRICS = "niki_tf"
"""Namespace of the counters `solved`, `bad`, `frames` and `shards`, and of the distribution `clip_ms`."""


@dataclasses.dataclass(frozen=True)
class Clip:
    """A file on its way."""

    job: Job
    sources: list[Source]
    found: list[Any] = dataclasses.field(default_factory=list)
    """Of each person the `Motion`, or, of a clip that is solved in shards, the answers so far; or what failed."""


class Failed(NamedTuple):
    """Why something has no answer."""

    reason: str


class Shard(NamedTuple):
    """Frames of a long clip that are solved by themselves."""

    part: Part
    point_set: PointSet
    frames: int
    """Of the whole clip."""


@functools.lru_cache(maxsize=1)
def solver_of(options: Options) -> FileSolver:
    """The solver of files by these options, loaded once a process."""
    data = body.mannequin() if options.body == "mannequin" else body.load_body(options.body)
    return FileSolver(options, data)


class Read(beam.DoFn):
    """`Job` -> `Clip`."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def process(self, job: Any) -> Iterator[Any]:
        """The clip of a file, or why it cannot be read."""
        try:
            with beam_files.copy_here(job.path) as here:
                clip = _clip(job, here, solver_of(self._options))
        except Exception as error:  # whatever is wrong with one file, the others are solved
            yield _bad(job, _reason(error))
            return
        yield clip


class _Handler(ModelHandler):
    """What RunInference's handlers share: the shipped .keras solver, one element at a time."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options

    def load_model(self) -> FileSolver:
        """The solver of files, which loads what it needs once."""
        return solver_of(self._options)

    def batch_elements_kwargs(self) -> dict[str, int]:
        """One element at a time, so that what is finished is written before the next begins."""
        return {"min_batch_size": 1, "max_batch_size": 1}


class ClipHandler(_Handler):
    """RunInference's handler of `Clip`s: whole clips or the beginning of long ones."""

    def run_inference(
        self, batch: Sequence[Clip], model: FileSolver, inference_args: Mapping[str, Any] | None = None
    ) -> Iterable[PredictionResult]:
        """One result a clip, of all its people."""
        return [PredictionResult(None, dataclasses.replace(clip, found=_begun(clip, model))) for clip in batch]

    def get_num_bytes(self, batch: Sequence[Clip]) -> int:
        """Bytes of the joints."""
        return sum(source.person.joints.nbytes for clip in batch for source in clip.sources)


class ShardHandler(_Handler):
    """RunInference's handler of `Shard`s."""

    def run_inference(
        self, batch: Sequence[Shard], model: FileSolver, inference_args: Mapping[str, Any] | None = None
    ) -> Iterable[PredictionResult]:
        """One result a shard: its `PointsAnswer`, or `Failed`."""
        return [PredictionResult(None, _of_shard(shard, model)) for shard in batch]

    def get_num_bytes(self, batch: Sequence[Shard]) -> int:
        """Bytes of the points."""
        return sum(shard.part.observed.points.nbytes for shard in batch)


class Split(beam.DoFn):
    """A long `Clip` -> ((path, person, number), `Shard`)."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def process(self, clip: Any) -> Iterator[Any]:
        """The shards of all people that have an answer so far."""
        for person, (source, answers) in enumerate(zip(clip.sources, clip.found, strict=True)):
            if isinstance(answers, Failed):
                continue
            parts = _replayed(solver_of(self._options).task(source.person), answers)
            for number, part in enumerate(() if isinstance(parts, Motion) else parts):
                Metrics.counter(METRICS, "shards").inc()
                yield (clip.job.path, person, number), Shard(part, source.person.point_set, len(source.person))


class Join(beam.DoFn):
    """(path, {"clip": [`Clip`], "shards": [(person, number, answer)]}) -> `Clip` with motions."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def process(self, grouped: Any) -> Iterator[Any]:
        """The clip, every person of which is a `Motion` or `Failed`."""
        (clip,), found = grouped[1]["clip"], sorted(grouped[1]["shards"], key=lambda shard: shard[:2])
        ended = []
        for person, (source, answers) in enumerate(zip(clip.sources, clip.found, strict=True)):
            shards = [answer for of, _, answer in found if of == person]
            wrong = [one for one in (answers, *shards) if isinstance(one, Failed)]
            ended.append(wrong[0] if wrong else _ended(source, answers, shards, solver_of(self._options)))
        yield dataclasses.replace(clip, found=ended)


class Write(beam.DoFn):
    """`Clip` with motions -> lines of what was found; a long clip without them goes to `LONG`."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def process(self, clip: Any) -> Iterator[Any]:
        """The lines of a clip, after all its outputs are there."""
        wrong = [found for found in clip.found if isinstance(found, Failed)]
        if wrong:
            yield _bad(clip.job, wrong[0].reason)
        elif not all(isinstance(found, Motion) for found in clip.found):
            yield beam.pvalue.TaggedOutput(LONG, clip)
        else:
            try:
                yield from _written(clip, solver_of(self._options))
            except Exception as error:
                yield _bad(clip.job, _reason(error))


def _clip(job: Job, here: Path, solver: FileSolver) -> Clip:
    """The people of a file, of which there is a copy here that messages do not name."""
    try:
        return Clip(job, solver.sources(here))
    except Exception as error:
        raise ValueError(_reason(error).replace(str(here), job.path)) from None


def _begun(clip: Clip, solver: FileSolver) -> list[Any]:
    """Of each person the motion, or, if one of them is long, the answers up to where there are shards; or `Failed`."""
    started, long = time.perf_counter(), _is_long(clip)
    found: list[Any] = []
    for source in clip.sources:
        try:
            task = solver.task(source.person)
            found.append(_prefix(task) if long else long_motion.answered(task.steps(), task.solve_part))
        except Exception as error:
            found.append(Failed(_reason(error)))
    Metrics.distribution(METRICS, "clip_ms").update(int(1000 * (time.perf_counter() - started)))
    return found


def _is_long(clip: Clip) -> bool:
    return any(len(source.person) > long_motion.WHOLE for source in clip.sources)


def _prefix(task: PersonTask) -> list[list[PointsAnswer]]:
    """The answers to the single parts that come before there are several at a time."""
    answers: list[list[PointsAnswer]] = []
    while not isinstance(parts := _replayed(task, answers), Motion) and len(parts) == 1:
        answers.append([task.solve_part(*parts[0])])
    return answers


def _replayed(task: PersonTask, answers: Sequence[Sequence[PointsAnswer]]) -> list[Part] | Motion:
    """The parts that are next, after these answers; or the motion, if they were all."""
    steps = task.steps()
    parts = next(steps)
    try:
        for known in answers:
            parts = steps.send(known)
    except StopIteration as end:
        return end.value
    return list(parts)


def _of_shard(shard: Shard, solver: FileSolver) -> PointsAnswer | Failed:
    try:
        return solver.solve_part(shard.part, shard.point_set, frames=shard.frames)
    except Exception as error:
        return Failed(_reason(error))


def _ended(source: Source, answers: list[Any], shards: list[Any], solver: FileSolver) -> Motion | Failed:
    """The motion of a person whose parts are all answered."""
    try:
        motion = _replayed(solver.task(source.person), [*answers, shards] if shards else answers)
        assert isinstance(motion, Motion)
        return motion
    except Exception as error:
        return Failed(_reason(error))


def _written(clip: Clip, solver: FileSolver) -> Iterator[dict[str, Any]]:
    """Writes the outputs of a clip, then the file that says so; the lines of what was found."""
    there, name = clip.job.target.rsplit("/", 1) if "/" in clip.job.target else (".", clip.job.target)
    with beam_files.copy_here(clip.job.path) as here, tempfile.TemporaryDirectory() as folder:
        lines, files = [], []
        for source, motion, target in zip(
            clip.sources, clip.found, targets_of(clip.sources, Path(folder) / name), strict=True
        ):
            kept = dataclasses.replace(source, original=source.original and here)
            line = solver.written(solver.with_note(motion, source.person), kept, here, target)
            outputs = [f"{there}/{Path(output).name}" for output in line["outputs"]]
            files += [(Path(written), output) for written, output in zip(line["outputs"], outputs, strict=True)]
            lines.append({**line, "file": clip.job.path, "outputs": outputs})
        marker = Path(folder) / "solved.json"
        marker.write_text(json.dumps(lines))
        beam_files.publish([*files, (marker, clip.job.target + beam_files.DONE)])
    Metrics.counter(METRICS, "solved").inc()
    Metrics.counter(METRICS, "frames").inc(sum(line["frames"] for line in lines))
    yield from lines


def _bad(job: Job, reason: str) -> Any:
    """A dead letter."""
    Metrics.counter(METRICS, "bad").inc()
    return beam.pvalue.TaggedOutput(BAD, {"file": job.path, "error": reason})


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError | OSError | ImportError) and text else f"{type(error).__name__}: {text}"
