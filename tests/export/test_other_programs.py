"""SavedModels outside this package: TensorFlow's own command line and a C program on its C API."""

import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow  # a SavedModel is made and other programs start TensorFlow


def _run(command, **kwargs):
    found = subprocess.run([str(word) for word in command], capture_output=True, timeout=120, **kwargs)
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout


@pytest.fixture(scope="session")
def command_line(saved_model_folder, arrays, tmp_path_factory):
    """What saved_model_cli shows of all signatures and of `ik`, and the folder of what it computes by `ik`."""
    folder = tmp_path_factory.mktemp("command_line")
    np.save(folder / "joints.npy", arrays(3)["joints"])
    # All in one process: to start TensorFlow takes longer than any of it.
    script = (
        "import sys; from tensorflow.python.tools import saved_model_cli as cli\n"
        "for line in sys.argv[1:]: print('=' * 9); cli.create_parser().parse_args(line.split()).func()"
    )
    model, ik = f"--dir {saved_model_folder}", "--tag_set serve --signature_def ik"
    run = f"run {model} {ik} --outdir {folder} --inputs joints={folder / 'joints.npy'}"
    printed = _run([sys.executable, "-c", script, f"show {model} --all", f"show {model} {ik}", run]).decode()
    _, shown, shown_ik, _ = printed.split("=" * 9)
    return shown, shown_ik, folder


def test_the_command_line_shows_and_runs_it(command_line, saved_model, arrays):
    shown, _, folder = command_line
    for words in ("signature_def['serving_default']", "signature_def['fk']", "inputs['joint_sigma']", "(-1, 23, 3, 3)"):
        assert words in shown
    for name, array in saved_model(joints=arrays(3)["joints"]).items():
        np.testing.assert_allclose(np.load(folder / f"{name}.npy"), array, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.fixture(scope="session")
def c_program(repo, tmp_path_factory):
    """tools/examples/run_saved_model.c, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    package = pathlib.Path(tf.__file__).parent
    if compiler is None or not (package / "libtensorflow_cc.so.2").is_file():
        pytest.skip("no C compiler, or no libtensorflow_cc.so.2 in the tensorflow package")
    program, source = tmp_path_factory.mktemp("c") / "run", repo / "tools" / "examples" / "run_saved_model.c"
    libraries = ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{package}"]
    linker = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # three seconds less than the usual one
    _run([compiler, *linker, source, f"-I{package / 'include'}", f"-L{package}", *libraries, "-Wall", "-o", program])
    return program


def _tensor_name(shown, kind, name):
    """The name of a tensor as saved_model_cli shows it for an input or output of a signature."""
    return re.search(rf"{kind}\['{name}'\] tensor_info:.*?name: (\S+)", shown, re.DOTALL).group(1)


def test_a_c_program_gives_what_python_gives(c_program, command_line, saved_model_folder, saved_model, arrays):
    _, shown, _ = command_line
    names = _tensor_name(shown, "inputs", "joints"), _tensor_name(shown, "outputs", "body_pose")
    joints = arrays(3)["joints"]
    printed = _run([c_program, saved_model_folder, *names], input=joints.tobytes())
    found = np.frombuffer(printed, np.float32).reshape(3, 23, 3, 3)
    np.testing.assert_allclose(found, saved_model(joints=joints)["body_pose"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["absent:0", "ik_joints:1"])
def test_a_c_program_names_a_tensor_that_is_not_there(c_program, saved_model_folder, name):
    command = [c_program, saved_model_folder, "ik_joints:0", name]
    found = subprocess.run(command, input=b"", capture_output=True, timeout=120)
    assert found.returncode == 1
    assert f"The graph has no tensor {name}; saved_model_cli show".encode() in found.stderr
