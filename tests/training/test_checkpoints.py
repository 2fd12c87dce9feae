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
