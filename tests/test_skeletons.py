import pytest

from niki_tf import skeletons
from niki_tf.skeletons import SMPL_24, SMPL_29


@pytest.mark.parametrize("skeleton", [SMPL_24, SMPL_29])
def test_parents_come_first_and_names_are_distinct(skeleton):
    assert skeleton.parents[0] == -1
    assert all(0 <= parent < joint for joint, parent in enumerate(skeleton.parents) if joint)
    assert len(set(skeleton.names)) == len(skeleton) == len(skeleton.parents)


@pytest.mark.parametrize("skeleton", [SMPL_24, SMPL_29])
def test_levels_hold_every_joint_one_below_its_parent(skeleton):
    level_of = {joint: depth for depth, level in enumerate(skeleton.levels) for joint in level}
    assert sorted(level_of) == list(range(len(skeleton)))
    assert all(level_of[joint] == level_of[skeleton.parents[joint]] + 1 for joint in range(1, len(skeleton)))


@pytest.mark.parametrize("skeleton", [SMPL_24, SMPL_29])
def test_mirror_swaps_sides_and_keeps_the_tree(skeleton):
    mirror, parents = skeleton.mirror, skeleton.parents
    assert [mirror[other] for other in mirror] == list(range(len(skeleton)))
    for joint, other in enumerate(mirror):
        name = skeleton.names[joint]
        assert (other == joint) == (not name.startswith(("left_", "right_")))
        assert joint == 0 or parents[other] == mirror[parents[joint]]


def test_descendants_are_the_joints_whose_way_up_meets_the_joint():
    for joint, below in enumerate(SMPL_29.descendants):
        for other in range(len(SMPL_29)):
            way = [other]
            while way[-1] > 0:
                way.append(SMPL_29.parents[way[-1]])
            assert (other in below) == (joint in way)


def test_bone_children_are_children():
    assert len(skeletons.BONE_CHILD) == len(SMPL_24)
    assert all(SMPL_29.parents[child] == joint for joint, child in enumerate(skeletons.BONE_CHILD))


def test_the_29_joints_begin_with_the_24():
    assert SMPL_29.names[:24] == SMPL_24.names
    assert SMPL_29.parents[:24] == SMPL_24.parents


def test_index_finds_names_and_lists_them_when_it_does_not():
    assert SMPL_29.index("left_big_toe") == 27
    with pytest.raises(ValueError, match="`name` must be one of pelvis, .*got 'nose'"):
        SMPL_29.index("nose")


def test_joint_lists_exist_and_are_symmetric():
    for joints in (skeletons.TRUNK, skeletons.EVALUATION_14):
        assert {SMPL_29.mirror[joint] for joint in joints} == set(joints)
