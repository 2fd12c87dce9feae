"""Leading axes are kept, flattened and restored, whatever their number and whether their sizes are known."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import shapes
from niki_tf.shapes import LeadingAxes

LEADING = [(), (4,), (2, 3, 4)]


def _joints(leading, inner=(29, 3)):
    shape = [*leading, *inner]
    return tf.reshape(tf.range(np.prod(shape, dtype=int), dtype=tf.float32), shape)


def _unknown(shape):
    """A TensorSpec of the same rank without a size in front of the last two axes."""
    return tf.TensorSpec([None] * (len(shape) - 2) + list(shape[-2:]))


@pytest.mark.parametrize("leading", LEADING)
def test_reshape_last_keeps_the_leading_axes(leading):
    x = _joints(leading)
    flat = shapes.reshape_last(x, 2, [87])
    np.testing.assert_array_equal(flat, x.numpy().reshape(*leading, 87))
    np.testing.assert_array_equal(shapes.reshape_last(flat, 1, [29, 3]), x)
    np.testing.assert_array_equal(shapes.reshape_last(x, 1, [3, 1]), x[..., None])
    np.testing.assert_array_equal(shapes.reshape_last(x, 2, [tf.constant(3), tf.constant(29)]).shape, [*leading, 3, 29])


@pytest.mark.parametrize("leading", LEADING)
def test_reshape_last_of_unknown_sizes(leading):
    x = _joints(leading)
    found = []

    @tf.function(input_signature=[_unknown(x.shape)])
    def flat(x):
        y = shapes.reshape_last(x, 2, [87])
        found.append(y.shape.as_list())
        return y

    np.testing.assert_array_equal(flat(x), x.numpy().reshape(*leading, 87))
    assert found == [[None] * len(leading) + [87]]


@pytest.mark.parametrize("leading", LEADING)
def test_zeros_have_the_leading_axes_only(leading):
    x = _joints(leading)
    for ending in ([], [29], [23, 2]):
        zeros = shapes.zeros_like_leading(x, 2, ending)
        assert zeros.dtype == tf.float32
        np.testing.assert_array_equal(zeros, np.zeros([*leading, *ending]))
    graph = tf.function(lambda x: shapes.zeros_like_leading(x, 1, [5]), input_signature=[_unknown(x.shape)])
    np.testing.assert_array_equal(graph(x), np.zeros([*leading, 29, 5]))


def test_spread_broadcasts_the_leading_axes_only():
    x = _joints((3,), (1, 3))
    np.testing.assert_array_equal(shapes.spread(x, [2, 3], 2), np.broadcast_to(x, [2, 3, 1, 3]))
    np.testing.assert_array_equal(shapes.spread(x[0], tf.constant([4]), 2), np.broadcast_to(x[0], [4, 1, 3]))


@pytest.mark.parametrize("events", [0, 1])
@pytest.mark.parametrize("leading", LEADING)
def test_leading_axes_are_flattened_and_restored(leading, events):
    event = (5,) * events
    joints, sigma = _joints((*leading, *event)), _joints((*leading, *event), (29,))
    axes = LeadingAxes(joints, inner=2, events=events)
    count = int(np.prod(leading, dtype=int))
    assert axes.rank == len(leading) + events
    assert axes.flat.numpy().tolist() == [count, *event]
    for x in (joints, sigma):
        flat = axes.flatten(x)
        np.testing.assert_array_equal(flat, x.numpy().reshape(count, *event, *x.shape[len(leading) + events :]))
        np.testing.assert_array_equal(axes.restore(flat), x)
        assert axes.restore(flat).shape == x.shape
    other = tf.ones([count, *event, 7])
    assert axes.restore(other).shape == (*leading, *event, 7)


@pytest.mark.parametrize("events", [0, 1])
@pytest.mark.parametrize("leading", LEADING)
def test_leading_axes_of_unknown_sizes(leading, events):
    x = _joints((*leading, *(5,) * events))
    static = []

    @tf.function(input_signature=[_unknown(x.shape)])
    def there_and_back(x):
        axes = LeadingAxes(x, inner=2, events=events)
        flat = axes.flatten(x)
        static.extend([flat.shape[1 + events :].as_list(), axes.restore(flat).shape.as_list()])
        return flat, axes.restore(flat)

    flat, again = there_and_back(x)
    np.testing.assert_array_equal(again, x)
    assert flat.shape.rank == 3 + events
    assert static == [[29, 3], [None] * (len(leading) + events) + [29, 3]]


def test_known_sizes_stay_known_among_unknown_ones():
    static = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3, 16, 29, 3])])
    def there_and_back(x):
        axes = LeadingAxes(x, inner=2, events=1)
        static.append(axes.restore(axes.flatten(x)).shape.as_list())

    there_and_back(tf.zeros([2, 3, 16, 29, 3]))
    assert static == [[None, 3, 16, 29, 3]]


def test_no_example_at_all_is_no_accident():
    empty = tf.zeros([0, 2, 29, 3])
    axes = LeadingAxes(empty, inner=2)
    assert axes.flatten(empty).shape == (0, 29, 3)
    assert axes.restore(axes.flatten(empty)).shape == (0, 2, 29, 3)


FITTING = [((29, 3), (29, 3)), ((4, 29, 3), (29, 3)), ((5, 4, 29, 16), (29, None)), ((4,), ()), ((4, None, 3), (29, 3))]


@pytest.mark.parametrize(("shape", "ending"), FITTING)
def test_a_shape_that_fits_passes(shape, ending):
    shapes.check_shape("joints", tf.TensorShape(shape), ending)


MISFITS = {
    "another size": ((4, 24, 3), r"`joints` must end in shape \(29, 3\); got \(4, 24, 3\)\. Use 29\."),
    "too few axes": ((3,), r"`joints` must end in shape \(29, 3\); got \(3,\)\. Use 29\."),
    "no axis": ((), r"`joints` must end in shape \(29, 3\); got \(\)\. Use 29\."),
    "unknown size": ((None, 24, 3), r"got \(None, 24, 3\)\. Use 29\."),
    "unknown rank": (None, r"`joints` must end in shape \(29, 3\); got an unknown rank\. Use 29\."),
}


@pytest.mark.parametrize(("shape", "message"), MISFITS.values(), ids=MISFITS)
def test_a_shape_that_does_not_fit_is_named(shape, message):
    with pytest.raises(ValueError, match=message):
        shapes.check_shape("joints", tf.TensorShape(shape), (29, 3), " Use 29.")


def test_tensors_are_checked_when_they_are_traced():
    graph = tf.function(lambda x: shapes.check_shape("x", x, (3,)), input_signature=[tf.TensorSpec(None)])
    with pytest.raises(ValueError, match=r"`x` must end in shape \(3,\); got an unknown rank\. Any axes may"):
        graph(tf.zeros([3]))
    shapes.check_shape("x", tf.zeros([2, 3]), (3,))


@shapes.takes("turn", turn=(3, 3), points=("n", 3), weights=("n",))
def _weighted(turn, points, weights=None):
    points = tf.linalg.matvec(turn[..., None, :, :], points)
    return points if weights is None else points * weights[..., None]


def test_arguments_are_tensors_of_one_type():
    points = np.ones([2, 4, 3], np.float32)
    for turn, kind in ((np.eye(3).tolist(), "float32"), (np.eye(3), "float64"), (tf.eye(3), "float32")):
        assert _weighted(turn, points).dtype.name == kind
    assert _weighted(np.eye(3), tf.constant(points)).dtype.name == "float32"
    np.testing.assert_array_equal(_weighted(tf.eye(3), points, weights=[1, 2, 3, 4])[0, :, 0], [1, 2, 3, 4])
    np.testing.assert_array_equal(_weighted(np.eye(3), np.full([4, 3], np.nan)), np.full([4, 3], np.nan))


MISFIT_ARGUMENTS = {
    "axes": ({"points": np.zeros([4, 2])}, r"^`points` must end in shape \(n, 3\); got \(4, 2\)\. Any"),
    "another size": ({"weights": [1, 2]}, r"^`weights` must end in shape \(4,\); got \(2,\)\. Any"),
    "leading axes": (
        {"turn": np.tile(np.eye(3), [5, 1, 1])},
        r"^`points` must have leading .*\(5,\); got \(2,\)\. Give",
    ),
    "no rotation": ({"turn": 2 * np.eye(3)}, r"^`turn` must be rotation matrices, .*; got \[\[2\..*\. Convert"),
    "infinity": ({"points": np.full([4, 3], np.inf)}, r"^`points` must hold numbers up to 1e\+18; got inf\. NaN"),
    "complex": (
        {"points": np.zeros([4, 3]) * 1j},
        r"^`points` must be an array of real numbers; got complex128\. Give",
    ),
    "complex tensor": ({"points": tf.zeros([4, 3], tf.complex64)}, r"^`points` must be .*; got complex64\. Give"),
    "nothing": (
        {"points": None},
        r"^`points` must be an array of real numbers; got what is no array of numbers\. Give",
    ),
}


@pytest.mark.parametrize(("changed", "message"), MISFIT_ARGUMENTS.values(), ids=MISFIT_ARGUMENTS)
def test_arguments_that_do_not_fit(changed, message):
    with pytest.raises(ValueError, match=message):
        _weighted(**{"turn": np.eye(3), "points": np.zeros([2, 4, 3]), "weights": np.ones(4), **changed})


def test_tensors_are_not_read():
    graph = tf.function(_weighted, autograph=False)
    assert not np.isfinite(graph(2 * tf.eye(3), tf.constant(np.full([4, 3], np.inf, np.float32)))).any()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        _weighted(tf.eye(3))
    with pytest.raises(TypeError, match="unexpected keyword"):
        _weighted(tf.eye(3), tf.zeros([4, 3]), other=1)


@pytest.mark.parametrize("value", [None, "3", [1.0, 2.0], np.nan, np.inf, 1j, 1.5, 0, -1])
def test_numbers_that_are_none(value):
    with pytest.raises(ValueError, match=r"^`window` must be one whole number, 1 or more; got .*\. Frames\.$"):
        shapes.real_number("window", value, least=1, whole=True, cure="Frames.")


def test_numbers():
    assert shapes.real_number("window", np.int64(3), least=1, whole=True, cure="") == 3
    assert shapes.real_number("fps", np.array([2.5]), above=0.0, cure="") == 2.5
    with pytest.raises(ValueError, match=r"^`fps` must be one finite number, above 0; got 0\. Hz\.$"):
        shapes.real_number("fps", 0, above=0.0, cure="Hz.")
