"""The mannequin: a closed symmetric surface that its joints, weights and shape directions fit."""

import pathlib

import numpy as np
import pytest

from niki_tf import skeletons
from niki_tf.body.mannequin import mannequin
from niki_tf.body.mannequin_joints import SHAPE_NAMES, joint_directions, rest_joints

TOOLS = pathlib.Path(__file__).parents[2] / "tools"
FLIP = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def partners():
    """Number of each vertex's mirror image."""
    vertices = mannequin().v_template
    number = {tuple(row): index for index, row in enumerate(vertices.tolist())}
    return np.array([number[tuple(row)] for row in (vertices * FLIP + 0.0).tolist()])


def _shaped(name, amount):
    body = mannequin()
    return body.v_template + amount * body.shapedirs[..., SHAPE_NAMES.index(name)]


def _size(vertices, *, axis, low, high):
    """Extent along an axis of the trunk's vertices with a rest height between `low` and `high`."""
    rest = mannequin().v_template
    chosen = (rest[:, 1] > low) & (rest[:, 1] < high) & (np.abs(rest[:, 0]) < 0.2)
    return np.ptp(vertices[chosen, axis])


def _directed_edges(faces):
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def _turned_over_share(vertices, faces):
    """Share of the faces whose normal turned over against the rest pose."""
    normals = [
        np.cross(v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]])
        for v in (mannequin().v_template, vertices)
    ]
    return np.mean((normals[0] * normals[1]).sum(-1) < 0)


def test_surface_is_closed_oriented_and_a_sphere():
    body = mannequin()
    edges = _directed_edges(body.faces)
    assert len(np.unique(edges, axis=0)) == len(edges)
    once = np.unique(np.sort(edges, 1), axis=0)
    assert 2 * len(once) == len(edges)
    assert len(body.v_template) - len(once) + len(body.faces) == 2
    volume = np.linalg.det(body.v_template[body.faces].astype(float)).sum() / 6
    assert 0.055 < volume < 0.085


def test_surface_is_one_piece_of_fair_triangles():
    sparse = pytest.importorskip("scipy.sparse", reason="scipy counts the pieces")
    body = mannequin()
    edges = _directed_edges(body.faces)
    graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(len(body.v_template),) * 2)
    assert sparse.csgraph.connected_components(graph)[0] == 1
    sides = body.v_template[body.faces] - body.v_template[np.roll(body.faces, 1, axis=1)]
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=-1) / 2
    quality = 4 * np.sqrt(3) * area / (sides**2).sum((-1, -2))
    assert quality.min() > 0.3
    assert np.median(quality) > 0.95


def test_size_of_the_mesh_and_of_the_man():
    vertices = mannequin().v_template
    assert 3000 <= len(vertices) <= 8000
    assert 1.70 < np.ptp(vertices[:, 1]) < 1.85
    assert 0.22 < _size(vertices, axis=0, low=-0.08, high=-0.02) < 0.30
    assert 0.30 < _size(vertices, axis=0, low=-0.36, high=-0.26) < 0.38
    foot = vertices[(vertices[:, 1] < -1.15) & (vertices[:, 0] > 0)]
    assert 0.24 < np.ptp(foot[:, 2]) < 0.28


def test_symmetric(partners):
    body = mannequin()
    np.testing.assert_array_equal(partners[partners], np.arange(len(partners)))
    np.testing.assert_allclose(body.lbs_weights[partners][:, skeletons.SMPL_24.mirror], body.lbs_weights, atol=1e-6)
    np.testing.assert_allclose(body.shapedirs[partners] * FLIP[:, None], body.shapedirs, atol=2e-6)
    mirrored_faces = {frozenset(face) for face in partners[body.faces].tolist()}
    assert mirrored_faces == {frozenset(face) for face in body.faces.tolist()}


def test_pose_directions_are_symmetric(partners):
    body = mannequin()
    maps = body.posedirs.reshape(-1, 3, 23, 3, 3)
    other = np.array(skeletons.SMPL_24.mirror[1:]) - 1
    turned = maps[partners][:, :, other] * FLIP[:, None, None, None] * FLIP[:, None] * FLIP
    np.testing.assert_allclose(turned, maps, atol=1e-4)


def test_weights_are_shares_of_few_joints():
    weights = mannequin().lbs_weights
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert weights.min() >= 0
    assert (weights > 0).sum(1).max() <= 4
    assert (weights.max(0) > 0.5).all()


@pytest.mark.parametrize("joint", ["left_hip", "left_collar"])
def test_weights_do_not_leak_to_the_other_side(joint):
    body = mannequin()
    limb = list(skeletons.SMPL_24.descendants[skeletons.SMPL_24.index(joint)])
    assert body.lbs_weights[body.v_template[:, 0] < -0.03][:, limb].max() < 0.02


def test_fingers_follow_the_hand_alone():
    body = mannequin()
    fingers = body.v_template[:, 0] > 0.84
    hand = [skeletons.SMPL_24.index(name) for name in ("left_wrist", "left_hand")]
    np.testing.assert_allclose(body.lbs_weights[fingers][:, hand].sum(1), 1, atol=1e-3)


def test_tips_are_vertices_in_every_shape():
    body = mannequin()
    tips = [np.linalg.norm(body.v_template - joint, axis=1).argmin() for joint in rest_joints()[24:]]
    np.testing.assert_allclose(body.v_template[tips], rest_joints()[24:], atol=1e-6)
    np.testing.assert_allclose(body.shapedirs[tips], joint_directions()[24:], atol=2e-6)


def test_inner_joints_are_inside_the_surface():
    """Winding number: the solid angle of the surface seen from the joint is the full sphere."""
    body = mannequin()
    for joint in rest_joints()[:24]:
        a, b, c = np.moveaxis(body.v_template[body.faces] - joint, 1, 0)
        la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
        dots = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
        angle = 2 * np.arctan2((a * np.cross(b, c)).sum(-1), dots)
        assert angle.sum() / (4 * np.pi) == pytest.approx(1, abs=1e-3)


def test_joints_and_directions_have_one_source():
    body = mannequin()
    np.testing.assert_array_equal(body.joints, rest_joints())
    np.testing.assert_array_equal(body.joint_directions, joint_directions())


def test_loaded_once_and_read_only():
    assert mannequin() is mannequin()
    with pytest.raises(ValueError, match="read-only"):
        mannequin().v_template[0, 0] = 1.0


@pytest.mark.parametrize(
    ("name", "axis", "low", "high"),
    [
        ("stature", 1, -2.0, 1.0),
        ("girth", 0, -0.15, -0.05),
        ("girth", 2, -0.15, -0.05),
        ("hip_width", 0, -0.36, -0.26),
        ("shoulder_width", 0, 0.22, 0.30),
        ("torso_length", 1, -0.30, 0.30),
        ("head_size", 0, 0.42, 0.60),
        ("muscle", 2, 0.14, 0.20),
    ],
)
def test_a_direction_enlarges_what_its_name_says(name, axis, low, high):
    smaller, mean, larger = (_size(_shaped(name, amount), axis=axis, low=low, high=high) for amount in (-2, 0, 2))
    assert smaller < mean - 0.004
    assert larger > mean + 0.004


@pytest.mark.parametrize(("name", "joints"), [("leg_length", (1, 7)), ("arm_length", (16, 20))])
def test_a_limb_direction_lengthens_skin_and_bone_alike(name, joints):
    body, column = mannequin(), SHAPE_NAMES.index(name)
    limb = body.lbs_weights[:, joints[1]] > 0.99
    moved = body.shapedirs[limb][..., column].mean(0)
    np.testing.assert_allclose(moved, joint_directions()[joints[1]][:, column], atol=1e-4)
    assert np.linalg.norm(moved) > 0.015


def test_hands_and_feet_grow():
    hand = mannequin().v_template[:, 0] > 0.75
    foot = mannequin().v_template[:, 1] < -1.15
    for part in (hand, foot):
        assert np.ptp(_shaped("hands_and_feet", 2)[part, 2]) > 1.05 * np.ptp(mannequin().v_template[part, 2])


@pytest.mark.parametrize("amount", [-3, 3])
@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_single_directions_fold_nothing_over(name, amount):
    assert _turned_over_share(_shaped(name, amount), mannequin().faces) < 2e-4


def test_random_shapes_fold_nothing_over():
    body, random = mannequin(), np.random.default_rng(5)
    for betas in np.clip(random.standard_normal((20, 10)), -2.5, 2.5):
        assert _turned_over_share(body.v_template + body.shapedirs @ betas, body.faces) < 2e-4


def test_pose_directions_keep_a_twisted_arm_round():
    """Without them, turning the upper arm by 90 degrees about its length pinches the shoulder."""
    body = mannequin()
    joint = skeletons.SMPL_24.index("left_shoulder")
    bone = rest_joints()[18] - rest_joints()[joint]
    k = np.cross(np.eye(3), -bone / np.linalg.norm(bone))
    turn = np.eye(3) + k + k @ k
    below = body.lbs_weights[:, list(skeletons.SMPL_24.descendants[joint])].sum(1)
    ring = (below > 0.4) & (below < 0.6)
    feature = np.zeros((23, 3, 3))
    feature[joint - 1] = turn - np.eye(3)
    blend = np.eye(3) + below[ring, None, None] * (turn - np.eye(3))
    rest = body.v_template[ring] - rest_joints()[joint]
    girth = []
    for points in (rest, rest + body.posedirs[ring] @ feature.ravel()):
        turned = np.einsum("vab,vb->va", blend, points)
        girth.append(np.linalg.norm(np.cross(turned, bone / np.linalg.norm(bone)), axis=-1).mean())
    wanted = np.linalg.norm(np.cross(rest, bone / np.linalg.norm(bone)), axis=-1).mean()
    assert girth[0] < 0.78 * wanted
    assert girth[1] > 0.88 * wanted


def test_shipped_arrays_are_what_the_modelling_makes(monkeypatch, partners):
    """The shipped vertices lie on the figure's surface, and all other arrays come out again from them."""
    pytest.importorskip("scipy", reason="the modelling needs the extra `mannequin`")
    monkeypatch.syspath_prepend(TOOLS)
    from mannequin.body_arrays import body_arrays
    from mannequin.figure import figure

    body = mannequin()
    vertices = body.v_template.astype(float)
    distance = np.abs(figure()(vertices))
    assert np.median(distance) < 2e-4
    assert distance.max() < 5e-3
    made = body_arrays(vertices, body.faces, partners)
    for name, tolerance in (("v_template", 1e-6), ("shapedirs", 5e-6), ("lbs_weights", 1e-5), ("posedirs", 5e-4)):
        np.testing.assert_allclose(made[name], getattr(body, name), atol=tolerance, err_msg=name)


def test_remeshing_keeps_a_small_figure_closed_and_even(monkeypatch):
    pytest.importorskip("skimage", reason="the modelling needs the extra `mannequin`")
    monkeypatch.syspath_prepend(TOOLS)
    from mannequin.fields import capsule, mirrored
    from mannequin.remeshing import symmetric_surface

    field = mirrored(capsule((0.05, 0.0, 0.0), (0.2, 0.1, 0.0), radii=(0.08, 0.05)), blend=0.02)
    vertices, faces, mirror = symmetric_surface(field, lambda points: np.full(len(points), 0.03), cell=0.015, rounds=4)
    edges = _directed_edges(faces)
    assert len(vertices) - len(edges) // 2 + len(faces) == 2
    np.testing.assert_array_equal(vertices[mirror], vertices * FLIP)
    assert np.abs(field(vertices)).max() < 1e-3
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    assert np.percentile(lengths, 5) > 0.018
    assert np.percentile(lengths, 95) < 0.042
