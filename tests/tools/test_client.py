"""tools/client.py against a stand-in server."""

import numpy as np
import pytest
import stand_in

from niki_tf import body, evaluation, io, motion, rotations, solvers

SKELETON = body.mannequin_joints()


def _answer(signature, **inputs):
    """What a served analytic solver says; frames without joints are not valid."""
    assert signature == "ik_full"
    found = {name: tensor.numpy() for name, tensor in solvers.Analytic(SKELETON)(inputs).items()}
    return found | {"valid": np.ptp(inputs["joints"], axis=1).max(-1) > 0.0}


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_motion_comes_back_as_poses(run_tool, tmp_path, protocol):
    if protocol == "grpc":
        pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    sent = motion.made_motion(3, frames=5)
    io.save_clip(tmp_path / "motion.npz", sent)
    with {"rest": stand_in.rest, "grpc": stand_in.grpc}[protocol](_answer, model="one_stage") as address:
        printed = run_tool(
            "client",
            f"--server={address}",
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
        (["--input={tmp}/absent.npz"], "there is no file"),
        (["--server=localhost:1"], r"does not answer \(.*\). Is the server running"),
        (["--server=localhost:http"], "`address` must be HOST:PORT.*got 'localhost:http'"),
        (["--deadline=0"], "`deadline` must be a positive number of seconds"),
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
