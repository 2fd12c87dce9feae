"""tools/make_xocc.py: frames and what was hidden, resumed, and bad input."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def clip(tmp_path, rng):
    """A folder of twelve frames and a file of the joints of seventeen points."""
    (tmp_path / "frames").mkdir()
    for frame in range(12):
        cv2.imwrite(str(tmp_path / "frames" / f"{frame:04d}.jpg"), np.full([60, 80, 3], 180, np.uint8))
    joints = np.concatenate([rng.uniform(10, 50, [12, 17, 2]), np.ones([12, 17, 1])], -1)
    np.savez(tmp_path / "labels.npz", joints=joints)
    return tmp_path


def arguments(clip, *others):
    return [f"--frames={clip / 'frames'}", f"--labels={clip / 'labels.npz'}", f"--output={clip / 'out'}", *others]


def test_frames_are_written_told_and_not_written_twice(run_tool, clip):
    assert "12 of 12 frames written" in run_tool("make_xocc", *arguments(clip))
    record = json.loads((clip / "out" / "xocc.json").read_text())
    assert (record["seed"], record["shape"], record["box"], len(record["frames"])) == (0, "square", "fixed", 12)
    row = record["frames"][5]
    left, top, right, bottom = np.rint(row["cover"]).astype(int)
    drawn = cv2.imread(str(clip / "out" / row["file"]))
    assert drawn[max(top, 0) : bottom, max(left, 0) : right].std() > 30
    (clip / "out" / "0003.png").unlink()
    assert "1 of 12 frames written" in run_tool("make_xocc", *arguments(clip))
    with pytest.raises(SystemExit, match="make_xocc: `output` must be a new folder, or one of the same settings"):
        run_tool("make_xocc", *arguments(clip, "--box=refit"))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"joints": np.ones([5, 17, 3])}, "`labels` must be of all 12 frames of .*; got 5"),
        ({"joints": np.ones([12, 9, 3])}, "`names` of 9 joints, such as left_wrist"),
        ({"joints": np.zeros([12, 17, 3])}, "`joints` must have one that is labelled in each frame; frame 0"),
        ({"joints": np.ones([12, 17, 3]), "boxes": np.ones([12, 3])}, r"`boxes` must be numbers of shape \(12, 4\)"),
        ({"points": np.ones([12, 17, 3])}, "`joints` .* in pixels is wanted; the file has none"),
    ],
)
def test_bad_labels_are_named(run_tool, clip, entries, message):
    np.savez(clip / "labels.npz", **entries)
    with pytest.raises(SystemExit, match=f"make_xocc: .*{message}"):
        run_tool("make_xocc", *arguments(clip))
    assert not (clip / "out" / "xocc.json").exists()


def test_a_folder_without_frames_is_named(run_tool, clip):
    with pytest.raises(SystemExit, match="make_xocc: `frames` must be a folder of pictures"):
        run_tool("make_xocc", f"--frames={clip / 'none'}", f"--labels={clip / 'labels.npz'}", f"--output={clip}/out")
