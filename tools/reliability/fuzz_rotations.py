"""Rotations, each beside the same in SciPy or plain NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
from fuzz_target import Target, leading
from scipy.spatial.transform import Rotation

from niki_tf import rotations

_RNG = np.random.Generator
_ANY_AXES = frozenset({"one less", "one more", "transposed", "nothing in it", "a number"})
_ANY_LEADING = frozenset({"transposed"})
_LARGEST_ANGLE = 2.8
"""Radians: at half a turn a rotation vector has two signs."""


def numbers(rng: _RNG, *ending: int, size: float = 1.0) -> np.ndarray:
    """Normal numbers (..., *ending)."""
    return size * rng.normal(size=[*leading(rng), *ending])


def _pair(rng: _RNG, *endings: tuple[int, ...]) -> list[np.ndarray]:
    """Arrays of the same leading axes."""
    axes = leading(rng)
    return [rng.normal(size=[*axes, *ending]) for ending in endings]


def _rotvec(rng: _RNG, axes: tuple[int, ...]) -> np.ndarray:
    vector = rng.normal(size=[*axes, 3])
    angle = rng.uniform(0.01, _LARGEST_ANGLE, [*axes, 1])
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True) * angle


def turns(rng: _RNG, axes: tuple[int, ...]) -> np.ndarray:
    """Random rotation matrices (*axes, 3, 3)."""
    return _by_scipy(lambda flat: Rotation.from_rotvec(flat).as_matrix(), _rotvec(rng, axes), 1)


def _unit(x: Any) -> np.ndarray:
    """Scaled to length 1, zeros left as they are; a vector with a NaN is NaN, as comparisons with it are false."""
    x = np.asarray(x, np.float64)
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(length <= 1e-12, 1e-12, length)


def _by_scipy(function: Callable[[np.ndarray], np.ndarray], x: Any, inner: int) -> np.ndarray:
    """A function of flat arrays (N, ...), for any leading axes."""
    x = np.asarray(x, np.float64)
    axes = x.shape[: x.ndim - inner]
    found = [function(one[None])[0] for one in x.reshape(-1, *x.shape[x.ndim - inner :])]
    plain = np.eye(3)[None] if inner == 2 else np.ones([1, x.shape[-1]])
    return np.reshape(found, [*axes, *np.shape(function(plain))[1:]])


def _wxyz(flat: np.ndarray) -> np.ndarray:
    quaternion = np.roll(Rotation.from_rotvec(flat).as_quat(), 1, -1)
    return np.where(quaternion[:, :1] < 0, -quaternion, quaternion)


def _from_wxyz(flat: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(flat, -1, -1))


def _product(a: Any, b: Any) -> np.ndarray:
    (w, u), (v, x) = ((np.asarray(q)[..., :1], np.asarray(q)[..., 1:]) for q in (a, b))
    return np.concatenate([w * v - (u * x).sum(-1, keepdims=True), w * x + v * u + np.cross(u, x)], -1)


def _gram_schmidt(sixd: Any) -> np.ndarray:
    sixd = np.asarray(sixd, np.float64)
    first, second = sixd[..., :3], sixd[..., 3:]
    first = np.where(np.linalg.norm(first, axis=-1, keepdims=True) <= 1e-12, [1.0, 0.0, 0.0], first)
    first = _unit(first)
    along = np.abs((first * second).sum(-1, keepdims=True))
    axis = np.eye(3)[np.abs(first).argmin(-1)]
    length = np.linalg.norm(second, axis=-1, keepdims=True)
    second = np.where(along > (1 - 5e-6) * length - 1e-9, axis, second)
    second = _unit(second - (first * second).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], -2)


def _swing(source: Any, target: Any) -> np.ndarray:
    a, b = _unit(source), _unit(target)
    x, y, z = np.moveaxis(np.cross(a, b), -1, 0)
    zero = np.zeros_like(x)
    skew = np.moveaxis(np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]), (0, 1), (-2, -1))
    return np.eye(3) + skew + skew @ skew / (1.0 + (a * b).sum(-1))[..., None, None]


def twist_of_axis(axis: Any, twist: Any) -> np.ndarray:
    """`rotations.twist_to_matrix` of any leading axes."""
    cos, sin = np.moveaxis(np.asarray(twist, np.float64), -1, 0)
    vector = _unit(axis) * np.arctan2(sin, cos)[..., None]
    return _by_scipy(lambda flat: Rotation.from_rotvec(flat).as_matrix(), vector, 1)


def _twist_of(matrix: Any, axis: Any) -> np.ndarray:
    quaternion = _by_scipy(lambda flat: np.roll(Rotation.from_matrix(flat).as_quat(), 1, -1), matrix, 2)
    if not np.linalg.norm(axis, axis=-1).all():
        raise ValueError("no axis")
    half = np.arctan2((quaternion[..., 1:] * _unit(axis)).sum(-1), quaternion[..., 0])
    return np.stack([np.cos(2 * half), np.sin(2 * half)], -1)


def swing_and_twist(matrix: Any, axis: Any) -> tuple[np.ndarray, np.ndarray]:
    """`rotations.matrix_to_swing_twist` of any leading axes."""
    twist = _twist_of(matrix, axis)
    return np.asarray(matrix) @ np.swapaxes(twist_of_axis(axis, twist), -1, -2), twist


def _nearest(moment: Any) -> np.ndarray:
    """The rotation of the largest trace(R M)."""
    left, _, right = np.linalg.svd(np.swapaxes(np.asarray(moment, np.float64), -1, -2))
    sign = np.sign(np.linalg.det(left) * np.linalg.det(right))
    left[..., 2] *= np.where(sign == 0, 1.0, sign)[..., None]
    return left @ right


def _procrustes(source: Any, target: Any, weights: Any = None) -> np.ndarray:
    weights = np.ones(np.shape(source)[:-1]) if weights is None else np.asarray(weights)
    return _nearest(np.swapaxes(np.asarray(source) * weights[..., None], -1, -2) @ np.asarray(target))


def _points(rng: _RNG) -> dict[str, np.ndarray]:
    axes = leading(rng)
    source = rng.normal(size=[*axes, 9, 3])
    target = source @ np.swapaxes(turns(rng, axes), -1, -2) + 0.1 * rng.normal(size=source.shape)
    return {"source": source, "target": target, "weights": rng.uniform(0.5, 1.5, [*axes, 9])}


def _moment(rng: _RNG) -> dict[str, np.ndarray]:
    points = _points(rng)
    return {"moment": np.swapaxes(points["source"], -1, -2) @ points["target"]}


def _near(rng: _RNG) -> dict[str, np.ndarray]:
    """Two vectors at less than a right angle."""
    axes = leading(rng)
    source = _unit(rng.normal(size=[*axes, 3]))
    return {"source": 2.0 * source, "target": source + 0.8 * _unit(rng.normal(size=[*axes, 3]))}


def of_matrix(*names: str) -> Callable[[_RNG], dict[str, np.ndarray]]:
    """Makes arguments of these names: rotation matrices, or unit vectors of the same leading axes."""

    def make(rng: _RNG) -> dict[str, np.ndarray]:
        axes = leading(rng)
        return {
            name: turns(rng, axes) if name in ("a", "b", "matrix", "matrices") else _unit(rng.normal(size=[*axes, 3]))
            for name in names
        }

    return make


def _rows(matrix: Any) -> np.ndarray:
    matrix = np.asarray(matrix, np.float64)
    return matrix[..., :2, :].reshape(*matrix.shape[:-2], 6)


def _target(name: str, make: Callable, twin: Callable, **more: Any) -> Target:
    return Target(f"rotations.{name}", getattr(rotations, name), make, twin, spreads=True, **more)


def itself(answer: Any) -> Any:
    """The answer, where it is the rotation that must be one."""
    return answer


ROTATIONS = (
    _target("normalize", lambda rng: {"x": numbers(rng, 5)}, _unit, lenient=_ANY_AXES),
    _target("cross", lambda rng: dict(zip("ab", _pair(rng, (3,), (3,)), strict=True)), lambda a, b: np.cross(a, b)),
    _target(
        "apply",
        lambda rng: dict(zip(("matrix", "vector"), _pair(rng, (3, 3), (3,)), strict=True)),
        lambda matrix, vector: np.einsum("...rc,...c->...r", np.asarray(matrix, float), np.asarray(vector, float)),
    ),
    _target("transpose", of_matrix("matrix"), lambda matrix: np.swapaxes(matrix, -1, -2)),
    _target(
        "rotvec_to_quaternion_wxyz",
        lambda rng: {"rotvec": _rotvec(rng, leading(rng))},
        lambda rotvec: _by_scipy(_wxyz, rotvec, 1),
    ),
    _target(
        "quaternion_wxyz_to_rotvec",
        lambda rng: {"quaternion": _by_scipy(_wxyz, _rotvec(rng, leading(rng)), 1)},
        lambda quaternion: _by_scipy(lambda flat: _from_wxyz(flat).as_rotvec(), quaternion, 1),
    ),
    _target("multiply_quaternions_wxyz", lambda rng: dict(zip("ab", _pair(rng, (4,), (4,)), strict=True)), _product),
    _target(
        "quaternion_wxyz_to_matrix",
        lambda rng: {"quaternion": numbers(rng, 4)},
        lambda quaternion: _by_scipy(lambda flat: _from_wxyz(flat).as_matrix(), quaternion, 1),
        turns=itself,
    ),
    _target(
        "matrix_to_quaternion_wxyz",
        of_matrix("matrix"),
        lambda matrix: _by_scipy(lambda flat: _wxyz(Rotation.from_matrix(flat).as_rotvec()), matrix, 2),
    ),
    _target(
        "rotvec_to_matrix",
        lambda rng: {"rotvec": _rotvec(rng, leading(rng))},
        lambda rotvec: _by_scipy(lambda flat: Rotation.from_rotvec(flat).as_matrix(), rotvec, 1),
        turns=itself,
    ),
    _target(
        "matrix_to_rotvec",
        of_matrix("matrix"),
        lambda matrix: _by_scipy(lambda flat: Rotation.from_matrix(flat).as_rotvec(), matrix, 2),
    ),
    _target("matrix_to_6d", of_matrix("matrix"), _rows),
    _target("sixd_to_matrix", lambda rng: {"sixd": numbers(rng, 6)}, _gram_schmidt, turns=itself),
    _target(
        "matrices_to_6d_vector",
        lambda rng: {"matrices": turns(rng, (*leading(rng), 4))},
        lambda matrices: _rows(matrices).reshape(*np.shape(matrices)[:-3], -1),
    ),
    _target(
        "sixd_vector_to_matrices",
        lambda rng: {"vector": numbers(rng, 24)},
        lambda vector: _gram_schmidt(np.reshape(vector, [*np.shape(vector)[:-1], -1, 6])),
        turns=itself,
        lenient=_ANY_LEADING,
    ),
    _target(
        "geodesic_angle",
        of_matrix("a", "b"),
        lambda a, b: _by_scipy(
            lambda flat: Rotation.from_matrix(flat).magnitude(), np.swapaxes(a, -1, -2) @ np.asarray(b), 2
        ),
    ),
    _target("vectors_to_swing", _near, _swing, turns=itself),
    _target(
        "twist_to_matrix",
        lambda rng: dict(zip(("axis", "twist"), _pair(rng, (3,), (2,)), strict=True)),
        twist_of_axis,
        turns=itself,
    ),
    _target("matrix_to_swing_twist", of_matrix("matrix", "axis"), swing_and_twist, turns=lambda answer: answer[0]),
    _target("matrix_to_twist", of_matrix("matrix", "axis"), _twist_of),
    _target("procrustes", _points, _procrustes, turns=itself, optional=frozenset({"weights"})),
    _target("moment_to_rotation", _moment, _nearest, turns=itself),
)
