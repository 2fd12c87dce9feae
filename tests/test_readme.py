import pathlib
import re
import stat

import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def eager():
    """No graphs are made: docs/tutorial.md does so with the same calls, and it takes long."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("code", [code for language, code in BLOCKS if language == "python"])
def test_python_blocks_run_and_their_shape_comments_hold(code, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    for line in code.splitlines():
        expression, _, comment = line.partition("  # ")
        if comment.startswith("("):
            assert eval(expression, names) == eval(f"({comment})"), line


def test_the_two_commands_come_first():
    commands = [code.strip() for language, code in BLOCKS if language == "bash"][:2]
    assert commands == ["pip install -e . && python tools/solve.py", 'pip install -e ".[test]" && python -m pytest']


def test_every_file_it_names_is_there():
    named = re.findall(r"[`=( ]((?:niki_tf|tools|configs|saved_models|docs)/[\w/.-]*[\w/])", README)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_ci_runs_the_test_command():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert "README.md" in script.read_text()
