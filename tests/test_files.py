"""Files are complete or absent, whatever interrupts the writing."""

import os

import pytest

from niki_tf import files


def _interrupted(path, write):
    def half():
        with files.atomic_write(path) as temporary:
            write(temporary)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("former")
    _interrupted(path, lambda temporary: temporary.write_text("half"))
    assert path.read_text() == "former"
    assert [file.name for file in tmp_path.iterdir()] == ["rows.json"]


def test_a_failed_folder_leaves_the_former_folder_and_nothing_else(tmp_path):
    with files.atomic_write(tmp_path / "1") as temporary:
        temporary.mkdir()
        (temporary / "former").write_text("whole")
    _interrupted(tmp_path / "1", lambda temporary: temporary.mkdir())
    assert [file.name for file in tmp_path.rglob("*")] == ["1", "former"]


def test_a_folder_replaces_the_former_one(tmp_path):
    for name in ("former", "new"):
        with files.atomic_write(tmp_path / "1") as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert [file.name for file in (tmp_path / "1").iterdir()] == ["new"]


def test_the_suffix_stays_and_missing_folders_are_made(tmp_path):
    with files.atomic_write(tmp_path / "a" / "b" / "poses.npz") as temporary:
        assert (temporary.suffix, temporary.parent) == (".npz", tmp_path / "a" / "b")
        temporary.write_bytes(b"x")
    assert (tmp_path / "a" / "b" / "poses.npz").read_bytes() == b"x"


def test_data_are_on_disk_before_the_rename(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    with files.atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
    assert order == ["fsync", "replace", "fsync"]


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".step-1.77.partial.npz").write_text("half")
    (tmp_path / ".1.77.partial").mkdir()
    (tmp_path / "step-1.npz").write_text("whole")
    files.remove_partial(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["step-1.npz"]


def test_output_folder_is_made(tmp_path):
    assert files.output_folder(tmp_path / "a" / "b").is_dir()
    assert not list((tmp_path / "a" / "b").iterdir())


def test_output_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match="`output` must be a folder that can be written to; got .*file"):
            files.output_folder(place)


def test_output_file_is_given_back_and_nothing_is_made(tmp_path):
    (tmp_path / "old.npz").touch()
    for place in (tmp_path / "old.npz", tmp_path / "a" / "b" / "new.npz"):
        assert files.output_file(str(place), suffix=".npz") == place
    assert [path.name for path in tmp_path.iterdir()] == ["old.npz"]


def test_output_file_that_cannot_be_is_named(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "kept.npz").touch(mode=0o444)
    for name, reason in (
        ("a.txt", "end in .npz; got .*a.txt"),
        ("folder.npz", "it is a folder"),
        ("kept.npz", "it is read-only"),
        ("kept.npz/a.npz", "Not a directory"),
    ):
        with pytest.raises(ValueError, match=f"`output` must .*{reason}"):
            files.output_file(tmp_path / name, suffix=".npz")
    with pytest.raises(ValueError, match="`output` must be a file that can be written"):
        files.output_file("/proc/a.npz", suffix=".npz")
