"""A set of joints as data: a tree of named joints in plain tuples."""

import dataclasses
import functools


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """A kinematic tree of named joints.

    Attributes:
        names: of the joints, root first.
        parents: number of each joint's parent, lower than its own; -1 for the root.

    Example:
        >>> from niki_tf import skeletons
        >>> skeletons.SMPL_29.names[24], len(skeletons.SMPL_24.levels)
        ('head_top', 9)
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Number of the joint `name`; ValueError if there is none."""
        if name not in self.names:
            raise ValueError(f"`name` must be one of {', '.join(self.names)}; got {name!r}.")
        return self.names.index(name)

    @functools.cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Joint numbers by depth in the tree: one tuple for each level, the root's first."""
        depth: list[int] = []
        for parent in self.parents:
            depth.append(0 if parent < 0 else depth[parent] + 1)
        return tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(max(depth) + 1))

    @functools.cached_property
    def mirror(self) -> tuple[int, ...]:
        """Number of each joint's counterpart on the other side; its own on the midline."""
        swap = {"left_": "right_", "right_": "left_"}
        other = [next((swap[s] + n.removeprefix(s) for s in swap if n.startswith(s)), n) for n in self.names]
        return tuple(self.names.index(n) for n in other)

    @functools.cached_property
    def descendants(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of each joint's descendants, the joint itself included."""
        below = [{j} for j in range(len(self))]
        for joint in range(len(self) - 1, 0, -1):
            below[self.parents[joint]] |= below[joint]
        return tuple(tuple(sorted(joints)) for joints in below)
