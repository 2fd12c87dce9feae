"""Names of joints, as programs and files have them, mean the points that their programs say."""

import pytest

from niki_tf.skeletons import LANDMARKS, MARKERS, POINT_SETS, SMPL_24, SMPL_29, naming

LEG = ("left_hip", "left_knee", "left_ankle", "left_foot", "left_big_toe")
ARM = ("left_collar", "left_shoulder", "left_elbow", "left_wrist", "left_middle_tip")
SPINE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head", "head_top")

TREES = {
    "mixamo": (
        "Hips Spine Spine1 Spine2 Neck Head HeadTop_End LeftShoulder LeftArm LeftForeArm LeftHand LeftHandMiddle4 "
        "LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftToe_End LeftHandThumb1 LeftHandIndex1 LeftHandMiddle1",
        (*SPINE, *ARM, *LEG, None, "left_index", "left_hand"),
    ),
    "cmu": (
        "Hips LHipJoint LeftUpLeg LeftLeg LeftFoot LeftToeBase LeftToeBase_end LowerBack Spine Spine1 Neck Neck1 Head "
        "Head_end LeftShoulder LeftArm LeftForeArm LeftHand LeftFingerBase LeftHandIndex1 LThumb",
        ("pelvis", None, *LEG, None, *SPINE[1:], *ARM[:4], None, None, None),
    ),
    "cmu asf": (
        "root lhipjoint lfemur ltibia lfoot ltoes lowerback upperback thorax lowerneck upperneck head "
        "lclavicle lhumerus lradius lwrist lhand lfingers lthumb",
        ("pelvis", None, *LEG[:4], None, *SPINE[1:6], *ARM[:4], "left_hand", None, None),
    ),
    "daz": (
        "hip abdomen chest neck head head_end lCollar lShldr lForeArm lHand lHand_end lButtock lThigh lShin lFoot "
        "lFoot_end",
        ("pelvis", "spine1", "spine3", "neck", "head", "head_top", *ARM, None, *LEG[:3], "left_big_toe"),
    ),
    "bandai": (
        "joint_Root Hips Spine Chest Neck Head Head_end Shoulder_L UpperArm_L LowerArm_L Hand_L Hand_L_end "
        "UpperLeg_L LowerLeg_L Foot_L Toes_L Toes_L_end",
        (None, "pelvis", "spine1", "spine3", "neck", "head", "head_top", *ARM, *LEG),
    ),
    "lafan": (
        "Hips LeftUpLeg LeftLeg LeftFoot LeftToe LeftToe_end Spine Spine1 Spine2 Neck Head Head_end LeftShoulder "
        "LeftArm LeftForeArm LeftHand LeftHand_end",
        ("pelvis", *LEG, *SPINE[1:], *ARM),
    ),
    "smpl": (
        "Pelvis Spine1 Spine2 Spine3 Neck Head L_Collar L_Shoulder L_Elbow L_Wrist L_Hand L_Hip L_Knee L_Ankle L_Foot",
        (*SPINE[:6], *ARM[:4], "left_hand", *LEG[:4]),
    ),
    "unity": (
        "Hips Spine Chest UpperChest Neck Head LeftShoulder LeftUpperArm LeftLowerArm LeftHand LeftUpperLeg "
        "LeftLowerLeg LeftFoot LeftToes Jaw LeftIndexProximal LeftIndexDistal LeftMiddleProximal LeftEye",
        (*SPINE[:6], *ARM[:4], *LEG[:4], None, "left_index", None, "left_hand", "left_eye"),
    ),
    "vroid": (
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head J_Bip_L_Shoulder "
        "J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand J_Bip_L_UpperLeg J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_ToeBase",
        (*SPINE[:6], *ARM[:4], *LEG[:4]),
    ),
    "rokoko": (
        "Root Hips Spine1 Spine2 Spine3 Spine4 Neck Head LeftShoulder LeftArm LeftForeArm LeftHand LeftThigh LeftShin "
        "LeftFoot LeftToe LeftToeTip LeftFinger1Metacarpal",
        (None, "pelvis", None, *SPINE[1:6], *ARM[:4], *LEG, None),
    ),
    "xsens segments": (
        "Pelvis L5 L3 T12 T8 Neck Head LeftShoulder LeftUpperArm LeftForeArm LeftHand LeftUpperLeg LeftLowerLeg "
        "LeftFoot LeftToe",
        ("pelvis", None, *SPINE[1:6], *ARM[:4], *LEG[:4]),
    ),
    "xsens bvh": (
        "Hips Chest Chest2 Chest3 Chest4 Neck Head Head_end LeftCollar LeftShoulder LeftElbow LeftWrist LeftWrist_end "
        "LeftHip LeftKnee LeftAnkle LeftToe LeftToe_end",
        ("pelvis", None, *SPINE[1:], *ARM, *LEG),
    ),
    "xsens joints": (
        "jL5S1 jL4L3 jL1T12 jT9T8 jT1C7 jC1Head jLeftT4Shoulder jLeftShoulder jLeftElbow jLeftWrist jLeftHip jLeftKnee "
        "jLeftAnkle jLeftBallFoot",
        (None, *SPINE[1:6], *ARM[:4], *LEG[:4]),
    ),
    "optitrack": (
        "Skeleton_Hip Skeleton_Ab Skeleton_Chest Skeleton_Neck Skeleton_Head Skeleton_LShoulder Skeleton_LUArm "
        "Skeleton_LFArm Skeleton_LHand Skeleton_LThigh Skeleton_LShin Skeleton_LFoot Skeleton_LToe",
        ("pelvis", "spine1", "spine3", "neck", "head", *ARM[:4], *LEG[:4]),
    ),
    "rigify": (
        "root spine spine.001 spine.002 spine.003 spine.004 spine.005 spine.006 pelvis.L shoulder.L upper_arm.L "
        "forearm.L hand.L thigh.L shin.L foot.L toe.L palm.01.L f_index.01.L f_index.02.L thumb.01.L breast.L",
        (None, *SPINE[:5], None, "head", None, *ARM[:4], *LEG[:4], None, "left_index", None, None, None),
    ),
    "unreal": (
        "root pelvis spine_01 spine_02 spine_03 neck_01 head clavicle_l upperarm_l lowerarm_l hand_l thigh_l calf_l "
        "foot_l ball_l upperarm_twist_01_l ik_foot_root index_01_l",
        (None, *SPINE[:6], *ARM[:4], *LEG[:4], None, None, "left_index"),
    ),
    "kinect 1": (
        "HipCenter Spine ShoulderCenter Head ShoulderLeft ElbowLeft WristLeft HandLeft HipLeft KneeLeft AnkleLeft "
        "FootLeft",
        ("pelvis", "mid_spine", "mid_shoulder", "head", *ARM[1:4], "left_hand", *LEG[:4]),
    ),
}


@pytest.mark.parametrize("tree", TREES)
def test_trees_of_known_programs(tree):
    names, points = TREES[tree]
    found = naming.from_names(names.split())
    assert dict(zip(names.split(), found.points, strict=True)) == dict(zip(names.split(), points, strict=True))


@pytest.mark.parametrize("tree", TREES)
def test_the_order_of_the_names_does_not_matter(tree, rng):
    names, points = TREES[tree]
    pairs = list(zip(names.split(), points, strict=True))
    for _ in range(5):
        order = rng.permutation(len(pairs))
        found = naming.from_names([pairs[k][0] for k in order]).points
        assert found == tuple(pairs[k][1] for k in order)


def test_where_names_do_not_tell_their_order_does():
    assert naming.from_names(["Hips", "Belly", "Torso", "UpperBack", "Neck"]).points == SPINE[:5]


@pytest.mark.parametrize("tree", ["mixamo", "lafan", "unity", "rokoko", "xsens bvh", "xsens joints", "kinect 1"])
def test_the_right_side_is_the_mirrored_left(tree):
    names, points = TREES[tree]
    mirrored = tuple(point and point.replace("left_", "right_") for point in points)
    assert naming.from_names(names.replace("Left", "Right").split()).points == mirrored


BIPED = [
    *("Bip01", "Bip01 Pelvis", "Bip01 Spine", "Bip01 Spine1", "Bip01 Spine2", "Bip01 Neck", "Bip01 Head"),
    *("Bip01 HeadNub", "Bip01 L Clavicle", "Bip01 L UpperArm", "Bip01 L Forearm", "Bip01 L Hand", "Bip01 L Thigh"),
    *("Bip01 L Calf", "Bip01 L Foot", "Bip01 L Toe0", "Bip01 L Toe0Nub", "Bip01 L Finger0", "Bip01 L Finger01"),
    *("Bip01 L Finger1", "Bip01 L Finger2"),
]


def test_names_with_spaces():
    points = (None, *SPINE, *ARM[:4], *LEG, None, None, "left_index", "left_hand")
    assert naming.from_names(BIPED).points == points


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig1:", "Character1_", "Subject 7:", "Armature|", "Anna_"])
def test_prefixes_do_not_count(prefix):
    names, points = TREES["mixamo"]
    assert naming.from_names([prefix + name for name in names.split()]).points == points


@pytest.mark.parametrize(
    "hip", ["left_hip", "lhip", "LHip", "L_Hip", "hip.L", "Hip-Left", "LEFT HIP", "LThigh", "LeftUpLeg", "thigh_l"]
)
def test_one_joint_in_many_spellings(hip):
    assert naming.from_names([hip]).points == ("left_hip",)


SPELLED = {
    "kinect_v2_25": (
        "SpineBase SpineMid Neck Head ShoulderLeft ElbowLeft WristLeft HandLeft ShoulderRight ElbowRight WristRight "
        "HandRight HipLeft KneeLeft AnkleLeft FootLeft HipRight KneeRight AnkleRight FootRight SpineShoulder "
        "HandTipLeft ThumbLeft HandTipRight ThumbRight"
    ),
    "kinect_azure_32": (
        "PELVIS SPINE_NAVAL SPINE_CHEST NECK CLAVICLE_LEFT SHOULDER_LEFT ELBOW_LEFT WRIST_LEFT HAND_LEFT HANDTIP_LEFT "
        "THUMB_LEFT CLAVICLE_RIGHT SHOULDER_RIGHT ELBOW_RIGHT WRIST_RIGHT HAND_RIGHT HANDTIP_RIGHT THUMB_RIGHT "
        "HIP_LEFT KNEE_LEFT ANKLE_LEFT FOOT_LEFT HIP_RIGHT KNEE_RIGHT ANKLE_RIGHT FOOT_RIGHT HEAD NOSE EYE_LEFT "
        "EAR_LEFT EYE_RIGHT EAR_RIGHT"
    ),
    "coco_17": (
        "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
        "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
    ),
    "openpose_25": (
        "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle REye "
        "LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
    ),
    "mediapipe_33": (
        "NOSE LEFT_EYE_INNER LEFT_EYE LEFT_EYE_OUTER RIGHT_EYE_INNER RIGHT_EYE RIGHT_EYE_OUTER LEFT_EAR RIGHT_EAR "
        "MOUTH_LEFT MOUTH_RIGHT LEFT_SHOULDER RIGHT_SHOULDER LEFT_ELBOW RIGHT_ELBOW LEFT_WRIST RIGHT_WRIST LEFT_PINKY "
        "RIGHT_PINKY LEFT_INDEX RIGHT_INDEX LEFT_THUMB RIGHT_THUMB LEFT_HIP RIGHT_HIP LEFT_KNEE RIGHT_KNEE LEFT_ANKLE "
        "RIGHT_ANKLE LEFT_HEEL RIGHT_HEEL LEFT_FOOT_INDEX RIGHT_FOOT_INDEX"
    ),
    "h36m_17": (
        "Pelvis RHip RKnee RFoot LHip LKnee LFoot Spine Thorax Nose Head LShoulder LElbow LWrist RShoulder RElbow "
        "RWrist"
    ),
    "vicon_39": (
        "LFHD RFHD LBHD RBHD C7 T10 CLAV STRN RBAK LSHO LUPA LELB LFRM LWRA LWRB LFIN RSHO RUPA RELB RFRM RWRA RWRB "
        "RFIN LASI RASI LPSI RPSI LTHI LKNE LTIB LANK LHEE LTOE RTHI RKNE RTIB RANK RHEE RTOE"
    ),
}


@pytest.mark.parametrize("name", SPELLED)
def test_names_of_known_sets_give_the_sets(name):
    assert naming.from_names(SPELLED[name].split()).points == POINT_SETS[name].points


@pytest.mark.parametrize("names", [SMPL_24.names, SMPL_29.names, tuple(LANDMARKS)])
def test_names_of_the_package_mean_themselves(names):
    assert naming.from_names(names).points == tuple(names)


@pytest.mark.parametrize(
    ("beside", "name", "meant"),
    [
        ("LeftArm LeftForeArm", "LeftShoulder", "left_collar"),
        ("LeftElbow", "LeftShoulder", "left_shoulder"),
        ("LeftCollar LeftElbow", "LeftShoulder", "left_shoulder"),
        ("LeftUpLeg", "LeftLeg", "left_knee"),
        ("LeftKnee", "LeftLeg", "left_hip"),
        ("LeftHip", "LeftLeg", "left_knee"),
        ("LeftToeBase", "LeftFoot", "left_ankle"),
        ("LeftAnkle", "LeftFoot", "left_foot"),
        ("LeftKnee", "LeftFoot", "left_ankle"),
        ("LeftForeArm", "LeftHand", "left_wrist"),
        ("LeftWrist", "LeftHand", "left_hand"),
        ("LeftFoot LeftKnee", "LeftToe", "left_foot"),
        ("LeftAnkle LeftFoot", "LeftToe", "left_big_toe"),
        ("LeftAnkle LeftHeel", "LeftToe", "left_big_toe"),
        ("LeftAnkle", "LeftToe", "left_foot"),
        ("Hips", "Root", None),
        ("Spine", "Root", "pelvis"),
        ("LeftEye", "LeftHip", "left_outer_hip"),
        ("LeftEye Hips", "LeftHip", "left_hip"),
        ("LeftLeg LeftUpLeg LeftFoot", "LeftFoot_end", "left_big_toe"),
        ("LeftUpLeg LeftFoot LeftToe", "LeftFoot_end", None),
    ],
)
def test_names_beside_it_decide_what_a_name_means(beside, name, meant):
    assert naming.from_names([name, *beside.split()]).points[0] == meant


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Hips", "lef_hip"], r"'lef_hip' is not known \(closest: left_hip"),
        (["Hips", "Tail1"], "'Tail1' is not known"),
        (["Hips", "LeftLeg"], "'LeftLeg' may be left_hip or left_knee: rename it"),
        (["Hips", "LeftHand"], "'LeftHand' may be left_wrist or left_hand"),
        (["Hips", "LeftFoot"], "'LeftFoot' may be left_ankle or left_foot"),
        (["Hips", "LThigh", "LeftUpLeg"], "'LeftUpLeg' means left_hip, as 'LThigh' does: leave one out"),
        (["Hips", "Knee"], "'Knee' is not known"),
        (["Tail", "", "x"], "'Tail' is not known.*; '' is not known; 'x' is not known"),
        ([], "got none among nothing"),
        (["Jaw"], "got none among Jaw"),
    ],
)
def test_names_that_cannot_be_matched_are_refused(names, said):
    with pytest.raises(ValueError, match=f"`names`.*{said}"):
        naming.from_names(names)


def test_names_of_files_that_are_not_known_are_left_out_and_told():
    names = ["Hips", "Tail1", "LeftUpLeg", "LThigh", "LeftHand", "Jaw"]
    assert naming.from_names(names, strict=False).points == ("pelvis", None, "left_hip", None, None, None)
    assert [problem.name for problem in naming.name_problems(names)] == ["Tail1", "LThigh", "LeftHand"]
    with pytest.raises(ValueError, match="got none among Tail, Wing"):
        naming.from_names(["Tail", "Wing"], strict=False)


def test_markers_among_others_are_found_by_name():
    found = naming.from_names(["Anna:LKNE", "Anna:lank", "Anna:LASI", "*12"], name="few", strict=False)
    assert found.points == (MARKERS["LKNE"], MARKERS["LANK"], MARKERS["LASI"], None)
    assert found.name == "few"
    with pytest.raises(ValueError, match=r"'\*12' is not known"):
        naming.from_names(["LKNE", "LANK", "LASI", "*12"])
