import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from niki_tf import rotations as rot

quick = hypothesis.settings(deadline=None, max_examples=30, derandomize=True)
coordinate = st.floats(-4, 4, allow_nan=False, width=32)
rotvecs = st.lists(coordinate, min_size=3, max_size=3).map(np.array)
directions = rotvecs.filter(lambda v: np.linalg.norm(v) > 1e-3)

ANGLES = [0.0, 1e-30, 1e-12, 1e-7, 1e-4, 1e-3, 1.0, 3.0, np.pi - 1e-3, np.pi - 1e-7, np.pi]
AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [1, 2, 3], [-3, 1e-4, 2]]


def turns(dtype=np.float64):
    """Rotation vectors about several axes by angles that include 0, pi and their neighbourhoods."""
    axes = np.array(AXES) / np.linalg.norm(AXES, axis=-1, keepdims=True)
    return tf.constant((axes[:, None] * np.array(ANGLES)[:, None]).reshape(-1, 3), dtype)


def random_matrices(count, seed=0):
    return tf.constant(Rotation.random(count, random_state=seed).as_matrix())


def close(a, b, tolerance=1e-9):
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@quick
@hypothesis.given(rotvecs, rotvecs, rotvecs)
def test_matrices_form_a_group(a, b, c):
    a, b, c = [rot.rotvec_to_matrix(tf.constant(v, tf.float64)) for v in (a, b, c)]
    close(a @ (b @ c), (a @ b) @ c, 1e-12)
    close(a @ rot.transpose(a), np.eye(3), 1e-12)
    close(np.linalg.det(a @ b), 1.0, 1e-12)


@quick
@hypothesis.given(rotvecs)
def test_opposite_rotation_vectors_cancel(rotvec):
    rotvec = tf.constant(rotvec, tf.float64)
    close(rot.rotvec_to_matrix(rotvec) @ rot.rotvec_to_matrix(-rotvec), np.eye(3), 1e-12)


@quick
@hypothesis.given(rotvecs)
def test_rotvec_to_matrix_is_scipys(rotvec):
    close(rot.rotvec_to_matrix(tf.constant(rotvec, tf.float64)), Rotation.from_rotvec(rotvec).as_matrix(), 1e-9)


@quick
@hypothesis.given(directions, directions)
def test_swing_is_the_shortest_turn(source, target):
    swing = rot.vectors_to_swing(tf.constant(source, tf.float64), tf.constant(target, tf.float64))
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    close(swing @ rot.transpose(swing), np.eye(3), 1e-12)
    close(rot.apply(swing, tf.constant(a)), b, 1e-6)
    angle = np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)
    close(rot.geodesic_angle(swing, tf.eye(3, dtype=tf.float64)), angle, 1e-5)


@quick
@hypothesis.given(rotvecs, directions)
def test_swing_times_twist_is_the_rotation(rotvec, axis):
    matrix, axis = rot.rotvec_to_matrix(tf.constant(rotvec, tf.float64)), tf.constant(axis, tf.float64)
    swing, twist = rot.matrix_to_swing_twist(matrix, axis)
    close(swing @ rot.twist_to_matrix(axis, twist), matrix, 1e-5)
    # The swing is the shortest turn of the axis: its own axis lies across.
    close(tf.reduce_sum(rot.matrix_to_rotvec(swing) * rot.normalize(axis)), 0.0, 1e-5)


@quick
@hypothesis.given(rotvecs, directions)
def test_the_twist_alone_is_that_of_swing_times_twist(rotvec, axis):
    matrix, axis = rot.rotvec_to_matrix(tf.constant(rotvec, tf.float64)), tf.constant(axis, tf.float64)
    kept = tf.reduce_sum(rot.normalize(axis) * rot.apply(matrix, rot.normalize(axis)))
    hypothesis.assume(kept > -0.999)
    close(rot.matrix_to_twist(matrix, axis), rot.matrix_to_swing_twist(matrix, axis)[1], 1e-5)


PAIRS = {
    "rotvec-quaternion": (rot.rotvec_to_quaternion_wxyz, rot.quaternion_wxyz_to_rotvec),
    "rotvec-matrix": (rot.rotvec_to_matrix, rot.matrix_to_rotvec),
}


@pytest.mark.parametrize(("there", "back"), PAIRS.values(), ids=PAIRS)
def test_rotvec_round_trips_up_to_pi(there, back):
    rotvec = turns()
    gone = back(there(rotvec))
    # At pi both directions of the axis are the same turn.
    either = tf.minimum(tf.norm(gone - rotvec, axis=-1), tf.norm(gone + rotvec, axis=-1))
    near_pi = tf.norm(rotvec, axis=-1) > np.pi - 1e-6
    close(tf.where(near_pi, either, tf.norm(gone - rotvec, axis=-1)), 0.0, 1e-9)


MATRIX_PAIRS = {
    "quaternion": (rot.matrix_to_quaternion_wxyz, rot.quaternion_wxyz_to_matrix),
    "rotvec": (rot.matrix_to_rotvec, rot.rotvec_to_matrix),
    "6d": (rot.matrix_to_6d, rot.sixd_to_matrix),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float64, 1e-9), (tf.float32, 2e-6)])
@pytest.mark.parametrize(("there", "back"), MATRIX_PAIRS.values(), ids=MATRIX_PAIRS)
def test_matrix_round_trips(there, back, dtype, tolerance):
    exact = Rotation.from_rotvec(turns().numpy()).as_matrix()
    matrices = tf.cast(tf.concat([exact, random_matrices(50)], 0), dtype)
    close(back(there(matrices)), matrices, tolerance)


def test_6d_is_the_first_two_rows_and_forgives_length_and_angle():
    matrix = random_matrices(5)
    sixd = rot.matrix_to_6d(matrix)
    close(sixd, matrix.numpy()[:, :2].reshape(5, 6))
    bent = tf.concat([3.0 * sixd[:, :3], 0.5 * sixd[:, 3:] + 2.0 * sixd[:, :3]], -1)
    close(rot.sixd_to_matrix(bent), matrix)


def test_quaternion_is_scipys_with_the_real_part_first():
    matrix = random_matrices(50)
    expected = Rotation.from_matrix(matrix.numpy()).as_quat(canonical=True, scalar_first=True)
    close(rot.matrix_to_quaternion_wxyz(matrix), expected)


def test_the_product_of_quaternions_is_that_of_their_matrices():
    a, b = random_matrices(20), random_matrices(20)[::-1]
    product = rot.multiply_quaternions_wxyz(rot.matrix_to_quaternion_wxyz(a), rot.matrix_to_quaternion_wxyz(b))
    close(rot.quaternion_wxyz_to_matrix(product), a @ b)


@pytest.mark.parametrize("angle", [0.0, 1e-7, 1e-3, 2.0, np.pi - 1e-3, np.pi - 1e-7, np.pi])
def test_geodesic_angle_is_the_angle_of_the_difference(angle):
    start = random_matrices(6)
    axes = tf.constant(AXES, tf.float64)
    turned = start @ rot.rotvec_to_matrix(rot.normalize(axes) * angle)
    close(rot.geodesic_angle(start, turned), angle)


@pytest.mark.parametrize("gap", [0.0, 1e-7, 1e-5, 1e-3])
def test_swing_between_almost_opposite_vectors_in_float32(gap):
    source = tf.constant(AXES, tf.float32) / tf.norm(tf.constant(AXES, tf.float32), axis=-1, keepdims=True)
    across = rot.normalize(rot.cross(source, tf.constant([[0.3, -0.5, 0.8]])))
    target = rot.normalize(-source + gap * across)
    swing = rot.vectors_to_swing(source, target)
    close(swing @ rot.transpose(swing), np.broadcast_to(np.eye(3), [6, 3, 3]), 1e-6)
    close(rot.apply(swing, source), target, 1e-6)


def test_swing_of_a_zero_vector_is_no_turn():
    close(rot.vectors_to_swing(tf.constant([0.0, 1.0, 0.0]), tf.zeros([3])), np.eye(3))


ROWS = [
    [0, 0, 0],
    [1e-30, 0, 0],
    [0, -1e-20, 1e-20],
    [1e-13, 1e-13, 0],
    [1e18, -1e18, 1e17],
    [1, 0, 0],
    [-3, 0, 0],
    [0, 2, 0],
    [1, 1, 1],
    [-2, -2, -2],
    [1, 1, 1.0001],
    [1, 1.01, 1],
    [0.3, -0.2, 5],
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_two_rows_give_a_rotation_with_finite_gradients(dtype):
    pairs = np.array([[*first, *second] for first in ROWS for second in ROWS])
    sixd = tf.constant(pairs, dtype)
    with tf.GradientTape() as tape:
        tape.watch(sixd)
        matrix = rot.sixd_to_matrix(sixd)
        total = tf.reduce_sum(matrix * tf.constant(np.arange(9.0).reshape(3, 3), dtype))
    close(matrix @ rot.transpose(matrix), np.broadcast_to(np.eye(3), matrix.shape), 1e-4)
    assert (np.linalg.det(matrix) > 0.999).all()
    assert np.isfinite(tape.gradient(total, sixd)).all()


@pytest.mark.parametrize("count", [1, 3, 17])
def test_a_vector_with_a_nan_is_nan_whole_and_no_other_is(count):
    vectors = np.ones([count, 5])
    vectors[-1, 1] = np.nan
    assert np.isnan(rot.normalize(vectors)).all(-1).tolist() == [False] * (count - 1) + [True]


def test_rows_of_zeros_are_the_x_axis_and_nan_stays():
    close(rot.sixd_to_matrix(tf.zeros([2, 6]))[:, 0], [[1, 0, 0]] * 2)
    close(rot.sixd_to_matrix(tf.constant([[0.0, 0, 0, 0, 3, 0]])), [np.eye(3)])
    assert np.isnan(rot.sixd_to_matrix(tf.constant([[0.0, 1, 0, np.nan, 0, 0]]))[0, 1]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("twist", [[0, 0], [1e-20, 0], [0, 1e-20], [-1e-30, 1e-30], [1e18, 1e18]])
def test_any_twist_gives_a_rotation_with_finite_gradients(dtype, twist):
    axis, given = tf.constant([[1.0, 2.0, -2.0]], dtype), tf.constant([twist], dtype)
    with tf.GradientTape() as tape:
        tape.watch(given)
        matrix = rot.twist_to_matrix(axis, given)
    close(matrix @ rot.transpose(matrix), [np.eye(3)], 1e-5)
    close(rot.apply(matrix, axis), axis, 1e-5)
    assert np.isfinite(tape.gradient(matrix, given)).all()


def test_twist_of_any_length_is_an_angle_about_the_axis():
    axis, angle = np.array([[0.0, 2.0, 1.0]]), 0.7
    twist = 1.7 * np.array([[np.cos(angle), np.sin(angle)]])
    expected = Rotation.from_rotvec(axis / np.linalg.norm(axis) * angle).as_matrix()
    close(rot.twist_to_matrix(tf.constant(axis), tf.constant(twist)), expected)


def kabsch(source, target, weights):
    """The textbook way, by singular values."""
    u, _, vt = np.linalg.svd(np.einsum("ni,nj,n->ij", target, source, weights))
    return u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt


@pytest.mark.parametrize("points", [3, 10])
def test_procrustes_is_the_svd_solution(rng, points):
    source, weights = rng.normal(size=[40, points, 3]), rng.random([40, points])
    target = np.einsum("bij,bnj->bni", random_matrices(40), source) + 0.3 * rng.normal(size=[40, points, 3])
    expected = [kabsch(*parts) for parts in zip(source, target, weights, strict=True)]
    close(rot.procrustes(tf.constant(source), tf.constant(target), tf.constant(weights)), expected, 1e-6)


def test_procrustes_is_as_precise_as_the_numbers(rng):
    source = 0.3 * rng.normal(size=[200, 10, 3])
    target = np.einsum("bij,bnj->bni", random_matrices(200), source) + 0.03 * rng.normal(size=[200, 10, 3])
    single = rot.procrustes(*(tf.constant(x, tf.float32) for x in (source, target)))
    close(single, rot.procrustes(tf.constant(source), tf.constant(target)), 4e-7)


def test_procrustes_finds_the_nearest_rotation_of_a_mirror_image(rng):
    source = rng.normal(size=[1, 10, 3])
    target = source * [1.0, 1.0, -1.0]
    found = rot.procrustes(tf.constant(source), tf.constant(target))
    close(found[0], kabsch(source[0], target[0], np.ones(10)), 1e-6)
    close(np.linalg.det(found), 1.0)


def rotvec_of_product(v):
    return rot.matrix_to_rotvec(rot.rotvec_to_matrix(v))


def x_axis(v):
    return tf.constant([1.0, 0.0, 0.0], v.dtype)


DIFFERENTIABLE = {
    "rotvec_to_matrix": rot.rotvec_to_matrix,
    "matrix_to_rotvec": rotvec_of_product,
    "matrix_to_6d": lambda v: rot.sixd_to_matrix(rot.matrix_to_6d(rot.rotvec_to_matrix(v))),
    "geodesic_angle": lambda v: rot.geodesic_angle(rot.rotvec_to_matrix(v), tf.eye(3, dtype=v.dtype)),
    "swing": lambda v: rot.vectors_to_swing(x_axis(v), rot.apply(rot.rotvec_to_matrix(v), x_axis(v))),
    "swing_twist": lambda v: rot.matrix_to_swing_twist(rot.rotvec_to_matrix(v), x_axis(v))[1],
    "twist": lambda v: rot.matrix_to_twist(rot.rotvec_to_matrix(v), x_axis(v)),
    "procrustes": lambda v: rot.procrustes(tf.eye(3, dtype=v.dtype), rot.rotvec_to_matrix(v)),
    "normalize": rot.normalize,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_gradients_are_finite_everywhere(function, dtype):
    rotvec = turns(dtype)
    with tf.GradientTape() as tape:
        tape.watch(rotvec)
        value = function(rotvec)
        total = tf.reduce_sum(value * tf.range(1.0, tf.size(value, tf.float32) + 1).numpy().reshape(value.shape))
    assert np.isfinite(value).all()
    assert np.isfinite(tape.gradient(total, rotvec)).all()


def test_gradient_of_a_round_trip_is_the_identity():
    rotvec = turns()
    inner = tf.boolean_mask(rotvec, tf.norm(rotvec, axis=-1) < 3.1)
    with tf.GradientTape() as tape:
        tape.watch(inner)
        round_trip = rotvec_of_product(inner)
    jacobian = tape.batch_jacobian(round_trip, inner)
    close(jacobian, np.broadcast_to(np.eye(3), jacobian.shape), 1e-4)


def test_leading_axes_are_free():
    rotvec = turns()[:60]
    flat = rot.rotvec_to_matrix(rotvec)
    close(rot.rotvec_to_matrix(tf.reshape(rotvec, [3, 4, 5, 3])), tf.reshape(flat, [3, 4, 5, 3, 3]))
    close(rot.matrix_to_rotvec(tf.reshape(flat, [3, 4, 5, 3, 3])), tf.reshape(rot.matrix_to_rotvec(flat), [3, 4, 5, 3]))
    close(rot.rotvec_to_matrix(rotvec[0]), flat[0])
