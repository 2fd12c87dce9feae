"""The frame of the trunk is found once, and solvers of one's own need not take it."""

import numpy as np

from niki_tf import body, solvers

SKELETON = body.mannequin_joints()


class _Own(solvers.MLP):
    """A user's, which takes what solvers were given before they took the frame of the trunk."""

    def solve_known_body(self, joints, joint_sigma, betas, rest_joints, twist):
        return super().solve_known_body(joints, joint_sigma, betas, rest_joints, twist)


def test_the_frame_of_the_trunk_is_given_to_those_that_take_it_and_changes_nothing(rng):
    own, whole = (kind(SKELETON, hidden_dim=16) for kind in (_Own, solvers.MLP))
    whole.set_weights([rng.normal(scale=0.2, size=weight.shape) for weight in own.get_weights()])
    own.set_weights(whole.get_weights())
    joints = SKELETON.joints + 0.05 * rng.normal(size=[6, 29, 3])
    joints[0, 3] = joints[1, [0, 6, 12]] = joints[2] = np.nan
    assert whole.takes_trunk
    assert not own.takes_trunk
    found, wanted = (solver.ik(joints.astype(np.float32)) for solver in (own, whole))
    for name in ("global_orient", "body_pose", "transl"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-5)
