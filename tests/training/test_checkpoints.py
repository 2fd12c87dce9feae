import logging

import numpy as np
import pytest

from niki_tf.training import checkpoints


def test_round_trip_and_only_the_newest_two_stay(tmp_path):
    for step in (3, 10, 20):
        checkpoints.save(tmp_path, step, {"a": np.full([2], step), "b/0": np.float32(step)})
    assert checkpoints.steps(tmp_path) == [10, 20]
    assert {name: array.tolist() for name, array in checkpoints.load(tmp_path, 20).items()} == {
        "a": [20, 20],
        "b/0": 20.0,
    }


def test_a_file_that_was_not_finished_does_not_count(tmp_path):
    checkpoints.save(tmp_path, 1, {"a": np.zeros(2)})
    (tmp_path / ".step-000000002.7.partial").write_bytes(b"half")
    assert checkpoints.steps(tmp_path) == [1]
    checkpoints.save(tmp_path, 3, {"a": np.zeros(2)})
    assert not list(tmp_path.glob("*.partial"))


def test_a_damaged_file_is_named(tmp_path):
    checkpoints.save(tmp_path, 1, {"a": np.zeros(2)})
    path = tmp_path / "step-000000001.npz"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"damaged checkpoint, .*step-000000001\.npz"):
        checkpoints.load(tmp_path, 1)


@pytest.fixture
def two(tmp_path):
    for step in (10, 20):
        checkpoints.save(tmp_path, step, {"a": np.full([2], step)})
    return tmp_path


def test_the_newest_whole_one_is_taken(two):
    step, arrays = checkpoints.newest(two)
    assert (step, arrays["a"].tolist()) == (20, [20, 20])
    assert checkpoints.newest(two / "none") is None


@pytest.mark.parametrize("keep_aside", [True, False])
def test_a_damaged_one_is_kept_aside_with_a_word(two, caplog, keep_aside):
    newest = two / "step-000000020.npz"
    newest.write_bytes(newest.read_bytes()[:-30])
    with caplog.at_level(logging.WARNING, "niki_tf"):
        step, arrays = checkpoints.newest(two, keep_aside=keep_aside)
    assert (step, arrays["a"].tolist()) == (10, [10, 10])
    (line,) = caplog.messages
    assert f"{newest} is damaged and kept as step-000000020.npz.damaged; on from step 10" in line
    assert checkpoints.steps(two) == ([10] if keep_aside else [10, 20])
    assert (two / "step-000000020.npz.damaged").exists() == keep_aside


def test_if_all_are_damaged_the_oldest_is_named_and_all_stay(two):
    for path in two.iterdir():
        path.write_bytes(b"damage")
    with pytest.raises(ValueError, match=r"damaged checkpoint, .*step-000000010\.npz.* got 6 bytes"):
        checkpoints.newest(two)
    assert checkpoints.steps(two) == [10, 20]


def test_files_of_other_names_are_left_out_with_a_word(two, caplog):
    for name in ("step-abc.npz", "step-30.npz", "step-.npz"):
        (two / name).write_bytes(b"")
    with caplog.at_level(logging.WARNING, "niki_tf"):
        assert checkpoints.newest(two)[0] == 20
    assert [line.rpartition("/")[2].partition(" ")[0] for line in caplog.messages] == [
        "step-.npz",
        "step-30.npz",
        "step-abc.npz",
    ]
    checkpoints.save(two, 40, {"a": np.zeros(2)})
    assert checkpoints.steps(two) == [20, 40]
