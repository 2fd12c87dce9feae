"""What other programs call SMPL's 24 joints: the names of the bones of a rig that is written for them.

Sources: Mixamo's auto-rigger; the enumeration HumanBodyBones of Unity; the humanoid bones of VRM 1.0.
"""

from niki_tf.skeletons.smpl import SMPL_24

_MIDDLE = {
    "pelvis": ("Hips", "Hips"),
    "spine1": ("Spine", "Spine"),
    "spine2": ("Spine1", "Chest"),
    "spine3": ("Spine2", "UpperChest"),
    "neck": ("Neck", "Neck"),
    "head": ("Head", "Head"),
}
"""Joint of the midline -> its names in Mixamo, without prefix, and in Unity."""
_SIDES = {
    "hip": ("UpLeg", "UpperLeg"),
    "knee": ("Leg", "LowerLeg"),
    "ankle": ("Foot", "Foot"),
    "foot": ("ToeBase", "Toes"),
    "collar": ("Shoulder", "Shoulder"),
    "shoulder": ("Arm", "UpperArm"),
    "elbow": ("ForeArm", "LowerArm"),
    "wrist": ("Hand", "Hand"),
    "hand": ("HandMiddle1", "MiddleProximal"),
}
"""The same of a joint that both sides have, without the side."""


def _names(joint: str) -> tuple[str, str]:
    """Names of the SMPL joint `joint` in Mixamo, without prefix, and in Unity."""
    if joint in _MIDDLE:
        return _MIDDLE[joint]
    side, part = joint.split("_")
    mixamo, unity = _SIDES[part]
    return side.capitalize() + mixamo, side.capitalize() + unity


_UNITY = tuple(_names(joint)[1] for joint in SMPL_24.names)

BONE_NAMES: dict[str, tuple[str, ...]] = {
    "smpl": SMPL_24.names,
    "mixamo": tuple("mixamorig:" + _names(joint)[0] for joint in SMPL_24.names),
    "unity": _UNITY,
    "vrm": tuple(name[0].lower() + name[1:] for name in _UNITY),
}
"""Program -> its name for each of SMPL's 24 joints. SMPL's hand is the root of the middle finger."""


def checked_bone_names(bone_names: str) -> tuple[str, ...]:
    """The 24 names of `BONE_NAMES[bone_names]`.

    Raises:
        ValueError: there are none of that name.

    Example:
        >>> from niki_tf.skeletons import bone_names
        >>> bone_names.checked_bone_names("mixamo")[4], bone_names.checked_bone_names("vrm")[4]
        ('mixamorig:LeftLeg', 'leftLowerLeg')
    """
    if bone_names not in BONE_NAMES:
        raise ValueError(f"`bone_names` must be one of {', '.join(BONE_NAMES)}; got {bone_names!r}.")
    return BONE_NAMES[bone_names]
