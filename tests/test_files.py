"""Files are complete or absent, whatever interrupts the writing."""

import errno
import os
import re
import subprocess
import sys
import types

import pytest

from niki_tf import files


def _interrupted(path, write):
    def half():
        with files.atomic_write(path) as temporary:
            write(temporary)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()


def _write(path, text="all of it"):
    with files.atomic_write(path) as temporary:
        temporary.write_text(text)


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


def test_the_name_stays_and_missing_folders_are_made(tmp_path):
    with files.atomic_write(tmp_path / "a" / "b" / "poses.npz") as temporary:
        assert (temporary.name, temporary.parent.parent) == ("poses.npz", tmp_path / "a" / "b")
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


def test_a_folder_in_the_place_of_a_file_stays(tmp_path):
    (tmp_path / "a.txt").mkdir()
    (tmp_path / "a.txt" / "kept").touch()
    with pytest.raises(files.NotWrittenError, match="a.txt cannot be written: Is a directory"):
        _write(tmp_path / "a.txt")
    assert [path.name for path in tmp_path.rglob("*")] == ["a.txt", "kept"]


def test_symbolic_links_are_replaced_and_not_followed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "own.txt").write_text("own")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    (tmp_path / "out" / "a.txt").symlink_to(tmp_path / "own.txt")
    (tmp_path / "out" / "1").symlink_to(tmp_path / "folder")
    _write(tmp_path / "out" / "a.txt")
    with files.atomic_write(tmp_path / "out" / "1") as temporary:
        temporary.mkdir()
    assert (tmp_path / "own.txt").read_text() == "own"
    assert (tmp_path / "folder" / "kept").exists()
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if not path.is_symlink()) == ["1", "a.txt"]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_files_have_the_mode_that_the_umask_leaves(tmp_path, mask):
    before = os.umask(mask)
    try:
        _write(tmp_path / "a.txt")
        with files.atomic_write(tmp_path / "1") as temporary:
            temporary.mkdir()
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask
    assert (tmp_path / "1").stat().st_mode & 0o777 == 0o777 & ~mask


def test_what_dead_writers_of_the_same_path_left_is_removed_and_the_living_go_on(tmp_path):
    (tmp_path / ".a.dead.partial").mkdir()
    (tmp_path / ".other.dead.partial").mkdir()
    with files.atomic_write(tmp_path / "a.txt") as first:
        first.write_text("first")
        files.remove_partial(tmp_path)
        _write(tmp_path / "a.txt", "second")
        assert [path.name for path in tmp_path.glob(".*")] == [first.parent.name]
    assert (tmp_path / "a.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Free some space there"),
        (RuntimeError("while writing: No space left on device (28)"), "No space left on device. Free some space there"),
        (PermissionError(errno.EACCES, "Permission denied", "{own}"), "Permission denied. Choose a folder"),
    ],
)
def test_an_error_of_the_disk_names_the_file(tmp_path, error, reason):
    def full():
        with files.atomic_write(tmp_path / "a.txt") as temporary:
            if isinstance(error, PermissionError):
                error.filename = str(temporary)
            raise error

    with pytest.raises(files.NotWrittenError, match=f"^{re.escape(str(tmp_path))}/a.txt cannot be written: {reason}"):
        full()
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are(tmp_path):
    for error in (ValueError("wrong"), FileNotFoundError(errno.ENOENT, "none", "/elsewhere/a")):
        with pytest.raises(type(error)) as raised, files.atomic_write(tmp_path / "a.txt"):
            raise error
        assert raised.value is error


_SOLE = "import sys, time; from niki_tf import files\nwith files.sole_use(sys.argv[1], name='workdir'):\n"


def test_a_folder_is_of_one_process_at_a_time_until_that_ends_however(tmp_path):
    place = tmp_path / "run"
    with files.sole_use(place, name="workdir"):
        with pytest.raises(ValueError, match="`workdir` must be a folder of one run at a time; another .*run"):
            files.sole_use(place, name="workdir").__enter__()
        assert not list(place.iterdir())
    assert not place.exists()
    script = [sys.executable, "-c", f"{_SOLE}    print('has it', flush=True); time.sleep(60)", place]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(ValueError, match="one run at a time"):
            files.sole_use(place, name="workdir").__enter__()
        other.kill()
    with files.sole_use(place, name="workdir"):
        (place / "kept").touch()
    assert (place / "kept").exists()


def test_a_disk_without_space_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda place: types.SimpleNamespace(free=5_000_000))
    files.check_space(tmp_path / "none" / "yet", 4_000_000)
    with pytest.raises(ValueError, match="`workdir` must be on a disk with 6 MB free; .*yet has 5 MB. Free some space"):
        files.check_space(tmp_path / "none" / "yet", 6_000_000, name="workdir")
    for check in (lambda: files.output_folder(tmp_path), lambda: files.output_file(tmp_path / "a.npz", suffix=".npz")):
        with pytest.raises(ValueError, match="`output` must be on a disk with 17 MB free"):
            check()
