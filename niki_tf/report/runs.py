"""Running analyses: each into a folder of its own, whole or not at all; those that are finished stay.

A folder DIR/NAME holds what the command of the analysis wrote, `printed.txt`, what it printed, and `analysis.json`: the
command, versions of packages, the checksums of the weights, and the motion or the sets of images. An analysis is
finished if that is what it would be run with now.
"""

import concurrent.futures
import functools
import importlib.metadata
import itertools
import json
import pathlib
import platform
import shlex
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from niki_tf import files
from niki_tf.evaluation import records
from niki_tf.evaluation.filters import FILTERS
from niki_tf.evaluation.protocols.joint_sets import RENAMED
from niki_tf.evaluation.tables import Row
from niki_tf.io import amass
from niki_tf.report.analysis import EVALUATE, FORMATS, SOLVE, Analysis, Images
from niki_tf.solvers import zoo

RECORD, PRINTED = "analysis.json", "printed.txt"
_PACKAGES = ("niki-tf", "tensorflow", "tensorflow-probability", "keras", "numpy")
_MOTION_FLAG = {EVALUATE: "motion", FORMATS: "motion", SOLVE: "input"}
_WEIGHTS = "model.keras"
_QUICK_CLIPS, _QUICK_FRAMES = 2, 32
"""Clips, and about how many frames, that a quick analysis takes."""
_ENDS = (*FILTERS, RENAMED)
"""The ends of solvers' names, besides `+finish`."""

_NOT_RUN = "it was not run yet"
_NO_IMAGES = "`images` must be given for analyses of images; got none. See report.Images."

Run = Callable[[list[str], pathlib.Path], str]
"""Runs a command, whose --output is the folder, writes what it printed into it; says why it failed, if it did."""


class Setting(NamedTuple):
    """What all analyses share."""

    motion: str
    """Folder, file or pattern of motion files."""
    output: pathlib.Path
    """Folder that holds those of the analyses."""
    quick: bool = False
    """Whether each analysis takes few clips and few solvers."""
    images: Images | None = None
    """What the analyses of images are run with; needed by them alone."""

    def command(self, analysis: Analysis, *, output: pathlib.Path | None = None) -> list[str]:
        """The words of the command of an analysis, which writes into `output`, or else its own folder."""
        place = str(self.output / analysis.name if output is None else output)
        flags = analysis.flags(quick=self.quick)
        if analysis.of_images:
            words = self._image_words()
            flags = [*itertools.chain(*(words.get(name, [name]) for name in flags))]
            return ["python", analysis.program, *flags, f"--output={place}"]
        flag = _MOTION_FLAG.get(analysis.program)
        first = str(amass.motion_files(self.motion)[0][0]) if flag == "input" else self.motion
        given = [f"--{flag}={first}"] if flag else []
        if self.quick:
            strides = _strides(self.motion)
            flags = [name.format(**strides) for name in flags]
        return ["python", analysis.program, *given, *flags, f"--output={place}"]

    def _image_words(self) -> dict[str, list[str]]:
        if self.images is None:
            raise ValueError(_NO_IMAGES)
        return self.images.words


class Result(NamedTuple):
    """What there is of an analysis."""

    analysis: Analysis
    command: str
    folder: pathlib.Path
    reason: str = ""
    """Why there is nothing; empty if it is finished."""

    @property
    def is_untrained(self) -> bool:
        """Whether its solvers neither ship nor were trained."""
        return bool(self.analysis.trained_by) and self.reason.endswith(self.analysis.trained_by)

    @property
    def rows(self) -> list[Row]:
        """The rows that the command wrote; none if it writes none or is not finished."""
        found = [path for path in sorted(self.folder.glob("*.json")) if path.name != RECORD]
        return [] if self.reason or not found else json.loads(found[0].read_text())

    @property
    def figures(self) -> list[pathlib.Path]:
        """The pictures that the command wrote."""
        return [] if self.reason else sorted(self.folder.glob("*.png"))

    @property
    def printed(self) -> str:
        """What the command printed."""
        path = self.folder / PRINTED
        return path.read_text() if not self.reason and path.is_file() else ""

    @property
    def record(self) -> dict[str, Any]:
        """What it was measured with: command, versions, weights, motion, commit."""
        return {} if self.reason else json.loads((self.folder / RECORD).read_text())


@functools.lru_cache(maxsize=8)
def _strides(motion: str) -> dict[str, int]:
    """Every how many clips and frames a quick analysis takes; frames are told from the first file and all sizes."""
    found = amass.motion_files(motion)[0]
    sizes = [file.stat().st_size for file in found]
    frames = len(amass.load_clips(found[0])[0]) * sum(sizes) / sizes[0]
    return {"clips": -(-len(found) // _QUICK_CLIPS), "frames": max(round(frames / _QUICK_FRAMES), 1)}


def versions() -> dict[str, str]:
    """Name -> version of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}


def weights(analyses: Sequence[Analysis], *, quick: bool) -> dict[str, str]:
    """SHA-256 of the weights of the solvers that analyses name, by the solvers' names."""
    names = [name for analysis in analyses for name in analysis.solvers(quick=quick)]
    bases = {zoo.parse_name(name, filters=_ENDS).base for name in names}
    found = {base: zoo.find(base) for base in sorted(bases - set(_untrained(analyses, quick=quick)))}
    return {name: records.sha256(folder / _WEIGHTS) for name, folder in found.items() if folder is not None}


def _untrained(analyses: Sequence[Analysis], *, quick: bool) -> list[str]:
    """Names of solvers that do not ship and were not trained."""
    trained = [analysis for analysis in analyses if analysis.trained_by]
    names = [name for analysis in trained for name in analysis.solvers(quick=quick)]
    return [name for name in names if not pathlib.Path(name, _WEIGHTS).is_file()]


def is_finished(analysis: Analysis, setting: Setting) -> bool:
    """Whether an analysis was run whole, as it would be run now."""
    path = setting.output / analysis.name / RECORD
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {**found, "git_commit": None} == {**_key(analysis, setting), "git_commit": None}


def run_all(
    analyses: Sequence[Analysis],
    setting: Setting,
    *,
    run: Run,
    at_once: int = 1,
    done: Callable[[Analysis], None] = lambda analysis: None,
    stop: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Runs the analyses that are not finished, and gives what there is of all.

    Args:
        analyses: in the order of the results.
        setting: motion, output folder, how much.
        run: runs a command.
        at_once: how many are run at the same time; those that measure times are run alone, before the others.
        done: is called after each analysis.
        stop: ends the commands that are running; called if this is interrupted.
    """
    files.remove_partial(setting.output)
    timed = [analysis for analysis in analyses if analysis.is_timed]
    others = [analysis for analysis in analyses if not analysis.is_timed]
    found: dict[str, Result] = {}

    def run_one(analysis: Analysis) -> None:
        reason = "" if is_finished(analysis, setting) else _run(analysis, setting, run)
        found[analysis.name] = _result(analysis, setting, reason)
        done(analysis)

    pool = concurrent.futures.ThreadPoolExecutor(at_once)
    try:
        for analysis in timed:
            run_one(analysis)
        list(pool.map(run_one, others))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        stop()
        raise
    finally:
        pool.shutdown()
    return [found[analysis.name] for analysis in analyses]


def found_so_far(analyses: Sequence[Analysis], setting: Setting) -> list[Result]:
    """What there is of all analyses; nothing is run."""
    return [_result(one, setting, "" if is_finished(one, setting) else _NOT_RUN) for one in analyses]


def _run(analysis: Analysis, setting: Setting, run: Run) -> str:
    """Runs one analysis into its folder; says why it failed, if it did, and leaves no folder then."""
    if missing := _untrained([analysis], quick=setting.quick):
        return f"{missing[0]} must be trained first: {analysis.trained_by}"
    place, key = setting.output / analysis.name, _key(analysis, setting)
    try:
        with files.atomic_write(place) as partial:
            partial.mkdir()
            if reason := run(setting.command(analysis, output=partial), partial):
                raise _FailedError(reason)
            (partial / RECORD).write_text(json.dumps(key, indent=1) + "\n")
            printed = partial / PRINTED
            if printed.is_file():
                printed.write_text(printed.read_text().replace(str(partial), str(place)))
    except _FailedError as failed:
        return str(failed)
    return ""


class _FailedError(Exception):
    """A command ended with an error."""


def _result(analysis: Analysis, setting: Setting, reason: str) -> Result:
    return Result(analysis, shlex.join(setting.command(analysis)), setting.output / analysis.name, reason)


def _key(analysis: Analysis, setting: Setting) -> dict[str, Any]:
    """What an analysis is run with."""
    return {
        "command": shlex.join(setting.command(analysis)),
        "versions": versions(),
        **(_of_images(setting) if analysis.of_images else _of_motion(analysis, setting)),
        "git_commit": records.git_commit(),
    }


def _of_motion(analysis: Analysis, setting: Setting) -> dict[str, Any]:
    return {
        "weights_sha256": weights([analysis], quick=setting.quick),
        "motion": _sizes(amass.motion_files(setting.motion)[0]),
    }


def _of_images(setting: Setting) -> dict[str, Any]:
    """Weights and sets of all that was given for images."""
    if setting.images is None:
        raise ValueError(_NO_IMAGES)
    folders = {name: zoo.find(zoo.parse_name(name).base) for name in setting.images.solvers}
    folders |= {name: pathlib.Path(name) for name in (setting.images.backbone, *setting.images.image_solvers)}
    return {
        "weights_sha256": {name: records.sha256(one / _WEIGHTS) for name, one in folders.items() if one is not None},
        "images": {folder: _sizes([*pathlib.Path(folder).glob("*.tfrecord")]) for folder in setting.images.sets},
    }


def _sizes(found: Sequence[pathlib.Path]) -> dict[str, int]:
    return {"files": len(found), "bytes": sum(file.stat().st_size for file in found)}
