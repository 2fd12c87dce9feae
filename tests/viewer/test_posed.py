"""What the live viewer draws: the body where the joints are, cut into parts, coloured by what is told."""

import numpy as np
import pytest

import niki_tf
from niki_tf import body, motion
from niki_tf.player.skinned import Played
from niki_tf.viewer import posed


@pytest.mark.parametrize("convention", motion.TRANS_CONVENTIONS)
@pytest.mark.parametrize("up", ["y", "z"])
def test_vertices_are_where_the_body_is(rng, convention, up):
    data = body.mannequin()
    poses, trans, betas = 0.3 * rng.normal(size=[2, 24, 3]), rng.normal(size=[2, 3]), rng.normal(size=10)
    clip = motion.Clip(poses=poses, trans=trans, betas=betas, trans_convention=convention, up=up)
    found = posed.Posed(Played("a", clip), body.BodyPoser(data), 1)
    local = niki_tf.rotations.rotvec_to_matrix(clip.poses)
    pose = {"global_orient": local[:, :1], "body_pose": local[:, 1:]}
    root = (data.joints + data.joint_directions @ betas)[0]
    transl = clip.trans - (root if convention == "pelvis" else 0.0)
    wanted = body.Body(data)({**pose, "betas": np.float32([betas, betas]), "transl": np.float32(transl)})["vertices"]
    wanted = wanted.numpy()
    wanted = np.stack([wanted[..., 0], wanted[..., 2], -wanted[..., 1]], -1) if up == "z" else wanted
    np.testing.assert_allclose(found.vertices, wanted + [posed.SPACE_M, 0, 0], atol=1e-4)


def test_the_parts_are_the_whole_surface():
    data = body.mannequin()
    cut = posed.parts(data.lbs_weights, data.faces)
    assert len(cut) == 24
    whole = np.concatenate([vertices[faces] for vertices, faces in cut if len(faces)])
    assert sorted(map(tuple, whole.tolist())) == sorted(map(tuple, data.faces.tolist()))


def test_colours_tell_what_is_known():
    clip = motion.Clip(poses=np.zeros([1, 24, 3]), trans=np.zeros([1, 3]), up="y")
    states, errors = np.zeros([1, 24], int), np.zeros([1, 24])
    states[0, 20], errors[0, 4] = 2, 0.3
    poser = body.BodyPoser(body.mannequin())
    told = posed.Posed(Played("a", clip, states=states, errors=errors), poser, 0)
    plain = posed.Posed(Played("b", clip), poser, 1)
    for what, joint in {"by state": 20, "by expected error": 4}.items():
        colours = told.colours(what, 0)
        assert np.flatnonzero((colours != colours[0]).any(1)).tolist() == [joint]
        assert len(np.unique(plain.colours(what, 0), axis=0)) == 1
    assert (told.colours("by body", 0) != plain.colours("by body", 0)).any()
