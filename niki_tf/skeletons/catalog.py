"""The joint sets of other programs, by name: which point of the body each of their points is.

The order is that of the program's arrays. A point that no joint of SMPL and no landmark stands for, such as most
finger joints, is None: it is read and left out.

Sources of the orders: COCO keypoints (Lin et al. 2014), Human3.6M as of VideoPose3D (Pavllo et al. 2019), OpenPose
BODY_25, MediaPipe Pose Landmarker, Kinect for Windows SDK 2 and Azure Kinect SDK, HumanML3D (Guo et al. 2022),
KIT-ML (Plappert et al. 2016), LSP (Johnson and Everingham 2010), SMPL-X (Pavlakos et al. 2019), Vicon Plug-in Gait.
"""

import difflib

from niki_tf.skeletons.markers import MARKERS, VICON_39
from niki_tf.skeletons.point_set import PointSet
from niki_tf.skeletons.smpl import SMPL_24, SMPL_29

_LIMBS = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")


def _both(*names: str) -> list[str]:
    """Left and right, in turns, of points named without a side."""
    return [f"{side}_{name}" for name in names for side in ("left", "right")]


def _side(side: str, *names: str) -> list[str]:
    return [f"{side}_{name}" for name in names]


_COCO = ["nose", *_both("eye", "ear", "shoulder", "elbow", "wrist", "outer_hip", "knee", "ankle")]

_H36M = [
    "pelvis",
    *_side("right", "outer_hip", "knee", "ankle"),
    *_side("left", "outer_hip", "knee", "ankle"),
    "mid_spine",
    "mid_shoulder",
    "nose",
    "head_top",
    *_side("left", "shoulder", "elbow", "wrist"),
    *_side("right", "shoulder", "elbow", "wrist"),
]

_LSP = [
    *("right_ankle", "right_knee", "right_outer_hip", "left_outer_hip", "left_knee", "left_ankle"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    *("neck", "head_top"),
]

_OPENPOSE = [
    *("nose", "mid_shoulder", *_side("right", *_LIMBS[0]), *_side("left", *_LIMBS[0]), "mid_hip"),
    *_side("right", "outer_hip", "knee", "ankle"),
    *_side("left", "outer_hip", "knee", "ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
    *_side("left", "big_toe", "small_toe", "heel"),
    *_side("right", "big_toe", "small_toe", "heel"),
]

_MEDIAPIPE = [
    *("nose", *_side("left", "eye_inner", "eye", "eye_outer"), *_side("right", "eye_inner", "eye", "eye_outer")),
    *_both("ear", "mouth", "shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
    *_both("outer_hip", "knee", "ankle", "heel", "big_toe"),
]

_KINECT = [
    *("pelvis", "mid_spine", "neck", "head"),
    *_side("left", "shoulder", "elbow", "wrist", "hand"),
    *_side("right", "shoulder", "elbow", "wrist", "hand"),
    *_side("left", "hip", "knee", "ankle", "foot"),
    *_side("right", "hip", "knee", "ankle", "foot"),
    *("mid_shoulder", "left_middle_tip", "left_thumb", "right_middle_tip", "right_thumb"),
]

_AZURE = [
    *("pelvis", "spine1", "spine3", "neck"),
    *_side("left", "collar", "shoulder", "elbow", "wrist", "hand", "middle_tip", "thumb"),
    *_side("right", "collar", "shoulder", "elbow", "wrist", "hand", "middle_tip", "thumb"),
    *_side("left", "hip", "knee", "ankle", "foot"),
    *_side("right", "hip", "knee", "ankle", "foot"),
    *("head", "nose", "left_eye", "left_ear", "right_eye", "right_ear"),
]

_KIT = [
    *("pelvis", "spine1", "spine3", "neck", "head"),
    *_side("left", "shoulder", "elbow", "wrist"),
    *_side("right", "shoulder", "elbow", "wrist"),
    *_side("left", "hip", "knee", "ankle", "heel", "foot"),
    *_side("right", "hip", "knee", "ankle", "heel", "foot"),
]

_FINGERS = ("index", None, None, "hand", None, None, "pinky", None, None, "ring", None, None, None, None, None)
_SMPLX = [
    *SMPL_24.names[:22],
    *(None, "left_eye", "right_eye"),
    *(name and f"left_{name}" for name in _FINGERS),
    *(name and f"right_{name}" for name in _FINGERS),
]

POINT_SETS: dict[str, PointSet] = {
    name: PointSet(name, tuple(points))
    for name, points in {
        "smpl_24": SMPL_24.names,
        "smpl_29": SMPL_29.names,
        "smplh_22": SMPL_24.names[:22],
        "smplx_55": _SMPLX,
        "h36m_17": _H36M,
        "coco_17": _COCO,
        "lsp_14": _LSP,
        "openpose_25": _OPENPOSE,
        "mediapipe_33": _MEDIAPIPE,
        "kinect_v2_25": _KINECT,
        "ntu_25": _KINECT,
        "kinect_azure_32": _AZURE,
        "kit_21": _KIT,
        "vicon_39": [MARKERS[name] for name in VICON_39],
    }.items()
}
"""Name -> `PointSet`."""


def known_set(name: str, *, or_else: str = "") -> PointSet:
    """The set of `POINT_SETS` that has this name.

    Args:
        name: of the set.
        or_else: end of the list of what may be given, for the message.

    Raises:
        ValueError: there is none; names all, and the one that is spelled most like it.

    Example:
        >>> from niki_tf.skeletons import catalog
        >>> len(catalog.known_set("coco_17"))
        17
    """
    if not isinstance(name, str) or name not in POINT_SETS:
        close = difflib.get_close_matches(str(name), POINT_SETS, n=1, cutoff=0.3)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise ValueError(f"`skeleton` must be one of {', '.join(POINT_SETS)}{or_else}; got {name!r}.{meant}")
    return POINT_SETS[name]
