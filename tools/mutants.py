"""Mutation testing: makes small faults in niki_tf, one at a time, and reports which the fast tests do not notice.

Example:
    python tools/mutants.py --seed=0 --count=100

The faults ("mutants") are sampled from all that tools/mutation.py finds in the modules of the rooms (folders of
niki_tf). The same seed gives the same sample of the same source, and a larger count extends the sample of a smaller
one. No source file is changed: each mutant is imported in a forked process, which starts with TensorFlow already
imported. Further processes that a test starts, such as a second Python, import the source without the fault. The tests
named after the mutant's module run first, then those of its room, then its docstring's examples, then all others; the
first failure ends the run.

A mutant counts as noticed if a test fails, if one test exceeds --limit_s, or if all tests together take more than three
times as long as without a fault. The time without a fault is measured first. A mutant that no test notices takes about
that time, minutes; most others take seconds.

Verdicts are appended to --output/verdicts.jsonl, and a mutant that has one is not tested again, so an interrupted run
can be resumed. After a change of tests or source, remove the file. Equivalent mutants, which compute the same as the
source, belong in tests/equal_mutants.txt, each with the reason.
"""

import collections
import contextlib
import importlib.util
import json
import math
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any, NoReturn

from absl import app, flags
from mutation import KINDS, Mutant, mutants, rooms

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import pytest
    from tqdm import tqdm

    for library in ("tensorflow", "keras", "tensorflow_probability"):  # imported once, before the forks
        importlib.import_module(library)

Verdict = dict[str, Any]
"""Whether a mutant was noticed (`noticed`), by which test (`by`), and the time that took (`seconds`)."""

ROOMS = ("solvers", "fitting", "inference", "data", "motion", "io", "evaluation", "drawing", "export")
"""Rooms whose modules are sampled unless --room is given."""
ROOT = pathlib.Path(__file__).resolve().parent.parent
EQUAL = ROOT / "tests" / "equal_mutants.txt"
"""Equivalent mutants, a line each: name, tab, reason."""
_NO_FAULT = "without a fault"
"""Name of the verdict of the unchanged source."""
_MEMORY_BYTES = 12 * 2**30
"""Limit of a forked process's memory: a fault can make an array of any size."""
_INTERNAL_ERROR = 70
"""Exit code of a forked process that failed before its tests ran; EX_SOFTWARE of sysexits.h, no code of pytest."""
_NEAR_LIMIT_S = 900
"""Limit of all tests together with --near."""
_NO_TEST_RUN = (int(pytest.ExitCode.INTERNAL_ERROR), int(pytest.ExitCode.USAGE_ERROR))
"""Exit codes of pytest that say nothing of the mutant."""
_OTHER_TESTS = 3
"""Rank of the tests outside the mutant's room; see `_Order`."""

_ROOM = flags.DEFINE_multi_string("room", list(ROOMS), "Folder of niki_tf; `niki_tf` for the modules beside them.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the sample.")
_COUNT = flags.DEFINE_integer("count", 100, "Number of mutants.", lower_bound=0)
_LIMIT_S = flags.DEFINE_integer(
    "limit_s", 120, "A test that takes more seconds than this counts as failed.", lower_bound=1
)
_NEAR = flags.DEFINE_bool(
    "near",
    default=False,
    help="Run only the tests of the module's room; a later run with all tests judges the mutants not noticed.",
)
_OUTPUT = flags.DEFINE_string(
    "output", "output/mutants", "Folder of verdicts.jsonl and of last_run.txt, pytest's output for the last mutant."
)


def main(argv: Sequence[str]) -> None:
    """Samples the mutants, tests those without a verdict, prints the table."""
    if argv[1:]:
        sys.exit(f"mutants.py takes flags only; got {' '.join(argv[1:])}.")
    unknown = sorted(set(_ROOM.value) - set(rooms(ROOT / "niki_tf")))
    if unknown:
        sys.exit(f"mutants.py: there is no room {', '.join(unknown)}; rooms: {', '.join(rooms(ROOT / 'niki_tf'))}.")
    everything = [mutant for room in sorted(set(_ROOM.value)) for mutant in _mutants_of_room(room)]
    sample = random.Random(_SEED.value).sample(everything, len(everything))[: _COUNT.value]
    _print_report(sample, _verdicts(sample, pathlib.Path(_OUTPUT.value).resolve()))
    _print_obsolete_lines({mutant.name for mutant in everything})


def _mutants_of_room(room: str) -> Iterator[Mutant]:
    """All mutants of a room's modules, in the order of the modules' paths."""
    for path in rooms(ROOT / "niki_tf")[room]:
        yield from mutants(path.read_text(), path.relative_to(ROOT).as_posix())


def _verdicts(sample: Iterable[Mutant], output: pathlib.Path) -> dict[str, Verdict]:
    """Verdicts by name, at least those of the sample; mutants without a verdict in the folder `output` are tested."""
    output.mkdir(parents=True, exist_ok=True)
    verdicts = _read_verdicts(output / "verdicts.jsonl")
    untested = [mutant for mutant in sample if mutant.name not in verdicts]
    log = output / "last_run.txt"
    with open(output / "verdicts.jsonl", "a") as file:

        def keep(name: str, verdict: Verdict) -> None:
            verdicts[name] = verdict
            if _NEAR.value and not verdict["noticed"]:
                return  # not final: the tests outside the room were not run
            file.write(json.dumps({"name": name, **verdict}) + "\n")
            file.flush()

        if untested and _NO_FAULT not in verdicts and not _NEAR.value:
            keep(_NO_FAULT, _verdict_without_fault(log))
        usual = verdicts.get(_NO_FAULT, {"seconds": 0.0})["seconds"]
        limit_s = _NEAR_LIMIT_S if _NEAR.value else 3 * usual + 60
        for mutant in tqdm(untested, unit="mutant", disable=None):
            keep(mutant.name, _verdict(mutant, log, limit_s=limit_s))
    return verdicts


def _read_verdicts(path: pathlib.Path) -> dict[str, Verdict]:
    """Verdicts by name from a file; an incomplete line of an interrupted run is skipped."""
    verdicts = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            verdict = json.loads(line)
        except json.JSONDecodeError:
            continue
        verdicts[verdict.pop("name")] = verdict
    return verdicts


def _verdict_without_fault(log: pathlib.Path) -> Verdict:
    """The verdict of the unchanged source; ends the program if a test fails, as every mutant would seem noticed."""
    print("The tests without a fault ...", end=" ", flush=True)
    verdict = _verdict(None, log, limit_s=math.inf)
    if verdict["noticed"]:
        sys.exit(f"\nmutants.py: the tests fail without a fault: {verdict['by']}; see {log}.")
    print(f"{verdict['seconds']:.0f} s")
    return verdict


def _verdict(mutant: Mutant | None, log: pathlib.Path, *, limit_s: float) -> Verdict:
    """The verdict of a mutant, or of the unchanged source for None: runs the tests in a forked process."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        process = os.fork()
        if not process:
            _run_tests(mutant, pathlib.Path(folder), log, ends_at=start + limit_s)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # raises, so that the tests are killed below
        try:
            status = os.waitpid(process, 0)[1]
        finally:
            _kill_group(process)
        failed = pathlib.Path(folder, "failed")
        by = failed.read_text() if failed.exists() else f"exit code {os.waitstatus_to_exitcode(status)}"
    if os.waitstatus_to_exitcode(status) in (_INTERNAL_ERROR, *_NO_TEST_RUN):
        sys.exit(f"mutants.py: no test was run; see {log}.")
    if os.WIFSIGNALED(status):
        ended_by = signal.Signals(os.WTERMSIG(status))
        by = "time out" if ended_by == signal.SIGALRM else ended_by.name
    noticed = os.waitstatus_to_exitcode(status) not in (0, int(pytest.ExitCode.NO_TESTS_COLLECTED))
    return {"noticed": noticed, "by": by if noticed else None, "seconds": round(time.monotonic() - start, 1)}


def _kill_group(process: int) -> None:
    """Kills a forked process and all processes that its tests started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def _run_tests(mutant: Mutant | None, folder: pathlib.Path, log: pathlib.Path, *, ends_at: float) -> NoReturn:
    """Runs the tests in the forked process and exits with pytest's code; never returns.

    Args:
        mutant: to import instead of its module; None for the unchanged source.
        folder: temporary folder; the name of the first failed test is written to `failed` in it.
        log: file for pytest's output.
        ends_at: end of the time limit, on the clock of time.monotonic, seconds.
    """
    code = _INTERNAL_ERROR
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        plugins: list[Any] = [_Watch(folder / "failed", _LIMIT_S.value, ends_at)]
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
        printed = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        near = _NEAR.value
        _remove_flags()
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        if mutant:
            sys.meta_path.insert(0, _Finder(mutant, folder))
            plugins.append(_Order(mutant.path, near=near))
        options = ["-x", "-q", "-m", "not slow", "-o", "addopts=", "-p", "no:xdist", "-p", "no:cacheprovider"]
        code = int(pytest.main([*options, f"--basetemp={folder / 'tests'}", str(ROOT / "tests")], plugins=plugins))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _remove_flags() -> None:
    """Removes the definitions of this program's flags, so that the tests can define those of other programs."""
    for name in list(flags.FLAGS):
        if not str(flags.FLAGS.find_module_defining_flag(name, "absl")).startswith("absl"):
            delattr(flags.FLAGS, name)


def _module_name(path: str | os.PathLike[str]) -> str:
    """Name of the module at a path: niki_tf/room/module.py -> niki_tf.room.module; a package for its __init__.py."""
    return ".".join(pathlib.PurePath(path).with_suffix("").parts).removesuffix(".__init__")


class _Finder:
    """Finder of sys.meta_path for the mutant's module with its fault; None for all other modules.

    Args:
        mutant: the fault.
        folder: for the file with the fault.
    """

    def __init__(self, mutant: Mutant, folder: pathlib.Path):
        self._mutant, self._folder = mutant, folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of the mutant's module, None for others; see importlib.abc.MetaPathFinder."""
        if name != _module_name(self._mutant.path):
            return None
        loader = _Loader(name, self._mutant, self._folder)
        return importlib.util.spec_from_file_location(name, loader.path, loader=loader)


class _Loader(SourceFileLoader):
    """Loader of a module with a fault.

    The source with the fault is written to a separate file, as tf.function reads the source of what it converts.

    Args:
        name: of the module.
        mutant: the fault.
        folder: for the file with the fault.
    """

    def __init__(self, name: str, mutant: Mutant, folder: pathlib.Path):
        super().__init__(name, str(ROOT / mutant.path))
        self._mutant, self._folder = mutant, folder

    def get_code(self, fullname: str) -> types.CodeType:
        """The compiled module with the fault; see importlib.abc.InspectLoader."""
        file = self._folder / f"{fullname}.py"
        file.write_text(self._mutant.applied(pathlib.Path(self.path).read_text()))
        return compile(file.read_text(), str(file), "exec", dont_inherit=True)


class _Order:
    """Plugin of pytest that runs the tests related to a module first.

    Args:
        path: of the module, from the root of the repository.
        near: leave out all tests but those of the module's room and its docstrings.
    """

    def __init__(self, path: str, *, near: bool):
        self._path, self._near = pathlib.Path(path), near
        self._room = ROOT / "tests" / self._path.parts[1]

    def _rank(self, item: pytest.Item) -> int:
        """0 for the tests of the module, 1 for those of its room, 2 for its docstring's examples, 3 for the others."""
        in_room = self._room in item.path.parents
        if in_room and item.path.name == f"test_{self._path.name}":
            return 0
        if item.path.name == "test_docstrings.py" and item.name.endswith(f"[{_module_name(self._path)}]"):
            return 2
        return 1 if in_room else _OTHER_TESTS

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sorts the tests by rank; with --near, removes those of the last rank."""
        items.sort(key=self._rank)
        if self._near:
            items[:] = [item for item in items if self._rank(item) < _OTHER_TESTS]


class _Watch:
    """Plugin of pytest that records the first failure and ends the process at a time limit.

    Args:
        file: for the name of the first test that fails.
        limit_s: limit of one test, seconds.
        ends_at: end of the limit of all tests, on the clock of time.monotonic, seconds.
    """

    def __init__(self, file: pathlib.Path, limit_s: int, ends_at: float):
        self._file, self._limit_s, self._ends_at = file, limit_s, ends_at
        self.pytest_runtest_logstart()

    def pytest_runtest_logstart(self) -> None:
        """Sets the alarm for the next test; unlike an exception it ends the process even within C++ code."""
        signal.alarm(max(1, int(min(self._limit_s, self._ends_at - time.monotonic()))))

    def pytest_runtest_logreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Records the name of the first test that fails."""
        if report.failed and not self._file.exists():
            self._file.write_text(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Records the name of a test file that cannot be imported."""
        self.pytest_runtest_logreport(report)


def _read_equal() -> dict[str, str]:
    """The reasons by name of the equivalent mutants listed in `EQUAL`."""
    lines = [line for line in EQUAL.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("\t", 1) for line in lines)


def _print_report(sample: Sequence[Mutant], verdicts: Mapping[str, Verdict]) -> None:
    """Prints how many mutants were noticed, in all, by kind and by room, and the names of those that were not."""
    equal = _read_equal()
    survivors = [mutant for mutant in sample if not verdicts[mutant.name]["noticed"]]
    faults = [mutant for mutant in sample if mutant not in survivors or mutant.name not in equal]
    noticed = len(sample) - len(survivors)
    print(f"noticed {noticed} of {len(faults)}; {len(sample) - len(faults)} more compute the same as the source")
    groups: dict[str, list[Mutant]] = collections.defaultdict(list)
    for mutant in faults:
        groups[mutant.kind].append(mutant)
        groups[_room(mutant)].append(mutant)
    for group in [*KINDS, *sorted(set(groups) - set(KINDS))]:
        found = sum(verdicts[mutant.name]["noticed"] for mutant in groups[group])
        print(f"{group:16}{found:5} of {len(groups[group])}")
    seconds = [verdicts[mutant.name]["seconds"] for mutant in sample]
    print(f"{sum(seconds) / max(len(seconds), 1):.0f} s for a mutant on average")
    for mutant in survivors:
        reason = equal.get(mutant.name)
        print(f"{'the same' if reason else 'not noticed'}: {mutant.name}" + (f" ({reason})" if reason else ""))


def _room(mutant: Mutant) -> str:
    """Name of the folder of niki_tf that contains the mutant; `niki_tf` for the modules beside the folders."""
    parts = pathlib.PurePath(mutant.path).parts
    return parts[1] if parts[2:] else parts[0]


def _print_obsolete_lines(names: set[str]) -> None:
    """Prints the names in `EQUAL` that belong to the modules of the mutants `names` but to no mutant any more."""
    places = {name.split(":", 1)[0] for name in names}
    for name in _read_equal():
        if name not in names and name.split(":", 1)[0] in places:
            print(f"{EQUAL.name}: there is no longer a mutant {name}")


if __name__ == "__main__":
    app.run(main)
