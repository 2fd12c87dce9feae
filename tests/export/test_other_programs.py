"""SavedModels outside this package: TensorFlow's own command line and a C program on its C API."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


def _ran(command, **kwargs):
    found = subprocess.run([str(word) for word in command], capture_output=True, timeout=120, **kwargs)
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout


def test_the_command_line_shows_and_runs_it(saved_model_folder, saved_model, arrays, tmp_path):
    joints = arrays(3)["joints"]
    np.save(tmp_path / "joints.npy", joints)
    # Both in one process: to start TensorFlow takes longer than either.
    script = (
        "import sys; from tensorflow.python.tools import saved_model_cli as cli\n"
        "for line in sys.argv[1:]: cli.create_parser().parse_args(line.split()).func()"
    )
    show = f"show --dir {saved_model_folder} --all"
    run = f"run --dir {saved_model_folder} --tag_set serve --signature_def ik --outdir {tmp_path}"
    inputs = f"--inputs joints={tmp_path / 'joints.npy'}"
    shown = _ran([sys.executable, "-c", script, show, f"{run} {inputs}"]).decode()
    for words in ("signature_def['serving_default']", "signature_def['fk']", "inputs['joint_sigma']", "(-1, 23, 3, 3)"):
        assert words in shown
    for name, array in saved_model(joints=joints).items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), array, rtol=1e-5, atol=1e-5, err_msg=name)


def test_a_c_program_gives_what_python_gives(saved_model_folder, saved_model, arrays, tmp_path, repo):
    compiler = shutil.which("gcc") or shutil.which("cc")
    package = pathlib.Path(tf.__file__).parent
    if compiler is None or not (package / "libtensorflow_cc.so.2").is_file():
        pytest.skip("no C compiler, or no libtensorflow_cc.so.2 in the tensorflow package")
    program, source = tmp_path / "run", repo / "tools" / "examples" / "run_saved_model.c"
    libraries = ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{package}"]
    linker = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # three seconds less than the usual one
    _ran([compiler, *linker, source, f"-I{package / 'include'}", f"-L{package}", *libraries, "-Wall", "-o", program])
    graph = saved_model_pb2.SavedModel.FromString((saved_model_folder / "saved_model.pb").read_bytes()).meta_graphs[0]
    place, index = graph.signature_def["ik"].outputs["body_pose"].name.split(":")
    joints = arrays(3)["joints"]
    told = _ran([program, saved_model_folder, "ik_joints", place, index], input=joints.tobytes())
    found = np.frombuffer(told, np.float32).reshape(3, 23, 3, 3)
    np.testing.assert_allclose(found, saved_model(joints=joints)["body_pose"], rtol=1e-5, atol=1e-5)
