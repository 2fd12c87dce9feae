"""Makes small faults in niki_tf, one at a time, and tells which of them the fast tests do not notice.

Example:
    python tools/mutants.py --seed=0 --count=100

The faults ("mutants") are drawn from all that tools/mutation.py finds in the modules of the rooms: the same seed draws
the same from the same source, and a larger count adds to those of a smaller one. No file of the source is changed: each
mutant lives in a process of its own, which this one, with TensorFlow imported, forks. What else a test starts by
itself, such as a second Python, has the source without the fault. The tests named after the mutant's module run first,
then those of its room, then its docstring's examples, then the others; the first that fails ends the run.

Not only a test that fails notices a mutant, but also one that takes more than --limit_s, and all tests together if they
take more than three times as long as without a fault. That is measured first, and is what each mutant costs that no
test notices: minutes, where most others take seconds.

Verdicts are added to --output/verdicts.jsonl, and a mutant that has one there is not tried again: an interrupted run
goes on where it was. After a change of tests or source, remove the file. Mutants that compute the same as the source
belong in tests/equal_mutants.txt, each with the reason.
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
from importlib.machinery import SourceFileLoader

from absl import app, flags
from mutation import KINDS, mutants, rooms

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import pytest
    from tqdm import tqdm

    for library in ("tensorflow", "keras", "tensorflow_probability"):  # the forked processes need not import them
        importlib.import_module(library)

ROOMS = ("solvers", "fitting", "inference", "data", "motion", "io", "evaluation", "drawing", "export")
ROOT = pathlib.Path(__file__).resolve().parent.parent
EQUAL = ROOT / "tests" / "equal_mutants.txt"
_NO_FAULT = "without a fault"
_MEMORY_BYTES = 12 * 2**30
_OWN_ERROR = 70
_NEAR_LIMIT_S = 900
_FAR = 3

_ROOM = flags.DEFINE_multi_string("room", list(ROOMS), "Folder of niki_tf; `niki_tf` for the modules beside them.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the draw.")
_COUNT = flags.DEFINE_integer("count", 100, "Number of mutants.", lower_bound=0)
_LIMIT_S = flags.DEFINE_integer("limit_s", 120, "Seconds of one test that make it a failure.", lower_bound=1)
_NEAR = flags.DEFINE_bool(
    "near",
    default=False,
    help="Run only the tests of the module's room: quick, and what survives is judged by all tests in a later run.",
)
_OUTPUT = flags.DEFINE_string(
    "output", "output/mutants", "Folder of verdicts.jsonl and, of the last run, what pytest printed."
)


def main(argv):
    """Draws the mutants, tries those without a verdict, prints the table."""
    if argv[1:]:
        sys.exit(f"mutants.py takes flags only; got {' '.join(argv[1:])}.")
    unknown = sorted(set(_ROOM.value) - set(rooms(ROOT / "niki_tf")))
    if unknown:
        sys.exit(f"mutants.py: there is no room {', '.join(unknown)}; rooms: {', '.join(rooms(ROOT / 'niki_tf'))}.")
    everything = [mutant for room in sorted(set(_ROOM.value)) for mutant in _mutants_of_room(room)]
    drawn = random.Random(_SEED.value).sample(everything, len(everything))[: _COUNT.value]
    _tell(drawn, _verdicts(drawn, pathlib.Path(_OUTPUT.value).resolve()))
    _tell_of_old_lines({mutant.name for mutant in everything})


def _mutants_of_room(room):
    """All mutants of a room's modules, in the order of their paths."""
    for path in rooms(ROOT / "niki_tf")[room]:
        yield from mutants(path.read_text(), path.relative_to(ROOT).as_posix())


def _verdicts(drawn, output):
    """Name -> verdict of at least the mutants drawn; those that have none in the folder `output` are tried."""
    output.mkdir(parents=True, exist_ok=True)
    verdicts = _read_verdicts(output / "verdicts.jsonl")
    to_try = [mutant for mutant in drawn if mutant.name not in verdicts]
    said = output / "last_run.txt"
    with open(output / "verdicts.jsonl", "a") as file:

        def keep(name, verdict):
            verdicts[name] = verdict
            if _NEAR.value and not verdict["noticed"]:
                return  # all tests are to judge it
            file.write(json.dumps({"name": name, **verdict}) + "\n")
            file.flush()

        if to_try and _NO_FAULT not in verdicts and not _NEAR.value:
            keep(_NO_FAULT, _verdict_without_fault(said))
        usual = verdicts.get(_NO_FAULT, {"seconds": 0.0})["seconds"]
        limit_s = _NEAR_LIMIT_S if _NEAR.value else 3 * usual + 60
        for mutant in tqdm(to_try, unit="mutant", disable=None):
            keep(mutant.name, _verdict(mutant, said, limit_s=limit_s))
    return verdicts


def _read_verdicts(path):
    """Name -> verdict; a line that was not finished counts for nothing."""
    verdicts = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            verdict = json.loads(line)
        except json.JSONDecodeError:
            continue
        verdicts[verdict.pop("name")] = verdict
    return verdicts


def _verdict_without_fault(said):
    """The tests must pass without a fault: otherwise all mutants would seem noticed."""
    print("The tests without a fault ...", end=" ", flush=True)
    verdict = _verdict(None, said, limit_s=math.inf)
    if verdict["noticed"]:
        sys.exit(f"\nmutants.py: the tests fail without a fault: {verdict['by']}; see {said}.")
    print(f"{verdict['seconds']:.0f} s")
    return verdict


def _verdict(mutant, said, *, limit_s):
    """Runs the tests in a forked process: whether and by what the mutant was noticed, and the seconds that took."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        process = os.fork()
        if not process:
            _run_tests(mutant, pathlib.Path(folder), said, ends_at=start + limit_s)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the tests under way end with this program
        try:
            status = os.waitpid(process, 0)[1]
        finally:
            _kill_group(process)
        failed = pathlib.Path(folder, "failed")
        by = failed.read_text() if failed.exists() else f"exit code {os.waitstatus_to_exitcode(status)}"
    if os.waitstatus_to_exitcode(status) == _OWN_ERROR:
        sys.exit(f"mutants.py: no test was run; see {said}.")
    if os.WIFSIGNALED(status):
        ended_by = signal.Signals(os.WTERMSIG(status))
        by = "time out" if ended_by == signal.SIGALRM else ended_by.name
    return {"noticed": status != 0, "by": by if status else None, "seconds": round(time.monotonic() - start, 1)}


def _kill_group(process):
    """Ends a forked process and whatever its tests started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def _run_tests(mutant, folder, said, *, ends_at):
    """What the forked process does; it never returns. What pytest prints goes to the file `said`."""
    code = _OWN_ERROR
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        plugins = [_Watch(folder / "failed", _LIMIT_S.value, ends_at)]
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
        printed = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        _forget_flags()
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        if mutant:
            sys.meta_path.insert(0, _Finder(mutant, folder))
            plugins.append(_Order(mutant.path))
        options = ["-x", "-q", "-m", "not slow", "-o", "addopts=", "-p", "no:xdist", "-p", "no:cacheprovider"]
        code = int(pytest.main([*options, f"--basetemp={folder / 'tests'}", str(ROOT / "tests")], plugins=plugins))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _forget_flags():
    """Removes this program's flags: the tests of other programs define theirs."""
    for name in list(flags.FLAGS):
        if not flags.FLAGS.find_module_defining_flag(name, "absl").startswith("absl"):
            delattr(flags.FLAGS, name)


def _module_name(path):
    """niki_tf/room/module.py -> niki_tf.room.module, also for a package's __init__.py."""
    return ".".join(pathlib.PurePath(path).with_suffix("").parts).removesuffix(".__init__")


class _Finder:
    """Finds the mutant's module, with the fault in it, and leaves all others to the usual finders."""

    def __init__(self, mutant, folder):
        self._mutant, self._folder = mutant, folder

    def find_spec(self, name, *_):
        """What importlib asks of every finder."""
        if name != _module_name(self._mutant.path):
            return None
        loader = _Loader(name, str(ROOT / self._mutant.path))
        loader.mutant, loader.folder = self._mutant, self._folder
        return importlib.util.spec_from_file_location(name, loader.path, loader=loader)


class _Loader(SourceFileLoader):
    """Loads a module with a fault.

    The source with the fault is written to a file of its own: tf.function reads the files of the functions it converts.
    """

    mutant = folder = None

    def get_code(self, fullname):
        """What importlib asks for."""
        file = self.folder / f"{fullname}.py"
        file.write_text(self.mutant.applied(pathlib.Path(self.path).read_text()))
        return compile(file.read_text(), str(file), "exec", dont_inherit=True)


class _Order:
    """A plugin of pytest: the tests next to the module at `path` come first."""

    def __init__(self, path):
        self._path = pathlib.Path(path)
        self._room = ROOT / "tests" / self._path.parts[1]

    def _rank(self, item):
        """0 for the module's own tests, 1 for its room's, 2 for its docstring's, 3 for the others."""
        in_room = self._room in item.path.parents
        if in_room and item.path.name == f"test_{self._path.name}":
            return 0
        if item.path.name == "test_docstrings.py" and item.name.endswith(f"[{_module_name(self._path)}]"):
            return 2
        return 1 if in_room else _FAR

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Sorts the tests."""
        items.sort(key=self._rank)
        if _NEAR.value:
            items[:] = [item for item in items if self._rank(item) < _FAR]


class _Watch:
    """A plugin of pytest: names the first failure in a file, ends the process when a test or all take too long."""

    def __init__(self, file, limit_s, ends_at):
        self._file, self._limit_s, self._ends_at = file, limit_s, ends_at
        self.pytest_runtest_logstart()

    def pytest_runtest_logstart(self):
        """Gives the next test its time; the alarm ends the process, also from within C++ code."""
        signal.alarm(max(1, int(min(self._limit_s, self._ends_at - time.monotonic()))))

    def pytest_runtest_logreport(self, report):
        """Keeps the name of a test that fails."""
        if report.failed and not self._file.exists():
            self._file.write_text(report.nodeid)

    def pytest_collectreport(self, report):
        """Keeps the name of a file that cannot be imported."""
        self.pytest_runtest_logreport(report)


def _read_equal():
    """Name -> reason of the mutants that compute the same as the source."""
    lines = [line for line in EQUAL.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("\t", 1) for line in lines)


def _tell(drawn, verdicts):
    """Prints how many were noticed, by kind and by room, and those that were not."""
    equal = _read_equal()
    quiet = [mutant for mutant in drawn if not verdicts[mutant.name]["noticed"]]
    faults = [mutant for mutant in drawn if mutant not in quiet or mutant.name not in equal]
    noticed = len(drawn) - len(quiet)
    print(f"noticed {noticed} of {len(faults)}; {len(drawn) - len(faults)} more compute the same as the source")
    groups = collections.defaultdict(list)
    for mutant in faults:
        groups[mutant.kind].append(mutant)
        groups[_room(mutant)].append(mutant)
    for group in [*KINDS, *sorted(set(groups) - set(KINDS))]:
        found = sum(verdicts[mutant.name]["noticed"] for mutant in groups[group])
        print(f"{group:16}{found:5} of {len(groups[group])}")
    seconds = [verdicts[mutant.name]["seconds"] for mutant in drawn]
    print(f"{sum(seconds) / max(len(seconds), 1):.0f} s for a mutant on average")
    for mutant in quiet:
        reason = equal.get(mutant.name)
        print(f"{'the same' if reason else 'not noticed'}: {mutant.name}" + (f" ({reason})" if reason else ""))


def _room(mutant):
    """The folder of niki_tf that the mutant is in, or niki_tf itself."""
    parts = pathlib.PurePath(mutant.path).parts
    return parts[1] if parts[2:] else parts[0]


def _tell_of_old_lines(names):
    """Prints the lines of equal_mutants.txt about these rooms that are no mutant any more."""
    places = {name.split(":", 1)[0] for name in names}
    for name in _read_equal():
        if name not in names and name.split(":", 1)[0] in places:
            print(f"{EQUAL.name}: there is no longer a mutant {name}")


if __name__ == "__main__":
    app.run(main)
