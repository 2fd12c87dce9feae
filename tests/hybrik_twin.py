"""HybrIK's naive solver in NumPy, one joint after the other, with the 1e-8 that the published code adds to lengths.

With `epsilon=0` it is the formula itself; with 1e-8 the numbers of the published code, whose root is then no exact
rotation where the hips' centre lies almost on the spine's axis.
"""

import numpy as np

from niki_tf.skeletons import BONE_CHILD, SMPL_29


def turn(axis, cos, sin):
    """Rodrigues' formula about axes (n, 3), which it does not normalise."""
    x, y, z = axis.T
    skew = np.array([[0 * x, -z, y], [z, 0 * x, -x], [-y, x, 0 * x]]).transpose(2, 0, 1)
    return np.eye(3) + sin[:, None, None] * skew + (1 - cos)[:, None, None] * (skew @ skew)


def swing(source, target, epsilon):
    normal = np.cross(source, target)
    length, both = np.linalg.norm(normal, axis=-1), np.linalg.norm(source, axis=-1) * np.linalg.norm(target, axis=-1)
    cos, sin = (source * target).sum(-1) / (both + epsilon), length / (both + epsilon)
    return turn(normal / (length + epsilon)[:, None], cos, sin)


def apply(matrix, vector):
    return np.einsum("nij,nj->ni", matrix, vector)


def across(vector, axis):
    return vector - (vector * axis).sum(-1, keepdims=True) * axis


def root(rest, seen, epsilon):
    first, axis = swing(rest[3], seen[3], epsilon), seen[3] / np.linalg.norm(seen[3], axis=-1, keepdims=True)
    before, after = apply(first, (rest[1] + rest[2]) / 2), (seen[1] + seen[2]) / 2
    return swing(across(before, axis), across(after, axis), epsilon) @ first


def solve(joints, rest_joints, twist, *, epsilon=0.0):
    """Local rotations (n, 24, 3, 3) of joints (n, 29, 3) and twists (n, 23, 2)."""
    joints, rest_joints, twist = [np.float64(x) for x in (joints, rest_joints, twist)]
    bones = [rest_joints[:, j] - rest_joints[:, max(p, 0)] for j, p in enumerate(SMPL_29.parents)]
    seen = [joints[:, j] - joints[:, max(p, 0)] for j, p in enumerate(SMPL_29.parents)]
    twist = twist / np.linalg.norm(twist, axis=-1, keepdims=True)
    local = [root(bones, seen, epsilon)]
    world = list(local)
    for joint in range(1, 24):
        above, bone = world[SMPL_29.parents[joint]], bones[BONE_CHILD[joint]]
        pointed = swing(bone, apply(above.transpose(0, 2, 1), seen[BONE_CHILD[joint]]), epsilon)
        axis = bone / np.linalg.norm(bone, axis=-1, keepdims=True)
        local.append(pointed @ turn(axis, twist[:, joint - 1, 0], twist[:, joint - 1, 1]))
        world.append(above @ local[-1])
    return np.stack(local, 1)
