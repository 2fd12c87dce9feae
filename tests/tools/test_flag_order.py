"""Flags before and after flag files: what is lost or added is told."""

import subprocess
import sys

import pytest
from absl import flags

from niki_tf.cli import flag_order


@pytest.fixture
def defined(no_flags):
    flags.DEFINE_integer("steps", 1, "")
    flags.DEFINE_bool("finish", True, "")
    flags.DEFINE_multi_string("source", [], "")


@pytest.fixture
def file(tmp_path):
    (tmp_path / "inner.flags").write_text("--nofinish\n")
    path = tmp_path / "a.flags"
    path.write_text(
        f"# a comment\n--steps=10\n\n--source=CMU=0.5\n--source=made\n--flagfile={tmp_path / 'inner.flags'}\n"
    )
    return str(path)


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], ["--steps=5"], []),
        (["--steps=10"], [], []),
        (
            ["--steps=5"],
            [],
            ["--steps=5 is lost: {file}, which comes after it, gives 10. Give flags after --flagfile."],
        ),
        (
            ["-steps", "5"],
            [],
            ["--steps=5 is lost: {file}, which comes after it, gives 10. Give flags after --flagfile."],
        ),
        (
            ["--finish"],
            ["--steps=7"],
            ["--finish=true is lost: {file}, which comes after it, gives false. Give flags after --flagfile."],
        ),
        (["--nofinish"], ["--finish"], []),
        (["--steps=5"], ["--steps=6"], []),
        (["--finish=0", "--steps=0x0a"], [], []),
        ([], ["--source=mine"], ["--source=mine is added to what {file} gives, CMU=0.5, made."]),
        (["--source=mine"], [], ["--source=mine is added to what {file} gives, CMU=0.5, made."]),
        (["other", "--unknown=1"], ["--", "--source=mine"], []),
    ],
)
def test_what_is_lost_or_added_is_told(file, before, after, told):
    for given in ([f"--flagfile={file}"], ["--flagfile", file]):
        expected = [line.format(file=file) for line in told]
        assert flag_order.notes([*before, *given, *after]) == expected


@pytest.mark.usefixtures("defined")
def test_without_a_flag_file_there_is_nothing_to_tell(capsys):
    flag_order.tell(["train", "--steps=5", "--steps=6", "--source=a", "--source=b"])
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("defined")
def test_it_is_told_in_a_line_of_the_standard_error(file, capsys):
    flag_order.tell(["tools/train.py", "--steps=5", f"--flagfile={file}"])
    assert capsys.readouterr().err.startswith(f"train.py: --steps=5 is lost: {file}")


@pytest.mark.slow
def test_programs_tell_it(repo, tmp_path):
    (tmp_path / "a.flags").write_text("--model=one_stage\n")
    command = [sys.executable, "-m", "niki_tf", "client", "--model=mine", f"--flagfile={tmp_path / 'a.flags'}"]
    files = ["--input=absent.npz", f"--output={tmp_path / 'poses.npz'}"]
    found = subprocess.run([*command, *files], cwd=repo, capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert f"niki-tf client: --model=mine is lost: {tmp_path / 'a.flags'}" in found.stderr
