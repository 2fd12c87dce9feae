"""A joint set as data: a tree of named joints. Plain tuples, nothing to run."""

import dataclasses
import functools


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """A tree of named joints; `parents[j] < j`, and -1 for the root.

    Example:
        >>> from niki_tf import skeletons
        >>> skeletons.SMPL_29.names[24], len(skeletons.SMPL_24.levels)
        ('head_top', 9)
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self):
        return len(self.names)

    def index(self, name):
        """Number of the joint called `name`; ValueError for an unknown name."""
        if name not in self.names:
            raise ValueError(f"`name` must be one of {', '.join(self.names)}; got {name!r}.")
        return self.names.index(name)

    @functools.cached_property
    def levels(self):
        """Joints of equal depth, root first: one tuple of joint numbers a level."""
        depth = []
        for parent in self.parents:
            depth.append(0 if parent < 0 else depth[parent] + 1)
        return tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(max(depth) + 1))

    @functools.cached_property
    def mirror(self):
        """For each joint the number of its counterpart on the other side (itself on the midline)."""
        swap = {"left_": "right_", "right_": "left_"}
        other = [next((swap[s] + n.removeprefix(s) for s in swap if n.startswith(s)), n) for n in self.names]
        return tuple(self.names.index(n) for n in other)

    @functools.cached_property
    def descendants(self):
        """For each joint the numbers of all joints below it, itself included."""
        below = [{j} for j in range(len(self))]
        for joint in range(len(self) - 1, 0, -1):
            below[self.parents[joint]] |= below[joint]
        return tuple(tuple(sorted(joints)) for joints in below)
