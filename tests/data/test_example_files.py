"""Batches of examples in files."""

import types

import numpy as np
import pytest

from niki_tf.data import example_files


def _example(number):
    return {"a": 10 * number + np.arange(4, dtype=np.float16), "b": np.full([4, 2], number, np.float32)}


@pytest.fixture
def folder(tmp_path):
    example_files.write(tmp_path / "examples", 5, _example)
    return tmp_path / "examples"


def _numbers(folder, steps, **more):
    """Numbers of the first batches that are read."""
    return [int(batch["b"][0, 0]) for batch in example_files.batches(folder, 5, **more).take(steps)]


def test_only_what_is_missing_is_made(folder):
    (folder / "000001.npz").unlink()
    kept = (folder / "000002.npz").stat().st_mtime_ns
    made = []
    example_files.write(folder, 7, lambda number: made.append(number) or _example(number))
    assert made == [1, 5, 6]
    assert example_files.missing(folder, 8) == [7]
    assert (folder / "000002.npz").stat().st_mtime_ns == kept
    example_files.write(folder, 7, lambda number: 1 / 0)


def test_a_batch_that_cannot_be_made_leaves_nothing_behind(tmp_path):
    def make(number):
        if number == 2:
            raise RuntimeError("lost power")
        return _example(number)

    with pytest.raises(RuntimeError, match="lost power"):
        example_files.write(tmp_path, 5, make)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.npz", "000001.npz"]
    assert example_files.missing(tmp_path, 5) == [2, 3, 4]


def test_batches_are_what_was_made(folder):
    dataset = example_files.batches(folder, 5, seed=0)
    assert {name: spec.shape.as_list() for name, spec in dataset.element_spec.items()} == {"a": [4], "b": [4, 2]}
    for batch in dataset.take(5):
        made = _example(int(batch["b"][0, 0]))
        assert {name: value.numpy().dtype for name, value in batch.items()} == {"a": np.float16, "b": np.float32}
        for name, value in made.items():
            np.testing.assert_array_equal(batch[name], value)


def test_every_batch_comes_once_each_time_around_in_orders_of_the_seed(folder):
    numbers = _numbers(folder, 20, seed=3)
    rounds = [tuple(numbers[start : start + 5]) for start in range(0, 20, 5)]
    assert all(sorted(order) == list(range(5)) for order in rounds)
    assert len(set(rounds)) > 1
    assert numbers == _numbers(folder, 20, seed=3)
    assert numbers != _numbers(folder, 20, seed=4)


def test_a_run_goes_on_with_the_batches_of_one_that_was_not_stopped(folder):
    assert _numbers(folder, 6, seed=0, first_step=7) == _numbers(folder, 13, seed=0)[7:]


def test_shards_cut_a_batch_without_overlap(folder):
    whole = [batch["a"].numpy() for batch in example_files.batches(folder, 5, seed=0, first_step=2).take(3)]
    first, second = (
        [
            batch["a"].numpy()
            for batch in example_files.batches(folder, 5, seed=0, first_step=2, shards=2, own_shards=(shard,)).take(3)
        ]
        for shard in (0, 1)
    )
    for all_of_it, *halves in zip(whole, first, second, strict=True):
        assert [len(half) for half in halves] == [2, 2]
        assert sorted(np.concatenate(halves)) == sorted(all_of_it)


def test_a_process_feeds_its_shards_in_turn(folder):
    both = example_files.batches(folder, 5, seed=0, first_step=2, shards=2, own_shards=(0, 1)).take(6)
    found = [batch["a"].numpy() for batch in both]
    for shard in (0, 1):
        own = example_files.batches(folder, 5, seed=0, first_step=2, shards=2, own_shards=(shard,)).take(3)
        np.testing.assert_array_equal(found[shard::2], [batch["a"].numpy() for batch in own])


def test_a_disk_without_room_for_all_is_told_after_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(example_files.files.shutil, "disk_usage", lambda place: types.SimpleNamespace(free=1000))
    with pytest.raises(ValueError, match="`workdir` must be on a disk with 0 MB free"):
        example_files.write(tmp_path, 5, _example)
    assert example_files.missing(tmp_path, 5) == [1, 2, 3, 4]
