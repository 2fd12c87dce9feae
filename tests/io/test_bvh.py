"""BVH files: what is read is what stands there, in all the forms that files have; what is written reads the same."""

import logging
import os
import pathlib
import re

import numpy as np
import pytest
from rig import ENDS, JOINTS, channel_values, rig_text

from niki_tf.io import bvh
from niki_tf.io.bvh_file import BvhFile
from niki_tf.motion import pieces

OTHERS = sorted(pathlib.Path(os.environ.get("NIKI_BVH_FILES", "/nowhere")).rglob("*.bvh"))


def _read(folder, text, encoding="utf-8"):
    path = folder / "a.bvh"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return bvh.read_bvh(path)


def _assert_is_the_rig(rig, frames=5):
    assert rig.names == tuple(JOINTS)
    assert [rig.names[parent] if parent >= 0 else None for parent in rig.parents] == [p for p, *_ in JOINTS.values()]
    assert [" ".join(channels) for channels in rig.channels] == [channels for *_, channels in JOINTS.values()]
    np.testing.assert_array_equal(rig.offsets, [offset for _, offset, _ in JOINTS.values()])
    ends = dict(zip((rig.names[joint] for joint in rig.end_parents), rig.end_offsets.tolist(), strict=True))
    assert ends == ENDS
    np.testing.assert_array_equal(rig.values, channel_values(frames))
    assert (rig.frame_time, rig.fps) == (0.0333333, 30.0)


def test_a_rig_is_read_as_it_stands(tmp_path):
    _assert_is_the_rig(_read(tmp_path, rig_text()))


_FORMS = {
    "windows": lambda text: text.replace("\n", "\r\n"),
    "old Macintosh": lambda text: text.replace("\n", "\r"),
    "tabs": lambda text: text.replace("\n", "\n\t\t").replace("OFFSET ", "OFFSET\t"),
    "blank lines": lambda text: text.replace("\n", "\n \n"),
    "comments": lambda text: text.replace("\n", "\n# JOINT { of no rig\n  // } of none\n"),
    "braces on the line": lambda text: text.replace("\n{", " {"),
    "small letters": lambda text: re.sub("ROOT|JOINT|OFFSET|CHANNELS|MOTION", lambda word: word[0].lower(), text),
    "small channels": lambda text: text.replace("rotation", "ROTATION").replace("Xpos", "xpos"),
    "counts without colon": lambda text: text.replace("Frames: ", "frames ").replace("Frame Time: ", "frame time "),
    "counts with spaces": lambda text: text.replace("Frames:", "Frames  :\t").replace("Time:", "time :"),
    "named end sites": lambda text: text.replace("End Site", "end site Tip of all"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "rows in pieces": lambda text: text.replace(" 0", "\n0"),
    "no last newline": str.rstrip,
}


@pytest.mark.parametrize("form", _FORMS)
def test_forms_of_files(tmp_path, form):
    changed = _FORMS[form](rig_text())
    assert changed != rig_text()
    _assert_is_the_rig(_read(tmp_path, changed))


def test_names_in_other_letters(tmp_path):
    text = rig_text().replace("Spine", "Rücken")
    assert "Rücken" in _read(tmp_path, text).names
    assert "Rücken" in _read(tmp_path, text, "latin-1").names


@pytest.mark.parametrize("declared", [4, 6, 1000])
def test_more_or_fewer_rows_than_declared_are_taken_and_told(tmp_path, caplog, declared):
    with caplog.at_level(logging.WARNING, logger="niki_tf"):
        rig = _read(tmp_path, rig_text().replace("Frames: 5", f"Frames: {declared}"))
    _assert_is_the_rig(rig)
    assert f"declares {declared} frames and holds 5" in caplog.text


@pytest.mark.parametrize(
    ("frame_time", "fps"),
    [("0.0333", 1 / 0.0333), ("0.033333", 30.0), (".0083333", 120.0), ("0.0333667", 1 / 0.0333667), ("0", None)],
)
def test_rates_are_whole_numbers_where_that_is_what_was_rounded(tmp_path, frame_time, fps):
    assert _read(tmp_path, rig_text(frame_time=frame_time)).fps == fps


def test_two_people_in_a_file(tmp_path):
    joint = "ROOT {}\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\nEnd Site\n{{\nOFFSET 0 {} 0\n}}\n}}\n"
    text = "HIERARCHY\n" + joint.format("a", 1) + joint.format("b", 2) + "MOTION\nFrames: 1\nFrame Time: 1\n5 6"
    rig = _read(tmp_path, text)
    assert (rig.names, rig.parents, rig.end_parents) == (("a", "b"), (-1, -1), (0, 1))
    back = bvh.read_bvh(bvh.write_bvh(tmp_path / "b.bvh", rig))
    assert (back.names, back.parents, back.values.tolist()) == (rig.names, rig.parents, [[5, 6]])


def _without(word):
    return lambda text: text.replace(word, "", 1)


_BAD = {
    "it is empty": lambda text: " \n",
    "it is binary": lambda text: b"HIERARCHY\n\0\1\2",
    "it must begin with HIERARCHY; got 'Kaydara": lambda text: "Kaydara FBX",
    "the hierarchy ends in the middle; it is cut off": lambda text: text[: text.index("Yposition")],
    "the hierarchy ends with a brace open; it is cut off": lambda text: text[: text.index("JOINT Spine")],
    "it ends before MOTION": lambda text: text[: text.index("MOTION")],
    "MOTION must be followed by `Frames:` and": lambda text: text[: text.index("Frame Time")],
    "must hold frames of channels; got 0 frames and 31 channels": lambda text: text[: text.index("0.0333333") + 9],
    r"must have 31 numbers; frame 5 of 5 has \d+: it is cut off": lambda text: text[:-40],
    "could not convert string to float: '1.#QNAN'": lambda text: text.rstrip().rsplit(" ", 1)[0] + " 1.#QNAN",
    "`values` must be finite; got 1 numbers": lambda text: text.rstrip().rsplit(" ", 1)[0] + " nan",
    "could not convert string to float: 'x'": lambda text: text.replace("OFFSET 0.0", "OFFSET x", 1),
    "invalid literal for int.*'ten'": lambda text: text.replace("CHANNELS 6", "CHANNELS ten", 1),
    "channels must be Xposition to Zrotation; got 'Zscale'": lambda text: text.replace("Zrotation", "Zscale", 1),
    "none of them twice; 'rig:Hips' has": lambda text: text.replace("Yrotation", "Zrotation", 1),
    "joint 'rig:Hips' has no OFFSET": _without("OFFSET 0.0 95.0 2.0"),
    "the End Site of 'LeftFoot' must have one OFFSET": _without("OFFSET 0.0 -6.0 14.0"),
    "joint 'Left Up Leg' stands where none can": _without("{"),
    "cannot have '}' where it stands": lambda text: text.replace("MOTION", "}\nMOTION"),
    "cannot have 'SCALE' where it stands": lambda text: text.replace("OFFSET", "SCALE", 1),
    "an End Site stands where none can": lambda text: text.replace("HIERARCHY", "HIERARCHY\nEnd Site { }"),
    "the hierarchy ends with a brace": lambda text: "HIERARCHY\nMOTION\nFrames: 1\nFrame Time: 1\n1",
    "cannot have 'ROOT' where": lambda text: text.replace("ROOT rig:Hips", "ROOT"),
}


@pytest.mark.parametrize("message", _BAD)
def test_bad_files_are_named_with_the_place(tmp_path, message):
    with pytest.raises(ValueError, match=r"`path` must be a whole BVH file; .*a\.bvh: .*" + message):
        _read(tmp_path, _BAD[message](rig_text()))


def test_every_cut_of_a_file_is_read_or_refused(tmp_path, rng):
    text, values = rig_text(), channel_values(5)
    read = 0
    for length in rng.integers(0, len(text), 150):
        try:
            rig = _read(tmp_path, text[:length])
        except ValueError:
            continue
        read += 1
        # The cut may go through the last number of a row.
        np.testing.assert_array_equal(rig.values.ravel()[:-1], values[: len(rig.values)].ravel()[:-1])
    assert 0 < read < 30


def test_a_path_that_leads_nowhere(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be a \.bvh file; there is no file '.*b\.bvh'"):
        bvh.read_bvh(tmp_path / "b.bvh")


def test_what_is_written_reads_the_same(tmp_path):
    rig = _read(tmp_path, rig_text())
    path = bvh.write_bvh(tmp_path / "new" / "b.BVH", rig)
    _assert_is_the_rig(bvh.read_bvh(path))
    assert [file.name for file in path.parent.iterdir()] == ["b.BVH"]


def test_only_bvh_is_written(tmp_path):
    rig = _read(tmp_path, rig_text())
    with pytest.raises(ValueError, match=r"`path` must end in \.bvh; got .*a\.txt"):
        bvh.write_bvh(tmp_path / "a.txt", rig)


_GOOD = {
    "names": ("a", "b", "c"),
    "parents": (-1, 0, 0),
    "offsets": np.zeros([3, 3]),
    "channels": (("Xrotation",), (), ("Xposition", "Yrotation")),
    "values": np.zeros([2, 3]),
    "frame_time": 0.1,
    "end_parents": (1,),
    "end_offsets": np.ones([1, 3]),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ("a", "b")}, "`names`, `parents` and `channels` must be one for each joint; got 2, 3 and 3"),
        ({"offsets": np.zeros([2, 3])}, r"`offsets` must have shape \(3, 3\); got \(2, 3\)"),
        ({"end_offsets": np.zeros([0, 3])}, r"`end_offsets` must have shape \(1, 3\); got \(0, 3\)"),
        ({"values": np.zeros([2, 4])}, r"`values` must have shape \(T, 3\), T at least 1; got \(2, 4\)"),
        ({"values": np.zeros([0, 3])}, r"`values` must have shape \(T, 3\), T at least 1; got \(0, 3\)"),
        ({"parents": (-1, 2, 0)}, "`parents` must go down one branch after the other; joint 1 hangs on 2"),
        ({"parents": (-1, -1, 0)}, "`parents` must go down one branch after the other; joint 2 hangs on 0"),
        ({"end_parents": (3,)}, r"`end_parents` must be joints 0 to 2; got \(3,\)"),
        ({"offsets": np.full([3, 3], np.nan)}, "`offsets` must be finite; got 9 numbers"),
        ({"channels": (("Xrotation",), (), ("Wposition", "Yrotation"))}, "`channels` must be .*; 'c' has Wposition Y"),
    ],
)
def test_arrays_that_do_not_fit_together(change, message):
    BvhFile(**_GOOD)
    with pytest.raises(ValueError, match=message):
        BvhFile(**_GOOD | change)


@pytest.mark.skipif(not OTHERS, reason="NIKI_BVH_FILES names no folder of BVH files")
@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_files_of_others_come_back_as_they_were(tmp_path, path):
    rig = bvh.read_bvh(path)
    back = bvh.read_bvh(bvh.write_bvh(tmp_path / "a.bvh", rig))
    for name in ("names", "parents", "channels", "end_parents"):
        assert getattr(back, name) == getattr(rig, name)
    for name in ("offsets", "end_offsets", "values", "frame_time"):
        np.testing.assert_allclose(getattr(back, name), getattr(rig, name), atol=1e-6, rtol=1e-8)


def test_a_long_motion_is_written_in_pieces_of_which_none_is_lost(tmp_path):
    frames = 2 * pieces.FRAMES + 1
    values = np.arange(6.0 * frames).reshape(frames, 6) / 8
    channels = ("Xposition", "Yposition", "Zposition", "Zrotation", "Xrotation", "Yrotation")
    rig = BvhFile(
        names=("Hips",), parents=(-1,), offsets=np.zeros([1, 3]), channels=(channels,), values=values, frame_time=0.02
    )
    again = bvh.read_bvh(bvh.write_bvh(tmp_path / "a.bvh", rig))
    np.testing.assert_array_equal(again.values, values)
