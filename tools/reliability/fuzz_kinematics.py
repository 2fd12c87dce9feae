"""Cameras, kinematics and the contract, each beside the same in SciPy or plain NumPy."""

from typing import Any

import numpy as np
from fuzz_rotations import itself, numbers, of_matrix, swing_and_twist, turns, twist_of_axis
from fuzz_target import Target, leading
from scipy.spatial.transform import Rotation

from niki_tf import body, camera, contract, skeletons

_RNG = np.random.Generator


def _image(points: Any, focal_length: float, distance: float) -> np.ndarray:
    points = np.asarray(points, np.float64)
    return focal_length * points[..., :2] / (points[..., 2:] + distance)


def _transl(camera: Any) -> np.ndarray:
    scale, x, y = np.moveaxis(np.asarray(camera, np.float64), -1, 0)
    return np.stack([x, y, 1000.0 / 256.0 / scale], -1)


def _weak(joints: Any, camera: Any) -> np.ndarray:
    joints = np.asarray(joints, np.float64)
    moved = joints - joints[..., 1:3, :].mean(-2, keepdims=True) + _transl(camera)[..., None, :]
    return 1000.0 / 256.0 * moved[..., :2] / moved[..., 2:]


def _cameras(rng: _RNG, axes: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([rng.uniform(0.5, 1.5, [*axes, 1]), rng.normal(size=[*axes, 2])], -1)


def _seen(rng: _RNG) -> dict[str, np.ndarray]:
    axes = leading(rng)
    return {"joints": 0.3 * rng.normal(size=[*axes, 29, 3]), "camera": _cameras(rng, axes)}


CAMERA = (
    Target(
        "camera.perspective",
        camera.perspective,
        lambda rng: {"points": numbers(rng, 3, size=0.1), "focal_length": 2.5, "distance": 3.0},
        _image,
        spreads=True,
    ),
    Target(
        "camera.orthographic",
        camera.orthographic,
        lambda rng: {"points": numbers(rng, 3), "scale": 2.5},
        lambda points, scale: scale * np.asarray(points)[..., :2],
        spreads=True,
    ),
    Target("camera.weak_perspective", camera.weak_perspective, _seen, _weak, spreads=True),
    Target(
        "camera.camera_to_transl",
        camera.camera_to_transl,
        lambda rng: {"camera": _cameras(rng, leading(rng))},
        _transl,
        spreads=True,
    ),
    Target(
        "camera.transl_to_camera",
        camera.transl_to_camera,
        lambda rng: {"transl": _cameras(rng, leading(rng))[..., [1, 2, 0]]},
        lambda transl: np.stack([1000.0 / 256.0 / np.asarray(transl)[..., 2], *np.moveaxis(transl, -1, 0)[:2]], -1),
        spreads=True,
    ),
)


def _walked(rotations: Any, rest_joints: Any) -> tuple[np.ndarray, np.ndarray]:
    """Posed joints and world rotations, joint by joint."""
    rotations, rest = np.asarray(rotations, np.float64), np.asarray(rest_joints, np.float64)
    rotations, rest = np.broadcast_arrays(rotations.reshape(*rotations.shape[:-2], 9), 0.0)[0], rest
    axes = np.broadcast_shapes(rotations.shape[:-2], rest.shape[:-2])
    rotations = np.broadcast_to(rotations, [*axes, 24, 9]).reshape(*axes, 24, 3, 3)
    rest = np.broadcast_to(rest, [*axes, *rest.shape[-2:]])
    places, world = [rest[..., 0, :]], [rotations[..., 0, :, :]]
    for joint in range(1, rest.shape[-2]):
        above = skeletons.SMPL_29.parents[joint]
        bone = rest[..., joint, :] - rest[..., above, :]
        places.append(places[above] + (world[above] @ bone[..., None])[..., 0])
        if joint < 24:
            world.append(world[above] @ rotations[..., joint, :, :])
    return np.stack(places, -2), np.stack(world, -3)


def _local(world: Any) -> np.ndarray:
    world = np.asarray(world, np.float64)
    above = world[..., list(skeletons.SMPL_24.parents[1:]), :, :]
    return np.concatenate([world[..., :1, :, :], np.swapaxes(above, -1, -2) @ world[..., 1:, :, :]], -3)


def _posed(rng: _RNG) -> dict[str, np.ndarray]:
    axes = leading(rng)
    rest = body.mannequin_joints().joints + 0.02 * rng.normal(size=[*axes, 29, 3])
    return {"rotations": turns(rng, (*axes, 24)), "rest_joints": rest}


def _bones(rest: np.ndarray) -> np.ndarray:
    """The rest bone of each of joints 1 to 23."""
    parents = np.maximum(skeletons.SMPL_29.parents, 0)
    return (rest - rest[..., parents, :])[..., list(skeletons.BONE_CHILD), :][..., 1:, :]


def _parted(rotations: Any, rest_joints: Any) -> tuple[np.ndarray, np.ndarray]:
    rotations = np.asarray(rotations, np.float64)
    swing, twist = swing_and_twist(rotations[..., 1:, :, :], _bones(np.asarray(rest_joints, np.float64)))
    return np.concatenate([rotations[..., :1, :, :], swing], -3), twist


def _joined(swing: Any, twist: Any, rest_joints: Any) -> np.ndarray:
    swing = np.asarray(swing, np.float64)
    turned = swing[..., 1:, :, :] @ twist_of_axis(_bones(np.asarray(rest_joints, np.float64)), twist)
    return np.concatenate([swing[..., :1, :, :], turned], -3)


def _parts(rng: _RNG) -> dict[str, np.ndarray]:
    given = _posed(rng)
    twist = rng.normal(size=[*given["rotations"].shape[:-3], 23, 2])
    return {"swing": given["rotations"], "twist": twist, "rest_joints": given["rest_joints"]}


def _solved(rng: _RNG) -> dict[str, np.ndarray]:
    """Joints of a body that stands as it can."""
    given = _posed(rng)
    vectors = 0.3 * rng.normal(size=given["rotations"].shape[:-1])
    turned = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape, 3)
    return {"joints": _walked(turned, given["rest_joints"])[0], "rest_joints": given["rest_joints"]}


def _one_by_one(joints: Any, rest_joints: Any) -> np.ndarray:
    """`analytic_ik` of one example at a time."""
    joints, rest = np.asarray(joints, np.float64), np.asarray(rest_joints, np.float64)
    flat = [
        body.analytic_ik(one, rest_joints=other).numpy()
        for one, other in zip(joints.reshape(-1, 29, 3), rest.reshape(-1, 29, 3), strict=True)
    ]
    return np.reshape(flat, [*joints.shape[:-2], 24, 3, 3])


KINEMATICS = (
    Target(
        "body.forward_kinematics",
        body.forward_kinematics,
        _posed,
        _walked,
        turns=lambda answer: answer[1],
        spreads=True,
        loose=frozenset({"NaN", "batch of none"}),
    ),
    Target("body.world_rotations", body.world_rotations, lambda rng: {"rotations": turns(rng, (*leading(rng), 24))},
        lambda rotations: _walked(rotations, np.zeros([29, 3]))[1], turns=itself, spreads=True),
    Target("body.local_rotations", body.local_rotations, lambda rng: {"world": turns(rng, (*leading(rng), 24))},
        _local, turns=itself, spreads=True),
    Target("body.rotations_to_swing_twist", body.rotations_to_swing_twist, _posed, _parted,
        turns=lambda answer: answer[0], spreads=True, weight=0.5),
    Target("body.swing_twist_to_rotations", body.swing_twist_to_rotations, _parts, _joined, turns=itself,
        spreads=True, weight=0.5),
    Target("body.analytic_ik", body.analytic_ik, _solved, _one_by_one, turns=itself, spreads=True, weight=0.1,
        tolerance=1e-4),
)  # fmt: skip


def _pose(rng: _RNG) -> dict[str, np.ndarray]:
    local = turns(rng, (*leading(rng), 24))
    return {"global_orient": local[..., :1, :, :], "body_pose": local[..., 1:, :, :]}


def _are_turns(matrices: Any) -> np.ndarray:
    flat = np.reshape(matrices, [-1, 3, 3]).astype(np.float64)
    fine = [np.abs(one @ one.T - np.eye(3)).max() <= 1e-3 and np.linalg.det(one) > 0 for one in flat]
    return np.reshape(np.array(fine, bool), np.shape(matrices)[:-2])


CONTRACT = (
    Target(
        "contract.check_pose",
        contract.check_pose,
        _pose,
        lambda global_orient, body_pose: np.concatenate([global_orient, body_pose], -3),
        turns=itself,
        spreads=True,
    ),
    Target(
        "contract.are_rotations",
        contract.are_rotations,
        of_matrix("matrices"),
        _are_turns,
    ),
)
