"""Reads hostile and damaged files, each in a process of its own.

Example:
    python tools/reliability/hostile.py --seed=0

Bodies (.pkl, .npz), motion, joints, models (.keras), checkpoints of PyTorch (.pth; needs torch) and of trainings,
run.json and flag files: crafted attacks, then whole files that are cut, flipped or written over at random. A case is
right (read as it should be) or clear (one line that names the file). Anything else fails: another kind of error, a
wrong answer, more than 1 GB above the import, more than 10 s of the processor or 60 of
the clock, or code that the file names and that ran, which would
leave a file behind. Prints a table and the failures, and ends with 1 if there are any.
"""

import argparse
import collections
import os
import pathlib
import sys
import tempfile

os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

from tqdm import tqdm

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import hostile_files
    import hostile_readers
    from outcomes import KINDS, Outcome, outcome_of


def main() -> None:
    """Reads all files and prints the table."""
    given = _arguments()
    kinds = [kind for kind in given.kind or hostile_files.CASES if hostile_readers.is_there(kind)]
    with tempfile.TemporaryDirectory() as folder:
        ended = {kind: _ended(kind, pathlib.Path(folder), given) for kind in kinds}
    print(table(ended))
    failed = [(kind, name, told) for kind, all_ in ended.items() for name, told in all_.items() if not told.is_good]
    for kind, name, told in failed:
        line = " ".join(told.message.split())[:160]
        print(f"failed: {kind}, {name}: {told.kind}, {told.seconds:.1f} s, {told.megabytes:.0f} MB: {line}")
    sys.exit(1 if failed else 0)


def _arguments() -> argparse.Namespace:
    """The flags; not absl's, as a flag file is read by the flags of `train` in the same process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the damage at random")
    parser.add_argument("--count", type=int, default=20, help="files of each kind that are damaged at random")
    parser.add_argument("--kind", action="append", choices=[*hostile_files.CASES], help="all if not given")
    return parser.parse_args()


def _ended(kind: str, folder: pathlib.Path, given: argparse.Namespace) -> dict[str, Outcome]:
    """How each case of a kind ended, by its name."""
    canary = folder / "canary"
    cases = hostile_files.cases(kind, seed=given.seed, count=given.count, folder=folder, canary=canary)
    ended = {}
    for number, case in enumerate(tqdm(cases, desc=kind, unit="file", mininterval=5.0)):
        with tempfile.TemporaryDirectory(dir=folder) as own:
            path = pathlib.Path(own, f"{hostile_files.NAMES.get(kind, f'case_{number}')}{case.ending}")
            ended[f"{number} {case.name}"] = outcome_of(case, path, hostile_readers.READERS[kind], canary)
    return ended


def table(ended: dict[str, dict[str, Outcome]]) -> str:
    """The table of how many cases of each kind ended how, in Markdown."""
    lines = ["| file | tried | " + " | ".join(KINDS) + " | longest s | most MB |", "|---" * (len(KINDS) + 4) + "|"]
    for kind, all_ in ended.items():
        counts = collections.Counter(told.kind for told in all_.values())
        most = [f"{max(told.seconds for told in all_.values()):.1f}", f"{max(t.megabytes for t in all_.values()):.0f}"]
        cells = [kind, str(len(all_)), *(str(counts[name]) for name in KINDS), *most]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
