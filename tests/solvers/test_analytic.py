"""The analytic solver and what the contract says of its inputs."""

import numpy as np

from niki_tf import body, solvers

SKELETON = body.mannequin_joints()


def test_a_twist_that_is_not_known_is_as_none(rng):
    solver, joints = solvers.Analytic(SKELETON), SKELETON.joints + 0.05 * rng.normal(size=[3, 29, 3])
    twist = np.zeros([3, 23, 2])
    np.testing.assert_allclose(solver.ik(joints, twist=twist)["body_pose"], solver.ik(joints)["body_pose"], atol=1e-6)
    twist[:, 4] = [0.0, 2.0]
    told = solver.ik(joints, twist=twist)["body_pose"].numpy()
    np.testing.assert_allclose(np.linalg.det(told), 1.0, atol=1e-5)
    assert np.abs(told[:, 4] - solver.ik(joints)["body_pose"][:, 4]).max() > 0.1
    known = np.tile([1.0, 0.0], [3, 23, 1])
    known[:, 4] = [0.0, 1.0]
    np.testing.assert_allclose(told, solver.ik(joints, twist=known)["body_pose"], atol=1e-5)
