"""Where the points of joint sets are on a posed body's mesh: what a solver of points is measured against.

A joint of SMPL's 29 is the body's. A landmark (`niki_tf.skeletons.LANDMARKS`) or marker (`MARKERS`) is a fixed
combination of vertices, so it follows skin, shape and pose as they do, and not the one bone that solvers take it to
hang on. One on the skin, as all markers are, combines the vertices nearest to it; one inside, such as the middle of the
hips, those of the ring around it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import BodyData
from niki_tf.fitting import point_lifting
from niki_tf.skeletons import LANDMARKS, MARKERS, Landmark, PointSet
from niki_tf.skeletons.markers import VICON_39

_PLACES = LANDMARKS | {name: MARKERS[name] for name in VICON_39}
NAMES = (*skeletons.SMPL_29.names, *_PLACES)
"""All points: the joints, then the landmarks and the markers."""
_NAME_OF = {place: name for name, place in _PLACES.items()}

_ON_SKIN = 0.03
"""Metres from the nearest vertex; a landmark farther from all is inside the body."""
_SHARE = 0.2
"""Least share of a landmark's joint in the motion of the vertices of its ring."""
_NEAREST, _RING = 8, 48
"""Vertices that are combined for a landmark on the skin, and inside."""
_SMALLEST = 0.005
"""Metres; vertices nearer than this weigh as if they were so far."""


class MeshPoints:
    """The points of all joint sets, read off a posed body.

    Args:
        data: the body. Its landmarks are where they are on the mannequin, grown with the bones.

    Attributes:
        vertices: (L, V) float32, the share of each vertex in each landmark and marker; rows sum to 1.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.evaluation.mesh_points import NAMES, MeshPoints
        >>> mannequin = body.mannequin()
        >>> posed = {"joints": mannequin.joints[None], "vertices": mannequin.v_template[None]}
        >>> points = MeshPoints(mannequin).read(posed)
        >>> np.abs(points[0, NAMES.index("mid_hip")] - [0, -0.309, 0.012]).max() < 1e-5
        np.True_
    """

    def __init__(self, data: BodyData) -> None:
        places = PointSet("landmarks", tuple(_PLACES.values()))
        rest = point_lifting.rest_points(places, tf.constant(data.joints, tf.float32)).numpy()
        self.vertices = np.zeros([len(places), len(data.v_template)], np.float32)
        for row, landmark, place in zip(self.vertices, _PLACES.values(), rest, strict=True):
            around = _around(data, place, skeletons.SMPL_24.index(landmark.joint))
            row[around] = affine_weights(data.v_template[around], place)

    def read(self, posed: Mapping[str, np.ndarray]) -> np.ndarray:
        """All points (N, M, 3) float32, in the order of NAMES, of joints (N, 29, 3) and vertices (N, V, 3), metres."""
        landmarks = np.matmul(self.vertices, posed["vertices"])
        return np.concatenate([posed["joints"], landmarks], 1).astype(np.float32)


def numbers(points: Sequence[str | Landmark | None]) -> list[int]:
    """Which of NAMES the points are, each a name or a landmark of the tables; what is None is left out.

    Example:
        >>> from niki_tf import skeletons
        >>> from niki_tf.evaluation import mesh_points
        >>> [mesh_points.NAMES[number] for number in mesh_points.numbers(["pelvis", skeletons.MARKERS["LASI"]])]
        ['pelvis', 'LASI']
    """
    return [NAMES.index(point if isinstance(point, str) else _NAME_OF[point]) for point in points if point]


def affine_weights(vertices: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Weights (k,) that sum to 1 and combine `vertices` (k, 3) to `place` (3,), small for vertices far from it.

    Of all such weights, those with the least sum of squares of weight times distance.
    """
    distance = np.maximum(np.linalg.norm(vertices - place, axis=-1), _SMALLEST)
    conditions = np.concatenate([np.ones([1, len(vertices)]), (vertices - place).T]) / distance
    return np.linalg.lstsq(conditions, np.array([1.0, 0.0, 0.0, 0.0]), rcond=None)[0] / distance


def _around(data: BodyData, place: np.ndarray, joint: int) -> np.ndarray:
    """Numbers of the vertices that are combined for a landmark at `place` (3,) that hangs on `joint`."""
    distance = np.linalg.norm(data.v_template - place, axis=-1)
    if distance.min() < _ON_SKIN:
        return np.argsort(distance)[:_NEAREST]
    moved = np.flatnonzero(data.lbs_weights[:, joint] > _SHARE)
    return moved[np.argsort(np.abs(data.v_template[moved, 1] - place[1]))[:_RING]]
