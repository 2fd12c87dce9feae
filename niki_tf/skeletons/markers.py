"""Marker sets of optical motion capture: points on the skin, by their names in Vicon's Plug-in Gait and at CMU.

Places are those of the mannequin's skin, read off its mesh as for `landmarks`; a marker's own radius, 7 to 10 mm, is
not added. Markers on bone that can be felt (elbow, wrist, pelvis, knee, ankle, heel, toe, C7, clavicle, sternum, head
band) are within a few centimetres of where people put them. Those on the middle of a limb (UPA, FRM, THI, TIB and SHN)
and on the back (BAK) have no fixed place: each laboratory puts them elsewhere, often differently left and right, to
tell the sides apart. T10 and the head band differ by as much. Give them a `joint_sigma` of some 50 mm.

Sources: Vicon Plug-in Gait reference guide (full-body marker set); CMU graphics lab motion capture database (marker
placement guide).
"""

from niki_tf.skeletons.landmarks import Landmark, with_right_side

_HEAD = ("head", "head_top")
_UPPER_ARM, _FOREARM = ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")
_THIGH, _SHANK = ("left_hip", "left_knee"), ("left_knee", "left_ankle")

_PLACES = with_right_side(
    {
        "left_FHD": Landmark("head", (0.053, 0.124, 0.075), _HEAD),
        "left_BHD": Landmark("head", (0.048, 0.124, -0.073), _HEAD),
        "C7": Landmark("spine3", (0.0, 0.190, -0.115), ("neck",)),
        "T10": Landmark("spine2", (0.0, 0.011, -0.107)),
        "CLAV": Landmark("spine3", (0.0, 0.120, 0.072), ("neck",)),
        "STRN": Landmark("spine2", (0.0, 0.016, 0.089)),
        "left_BAK": Landmark("spine3", (0.085, 0.035, -0.140)),
        "left_SHO": Landmark("left_collar", (0.094, 0.099, -0.014), ("left_shoulder",)),
        "left_UPA": Landmark("left_shoulder", (0.124, 0.032, -0.015), _UPPER_ARM),
        "left_ELB": Landmark("left_shoulder", (0.258, 0.021, -0.027), ("left_elbow",)),
        "left_FRM": Landmark("left_elbow", (0.132, 0.042, -0.003), _FOREARM),
        "left_WRA": Landmark("left_elbow", (0.262, 0.010, 0.021), ("left_wrist",)),
        "left_WRB": Landmark("left_elbow", (0.262, 0.010, -0.038), ("left_wrist",)),
        "left_FIN": Landmark("left_wrist", (0.080, 0.008, -0.013), ("left_hand",)),
        "left_ASI": Landmark("pelvis", (0.118, -0.002, 0.055), ("left_hip",)),
        "left_PSI": Landmark("pelvis", (0.045, 0.008, -0.122)),
        "left_THI": Landmark("left_hip", (0.112, -0.211, 0.001), _THIGH),
        "left_KNE": Landmark("left_hip", (0.091, -0.385, -0.012), ("left_knee",)),
        "left_TIB": Landmark("left_knee", (0.039, -0.216, -0.024), _SHANK),
        "left_ANK": Landmark("left_knee", (0.024, -0.424, -0.036), ("left_ankle",)),
        "left_HEE": Landmark("left_ankle", (0.0, -0.048, -0.070)),
        "left_TOE": Landmark("left_ankle", (0.033, -0.036, 0.118), ("left_foot",)),
        "left_MT5": Landmark("left_ankle", (0.067, -0.068, 0.098), ("left_foot",)),
    }
)
_SAME = {"FWT": "ASI", "BWT": "PSI", "SHN": "TIB", "BAC": "BAK", "SHLD": "SHO"}
"""Other name of a marker -> its name here."""

_BY_NAME = {name.replace("left_", "L").replace("right_", "R"): place for name, place in _PLACES.items()}
MARKERS: dict[str, Landmark] = _BY_NAME | {
    side + other: _BY_NAME[side + name] for other, name in _SAME.items() for side in "LR"
}
"""Name, such as LASI -> `Landmark`; FWT and BWT of CMU's waist belt stand for ASI and PSI, SHN for TIB."""

_HEAD_AND_TRUNK = ("LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN")
_ARM = ("SHO", "UPA", "ELB", "FRM", "WRA", "WRB", "FIN")


def _of_side(side: str, *names: str) -> list[str]:
    return [side + name for name in names]


VICON_39 = (
    *_HEAD_AND_TRUNK,
    "RBAK",
    *_of_side("L", *_ARM),
    *_of_side("R", *_ARM),
    *("LASI", "RASI", "LPSI", "RPSI"),
    *_of_side("L", "THI", "KNE", "TIB", "ANK", "HEE", "TOE"),
    *_of_side("R", "THI", "KNE", "TIB", "ANK", "HEE", "TOE"),
)
"""Names of Plug-in Gait's full-body markers, in its order."""

CMU_41 = (
    *_HEAD_AND_TRUNK,
    "RBAC",
    *_of_side("L", *_ARM),
    *_of_side("R", *_ARM),
    *("LFWT", "RFWT", "LBWT", "RBWT"),
    *_of_side("L", "THI", "KNE", "SHN", "ANK", "HEE", "TOE", "MT5"),
    *_of_side("R", "THI", "KNE", "SHN", "ANK", "HEE", "TOE", "MT5"),
)
"""Names of CMU's 41 markers; its files name them and have them in orders of their own."""
