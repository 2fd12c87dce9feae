"""An editable triangle mesh with a boundary on x = 0: splits, collapses and flips of edges."""

from collections.abc import Callable, Sequence

import numpy as np

_Face = tuple[int, ...]
_Size = Callable[[np.ndarray], np.ndarray]
"""Target edge lengths (n,) at points (n, 3), metres."""


class Patch:
    """Triangle mesh that is edited one edge at a time.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) vertex numbers; edges of a single face form the boundary, with both ends at x = 0.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray):
        self.vertices = np.array(vertices, float)
        self._faces: dict[int, _Face] = {number: tuple(map(int, face)) for number, face in enumerate(faces)}
        self._next_face = len(self._faces)
        self._around: list[set[int]] = [set() for _ in self.vertices]
        for number, face in self._faces.items():
            for vertex in face:
                self._around[vertex].add(number)

    def alive(self) -> np.ndarray:
        """Numbers of the vertices that are part of a face."""
        return np.array([number for number, faces in enumerate(self._around) if faces])

    def faces(self) -> np.ndarray:
        """Vertex numbers (F, 3) of the faces, in order of creation."""
        return np.array(list(self._faces.values()))

    def directed_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of all edges, each edge once in each direction."""
        edges = self._edges()
        return np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])

    def compact(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and faces without the vertices that are part of no face."""
        alive = self.alive()
        number = np.zeros(len(self.vertices), int)
        number[alive] = np.arange(len(alive))
        return self.vertices[alive], number[self.faces()]

    def split(self, size: _Size, factor: float) -> None:
        """Splits at their midpoints the edges longer than `factor` times the target length, longest first."""
        edges, ratio = self._measured(size)
        order = np.argsort(-ratio, kind="stable")
        for start, end in edges[order[ratio[order] > factor]]:
            self._split(int(start), int(end))

    def collapse(self, size: _Size, factor: float, limit: float) -> None:
        """Collapses the edges shorter than `factor` times the target length, shortest first.

        An edge stays if its collapse would make another longer than `limit` times the target length.
        """
        edges, ratio = self._measured(size)
        order = np.argsort(ratio, kind="stable")
        wanted = size(self.vertices)
        for start, end in edges[order[ratio[order] < factor]]:
            self._collapse(int(start), int(end), factor, limit, wanted)

    def flip(self) -> None:
        """Flips the edges whose flip brings the valences closer to six (four on the boundary)."""
        for start, end in self._edges():
            self._flip(int(start), int(end))

    def _edges(self) -> np.ndarray:
        """Vertex numbers (E, 2) of the undirected edges."""
        faces = self.faces()
        pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        return np.unique(pairs, axis=0)

    def _measured(self, size: _Size) -> tuple[np.ndarray, np.ndarray]:
        """The edges (E, 2), and their lengths (E,) relative to the target lengths."""
        edges = self._edges()
        ends = self.vertices[edges]
        return edges, np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) / size(ends.mean(1))

    def _replace(self, number: int, faces: Sequence[_Face]) -> None:
        """Replaces a face by others."""
        for vertex in self._faces.pop(number):
            self._around[vertex].discard(number)
        for face in faces:
            self._faces[self._next_face] = face
            for vertex in face:
                self._around[vertex].add(self._next_face)
            self._next_face += 1

    def _split(self, start: int, end: int) -> None:
        """Splits an edge and its faces at the midpoint."""
        shared = sorted(self._around[start] & self._around[end])
        middle = len(self.vertices)
        self.vertices = np.concatenate([self.vertices, self.vertices[[start, end]].mean(0, keepdims=True)])
        if len(shared) == 2 and self.vertices[middle, 0] == 0:
            self.vertices[middle, 0] = 1e-4
        self._around.append(set())
        for number in shared:
            face = self._faces[number]
            self._replace(number, [tuple(middle if v == old else v for v in face) for old in (start, end)])

    def _neighbours(self, vertex: int) -> set[int]:
        """Vertices that share an edge with a vertex."""
        return {other for number in self._around[vertex] for other in self._faces[number]} - {vertex}

    def _collapse(self, start: int, end: int, factor: float, limit: float, wanted: np.ndarray) -> None:
        """Collapses an edge if the mesh stays a manifold and no face flips or grows too long; see `collapse`."""
        shared = self._around[start] & self._around[end]
        if not shared or len(self._neighbours(start) & self._neighbours(end)) != len(shared):
            return
        on_plane = self.vertices[[start, end], 0] == 0
        if on_plane.all() and len(shared) == 2:
            return
        if np.linalg.norm(self.vertices[start] - self.vertices[end]) > factor * wanted[[start, end]].mean():
            return
        keep, drop = (end, start) if on_plane[1] and not on_plane[0] else (start, end)
        place = self.vertices[keep] if on_plane[0] != on_plane[1] else self.vertices[[start, end]].mean(0)
        around = sorted(self._neighbours(keep) | self._neighbours(drop) - {keep, drop})
        lengths = np.linalg.norm(self.vertices[around] - place, axis=1)
        if (lengths > limit * wanted[around]).any() or self._turns_over(keep, drop, place):
            return
        self.vertices[keep] = place
        for number in sorted(self._around[drop]):
            face = self._faces[number]
            self._replace(number, [] if number in shared else [tuple(keep if v == drop else v for v in face)])

    def _turns_over(self, keep: int, drop: int, place: np.ndarray) -> bool:
        """Whether moving both vertices to `place` would invert or flatten a remaining face."""
        left = sorted(self._around[keep] ^ self._around[drop])
        faces = np.array([self._faces[number] for number in left])
        before = self.vertices[faces]
        after = np.where(np.isin(faces, (keep, drop))[..., None], place, before)
        first, second = (np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]) for t in (before, after))
        cosine = (first * second).sum(-1)
        return bool((cosine < 0.3 * np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)).any())

    def _flip(self, start: int, end: int) -> None:
        """Flips an edge if that brings the valences closer to the ideal; see `flip`."""
        shared = sorted(self._around[start] & self._around[end])
        if len(shared) != 2:
            return
        first = self._faces[shared[0]]
        if first[(first.index(start) + 1) % 3] != end:
            start, end = end, start
        left, right = (next(v for v in self._faces[n] if v not in (start, end)) for n in shared)
        if left in self._neighbours(right):
            return
        loss = [len(self._neighbours(v)) - (4 if self.vertices[v, 0] == 0 else 6) for v in (start, end, left, right)]
        change = -abs(loss[0]) - abs(loss[1]) - abs(loss[2]) - abs(loss[3])
        change += abs(loss[0] - 1) + abs(loss[1] - 1) + abs(loss[2] + 1) + abs(loss[3] + 1)
        if change >= 0 or self._bent(start, end, left, right):
            return
        self._replace(shared[0], [(left, start, right)])
        self._replace(shared[1], [(left, right, end)])

    def _bent(self, start: int, end: int, left: int, right: int) -> bool:
        """Whether the normals before or after a flip differ too much from the mean normal before it."""
        p = {v: self.vertices[v] for v in (start, end, left, right)}
        normal = [
            np.cross(p[b] - p[a], p[c] - p[a])
            for a, b, c in ((start, end, left), (end, start, right), (left, start, right), (left, right, end))
        ]
        old = normal[0] + normal[1]
        sizes = [np.linalg.norm(n) * np.linalg.norm(old) for n in normal]
        return any(n @ old < 0.7 * s or s == 0 for n, s in zip(normal, sizes, strict=True))
