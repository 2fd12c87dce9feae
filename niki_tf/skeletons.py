"""Joint sets: names, parents, depth levels, left-right pairs, bone children. Plain tuples, nothing to run."""

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


SMPL_24 = Skeleton(
    names=(
        "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
        "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
    ),
    parents=(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)  # fmt: skip
"""The joints that carry SMPL's rotations."""

SMPL_29 = Skeleton(
    names=SMPL_24.names + ("head_top", "left_middle_tip", "right_middle_tip", "left_big_toe", "right_big_toe"),
    parents=SMPL_24.parents + (15, 22, 23, 10, 11),
)
"""HybrIK's joint set: SMPL's 24 and five tips, so that every rotation but the tips' own moves something."""

BONE_CHILD = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 27, 28, 15, 16, 17, 24, 18, 19, 20, 21, 22, 23, 25, 26)
"""For each of the 24 joints the joint (of the 29) at the far end of the bone that its twist turns about."""

TRUNK = (0, 1, 2, 3, 6, 9, 12, 13, 14, 16, 17)
"""Joints of hips, spine, collars and shoulders: they move little against each other and carry the body's facing."""

EVALUATION_14 = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 24)
"""Fourteen of the 29: ankles, knees, hips, wrists, elbows, shoulders, neck, head top (the order of LSP)."""

ABSENT = 10.0
"""A `joint_sigma` of this many metres or more says that the joint was not seen at all; its position is not read."""
