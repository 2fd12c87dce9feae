"""Flag files: what is wrong with one is one line that names it, before anything is read without end."""

import pytest
from absl import flags

from niki_tf.cli import flag_files


@pytest.fixture
def parse(no_flags):
    del no_flags
    flags.DEFINE_integer("steps", 3, "Steps.")
    return lambda *arguments: flag_files.parse(["train", *map(str, arguments)])


def test_flags_of_files_that_name_others_are_read(parse, tmp_path):
    (tmp_path / "a.flags").write_text(f"# a comment\n--flagfile={tmp_path}/b.flags\n")
    (tmp_path / "b.flags").write_text(f"--steps=7\n--flagfile={tmp_path}/a.flags\n")
    assert parse(f"--flagfile={tmp_path}/a.flags", "more") == ["train", "more"]
    assert flags.FLAGS.steps == 7
    named = [str(tmp_path / name) for name in ("a.flags", "b.flags")]
    assert flag_files.files_of(["--flagfile", named[0]]) == named


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"--stepz=7\n", r"train: Unknown command line flag 'stepz'.* \(with the flags of .*a\.flags\)"),
        (b"--steps=many\n", r"train: flag --steps=many: .*a\.flags\)"),
        (bytes(99), r"train: `flagfile` must be a text file of flags, a line each; .*a\.flags holds other bytes"),
        (b"\xff\xfe", r"a\.flags holds other bytes"),
        (b"\n" * 1_100_000, r"`flagfile` must have at most 1,048,576 bytes; .*a\.flags has 1,100,000"),
        (
            b"--flagfile=/dev/zero\n",
            r"must be a text file of flags; /dev/zero, which .*a\.flags names, is none",
        ),
        (b"--" + b"a" * 5000, r"`flagfile` must have lines of at most 4096 letters; .*a\.flags has a longer one"),
    ],
)
def test_what_is_wrong_with_a_flag_file_is_one_line_that_names_it(parse, tmp_path, content, message):
    (tmp_path / "a.flags").write_bytes(content)
    with pytest.raises(SystemExit, match=message) as ended:
        parse(f"--flagfile={tmp_path}/a.flags")
    assert "\n" not in str(ended.value)
    assert len(str(ended.value)) < 500


def test_a_file_that_is_not_there_is_named(parse, tmp_path):
    with pytest.raises(SystemExit, match=rf"`flagfile` must be a text file of flags; {tmp_path} is none"):
        parse("--flagfile", tmp_path)
