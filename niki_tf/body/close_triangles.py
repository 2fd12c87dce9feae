"""Pairs of triangles of a moving mesh whose bounding boxes overlap and that share no vertex.

Triangles that are close at rest are gathered in leaves of eight and leaves in nodes of eight. In each pose boxes of
nodes, then of leaves, then of triangles are compared. Nearly all leaves whose boxes overlap are neighbours on the
surface. Which these are, and which of their triangles share a vertex, no pose changes: it is found out once.
"""

from collections.abc import Iterator

import numpy as np

_LEAF, _NODE = 8, 8
"""Triangles of a leaf, leaves of a node: the fastest of six pairs tried on 100 poses of the mannequin."""
_CHUNK = 1 << 14
"""Pairs of leaves that are compared at a time, which bounds the memory."""

Boxes = tuple[np.ndarray, np.ndarray]
"""Lower and upper corners."""


class CloseTriangles:
    """Finds the pairs of triangles whose bounding boxes overlap.

    Args:
        faces: (F, 3) vertex numbers.
        rest: (V, 3) vertices of a pose in which surfaces do not touch, by which triangles are gathered.
    """

    def __init__(self, faces: np.ndarray, rest: np.ndarray) -> None:
        self._order = _gathered(rest[faces].mean(1))
        self._nodes = -(-len(faces) // (_LEAF * _NODE))
        ordered = faces[self._order]
        self._corners = [np.ascontiguousarray(column, np.intp) for column in ordered.T]
        leaves = self._nodes * _NODE
        self._near = _neighbours(ordered, len(rest), leaves)
        self._known = np.stack(np.nonzero(np.triu(self._near)))
        self._apart = _share_nothing(ordered, self._known, leaves=leaves)

    def pairs(self, vertices: np.ndarray) -> np.ndarray:
        """Numbers (2, n) of triangles, the first smaller, whose boxes overlap at `vertices` (V, 3), float32."""
        triangles = self._triangle_boxes(vertices)
        leaves: Boxes = triangles[0].min(1), triangles[1].max(1)
        found = [_overlapping(triangles, self._known, self._apart)]
        found += [_overlapping(triangles, chunk) for chunk in self._close_leaves(leaves)]
        pairs = self._order[np.concatenate(found, 1)]
        return np.sort(pairs, 0)

    def _triangle_boxes(self, vertices: np.ndarray) -> Boxes:
        """Boxes (xyz, 8, leaves) of the triangles, by their place in the leaf; empty ones where there is none."""
        columns = np.ascontiguousarray(vertices.T)
        a, b, c = (columns.take(corner, axis=1) for corner in self._corners)
        filled = self._nodes * _NODE * _LEAF
        low, high = (np.full([3, filled], sign * np.inf, np.float32) for sign in (1, -1))
        np.minimum(np.minimum(a, b), c, out=low[:, : a.shape[1]])
        np.maximum(np.maximum(a, b), c, out=high[:, : a.shape[1]])
        return _in_groups(low, _LEAF), _in_groups(high, _LEAF)

    def _close_leaves(self, leaves: Boxes) -> Iterator[np.ndarray]:
        """Pairs (2, n) of leaves whose boxes (xyz, leaves) overlap, without the neighbours, a chunk at a time."""
        in_nodes: Boxes = _in_groups(leaves[0], _NODE), _in_groups(leaves[1], _NODE)
        low, high = in_nodes[0].min(1), in_nodes[1].max(1)
        overlap = np.triu(((low[:, :, None] <= high[:, None]) & (low[:, None] <= high[:, :, None])).all(0))
        for nodes in _chunks(np.stack(np.nonzero(overlap))):
            first, second = _overlapping(in_nodes, nodes)
            new = (first < second) & ~self._near[first, second]
            yield from _chunks(np.stack([first[new], second[new]]))


def _gathered(centres: np.ndarray) -> np.ndarray:
    """Numbers (F,) of triangles in an order in which the close ones follow each other, from their centres (F, 3)."""

    def halves(chosen: np.ndarray) -> Iterator[np.ndarray]:
        size = next((size for size in (_LEAF * _NODE, _LEAF) if len(chosen) > size), None)
        if size is None:
            yield chosen
            return
        points = centres[chosen]
        chosen = chosen[np.argsort(points[:, np.argmax(np.ptp(points, axis=0))], kind="stable")]
        middle = -(-len(chosen) // size) // 2 * size
        yield from halves(chosen[:middle])
        yield from halves(chosen[middle:])

    return np.concatenate([*halves(np.arange(len(centres)))])


def _neighbours(faces: np.ndarray, num_vertices: int, leaves: int) -> np.ndarray:
    """Which leaves have a vertex in common, (leaves, leaves); each has with itself."""
    near = np.eye(leaves, dtype=bool)
    leaf = np.repeat(np.arange(len(faces)) // _LEAF, 3)
    vertex, leaf = np.divmod(np.unique(faces.ravel().astype(np.int64) * leaves + leaf), leaves)
    for step in range(1, np.bincount(vertex, minlength=num_vertices).max(initial=1)):
        same = np.flatnonzero(vertex[step:] == vertex[:-step])
        near[leaf[same], leaf[same + step]] = near[leaf[same + step], leaf[same]] = True
    return near


def _share_nothing(faces: np.ndarray, pairs: np.ndarray, *, leaves: int) -> np.ndarray:
    """Which triangles (8, 8, n) of pairs (2, n) of leaves share no vertex; of one leaf each pair is told once."""
    filled = np.full([leaves * _LEAF, 3], -1)
    filled[: len(faces)] = faces
    a, b = (np.ascontiguousarray(filled.reshape(leaves, _LEAF, 3)[some].transpose(2, 1, 0)) for some in pairs)
    shared = np.zeros([_LEAF, _LEAF, pairs.shape[1]], bool)
    for i in range(3):
        for j in range(3):
            shared |= a[i][:, None] == b[j]
    return ~(shared | ((pairs[0] == pairs[1]) & np.tri(_LEAF, dtype=bool)[..., None]))


def _in_groups(corners: np.ndarray, size: int) -> np.ndarray:
    """Corners (xyz, n) of boxes as (xyz, size, n / size)."""
    return np.ascontiguousarray(corners.reshape(3, -1, size).transpose(0, 2, 1))


def _chunks(pairs: np.ndarray) -> Iterator[np.ndarray]:
    return (pairs[:, start : start + _CHUNK] for start in range(0, pairs.shape[1], _CHUNK))


def _overlapping(boxes: Boxes, groups: np.ndarray, wanted: np.ndarray | None = None) -> np.ndarray:
    """Numbers (2, m) of the boxes that overlap in pairs of groups.

    Args:
        boxes: lower and upper corners, (xyz, size, all groups) each; box k of group g has the number size g + k.
        groups: (2, n) pairs.
        wanted: (size, size, n), which boxes of a pair are compared; all if None.
    """
    (low, high), size = boxes, boxes[0].shape[1]
    shape = size, size, groups.shape[1]
    overlap = np.ones(shape, bool) if wanted is None else wanted.copy()
    below = np.empty(shape, bool)
    (low_a, high_a), (low_b, high_b) = ((low.take(some, axis=2), high.take(some, axis=2)) for some in groups)
    for axis in range(3):
        overlap &= np.less_equal(low_a[axis][:, None], high_b[axis], out=below)
        overlap &= np.less_equal(low_b[axis], high_a[axis][:, None], out=below)
    i, j, pair = np.unravel_index(np.flatnonzero(overlap), shape)
    return size * groups[:, pair] + np.stack([i, j])
