"""Many files: which there are, where their outputs go, which are finished, and how it went."""

import glob
import json
import os
import pathlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tqdm import tqdm

from niki_tf import files, io
from niki_tf.io import arrays, numpy_files, pictures, videos

_RECORD = "solved.jsonl"
"""File in the output folder with the lines of what is finished."""


class Job(NamedTuple):
    """A file and where its outputs go."""

    path: pathlib.Path
    target: pathlib.Path
    """Path of the outputs without their ending."""


def jobs(text: str, output: pathlib.Path) -> list[Job]:
    """The readable files that a path leads to, in order; outputs mirror the folders below it.

    Args:
        text: a file, a folder (searched with all its subfolders), or a pattern such as `DIR/walk*.bvh`. A folder with a
            JSON file for each frame is one motion. Of a folder, pictures and videos are taken if it holds nothing else.
        output: folder of the outputs; nothing in it is an input.

    Raises:
        ValueError: nothing readable is there, or a symbolic link leads out of the folder of the outputs.
    """
    text = os.path.expanduser(text)
    places = [pathlib.Path(text)] if os.path.exists(text) else list(map(pathlib.Path, glob.glob(text, recursive=True)))
    alone = len(places) == 1 and (places[0].is_file() or io.is_frame_folder(places[0]))
    found = places if alone else _all_below(places, output.resolve(), _is_readable)
    found = found or _all_below(places, output.resolve(), _is_seen)
    if not found:
        got = "there are no files of these endings" if places else "nothing is there"
        endings = ", ".join([*(ending for ending in io.FORMATS if ending), *pictures.ENDINGS, *videos.ENDINGS])
        raise ValueError(f"`input` must be a file, folder or pattern of files ({endings}); got {text}: {got}.")
    whole = len(places) == 1 and not alone
    base = places[0] if whole else pathlib.Path(os.path.commonpath([path.parent for path in found]))
    stems = [path.relative_to(base).with_suffix("" if path.is_file() else path.suffix) for path in found]
    twice = Counter(stems)
    found_jobs = [
        Job(path, output / (stem.with_name(f"{stem.name}_{path.suffix[1:]}") if twice[stem] > 1 else stem))
        for path, stem in zip(found, stems, strict=True)
    ]
    for folder in {job.target.parent for job in found_jobs}:
        if not folder.resolve().is_relative_to(output.resolve()):
            raise ValueError(f"`output` must hold all that is written; {folder} leads to {folder.resolve()}.")
    return found_jobs


def solve_all(
    todo: Sequence[Job],
    solve: Callable[[pathlib.Path, pathlib.Path], list[dict[str, Any]]],
    *,
    output: pathlib.Path,
    options: Mapping[str, Any],
    say: Callable[[str], None],
    log: str | None = None,
) -> int:
    """Solves file after file, and gives the number of bad ones; a line of JSON on stdout tells of each person.

    Finished files are skipped if there are several: their outputs are there, are newer than the file, and were made
    with the same options. A bad file is told and left out. Ctrl-C leaves all finished outputs, and so does a full disk.

    Args:
        todo: the files.
        solve: function of a job's path and target that writes outputs and gives lines.
        output: folder that holds the record of what is finished.
        options: that outputs depend on.
        say: prints a line of the summary.
        log: path of a file to which `Log` adds lines.

    Raises:
        NotWrittenError: the disk is full or the like.
    """
    told = Log(log)
    record = _Record(output / _RECORD, options)
    for folder in {job.target.parent for job in todo}:
        files.remove_partial(folder)
    bad: list[str] = []
    counts = Counter[str]()
    bar = tqdm(todo, unit="file", disable=None if len(todo) > 1 else True)
    try:
        for job in bar:
            if len(todo) > 1 and record.is_finished(job):
                counts["skipped"] += 1
                told.add(job.path, "skipped")
                continue
            told.start()
            try:
                lines = solve(job.path, job.target)
            except Exception as error:  # whatever is wrong with one file, the others are solved
                if isinstance(error, files.NotWrittenError) and error.is_of_disk:
                    raise
                reason = _one_line(error)
                bad.append(reason if str(job.path) in reason else f"{job.path}: {reason}")
                _print({"file": str(job.path), "error": reason})
                told.add(job.path, "bad", reason=reason_code(error))
                continue
            record.add(lines)
            counts["solved"] += 1
            counts["frames"] += sum(line["frames"] for line in lines)
            for line in lines:
                _print(line)
            told.add(job.path, "solved", persons=len(lines), frames=sum(line["frames"] for line in lines))
            elapsed = bar.format_dict["elapsed"]
            bar.set_postfix_str(f"{counts['frames'] / max(elapsed, 1e-3):.0f} frames/s")
    except KeyboardInterrupt:
        say(f"Stopped; {counts['solved']} files are finished and will be skipped when this is run again.")
        raise
    finally:
        bar.close()
    told.end(solved=counts["solved"], skipped=counts["skipped"], bad=len(bad), frames=counts["frames"])
    if len(todo) > 1:
        say(f"{counts['solved']} files solved, {counts['skipped']} were finished before, {len(bad)} bad.")
    for reason in bad:
        say(f"bad: {reason}")
    return len(bad)


REASONS = {ImportError: "package_missing", OSError: "not_readable", ValueError: "bad_input", MemoryError: "no_memory"}
"""Kind of error -> code; any other is `failed`."""


def reason_code(error: Exception) -> str:
    """Why a file is bad, in a word of `REASONS`."""
    return next((code for kind, code in REASONS.items() if isinstance(error, kind)), "failed")


class Log:
    """A file of JSON lines, one for each file and one at the end with their counts; no joints and no poses.

    Args:
        path: of the file, which lines are added to; None for no log.
    """

    def __init__(self, path: str | None) -> None:
        self._path, self._since = path, time.monotonic()
        self.start()

    def start(self) -> None:
        """A file begins."""
        self._since = time.monotonic()

    def add(self, path: pathlib.Path, outcome: str, **more: Any) -> None:
        """A file ended: `solved`, `skipped` or `bad`."""
        seconds = 0.0 if outcome == "skipped" else round(time.monotonic() - self._since, 3)
        self._write({"file": str(path), "outcome": outcome, "seconds": seconds, **more})

    def end(self, **counts: int) -> None:
        """All files ended."""
        self._write({"all": counts})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._path is not None:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _all_below(
    places: Sequence[pathlib.Path], output: pathlib.Path, is_wanted: Callable[[pathlib.Path], bool]
) -> list[pathlib.Path]:
    """The wanted files of all places, in order."""
    return sorted({file for place in places for file in _below(place, output, is_wanted)})


def _below(place: pathlib.Path, output: pathlib.Path, is_wanted: Callable[[pathlib.Path], bool]) -> list[pathlib.Path]:
    """Wanted files, and folders of frames, in a folder and all below it; or the file itself."""
    if place.is_file():
        return [place]
    found = []
    for folder, below, names in os.walk(place):
        here = pathlib.Path(folder)
        if here.resolve() == output or here.name.startswith(".") and here != place:
            below.clear()
        elif io.is_frame_folder(here):
            below.clear()
            found.append(here)
        else:
            found += [here / name for name in names if is_wanted(here / name)]
    return found


def _is_seen(path: pathlib.Path) -> bool:
    """Whether a file is a picture or a video."""
    return not path.name.startswith(".") and (pictures.is_picture(path) or videos.is_video(path))


def _is_readable(path: pathlib.Path) -> bool:
    """Whether a file can be one of joints or motion: AMASS stores files of shapes, without motion, beside it."""
    ending = path.suffix.lower()
    if path.name.startswith(".") or not ending or ending not in io.FORMATS:
        return False
    names = numpy_files.names_in(path) if ending == ".npz" else []
    shape_only = "betas" in names and not numpy_files.holds_rotations(names) and not arrays.find(names, "points")
    return not shape_only


class _Record:
    """What is finished, in a file of JSON lines; a line that was cut off does not count."""

    def __init__(self, path: pathlib.Path, options: Mapping[str, Any]) -> None:
        self._path, self._options = path, {name: value for name, value in options.items() if value is not None}
        self._options = json.loads(json.dumps(self._options))
        self._outputs: dict[str, list[str]] = {}
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
            self._read(text)

    def _read(self, text: str) -> None:
        try:
            entry = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(entry, dict) or not {"file", "outputs"} <= entry.keys():
            return
        if entry.get("options") == self._options:
            self._outputs[entry["file"]] = entry["outputs"]

    def is_finished(self, job: Job) -> bool:
        """Whether all outputs of a file are there and newer than it."""
        outputs = self._outputs.get(str(job.path))
        if not outputs:
            return False
        changed = job.path.stat().st_mtime
        return all(os.path.exists(output) and os.stat(output).st_mtime >= changed for output in outputs)

    def add(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Adds the outputs of one file."""
        outputs = [output for line in lines for output in line["outputs"]]
        entry = {"file": lines[0]["file"], "outputs": outputs, "options": self._options}
        with files.told(self._path), open(self._path, "ab+", opener=_opener) as file:
            whole = not file.tell() or (file.seek(-1, os.SEEK_END), file.read(1))[1] == b"\n"
            file.write((b"" if whole else b"\n") + json.dumps(entry).encode() + b"\n")


def _opener(path: str, flags: int) -> int:
    """Opens a file that is no symbolic link."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _print(line: Mapping[str, Any]) -> None:
    tqdm.write(json.dumps(line), file=sys.stdout)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError | OSError | ImportError) and text else f"{type(error).__name__}: {text}"
