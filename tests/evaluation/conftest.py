"""A body with the mannequin's skeleton and a small box about every joint, and a little motion."""

import numpy as np
import pytest

from niki_tf import body, data, evaluation

_CORNERS = np.array([[-1, -1, -1], [1, -1, 1], [-1, 1, 1], [1, 1, -1]]) * 0.03
_SIDES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


@pytest.fixture(scope="session")
def toy_body():
    skeleton = body.mannequin_skeleton()
    carrier = np.minimum(np.arange(29), 23)
    carrier[24:] = [15, 22, 23, 10, 11]
    return body.BodyData(
        v_template=(skeleton.joints[:, None] + _CORNERS).reshape(-1, 3),
        shapedirs=np.repeat(skeleton.directions, 4, 0),
        lbs_weights=np.repeat(np.eye(24)[carrier], 4, 0),
        faces=np.concatenate([_SIDES + 4 * joint for joint in range(29)]),
        joints=skeleton.joints,
        joint_directions=skeleton.directions,
    )


@pytest.fixture(scope="session")
def scorer(toy_body):
    return evaluation.Scorer(toy_body)


@pytest.fixture(scope="session")
def clips():
    random = np.random.default_rng(3)
    poses = [0.4 * random.normal(size=[frames, 24, 3]) for frames in (7, 4)]
    return [data.Clip(poses=pose, trans=random.normal(size=[len(pose), 3])) for pose in poses]
