"""A body of 80 random vertices on SMPL's tree, and the body's law written out joint by joint in NumPy."""

import numpy as np
from scipy.spatial.transform import Rotation

from niki_tf import body, skeletons


def make(*, seed=0, vertices=80, num_betas=10, posed=True):
    rng = np.random.default_rng(seed)
    body_joints = body.mannequin_joints()
    return body.BodyData(
        v_template=rng.normal(size=[vertices, 3]),
        shapedirs=rng.normal(size=[vertices, 3, num_betas]),
        posedirs=rng.normal(size=[vertices, 3, 207]) if posed else None,
        lbs_weights=rng.dirichlet(np.ones(24), vertices),
        faces=rng.integers(vertices, size=[30, 3]),
        joints=body_joints.joints,
        joint_directions=0.01 * rng.normal(size=[29, 3, num_betas]),
    )


def pose(*, seed=0, count=5, num_betas=10):
    """Arguments of a body, float32; rotations of every angle."""
    rng = np.random.default_rng(seed)
    matrices = Rotation.random(count * 24, random_state=seed).as_matrix().reshape(count, 24, 3, 3)
    return {
        "betas": rng.normal(size=[count, num_betas]).astype(np.float32),
        "global_orient": matrices[:, :1].astype(np.float32),
        "body_pose": matrices[:, 1:].astype(np.float32),
        "transl": rng.normal(size=[count, 3]).astype(np.float32),
    }


def walk(rotations, rest):
    """Positions (n, 3) and world rotations (24, 3, 3) of one posed skeleton, joint by joint."""
    places, world = [rest[0]], [rotations[0]]
    for joint in range(1, len(rest)):
        parent = skeletons.SMPL_29.parents[joint]
        places.append(places[parent] + world[parent] @ (rest[joint] - rest[parent]))
        if joint < 24:
            world.append(world[parent] @ rotations[joint])
    return np.array(places), np.array(world)


def oracle(data, *, betas, global_orient, body_pose, transl):
    """Vertices and joints of one posed body, vertex by vertex."""
    rest = data.joints + data.joint_directions @ betas
    vertices = data.v_template + data.shapedirs @ betas
    if data.posedirs is not None:
        vertices = vertices + data.posedirs @ (body_pose - np.eye(3)).ravel()
    places, world = walk(np.concatenate([global_orient, body_pose]), rest)
    skinned = [
        sum(
            w * (turn @ (vertex - start) + end)
            for w, turn, start, end in zip(weights, world, rest[:24], places[:24], strict=True)
        )
        for vertex, weights in zip(vertices, data.lbs_weights, strict=True)
    ]
    return np.array(skinned) + transl, places + transl
