"""Checks motion files: feet, limbs, jumps, the ground, and clips that two folders share; exits with 1 for a fault.

Examples:
    niki-tf check_motion --motion=AMASS/CMU --up=z
    niki-tf check_motion --motion=MOCAP/val --motion='MOCAP/train/cmu__*' --trans=pelvis

A table of each folder and of its subjects is printed, of each clip too if there are few, and written as
check_motion.csv; then what passes a limit, all of it in faults.txt. The subject is what precedes the last `/` or `__`
of a clip's name. Clips are resampled to 30 frames a second. Where a person climbs, the ground that is found may be what
the person stands on; say --ground=0 if it is at 0.
"""

import collections
import itertools
import sys
from collections.abc import Sequence

import numpy as np
from absl import flags
from tqdm import tqdm

from niki_tf import body, evaluation, files, io, motion
from niki_tf.cli import body_flag, dataclass_flags
from niki_tf.evaluation.tables import Row
from niki_tf.skeletons import axes

_MOTION = flags.DEFINE_multi_string(
    "motion", None, "Folder, file or pattern of motion in AMASS's layout; may be given several times.", required=True
)
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_UP = flags.DEFINE_enum("up", "y", [*axes.Y_UP], "Axis that is up in files that do not say it; of AMASS z.")
_GROUND = flags.DEFINE_float("ground", None, "Height of the ground, metres; found from each clip's feet if not given.")
_COPY_MM = flags.DEFINE_float(
    "copy_mm", 15.0, "Distance of joints, root mean square, of poses that count as the same, mm.", lower_bound=0.1
)
_OUTPUT = flags.DEFINE_string("output", "output/check_motion", "Folder for what is written.")
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")
dataclass_flags.define(motion.CheckLimits, prefix="limit_")
flags.adopt_module_key_flags(dataclass_flags)
flags.adopt_module_key_flags(body_flag)

_HEADINGS = {
    "frames": "frames",
    "slowest_foot": "slowest foot m/s",
    "slowest_foot_median": "median m/s",
    "slide": "slide m/s",
    "wrong_way": "wrong way %",
    "jump": "jump deg",
    "below_ground": "below ground cm",
    "copies": "copies",
}
"""Heading of each limit's column."""
_SHOWN = ("clips", *_HEADINGS.values())
"""Columns that are printed."""
_FEW_CLIPS = 50
"""Up to so many clips have lines of their own in what is printed."""
_FEW_FAULTS = 10
"""So many faults of a kind are printed, the worst first."""

Folders = dict[str, motion.Clips]
"""Value of --motion -> its clips."""
Counts = collections.Counter[tuple[str, str]]
"""Value of --motion and name of a clip -> number of clips elsewhere that it repeats."""


def main(argv: list[str]) -> None:
    """Checks everything, prints, writes, and exits with 1 if a limit is passed."""
    if argv[1:]:
        sys.exit(f"check_motion takes flags only; got {' '.join(argv[1:])}. Motion goes into --motion.")
    limits = dataclass_flags.read(motion.CheckLimits, prefix="limit_")
    try:
        output, body_joints = files.output_folder(_OUTPUT.value), body_flag.body_joints()
        folders = _loaded()
        found = {path: _checked(clips, body_joints) for path, clips in folders.items()}
        copies, lines = _copies(folders)
    except (ValueError, OSError) as error:
        sys.exit(f"check_motion: {error}")
    rows = _rows(found, copies if len(folders) > 1 else None, limits)
    of_clips = [fault for checks in found.values() for check in checks for fault in motion.faults(check, limits)]
    said = _said(of_clips)
    if max(copies.values(), default=0) > limits.copies:
        said["copies"] = lines
    evaluation.write_csv(rows, output / "check_motion.csv")
    with files.atomic_write(output / "faults.txt") as beside:
        beside.write_text("".join(f"{line}\n" for kind in said.values() for line in kind))
    print(_table(rows) + _printed(said))
    print(f"\nWritten: {output / 'check_motion.csv'}, {output / 'faults.txt'}")
    if said:
        sys.exit(1)


def _loaded() -> Folders:
    """The clips of each folder, which must be different ones."""
    if len(set(_MOTION.value)) < len(_MOTION.value):
        raise ValueError(f"`motion` must name different folders; got {', '.join(_MOTION.value)}.")
    return {path: io.load_clips(path, skip_bad=_SKIP_BAD.value, trans=_TRANS.value) for path in _MOTION.value}


def _checked(clips: Sequence[motion.Clip], body_joints: body.BodyJoints) -> list[motion.ClipCheck]:
    return [
        motion.check_clip(clip, rest_joints=_rest(clip, body_joints), ground=_GROUND.value, up=_UP.value)
        for clip in tqdm(clips, desc="clips", unit="clip", disable=None)
    ]


def _rest(clip: motion.Clip, body_joints: body.BodyJoints) -> np.ndarray:
    """Joints (29, 3), metres, of the clip's person in the T-pose."""
    betas = clip.betas[: body_joints.num_betas]
    return body_joints.joints + body_joints.directions[..., : len(betas)] @ betas


def _copies(folders: Folders) -> tuple[Counts, list[str]]:
    """How many clips of other folders each clip repeats, and a line for each two clips."""
    counts: Counts = collections.Counter()
    lines = []
    for (path, clips), (other_path, others) in itertools.combinations(folders.items(), 2):
        found = motion.near_duplicates(clips, others, limit=_COPY_MM.value / 1000.0, progress=True)
        for copy in sorted(found, key=lambda copy: -copy.frames):
            clip, other = clips[copy.first].name, others[copy.second].name
            counts.update([(path, clip), (other_path, other)])
            mirrored = ", mirrored" * copy.mirrored
            lines.append(
                f"{clip}: repeats {other} of {other_path}{mirrored}: {copy.frames} frames from frame "
                f"{copy.first_frame}, there from {copy.second_frame}, {1000 * copy.distance:.1f} mm apart"
            )
    return counts, lines


def _rows(found: dict[str, list[motion.ClipCheck]], copies: Counts | None, limits: motion.CheckLimits) -> list[Row]:
    """A row of each folder, of each of its subjects, of each clip, and of the limits."""
    rows = []
    for path, checks in found.items():
        subjects = collections.defaultdict(list)
        for check in checks:
            subjects[_subject(check.name)].append(check)
        rows.append(_row(path, "all", "all", checks, copies))
        for subject, theirs in sorted(subjects.items()):
            rows.append(_row(path, subject, "all", theirs, copies))
            rows += [_row(path, subject, check.name, [check], copies) for check in theirs]
    values = {heading: getattr(limits, name) for name, heading in _HEADINGS.items()}
    return [*rows, {"motion": "limit", "subject": "", "clip": "", "clips": None, **values}]


def _row(path: str, subject: str, clip: str, checks: Sequence[motion.ClipCheck], copies: Counts | None) -> Row:
    together = motion.summary(checks)
    count = None if copies is None else sum(copies[path, check.name] for check in checks)
    values = {heading: together.get(name) for name, heading in _HEADINGS.items()}
    return {"motion": path, "subject": subject, "clip": clip, "clips": len(checks), **values, "copies": count}


def _subject(name: str) -> str:
    """What precedes the last `/` or `__` of a clip's name, such as cmu/06 of cmu__06__01."""
    return "/".join(name.replace("__", "/").split("/")[:-1]) or "-"


def _table(rows: Sequence[Row]) -> str:
    """The rows as text: those of clips only if they are few."""
    few = sum(map(_is_of_clip, rows)) <= _FEW_CLIPS
    shown = [
        {"subject or clip": _label(row), **{name: "-" if row[name] is None else row[name] for name in _SHOWN}}
        for row in rows
        if few or not _is_of_clip(row)
    ]
    return evaluation.text_table(shown, decimals=2)


def _is_of_clip(row: Row) -> bool:
    return row["clip"] not in ("all", "")


def _label(row: Row) -> str:
    if _is_of_clip(row):
        return f"    {row['clip']}"
    return row["motion"] if row["subject"] in ("all", "") else f"  {row['subject']}"


def _said(faults: Sequence[motion.Fault]) -> dict[str, list[str]]:
    """Name of a limit -> a line for each clip that passes it, the worst first."""
    said = collections.defaultdict(list)
    columns = list(_HEADINGS)
    for fault in sorted(faults, key=lambda fault: (columns.index(fault.column), -abs(fault.value - fault.limit))):
        unit = _HEADINGS[fault.column].split()[-1]
        what = _HEADINGS[fault.column].removesuffix(f" {unit}")
        where = "" if fault.frame is None else f", worst at frame {fault.frame}"
        value = f"{fault.value:.2f} {unit}" if unit != "frames" else f"{fault.value:g}"
        said[fault.column].append(f"{fault.clip}: {what} {value}, limit {fault.limit:g}{where}")
    return said


def _printed(said: dict[str, list[str]]) -> str:
    """The first faults of each kind."""
    lines = [f"\n\nFaults: {sum(map(len, said.values()))}"]
    for kind in said.values():
        lines += ["", *kind[:_FEW_FAULTS]]
        lines += [f"and {len(kind) - _FEW_FAULTS} more of this kind"] if len(kind) > _FEW_FAULTS else []
    return "\n".join(lines)
