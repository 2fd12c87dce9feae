"""Collisions of a mesh with itself: hand-made meshes, every pair of triangles tried, an exact library, a body."""

import numpy as np
import pytest

from niki_tf import body, rotations, skeletons
from niki_tf.body.triangle_intersection import triangles_intersect
from niki_tf.motion import made_motion

TETRAHEDRON = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4]], np.float32)
SIDES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@pytest.fixture(scope="module")
def mannequin():
    return body.mannequin()


@pytest.fixture(scope="module")
def find(mannequin):
    return body.SelfIntersection(mannequin.faces, rest=mannequin.v_template)


@pytest.fixture(scope="module")
def frames(mannequin):
    """Vertices (10, V, 3) of ten frames of made motion, with more bend than people have, so that limbs collide."""
    poses = 1.6 * made_motion(3, frames=40).poses[::4]
    local = rotations.rotvec_to_matrix(poses.astype(np.float32)).numpy()
    return body.BodyPoser(mannequin).pose(local, betas=np.zeros([10, mannequin.num_betas]))["vertices"]


def _two(shift, *, size=1.0):
    """Vertices and faces of two tetrahedra, the second of another size and moved."""
    vertices = np.concatenate([TETRAHEDRON, size * TETRAHEDRON + np.float32(shift)])
    return vertices, np.concatenate([SIDES, SIDES + 4])


def _pairs(vertices, faces):
    return body.SelfIntersection(faces, rest=vertices).pairs(vertices).tolist()


def test_tetrahedra_apart_and_nested_do_not_intersect():
    assert _pairs(*_two([9, 9, 9])) == []
    assert _pairs(*_two([0.5, 0.5, 0.5], size=0.25)) == []


def test_a_corner_in_another_tetrahedron():
    # Only the corner at the origin of the second, at (1, 1, 1), is inside the first, whose slanted side is crossed.
    assert _pairs(*_two([1, 1, 1])) == [[3, 4], [3, 5], [3, 6]]


def test_a_touch_counts():
    assert _pairs(*_two([4, 0, 0])) == [[i, j] for i in (0, 1, 3) for j in (4, 5, 6)]
    assert _pairs(*_two([4 + 1e-6, 0, 0])) == []


def test_coplanar_sheets():
    vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [1, 0.5, 0], [3, 0.5, 0], [1, 3, 0]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    assert _pairs(vertices, faces) == [[0, 1]]
    assert _pairs(vertices + np.array([[0]] * 3 + [[5]] * 3), faces) == []


def test_triangles_that_share_a_vertex_do_not_count():
    crossing = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [1, 1, -1], [1, 1, 1]])
    assert _pairs(crossing, np.array([[0, 1, 2], [0, 3, 4]])) == []
    apart = np.concatenate([crossing, crossing[:1]])
    assert _pairs(apart, np.array([[0, 1, 2], [5, 3, 4]])) == [[0, 1]]


def test_the_mannequin_at_rest_is_free_and_a_folded_arm_is_not(mannequin, find):
    assert len(find.pairs(mannequin.v_template)) == 0
    local = np.tile(np.eye(3, dtype=np.float32), [1, 24, 1, 1])
    elbow = skeletons.SMPL_29.index("left_elbow")
    local[0, elbow] = rotations.rotvec_to_matrix(np.float32([0, -2.8, 0])).numpy()
    vertices = body.BodyPoser(mannequin).pose(local, betas=np.zeros([1, 10]))["vertices"][0]
    pairs = find.pairs(vertices)
    assert len(pairs) > 50
    heaviest = mannequin.lbs_weights.argmax(-1)[mannequin.faces[pairs]]
    names = {skeletons.SMPL_29.names[joint] for joint in np.unique(heaviest)}
    arm = {f"left_{name}" for name in ("collar", "shoulder", "elbow", "wrist", "hand")}
    assert {"left_shoulder", "left_elbow"} <= names <= arm


def _brute(vertices, faces, step):
    """Intersecting pairs of every n-th triangle and a later one, of all whose boxes overlap."""
    corners = vertices[faces]
    low, high = corners.min(1), corners.max(1)
    pairs = []
    for number in range(0, len(faces), step):
        close = ((low[number] <= high[number + 1 :]) & (low[number + 1 :] <= high[number])).all(-1)
        others = number + 1 + np.flatnonzero(close)
        others = others[~np.isin(faces[others], faces[number]).any(-1)]
        hit = triangles_intersect(corners[np.full(len(others), number)], corners[others])
        pairs += [[number, other] for other in others[hit]]
    return pairs


def test_no_pair_of_a_pose_is_missed(mannequin, find, frames):
    found = find.pairs(frames[4])
    assert len(found) > 50
    assert found[found[:, 0] % 5 == 0].tolist() == _brute(frames[4], mannequin.faces, step=5)


def test_the_pose_that_orders_the_triangles_changes_nothing(mannequin, find, frames):
    shuffled = np.random.default_rng(0).normal(size=mannequin.v_template.shape)
    other = body.SelfIntersection(mannequin.faces[:3000], rest=shuffled)
    chosen = find.pairs(frames[4])
    wanted = chosen[(chosen < 3000).all(-1)]
    assert len(wanted) > 5
    np.testing.assert_array_equal(other.pairs(frames[4]), wanted)


def test_an_exact_library_finds_the_same(mannequin, find, frames):
    cgal = pytest.importorskip("igl.copyleft.cgal")
    for vertices in frames:
        faces = mannequin.faces.astype(np.int64)
        theirs = cgal.remesh_self_intersections(vertices.astype(np.float64), faces, detect_only=True)[2]
        theirs = np.sort(theirs, 1)
        apart = ~(faces[theirs[:, 0]][:, :, None] == faces[theirs[:, 1]][:, None]).any((1, 2))
        assert sorted(theirs[apart].tolist()) == find.pairs(vertices).tolist()


def test_many_triangles_in_one_place():
    # 300 separate triangles, all through the origin: every pair intersects, in one leaf or not.
    corners = np.random.default_rng(0).normal(size=[300, 3, 3]).astype(np.float32)
    corners[:, 2] = -corners[:, 0] - corners[:, 1]
    pairs = body.SelfIntersection(np.arange(900).reshape(-1, 3), rest=corners.reshape(-1, 3)).pairs(
        corners.reshape(-1, 3)
    )
    wanted = triangles_intersect(*(corners[rows] for rows in np.triu_indices(300, 1)))
    assert len(pairs) == wanted.sum() > 40000


def test_pairs_without():
    pairs = np.array([[0, 7], [3, 4], [3, 9]])
    assert body.pairs_without(pairs, np.array([[3, 4], [3, 5], [7, 9]])).tolist() == [[0, 7], [3, 9]]
    none = np.zeros([0, 2], int)
    assert body.pairs_without(pairs, none).tolist() == pairs.tolist()
    assert body.pairs_without(none, pairs).tolist() == []


def test_ratios():
    assert body.collision_percent(np.zeros([0, 2], int), triangles=9) == (0.0, 0.0)
    assert body.collision_percent(np.array([[0, 1], [2, 3]]), triangles=8) == (25.0, 50.0)


def test_bad_arguments(mannequin, find):
    with pytest.raises(ValueError, match=r"`faces` must be whole numbers of shape \(F, 3\); got float"):
        body.SelfIntersection(SIDES + 0.0, rest=TETRAHEDRON)
    with pytest.raises(ValueError, match=r"`faces` must be whole numbers of shape \(F, 3\)"):
        body.SelfIntersection(SIDES[0], rest=TETRAHEDRON)
    for faces, got in ((SIDES + 1, "1 to 4"), (SIDES - 1, "-1 to 2"), (SIDES[:0], "no faces")):
        with pytest.raises(ValueError, match=f"`faces` must name vertices 0 to 3; got {got}"):
            body.SelfIntersection(faces, rest=TETRAHEDRON)
    with pytest.raises(ValueError, match=r"`rest` must have shape"):
        body.SelfIntersection(SIDES, rest=TETRAHEDRON[:, :2])
    with pytest.raises(ValueError, match=r"`vertices` must have shape \(6879, 3\); got \(1, 6879, 3\). Give one pose"):
        find.pairs(mannequin.v_template[None])
    with pytest.raises(ValueError, match=r"`vertices` must be finite"):
        find.pairs(np.full_like(mannequin.v_template, np.nan))
