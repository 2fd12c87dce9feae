"""Kills programs at random moments, runs them again, and tells what was lost.

Example:
    python tools/reliability/kills.py --seed=0 --kills=100

60 of 100 kills hit `train`, 10 each `solve` of a folder, `evaluate`, `export` and `prepare_images`, side by side, and
10 more `report`. A program is run whole first, twice, on one thread; then chains begin: in one and the same folder it
is started, killed by SIGKILL at a uniform time of what it takes, started again, five times at most, and then left to
end. The import of the package, which writes nothing, is before all that. Lost is

    unreadable  a file, right after a kill, that cannot be read, or a folder of which a part is there,
    failed      a run that ends with an error,
    differs     files, at the end of a chain, that are not those of the run that was not killed,
    leftover    anything else in the folder at the end of a chain.

Prints a table and what was lost, and ends with 1 if anything was.
"""

import collections
import concurrent.futures
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import kill_cases
    import numpy as np
    from kill_cases import Case, Server
    from tqdm import tqdm

_SEED = flags.DEFINE_integer("seed", 0, "Of the moments.")
_KILLS = flags.DEFINE_integer("kills", 100, "Of all programs but `report`; each has its share, but one at least.")
_MINUTES = flags.DEFINE_float("minutes", 60.0, "Begin no chain after so many.", lower_bound=0.0)
_ONLY = flags.DEFINE_string("only", "", "Only the program of this name.")
_CHAIN = 5
"""Kills of a program in one folder, at most."""
_CAUSES = ("unreadable", "failed", "differs", "leftover")


def main(argv: list[str]) -> None:
    """Kills, prints the table and what was lost."""
    if argv[1:]:
        sys.exit(f"kills takes flags only; got {' '.join(argv[1:])}.")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        kill_cases.write_inputs(folder)
        cases = [case for case in kill_cases.cases(folder) if _ONLY.value in case.name]
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            rows = list(pool.map(lambda case: _hit(case, folder), cases))
    print(_table(rows))
    for name, _, found in rows:
        for cause, what in found:
            print(f"{name}, {cause}: {what}")
    sys.exit(1 if any(found for *_, found in rows) else 0)


def _hit(case: Case, folder: pathlib.Path) -> "_Row":
    """The kills of a program and what was lost."""
    seed = [_SEED.value, *case.name.encode()]
    with Server() as server:
        campaign = _Campaign(case, folder, server, np.random.default_rng(seed))
        return case.name, campaign, list(campaign.losses(max(1, round(case.share * _KILLS.value))))


class _Campaign:
    """The kills of one program.

    Args:
        case: the program.
        folder: of all files.
        server: runs it.
        rng: of the moments.
    """

    def __init__(self, case: Case, folder: pathlib.Path, server: Server, rng: np.random.Generator) -> None:
        self.case, self.kills, self.chains, self.seconds = case, 0, 0, 0.0
        self._output, self._whole, self._log = (folder / case.name / name for name in ("output", "whole", "log.txt"))
        self._server, self._rng = server, rng

    def losses(self, wanted: int) -> Iterator[tuple[str, str]]:
        """Kills so many times and gives what is lost, causes and descriptions."""
        until = time.monotonic() + 60.0 * _MINUTES.value
        self._output.parent.mkdir()
        for _ in range(2):
            status, self.seconds = self._run(None)
            if status:
                yield "failed", f"not killed: {self._said()}"
                return
            if not self._whole.exists():
                shutil.move(self._output, self._whole)
        if differing := [what for _, what in self._differences()]:
            yield "differs", f"not killed, twice: {', '.join(differing)}"
            return
        with tqdm(total=wanted, unit="kill", desc=self.case.name, mininterval=5.0) as bar:
            while self.kills < wanted and time.monotonic() < until:
                yield from self._chain(min(wanted - self.kills, _CHAIN), bar)

    def _chain(self, most: int, bar: tqdm) -> Iterator[tuple[str, str]]:
        shutil.rmtree(self._output, ignore_errors=True)
        self.chains += 1
        for _ in range(most):
            status, _ = self._run(self._rng.uniform(0.0, self.seconds))
            if status != -signal.SIGKILL:
                break
            self.kills += 1
            bar.update()
            yield from (("unreadable", f"after kill {self.kills}: {what}") for what in self._unreadable())
        else:
            status, _ = self._run(None)
        if status:
            yield "failed", self._said()
        yield from self._differences()

    def _run(self, seconds: float | None) -> tuple[int, float]:
        """Status and seconds of a run, killed after so many."""
        arguments = [*self.case.flags, f"--{self.case.output}={self._output}"]
        return self._server.run(program=self.case.name, arguments=arguments, log=str(self._log), seconds=seconds)

    def _said(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(line[-200:] for line in lines[-3:]) or "nothing was said"

    def _unreadable(self) -> Iterator[str]:
        """What of the files that show is damaged or in part there."""
        for path in kill_cases.visible(self._output):
            try:
                kill_cases.content(path)
            except Exception as error:  # whatever a reader makes of it
                yield f"{path.relative_to(self._output)}: {' '.join(str(error).split())[:200]}"
        for name in self.case.folders:
            folder, whole = self._output / name, self._whole / name
            if folder.exists() and _names(folder) != _names(whole):
                yield f"{name}/ holds {', '.join(_names(folder)) or 'nothing'}"

    def _differences(self) -> Iterator[tuple[str, str]]:
        """How the output differs from that of the run that was not killed."""
        found, wanted = _names(self._output, hidden=True), _names(self._whole, hidden=True)
        yield from (("leftover", name) for name in found if name not in wanted)
        for name in wanted:
            if name not in found:
                yield "differs", f"{name} is missing"
            elif not kill_cases.same(self._output / name, self._whole / name):
                yield "differs", name


def _names(folder: pathlib.Path, *, hidden: bool = False) -> list[str]:
    """What is in a folder, without the files that are never the same."""
    paths = sorted(folder.rglob("*")) if hidden else kill_cases.visible(folder)
    return [name for path in paths if "tensorboard/" not in (name := str(path.relative_to(folder)))]


def _table(rows: list["_Row"]) -> str:
    """The table of kills and what was lost, in Markdown."""
    lines = ["| program | a run takes, s | chains | tried | lost | " + " | ".join(_CAUSES) + " |", "|---" * 9 + "|"]
    sums = np.zeros(3 + len(_CAUSES), int)
    for name, campaign, found in rows:
        counts = collections.Counter(cause for cause, _ in found)
        numbers = [campaign.chains, campaign.kills, len(found), *(counts[cause] for cause in _CAUSES)]
        sums += numbers
        lines.append(f"| {name} | {campaign.seconds:.0f} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join([*lines, "| all | | " + " | ".join(map(str, sums)) + " |"])


_Row = tuple[str, _Campaign, list[tuple[str, str]]]
"""Name of a program, its kills, causes and descriptions of what was lost."""

if __name__ == "__main__":
    app.run(main)
