"""Tries what the program says of joints that are sound, and of joints in a wrong unit, order or side, or at one point.

Examples:
    python tools/reliability/plausibility.py --motion=MOCAP/val
    python tools/reliability/plausibility.py --motion=MOCAP/val --exported=output/one_stage/1

Sound are clips of 60 frames as they are observed: noise of 0 to 100 mm on each axis, occlusion, lost frames, half a
body, people of 0.65 to 1.25 times the size. Then every clip, with 10 mm of noise, gets each fault in turn. Prints how
many sound clips are doubted, and how many faults are told with the cure that helps. The exit status is 1 if more than
one in a thousand sound clips or one in a hundred faults is not as it should be.

With `--exported` it asks an exported SavedModel of single frames instead, and counts what its `reason` says: of sound
frames those that are not valid, and those that are doubted; of each fault the frames that are told, and the clips of
which half of the frames or more are.
"""

import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import numpy as np
    from tqdm import tqdm

    from niki_tf import body, contract, data, export, io, skeletons
    from niki_tf.contract import Reason
    from niki_tf.evaluation.protocols import common, conditions
    from niki_tf.evaluation.tables import text_table
    from niki_tf.motion.clip import Clip
    from niki_tf.skeletons import axes

_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion files.", required=True)
_SEED = flags.DEFINE_integer("seed", 0, "Of bodies, errors and orders.")
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th clip.", lower_bound=1)
_EXPORTED = flags.DEFINE_string("exported", None, "Folder of a SavedModel's version; else the Python face is tried.")
_SHOW = flags.DEFINE_bool("show", False, "Print what was said that should not have been, or was not enough.")

_SMPL = skeletons.POINT_SETS["smpl_29"]
_SIZES = (0.65, 0.8, 1.25)
_NOISE = 0.01
"""Metres on each axis, of joints that get a fault."""
_DOUBTED, _CAUGHT = 0.001, 0.99
"""Largest share of sound clips that are doubted, least share of faults that are told."""

Fault = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _exchanged(joints: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Left and right exchanged."""
    names = skeletons.SMPL_29.names
    others = {"left": "right", "right": "left"}
    sides = [name.partition("_") for name in names]
    return joints[:, [names.index(f"{others[s]}_{end}") if s in others else n for n, (s, _, end) in enumerate(sides)]]


def _shuffled(joints: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The joints in another order."""
    return joints[:, random.permutation(joints.shape[1])]


FAULTS: dict[str, tuple[Fault, str]] = {
    "mm": (lambda joints, random: 1000.0 * joints, "Multiply them by 0.001"),
    "cm": (lambda joints, random: 100.0 * joints, "Multiply them by 0.01"),
    "inches": (lambda joints, random: joints / 0.0254, "Multiply them by 0.0254"),
    "a thousandth": (lambda joints, random: 0.001 * joints, "Multiply them by"),
    "one point": (lambda joints, random: np.zeros_like(joints) + joints[:1, :1], "check the reader"),
    "sides exchanged": (_exchanged, "swap_sides"),
    "mirrored": (lambda joints, random: joints * [-1.0, 1.0, 1.0], "`mirror`"),
    "order": (_shuffled, "check order"),
}
"""Fault -> what it makes of joints (T, 29, 3), and words of the cure."""
REASONS = {
    **dict.fromkeys(("mm", "cm", "inches"), Reason.TOO_LARGE),
    "a thousandth": Reason.TOO_SMALL,
    "one point": Reason.ONE_PLACE,
    **dict.fromkeys(("sides exchanged", "mirrored"), Reason.SIDES),
    "order": Reason.OTHER_BONES,
}
"""Fault -> the reason that an exported solver gives."""


def main(argv: list[str]) -> None:
    """Prints both tables and ends with 1 if a share is not as it should be."""
    if argv[1:]:
        sys.exit(f"plausibility takes flags only; got {' '.join(argv[1:])}.")
    try:
        clips = conditions.middles(common.long_clips(io.load_clips(_MOTION.value), stride=_STRIDE.value))
    except (ValueError, OSError) as error:
        sys.exit(f"plausibility: {error}")
    if _EXPORTED.value:
        _try_exported(clips)
    poser = body.BodyPoser(body.mannequin())
    observed: dict[str, list[bool]] = {}
    told: dict[str, list[bool]] = {}
    with tqdm(total=len(clips), unit="clip", disable=None) as bar:
        for number, clip in enumerate(clips):
            for name, joints, _ in _sound(clip, poser, seed=_SEED.value + number):
                said = axes.doubts(joints, _SMPL)
                observed.setdefault(name, []).append(bool(said))
                _show(clip.name, name, said, is_wrong=bool(said))
            for name, joints in _faulty(clip, poser, number=number):
                said, cure = axes.doubts(joints, _SMPL), FAULTS[name][1]
                told.setdefault(name, []).append(any(cure in line for line in said))
                _show(clip.name, name, said, is_wrong=not told[name][-1])
            bar.update()
    print(text_table([{"sound": name, "clips": len(said), "doubted": sum(said)} for name, said in observed.items()]))
    print()
    print(text_table([{"fault": name, "clips": len(said), "told": sum(said)} for name, said in told.items()]))
    doubted = np.mean(np.concatenate([*observed.values()])) > _DOUBTED
    sys.exit(int(doubted or any(np.mean(said) < _CAUGHT for said in told.values())))


def _try_exported(clips: Sequence[Clip]) -> None:
    """Prints both tables of an exported solver and ends as `main` does."""
    try:
        exported = export.load_saved_model(_EXPORTED.value)
    except ValueError as error:
        sys.exit(f"plausibility: {error}")
    poser = body.BodyPoser(body.mannequin())
    sound: dict[str, list[np.ndarray]] = {}
    faulty: dict[str, list[np.ndarray]] = {}
    for number, clip in enumerate(tqdm(clips, unit="clip", disable=None)):
        for name, joints, sigma in _sound(clip, poser, seed=_SEED.value + number):
            sound.setdefault(name, []).append(_reason(exported, joints, sigma))
        for name, joints in _faulty(clip, poser, number=number):
            faulty.setdefault(name, []).append(_reason(exported, joints) == REASONS[name])
    doubts = (Reason.OTHER_BONES, Reason.SIDES)  # frames of a gap are told, rightly, that nothing was seen
    rows = [
        {
            "sound": name,
            "frames": np.size(said),
            "not valid": int(((np.array(said) > 0) & (np.array(said) < Reason.NOTHING_SEEN)).sum()),
            "doubted": int(np.isin(said, doubts).sum()),
        }
        for name, said in sound.items()
    ]
    caught = {name: np.mean(said, axis=1) >= 0.5 for name, said in faulty.items()}
    told = [
        {
            "fault": name,
            "frames": np.size(said),
            "told": int(np.sum(said)),
            "clips": f"{caught[name].sum()} of {len(said)}",
        }
        for name, said in faulty.items()
    ]
    print(f"{text_table(rows)}\n\n{text_table(told)}")
    doubted = sum(row["not valid"] + row["doubted"] for row in rows) > _DOUBTED * sum(row["frames"] for row in rows)
    sys.exit(int(doubted or any(np.mean(found) < _CAUGHT for found in caught.values())))


def _reason(exported: export.Exported, joints: np.ndarray, sigma: np.ndarray | None = None) -> np.ndarray:
    """The reasons (T,) for the frames of a clip."""
    shapes = contract.input_shapes(exported.shapes["ik_full"]["betas"][-1])
    unknown = {name: np.zeros([len(joints), *shape], np.float32) for name, shape in shapes.items()}
    known = {"joints": joints} if sigma is None else {"joints": joints, "joint_sigma": sigma}
    return exported("ik_full", **{**unknown, **known})["reason"]


def _faulty(clip: Clip, poser: body.BodyPoser, *, number: int) -> Iterator[tuple[str, np.ndarray]]:
    """Name and joints (60, 29, 3) of each fault of a clip with noise."""
    (seen,) = conditions.observations(
        [clip], ["noise_10"], poser=poser, occlude=data.occluded_motion, seed=_SEED.value + number
    )
    random = np.random.default_rng([_SEED.value, number])
    for name, (fault, _) in FAULTS.items():
        yield name, fault(seen.inputs["joints"].astype(np.float64), random)


def _sound(clip: Clip, poser: body.BodyPoser, *, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """Name, joints (60, 29, 3) and sigma of each way in which a clip may be observed."""
    names = conditions.EQUAL_SHARES
    found = conditions.observations([clip], names, poser=poser, occlude=data.occluded_motion, seed=seed)
    for name, seen in zip(names, found, strict=True):
        yield name, np.asarray(seen.inputs["joints"], np.float64), seen.inputs.get("joint_sigma")
        if name == "noise_0":
            for size in _SIZES:
                yield f"size {size}", size * np.asarray(seen.true, np.float64), None


def _show(clip: str, name: str, said: tuple[str, ...], *, is_wrong: bool) -> None:
    if is_wrong and _SHOW.value:
        tqdm.write(f"{clip}, {name}: {' '.join(said) or 'nothing'}")


if __name__ == "__main__":
    app.run(main)
