"""MLServer as configs/serving/mlserver starts it, in a Python that NIKI_MLSERVER_PYTHON names, and what it answers."""

import base64
import contextlib
import gzip
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

import niki_tf
from niki_tf import assets, body, contract, export, io, motion, rotations, solvers
from niki_tf.export import open_inference
from niki_tf.inference import windows
from niki_tf.io import videos
from niki_tf.solvers import zoo

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("NIKI_MLSERVER_PYTHON" not in os.environ, reason="NIKI_MLSERVER_PYTHON names no Python"),
]
MODELS = {"one_stage": zoo.load, "recurrent": lambda name: _RECURRENT}
random.seed(0)  # of Keras's weights: some of them magnify rounding, and smaller ones less
_RECURRENT = solvers.Recurrent(body.mannequin_joints(), hidden_dim=8)
_RECURRENT.set_weights([0.5 * weight for weight in _RECURRENT.get_weights()])
_STARTS_WITHIN_S = 180.0


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in opened]


@pytest.fixture(scope="module")
def server(repo, tmp_path_factory):
    """Addresses by REST and gRPC of a server with a model of single frames and one that sees time."""
    folder = tmp_path_factory.mktemp("mlserver")
    shutil.copytree(repo / "configs" / "serving" / "mlserver", folder / "served")
    settings = json.loads((folder / "served" / "one_stage" / "model-settings.json").read_text())
    for name, made in MODELS.items():
        export.write_saved_model(made(name), folder / "models" / name)
        settings |= {"name": name, "parameters": {**settings["parameters"], "uri": f"../../models/{name}"}}
        (folder / "served" / name).mkdir(exist_ok=True)
        (folder / "served" / name / "model-settings.json").write_text(json.dumps(settings))
    ports = dict(zip(("HTTP", "GRPC", "METRICS"), _free_ports(3), strict=True))
    environment = {f"MLSERVER_{name}_PORT": str(port) for name, port in ports.items()} | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [os.environ["NIKI_MLSERVER_PYTHON"], folder / "served" / "serve.py", folder / "served"],
            stdout=log,
            stderr=log,
            env={**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **environment},
        )
    try:
        _wait(f"http://localhost:{ports['HTTP']}/v2/health/ready", process, folder / "log.txt")
        yield {"rest": f"http://localhost:{ports['HTTP']}", "grpc": f"grpc://localhost:{ports['GRPC']}"}
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url, process, log):
    end = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])


def _inputs(frames):
    """Noisy joints of a made motion, a tenth of them absent."""
    poser = body.BodyPoser(body.mannequin())
    observed = motion.observe(motion.made_motion(0, frames=frames), poser=poser, noise_mm=20.0, seed=0)
    sigma = np.where(np.random.default_rng(0).random([frames, 29]) < 0.1, 10.0, 0.02).astype(np.float32)
    return {**observed.inputs, "joint_sigma": sigma, "twist": np.zeros([frames, 23, 2], np.float32)}


def _connect(server, kind, model):
    connect = {"rest": export.rest_server, "grpc": export.grpc_server}[kind]
    return connect(server[kind], model=model, protocol="v2")


def _post(server, path, body, **headers):
    """Code, body and headers of the answer to a POST."""
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    try:
        with urllib.request.urlopen(urllib.request.Request(server["rest"] + path, body, given), timeout=60) as found:
            return found.status, found.read(), found.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_answers_are_those_of_keras(server, kind):
    inputs = _inputs(70)
    found, wanted = _connect(server, kind, "one_stage")("ik_full", **inputs), zoo.load("one_stage")(inputs)
    assert set(wanted) | {"valid", "reason"} == set(found)
    for name, tensor in wanted.items():
        within = 1e-3 if name == "z" else 1e-5  # the embedding is divided by the small spread of each of its numbers
        np.testing.assert_allclose(found[name], tensor, atol=within, err_msg=name)
    np.testing.assert_allclose(
        _connect(server, kind, "one_stage")("ik", joints=inputs["joints"])["body_pose"],
        zoo.load("one_stage")({"joints": inputs["joints"]})["body_pose"],
        atol=1e-5,
    )


def test_the_client_program_blends_the_answers_of_keras(server, repo, tmp_path):
    inputs = {**_inputs(40), "joint_sigma": np.full([40, 29], 0.02, np.float32)}
    np.savez(tmp_path / "joints.npz", **{name: inputs[name] for name in ("joints", "joint_sigma", "betas")})
    flags = ["--protocol=v2", f"--server={server['grpc']}", "--model=recurrent", f"--input={tmp_path / 'joints.npz'}"]
    command = [sys.executable, repo / "tools" / "client.py", *flags, f"--output={tmp_path / 'poses.npz'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    wanted = windows.solve_motion(lambda some: _RECURRENT(some), inputs)  # whole answers, as a server gives them
    solved = io.load_clips(tmp_path / "poses.npz")[0]
    np.testing.assert_allclose(solved.trans, wanted["transl"], atol=1e-5)
    turned = rotations.rotvec_to_matrix(solved.poses).numpy()
    stored = rotations.matrix_to_rotvec(contract.local_rotations(wanted))  # as in the file
    np.testing.assert_allclose(turned, rotations.rotvec_to_matrix(stored), atol=1e-5)


def test_what_is_too_large_is_refused(server):
    path = "/v2/models/one_stage/infer"
    small = open_inference.rest_request({"joints": np.zeros([1, 29, 3])})
    assert _post(server, path, small)[0] == 200
    assert _post(server, path, b" " * (17 * 2**20))[0] == 413
    assert _post(server, path, gzip.compress(small), Content_Encoding="gzip")[0] == 415
    code, said, _ = _post(server, path, open_inference.rest_request({"joints": np.zeros([4097, 29, 3])}))
    assert (code, b"at most 4096 frames" in said) == (400, True)
    with pytest.raises(ConnectionError, match="RESOURCE_EXHAUSTED"):
        export.grpc_server(server["grpc"], model="one_stage", protocol="v2", retries=0)(
            "ik", joints=np.zeros([2**16, 29, 3])
        )
    assert _post(server, path, small)[0] == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "bones"}, "inputs must be one of"),
        ({"shape": [2, 29, 3]}, "as many as its shape says"),
        ({"shape": [-1, 29, 3]}, "joints must be"),
        ({"shape": [1, 24, 3]}, "joints must be"),
        ({"data": ["no"] * 87}, "joints must be numbers"),
    ],
)
def test_what_is_no_input_is_named(server, change, said):
    request = json.loads(open_inference.rest_request({"joints": np.zeros([1, 29, 3])}))
    request["inputs"][0] |= change
    code, body, _ = _post(server, "/v2/models/one_stage/infer", json.dumps(request).encode())
    assert code == 400
    assert said in json.loads(body)["error"]


def test_pages_of_the_named_origin_may_ask(server):
    small = open_inference.rest_request({"joints": np.zeros([1, 29, 3])})
    for origin, allowed in (("http://localhost:8000", "http://localhost:8000"), ("http://evil.example", None)):
        headers = _post(server, "/v2/models/one_stage/infer", small, Origin=origin)[2]
        assert headers.get("Access-Control-Allow-Origin") == allowed


def test_it_tells_what_it_takes(server):
    with urllib.request.urlopen(server["rest"] + "/v2/models/one_stage", timeout=10) as answer:
        told = {one["name"]: one["shape"] for one in json.load(answer)["inputs"]}
    assert told == {"joints": [-1, 29, 3], "joint_sigma": [-1, 29], "betas": [-1, 10], "twist": [-1, 23, 2]}


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """A frame of a real clip as a .jpg."""
    if assets.missing(("blazepose_detector", "blazepose_lite", "walk")):
        pytest.skip("python tools/get_assets.py blazepose walk fetches what is needed")
    path = tmp_path_factory.mktemp("photograph") / "walk.jpg"
    image = next(itertools.islice(videos.Video(assets.path_of("walk")), 100, None)).image
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def test_a_photograph_gives_the_people_in_it(server, repo, photograph):
    script = repo / "tools" / "examples" / "send_picture.py"
    address = server["rest"].removeprefix("http://")
    done = subprocess.run([sys.executable, script, address, photograph, "1500"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    wanted = niki_tf.solve_picture(photograph, focal=1500)
    assert len(wanted) == done.stdout.count("person ")
    place, knee = done.stdout.splitlines()[0].removeprefix("person 0: ").split(" m; knee: ")
    np.testing.assert_allclose(json.loads(place), wanted[0].transl[0], atol=0.011)
    np.testing.assert_allclose(json.loads(knee), wanted[0].body_pose[0, 3], atol=2e-3)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        ({"name": "photo"}, "inputs must be image"),
        ({"data": ["bm8="]}, "image must be the file of one picture"),
        ({"data": []}, "image must be the file of one picture"),
        ({"data": "grey"}, "must show a person"),
        ({"data": "vast"}, "at most 50000000 pixels"),
    ],
)
def test_what_is_no_photograph_of_a_person_is_named(server, photograph, tensor, said):
    sizes = {"grey": (60, 80), "vast": (9000, 9000)}
    if tensor.get("data") in ("grey", "vast"):
        _, content = cv2.imencode(".png", np.full(sizes[tensor["data"]], 60, np.uint8))
        tensor = {"data": [base64.b64encode(content).decode()]}
    request = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [""], **tensor}]}
    code, body, _ = _post(server, "/v2/models/pictures/infer", json.dumps(request).encode())
    assert code == 400
    assert said in json.loads(body)["error"]


def test_the_load_test_runs(server, repo):
    tool = repo / "tools" / "benchmarks" / "serving_load.py"
    flags = [f"--server={server['rest']}", "--seconds=0.5", "--clients=1", "--clients=4", "--frames=1"]
    done = subprocess.run([sys.executable, tool, *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "p99 ms" in done.stdout
    assert [line.split()[-1] for line in done.stdout.strip().splitlines()[-2:]] == ["0", "0"]
