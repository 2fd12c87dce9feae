"""The page of a web export in Chromium: a video as camera, motion files, recordings, and what is refused."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf
from browser import chromium, opened, served

from niki_tf import assets, body, io, skeletons, solvers, web
from niki_tf.motion import made_motion
from niki_tf.web import graphs

SOLVER = {"num_couplings": 2, "hidden_dim": 16, "num_temporal_pairs": 1, "temporal_hidden_dim": 16}
CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
READY = "body[data-ready]"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def solver():
    chromium()
    if absent := assets.missing(web.NEEDED):
        pytest.skip(f"{', '.join(absent)} is not fetched: python tools/get_assets.py blazepose litert three")
    return solvers.Temporal(body.mannequin_joints(), **SOLVER)


@pytest.fixture(scope="module")
def folder(solver, tmp_path_factory):
    return web.write_folder(solver, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A walking woman as a camera of 640 x 480 shows her, uncompressed."""
    if assets.missing(["walk"]):
        pytest.skip("the video is not fetched: python tools/get_assets.py walk")
    av, cv2 = pytest.importorskip("av"), pytest.importorskip("cv2")
    path = tmp_path_factory.mktemp("video") / "camera.y4m"
    with av.open(str(assets.path_of("walk"))) as source, path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n")
        for number, frame in enumerate(source.decode(video=0)):
            if 60 <= number < 100:
                picture = cv2.resize(frame.to_ndarray(format="bgr24")[:, 220:1546], (640, 480))
                file.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


def test_camera_to_recorded_motion(folder, video, tmp_path):
    flags = [*CAMERA, f"--use-file-for-fake-video-capture={video}"]
    with served(folder, isolated=True) as address, opened(address, flags=flags) as page:
        page.wait_for_selector(READY, timeout=90000)
        assert "threads: yes" in page.inner_text("#facts")
        assert page.inner_text("#message") == ""
        page.click("#camera")
        page.click("#record")
        _wait_for_frames(page, 6)
        page.click("#stop")
        saved = {}
        for name in ("bvh", "glb"):
            with page.expect_download() as download:
                page.click(f"#{name}")
            saved[name] = tmp_path / f"motion.{name}"
            download.value.save_as(saved[name])
    rig = io.bvh.read_bvh(saved["bvh"])
    assert (rig.fps, len(rig.names), rig.names[0]) == (30.0, 24, "pelvis")
    assert np.isfinite(rig.values).all()
    assert (rig.values[:, 1] > 0).all()  # centimetres above the ground
    document = _document(saved["glb"].read_bytes())
    assert len(document["animations"][0]["channels"]) == 25
    assert document["accessors"][-1]["count"] >= 3


def _wait_for_frames(page, count, *, seconds=60):
    for _ in range(10 * seconds):
        if int(page.get_attribute("body", "data-solved") or 0) >= count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"too few frames were solved: {page.inner_text('#speed')} {page.inner_text('#message')}")


def _document(glb):
    return json.loads(glb[20 : 20 + int.from_bytes(glb[12:16], "little")])


def test_streams_are_those_of_python(folder, solver):
    rng = np.random.default_rng(0)
    rest = body.mannequin_joints().joints
    joints = (rest + np.cumsum(0.02 * rng.normal(size=[20, 29, 3]), 0)).astype(np.float32)
    with served(folder, isolated=False) as address, opened(address) as page:
        page.wait_for_selector(READY, timeout=90000)
        assert "threads: none" in page.inner_text("#facts")
        assert "Cross-Origin-Opener-Policy" in page.inner_text("#message")
        found = page.evaluate(_ASK, joints.reshape(20, -1).tolist())
    state = {f"state_{name}": tf.zeros(shape) for name, shape in graphs.state_shapes(solver).items()}
    step = graphs.JointStep(solver)
    for frame, rotations in zip(joints, found, strict=True):
        answer = step({"joints": tf.constant(frame[None]), "joint_sigma": tf.zeros([1, 29]), **state})
        state = {f"state_{name[5:]}": value for name, value in answer.items() if name.startswith("next_")}
        np.testing.assert_allclose(np.ravel(rotations), np.ravel(answer["rotations"]), atol=1e-4)


_ASK = """async (frames) => {
  await nikiPage.chain.ask("reset");
  const found = [];
  for (const frame of frames) {
    const answer = await nikiPage.chain.ask("joints", { joints: new Float32Array(frame), sigma: new Float32Array(29) });
    found.push(Array.from(answer.pose.rotations));
  }
  return found;
}"""


def test_files_and_what_is_refused(folder, tmp_path):
    clip = made_motion(0, frames=12)
    path = tmp_path / "walk.bvh"
    _write_bvh(path, clip)
    (tmp_path / "other.bvh").write_text("HIERARCHY ROOT a { OFFSET 0 0 0 } MOTION Frames: 1 Frame Time: 0.1 1")
    with served(folder, isolated=False) as address, opened(address) as page:
        page.wait_for_selector(READY, timeout=90000)
        page.set_input_files("#file", path)
        page.wait_for_selector("body[data-ended]", timeout=30000)
        assert "12 frames, 24 bones known, 0.0100 m a unit" in page.inner_text("#message")
        assert page.get_attribute("body", "data-solved") == str(12 - graphs.DELAY)
        page.set_input_files("#file", tmp_path / "other.bvh")
        page.wait_for_selector("#message.bad")
        assert "other.bvh cannot be used: the bones must be called" in page.inner_text("#message")
        page.evaluate(_DROP, base64.b64encode(json.dumps({"joints": []}).encode()).decode())
        page.wait_for_selector("#message.bad:has-text('must hold `joints`')")
        page.click("#camera")
        page.wait_for_selector("#message.bad:has-text('camera')")


_DROP = """(content) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([atob(content)], "empty.json"));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true, bubbles: true }));
}"""


def _write_bvh(path, clip):
    from niki_tf import rotations
    from niki_tf.io import bvh_motion

    local = rotations.rotvec_to_matrix(clip.poses).numpy()
    made = bvh_motion.from_motion(local, rest_joints=body.mannequin_joints().joints, transl=clip.trans, fps=clip.fps)
    assert skeletons.SMPL_24.names[0] == made.names[0]
    io.bvh.write_bvh(path, made)


def test_the_folder_tells_its_parts_and_whose_they_are(folder):
    sizes = web.sizes(folder)
    assert sum(sizes.values()) == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert sizes["litert/"] > 25e6
    told = (folder / "licences" / "NOTICE.txt").read_text()
    for path in [*folder.glob("models/*"), *folder.glob("litert/**/*.*"), *folder.glob("three/*")]:
        place = path.relative_to(folder).as_posix()
        assert place == "models/solver.tflite" or f"{place}: " in told
    assert "Apache License" in (folder / "licences" / "apache-2.0.txt").read_text()
    assert '"@litertjs' not in (folder / "litert" / "index.js").read_text()
    assert web.sizes(folder / "models") == {}
