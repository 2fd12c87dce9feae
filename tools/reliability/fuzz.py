"""Calls the whole public face of the package with valid and with broken arguments, at random.

Example:
    python tools/reliability/fuzz.py --seed=0 --calls=20000

A call is

    valid       if its arguments are, and its answer is that of a reference, made by other means or one at a time,
    refused     if one argument is broken, and a ValueError or TypeError names it, says what was wanted, what came and
                the cure, on one line,
    taken       if one argument is broken, or only looks so, and the answer is right all the same,
    raw         if a broken argument ends in any other error,
    wrong       if an answer is not the reference's, is no rotation or should not have been, or a valid call fails,
    not finite  if numbers of an answer are not finite, where nothing says that they may.

Prints a table by room and the calls that ended badly, each kind once, and ends with 1 if there are any.
"""

import collections
import os
import sys
from collections.abc import Sequence

os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

from absl import app, flags, logging

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import fuzz_files
    import fuzz_kinematics
    import fuzz_models
    import fuzz_numbers
    import fuzz_rotations
    import numpy as np
    from fuzz_target import Target
    from fuzz_verdicts import BAD, GOOD, Ended, tried
    from tqdm import tqdm

_SEED = flags.DEFINE_integer("seed", 0, "Of the arguments.")
_CALLS = flags.DEFINE_integer("calls", 20000, "Calls in all.", lower_bound=1)
_ONLY = flags.DEFINE_string("only", "", "Only functions whose name holds this text.")
_SHOW = flags.DEFINE_integer("show", 100, "Kinds of bad ends that are printed.")
_VALID = 0.55
"""Share of calls whose arguments are valid."""

QUICK = (
    *fuzz_rotations.ROTATIONS,
    *fuzz_kinematics.CAMERA,
    *fuzz_kinematics.KINEMATICS,
    *fuzz_kinematics.CONTRACT,
    *fuzz_numbers.METRICS,
    *fuzz_numbers.FILTERS,
    *fuzz_numbers.MOTION,
    *fuzz_numbers.SETTINGS,
    *fuzz_numbers.TABLES,
    *fuzz_models.BODY,
    *fuzz_files.IO,
    *fuzz_files.SKELETONS,
    *fuzz_files.COLLISIONS,
)
"""Functions that take no time."""
TARGETS = (
    *QUICK,
    *fuzz_models.SOLVERS,
    *fuzz_models.INFERENCE,
    *fuzz_models.EXPORT,
    *fuzz_files.DRAWING,
)
"""All functions."""


def campaign(targets: Sequence[Target], *, seed: int, calls: int) -> list[Ended]:
    """How so many calls ended, the targets drawn by their weight."""
    weights = np.array([target.weight for target in targets])
    chosen = np.random.default_rng(seed).choice(len(targets), size=calls, p=weights / weights.sum())
    ended = []
    for number, place in enumerate(tqdm(chosen, unit="call", mininterval=5.0, disable=None)):
        rng = np.random.default_rng([seed, number])
        with np.errstate(all="ignore"):
            ended.append(tried(targets[place], rng, valid=rng.random() < _VALID))
    return ended


def table(ended: Sequence[Ended]) -> str:
    """How many calls of each room ended how, in Markdown."""
    kinds = (*GOOD, *BAD)
    lines = ["| room | functions | tried | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 3) + "|"]
    rooms: dict[str, list[Ended]] = {}
    for one in ended:
        rooms.setdefault(one.target.split(".")[0], []).append(one)
    for room, some in [*sorted(rooms.items()), ("all", list(ended))]:
        counts = collections.Counter(one.kind for one in some)
        functions = len({one.target for one in some})
        lines.append(f"| {room} | {functions} | {len(some)} | " + " | ".join(str(counts[k]) for k in kinds) + " |")
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Runs the campaign."""
    if argv[1:]:
        sys.exit(f"fuzz takes flags only; got {' '.join(argv[1:])}.")
    logging.set_verbosity(logging.ERROR)
    targets = [target for target in TARGETS if _ONLY.value in target.name]
    ended = campaign(targets, seed=_SEED.value, calls=_CALLS.value)
    print(table(ended))
    print(f"{100 * sum(one.kind == 'valid' for one in ended) / len(ended):.1f} % of the calls are valid")
    bad = [one for one in ended if one.kind in BAD]
    kinds = collections.Counter((one.kind, one.target, one.how) for one in bad)
    for (kind, target, how), count in sorted(kinds.items(), key=lambda item: item[0])[: _SHOW.value]:
        told = next(one.told for one in bad if (one.kind, one.target, one.how) == (kind, target, how))
        print(f"{kind}: {target}, {how or 'valid'} ({count}): {told[:200]}")
    sys.exit(int(bool(bad)))


if __name__ == "__main__":
    app.run(main)
