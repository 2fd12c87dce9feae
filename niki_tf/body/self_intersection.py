"""Pairs of triangles of a posed body that intersect: the collisions of a mesh with itself."""

import numpy as np

from niki_tf.body.close_triangles import CloseTriangles
from niki_tf.body.triangle_intersection import triangles_intersect
from niki_tf.shapes import TensorLike, real_array


class SelfIntersection:
    """Finds the pairs of triangles of a mesh that intersect, in one pose after the other.

    Two triangles intersect if they have a point in common, a touch included. Pairs that share a vertex do not count.
    The answer is exact for vertices in float32, whatever their place.

    Args:
        faces: (F, 3) vertex numbers.
        rest: (V, 3) vertices at rest; they decide how fast it is, not what is found.

    Raises:
        ValueError: a shape does not fit, or a number is not finite or names no vertex.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> corners = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [1, 1, -1], [1, 1, 1], [5, 5, 0]])
        >>> find = body.SelfIntersection(np.array([[0, 1, 2], [3, 4, 5]]), rest=corners)
        >>> find.pairs(corners).tolist()
        [[0, 1]]
    """

    def __init__(self, faces: TensorLike, *, rest: TensorLike) -> None:
        self.faces, rest = real_array("faces", faces), real_array("rest", rest).astype(np.float32)
        if self.faces.ndim != 2 or self.faces.shape[1] != 3 or not np.issubdtype(self.faces.dtype, np.integer):
            raise ValueError(
                f"`faces` must be whole numbers of shape (F, 3); got {self.faces.dtype} {self.faces.shape}. "
                "Give three vertex numbers a triangle."
            )
        self._num_vertices = len(np.atleast_1d(rest))
        self._check("rest", rest)
        last = self._num_vertices - 1
        if not len(self.faces) or self.faces.min() < 0 or self.faces.max() > last:
            got = f"{self.faces.min()} to {self.faces.max()}" if len(self.faces) else "no faces"
            raise ValueError(f"`faces` must name vertices 0 to {last}; got {got}. Give the vertices of these faces.")
        self._close = CloseTriangles(self.faces, rest)

    def pairs(self, vertices: TensorLike) -> np.ndarray:
        """Numbers (P, 2) of the triangles that intersect, the smaller first, in order.

        Args:
            vertices: (V, 3) of one pose, any unit; taken as float32.

        Raises:
            ValueError: `vertices` has another shape or is not finite.
        """
        vertices = real_array("vertices", vertices).astype(np.float32)
        self._check("vertices", vertices)
        close = self._close.pairs(vertices)
        first, second = (vertices[self.faces[triangles]] for triangles in close)
        found = close[:, triangles_intersect(first, second)]
        return found[:, np.lexsort(found[::-1])].T

    def _check(self, name: str, vertices: np.ndarray) -> None:
        if vertices.ndim != 2 or vertices.shape != (self._num_vertices, 3):
            raise ValueError(
                f"`{name}` must have shape ({self._num_vertices}, 3); got {vertices.shape}. Give one pose at a time."
            )
        if not np.isfinite(vertices).all():
            raise ValueError(f"`{name}` must be finite in float32; got NaN or infinity. Leave such poses out.")


def pairs_without(pairs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The `pairs` (P, 2) that are not among `others` (Q, 2), such as those of the pose at rest.

    Example:
        >>> import numpy as np
        >>> from niki_tf.body.self_intersection import pairs_without
        >>> pairs_without(np.array([[0, 5], [2, 9]]), np.array([[2, 9]])).tolist()
        [[0, 5]]
    """
    limit = max(int(some.max(initial=0)) for some in (pairs, others)) + 1
    return pairs[~np.isin(pairs @ (limit, 1), others @ (limit, 1))]


def collision_percent(pairs: np.ndarray, *, triangles: int) -> tuple[float, float]:
    """Two ratios of the `pairs` (P, 2) that intersect, percent of all `triangles` of the mesh.

    Returns:
        100 P / triangles, which may be more than 100, and the share of triangles in at least one pair.

    Example:
        >>> import numpy as np
        >>> from niki_tf.body.self_intersection import collision_percent
        >>> collision_percent(np.array([[0, 7], [0, 8], [0, 9]]), triangles=10)
        (30.0, 40.0)
    """
    return 100.0 * len(pairs) / triangles, 100.0 * len(np.unique(pairs)) / triangles
