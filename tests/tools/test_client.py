"""tools/client.py against a stand-in server."""

import contextlib
from io import StringIO

import numpy as np
import pytest
import stand_in

from niki_tf import body, contract, evaluation, io, motion, rotations, solvers
from niki_tf.contract import Reason
from niki_tf.inference import windows

SKELETON = body.mannequin_joints()


def _answer(signature, **inputs):
    """What a served analytic solver says; frames without joints are not valid."""
    assert signature == "ik_full"
    found = {name: tensor.numpy() for name, tensor in solvers.Analytic(SKELETON)(inputs).items()}
    return found | {"valid": np.ptp(inputs["joints"], axis=1).max(-1) > 0.0}


@pytest.mark.parametrize(
    ("protocol", "scheme", "spoken"),
    [
        ("tfs", "", {}),
        ("tfs", "http://", {}),
        ("tfs", "grpc://", {}),
        ("rest", "", {}),
        ("grpc", "", {}),
        ("v2", "", {"protocol": "v2"}),
        ("v2", "HTTP://", {"protocol": "v2"}),
    ],
)
def test_a_motion_comes_back_as_poses(run_tool, tmp_path, protocol, scheme, spoken):
    by_grpc = "grpc" in protocol + scheme
    if by_grpc:
        pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    sent = motion.made_motion(3, frames=5)
    io.save_clip(tmp_path / "motion.npz", sent)
    with (stand_in.grpc if by_grpc else stand_in.rest)(_answer, model="one_stage", **spoken) as address:
        printed = run_tool(
            "client",
            f"--server={scheme}{address}",
            f"--protocol={protocol}",
            f"--input={tmp_path / 'motion.npz'}",
            f"--output={tmp_path / 'poses.npz'}",
            "--batch_size=2",
        )
    solved = io.load_clips(tmp_path / "poses.npz")[0]
    turned = [rotations.rotvec_to_matrix(clip.poses) for clip in (solved, sent)]
    assert evaluation.rotation_error_deg(*turned).max() < 0.1
    np.testing.assert_allclose(solved.trans, sent.trans - SKELETON.joints[0], atol=1e-5)
    assert "5 frames, 0 of them not valid" in printed


def _window_answer(inputs):
    """What a solver of windows says; where the body stands hangs on all frames of a window."""
    given = {name: array for name, array in inputs.items() if name != "frame_mask"}
    found = {name: tensor.numpy() for name, tensor in solvers.Analytic(SKELETON)(given).items()}
    return {**found, "transl": found["transl"] + inputs["joints"].mean((1, 2))[:, None]}


@pytest.mark.parametrize("frames", [5, 39])
def test_a_model_that_sees_time_is_sent_windows(run_tool, tmp_path, frames):
    """The answer is that of the same solver here, in the same windows."""
    asked = []

    def answer(signature, **inputs):
        asked.append(inputs["joints"].shape)
        return _window_answer(inputs) | {"valid": np.ones(len(inputs["joints"]), bool)}

    joints = SKELETON.joints + np.random.default_rng(0).normal(scale=0.02, size=[frames, 29, 3]).astype(np.float32)
    np.savez(tmp_path / "joints.npz", joints=joints)
    paths = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    with stand_in.rest(answer, model="temporal") as address:
        printed = run_tool("client", f"--server={address}", "--model=temporal", *paths, "--batch_size=40")
    assert {shape[1] for shape in asked} == {min(frames, 16)}
    assert max(shape[0] for shape in asked) <= 40 // 5
    observed = motion.observed_motion.from_joints({"joints": joints}, num_betas=10)
    wanted = windows.solve_motion(_window_answer, observed.inputs, frames=min(frames, 16), step=min(frames, 16) // 4)
    solved = io.load_clips(tmp_path / "poses.npz")[0]
    turned = rotations.rotvec_to_matrix(solved.poses).numpy()
    np.testing.assert_allclose(turned, contract.local_rotations(wanted), atol=1e-5)
    np.testing.assert_allclose(solved.trans, wanted["transl"] + observed.origin, atol=1e-5)
    assert f"{frames} frames, 0 of them not valid" in printed


def test_a_frame_is_valid_if_all_its_windows_are(tmp_path, run_tool):
    """Of 24 frames in windows of 16 that begin at 0, 4 and 8, the last begins with the frame that spoils it."""

    def answer(signature, **inputs):
        return _window_answer(inputs) | {"valid": np.abs(inputs["joints"][:, 0, 28, 0]) < 2.0}

    joints = np.repeat(SKELETON.joints[None], 24, 0)
    joints[8, 28, 0] = 3.0
    np.savez(tmp_path / "joints.npz", joints=joints)
    paths = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    with stand_in.rest(answer, model="mine") as address:
        printed = run_tool("client", f"--server={address}", "--model=mine", "--window=16", *paths)
    assert "24 frames, 16 of them not valid" in printed


@pytest.mark.parametrize("spoken", [{}, {"protocol": "v2"}])
def test_the_reasons_of_frames_are_told_with_their_cure(run_tool, tmp_path, spoken):
    def answer(signature, **inputs):
        return _answer("ik_full", **inputs) | {"reason": np.int32([0, Reason.SIDES, Reason.SIDES, 99])}

    np.savez(tmp_path / "joints.npz", joints=np.repeat(SKELETON.joints[None], 4, 0))
    files = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    told = StringIO()
    with stand_in.rest(answer, model="one_stage", **spoken) as address, contextlib.redirect_stderr(told):
        run_tool("client", f"--server={address}", f"--protocol={spoken.get('protocol', 'tfs')}", *files)
    assert "joints.npz: 2 of 4 frames: knees and feet point backwards; exchange left and right" in told.getvalue()
    assert "1 of 4 frames: a reason 99 that this version does not know." in told.getvalue()


def test_a_frame_has_the_reason_of_its_windows(run_tool, tmp_path):
    def answer(signature, **inputs):
        first = inputs["joints"][:, 0, 28, 0] > 2.0
        return _window_answer(inputs) | {"valid": ~first, "reason": np.int32(first) * int(Reason.OTHER_BONES)}

    joints = np.repeat(SKELETON.joints[None], 24, 0)
    joints[8, 28, 0] = 3.0
    np.savez(tmp_path / "joints.npz", joints=joints)
    paths = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    told = StringIO()
    with stand_in.rest(answer, model="mine") as address, contextlib.redirect_stderr(told):
        run_tool("client", f"--server={address}", "--model=mine", "--window=16", *paths)
    assert "16 of 24 frames: bones are not a person's; check the order" in told.getvalue()


def test_a_folder_is_solved_and_what_is_finished_is_not_asked_again(run_tool, tmp_path, capsys):
    asked = []

    def answer(signature, **inputs):
        asked.append(len(inputs["joints"]))
        return _answer(signature, **inputs)

    for name, frames in (("a", 3), ("below/b", 2), ("c", 1)):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        np.savez(tmp_path / "in" / f"{name}.npz", joints=np.repeat(SKELETON.joints[None], frames, 0))
    (tmp_path / "in" / "bad.npz").write_bytes(b"no archive")
    paths = [f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"]
    for _ in range(2):
        with stand_in.rest(answer, model="one_stage") as address, pytest.raises(SystemExit, match="1"):
            run_tool("client", f"--server={address}", *paths)
        assert sorted(asked) == [1, 2, 3]
        assert "bad.npz" in capsys.readouterr().err
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.npz"))
    assert written == ["a.npz", "below/b.npz", "c.npz"]


def test_a_server_that_is_gone_ends_a_folder_at_once(run_tool, tmp_path):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", joints=SKELETON.joints[None])
    paths = [f"--input={tmp_path}/*.npz", f"--output={tmp_path / 'out'}"]
    with pytest.raises(SystemExit, match="^client: http://localhost:1/v1/models/one_stage:predict does not answer"):
        run_tool("client", "--server=localhost:1", "--retries=0", *paths)


def test_frames_that_are_not_valid_are_counted(run_tool, tmp_path):
    joints = np.stack([SKELETON.joints, np.zeros([29, 3])])
    np.savez(tmp_path / "joints.npz", joints=joints)
    files = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    with stand_in.rest(_answer, model="one_stage") as address:
        assert "2 frames, 1 of them not valid" in run_tool("client", f"--server={address}", *files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output={tmp}/poses.txt"], "`output` must end in .npz"),
        (["--input={tmp}/absent.npz"], "where there is none"),
        (["--server=localhost:1", "--retries=0"], r"does not answer \(.*\). Is the server running"),
        (["--server=localhost:http"], "`address` must be HOST:PORT.*got 'localhost:http'"),
        (["--deadline=0"], "`deadline` must be a positive number of seconds"),
        (["--retries=-1"], "`retries` must be 0 or more"),
        (["--protocol=v2", "--server=grpc://localhost:8081/v2"], "`address` must be HOST:PORT, grpc://HOST:PORT"),
        (["--input={tmp}/empty.npz"], r"`joints` must hold at least one frame; got shape \(0, 29, 3\)"),
        (["motion.npz"], "takes flags only"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, tmp_path, arguments, message):
    np.savez(tmp_path / "joints.npz", joints=np.zeros([1, 29, 3]))
    np.savez(tmp_path / "empty.npz", joints=np.zeros([0, 29, 3]))
    given = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    with pytest.raises(SystemExit, match=f"^client.*{message}"):
        run_tool("client", *given, *[argument.format(tmp=tmp_path) for argument in arguments])
    assert not (tmp_path / "poses.npz").exists()


@pytest.mark.parametrize(
    ("output", "reason"),
    [("folder.npz", "it is a folder"), ("kept.npz", "read-only"), ("kept.npz/poses.npz", "Not a dir")],
)
def test_an_output_that_cannot_be_written_is_told_before_the_server_is_asked(run_tool, tmp_path, output, reason):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "kept.npz").touch(mode=0o400)
    np.savez(tmp_path / "joints.npz", joints=np.zeros([1, 29, 3]))
    asked = []
    with stand_in.rest(lambda *given, **inputs: asked.append(given), model="one_stage") as address:
        files = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / output}"]
        with pytest.raises(SystemExit, match=f"^client: `output` must be a file that can be written; .*{reason}"):
            run_tool("client", f"--server={address}", *files)
    assert not asked


def test_the_token_of_the_environment_is_sent_and_never_shown(run_tool, tmp_path, monkeypatch):
    monkeypatch.setenv("NIKI_TF_TOKEN", "abc.def")
    np.savez(tmp_path / "joints.npz", joints=np.zeros([1, 29, 3]))
    files = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'poses.npz'}"]
    with pytest.raises(SystemExit, match="over TLS only; got poses.example:8501") as stopped:
        run_tool("client", "--server=poses.example:8501", *files)
    assert "abc" not in str(stopped.value)


@pytest.mark.parametrize("name", ["values: valid is text", "redirect 302 to a server that is right", "never answers"])
def test_what_is_no_answer_is_not_written(run_tool, tmp_path, name):
    server_cases = pytest.importorskip("server_cases", reason="tensorflow-serving-api is not installed")
    case = next(case for case in server_cases.cases(None) if (case.protocol, case.name) == ("rest", name))
    np.savez(tmp_path / "joints.npz", joints=np.zeros([2, 29, 3]))
    files = [f"--input={tmp_path / 'joints.npz'}", f"--output={tmp_path / 'out' / 'poses.npz'}"]
    with (
        case.server() as address,
        pytest.raises(SystemExit, match=f"^client: http://{address}.* (must|does not answer)"),
    ):
        run_tool("client", f"--server={address}", "--deadline=0.3", *files)
    assert not (tmp_path / "out").exists()
