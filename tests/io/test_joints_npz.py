"""Observed joints from .npz files, and poses written back."""

import numpy as np
import pytest

from niki_tf import io, motion, rotations


def test_joints_are_read_as_they_are(tmp_path, poser):
    rng = np.random.default_rng(0)
    arrays = {"joints": rng.normal(size=[5, 29, 3]), "joint_sigma": np.full(29, 0.1), "betas": rng.normal(size=10)}
    np.savez(tmp_path / "a.npz", **arrays, other=np.zeros(3))
    observed = io.load_observed(str(tmp_path / "a.npz"), poser=poser, noise_mm=50, seed=0)
    expected = motion.from_joints(arrays, num_betas=10)
    np.testing.assert_array_equal(observed.joints, expected.joints)
    assert set(observed.inputs) == {"joints", "joint_sigma", "betas"}
    for name, array in observed.inputs.items():
        np.testing.assert_array_equal(array, expected.inputs[name])
    assert (observed.fps, observed.true_rotations) == (30.0, None)


def test_the_joints_of_a_motion_file_get_noise(tmp_path, poser, clips):
    io.save_clip(tmp_path / "a.npz", clips[0])
    clean, noisy = (io.load_observed(tmp_path / "a.npz", poser=poser, noise_mm=mm, seed=3) for mm in (0, 40))
    expected = motion.observe(clips[0], poser=poser, noise_mm=40, seed=3)
    np.testing.assert_array_equal(noisy.joints, expected.joints)
    assert np.std(noisy.joints - clean.joints) == pytest.approx(0.04, rel=0.1)
    np.testing.assert_allclose(noisy.true_rotations, rotations.rotvec_to_matrix(clips[0].poses), atol=1e-6)


def test_saved_poses_put_the_body_where_it_was_observed(tmp_path, poser, clips):
    clip = motion.Clip(poses=clips[0].poses, trans=clips[0].trans, betas=np.linspace(-1, 1, 10), fps=25.0)
    observed = motion.observe(clip, poser=poser, noise_mm=0, seed=0)
    pelvis = poser.body_joints(clip.betas[None]).numpy()[0, 0]
    answer = {"global_orient": observed.true_rotations[:, :1], "body_pose": observed.true_rotations[:, 1:]}
    answer["transl"] = observed.inputs["joints"][:, 0] - pelvis
    written = io.save_poses(tmp_path / "new" / "a.npz", answer, observed)
    assert written == tmp_path / "new" / "a.npz"
    (back,) = io.load_clips(written, fps=25.0)
    np.testing.assert_allclose(back.betas, clip.betas)
    local = rotations.rotvec_to_matrix(back.poses)
    np.testing.assert_allclose(local, observed.true_rotations, atol=1e-5)
    np.testing.assert_allclose(back.trans + pelvis, observed.joints[:, 0], atol=1e-6)
    np.testing.assert_allclose(back.trans, clip.trans, atol=1e-6)
    with pytest.raises(ValueError, match="`answer` must hold transl; got global_orient, body_pose. Export the model"):
        io.save_poses(tmp_path / "a.npz", {name: answer[name] for name in ("global_orient", "body_pose")}, observed)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "`path` must be an .npz file; got '.*a.npz', where there is none"),
        (b"text", r"a.npz must be an .npz file of arrays; got 4 bytes that are no zip .*numpy.savez"),
        (np.zeros(3), "a.npz must be an .npz file of arrays; got .* bytes that are a single array. .*numpy.savez"),
        ({"other": np.zeros(3)}, "`path` must hold good motion files"),
        ({"joints": np.zeros([0, 29, 3])}, r"a\.npz: `joints` must hold at least one frame; got shape \(0, 29, 3\)"),
        (
            {"joints": np.full([4, 29, 3], 1e30)},
            r"`joints` must be between -1e\+07 and 1e\+07; got 1e",
        ),
        (
            {"joints": np.zeros([4, 29, 3]), "betas": np.full(10, 1e38)},
            r"`betas` must be between -1000 and 1000; got 1e",
        ),
        ({"joints": np.zeros([4, 24, 3])}, r"`joints` must have shape \(T, 29, 3\); got \(4, 24, 3\)"),
    ],
)
def test_files_that_hold_nothing_of_use_are_named(tmp_path, poser, content, message):
    path = tmp_path / "a.npz"
    if isinstance(content, dict):
        np.savez(path, **content)
    elif isinstance(content, np.ndarray):
        with open(path, "wb") as file:
            np.save(file, content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        io.load_observed(path, poser=poser, noise_mm=0, seed=0)
