"""The body that a published checkpoint carries as buffers."""

from collections.abc import Mapping

import numpy as np

from niki_tf import skeletons
from niki_tf.body import BodyJoints
from niki_tf.body.body_data import POSE_FEATURES
from niki_tf.body.body_files import TIP_VERTICES
from niki_tf.convert.layout import Part

SOLVER = "regressor.smpl_layer."
"""What NIKI's checkpoints put before the names of the body's buffers."""
_VERTICES = 6890
_JOINTS, _ROTATIONS = skeletons.NUM_JOINTS, skeletons.NUM_ROTATIONS
_READ: dict[str, tuple[int | str, ...]] = {
    "v_template": (_VERTICES, 3),
    "J_regressor": (_ROTATIONS, _VERTICES),
    "shapedirs": (_VERTICES, 3, "B"),
}
_COMPARED: dict[str, tuple[int | str, ...]] = {"parents": (_JOINTS,)}
_NOT_READ: dict[str, tuple[tuple[int | str, ...], str]] = {
    "faces_tensor": (("F", 3), "the surface; niki_tf.body.Body draws it from a body file"),
    "posedirs": ((POSE_FEATURES, _VERTICES * 3), "moves the surface, not the joints; it is read from a body file"),
    "lbs_weights": ((_VERTICES, _ROTATIONS), "moves the surface, not the joints; it is read from a body file"),
    "J_regressor_h36m": (("J", _VERTICES), "joints of an evaluation protocol, which no solver needs"),
    "children_map": ((_JOINTS,), "follows from the tree; skeletons.BONE_CHILD has it"),
}


def holds_body(arrays: Mapping[str, np.ndarray], *, prefix: str = SOLVER) -> bool:
    """Whether `arrays` have any buffer of a body."""
    return any(name.startswith(prefix) for name in arrays)


def parts(arrays: Mapping[str, np.ndarray], *, make_body: bool, prefix: str = SOLVER) -> dict[str, Part]:
    """The buffers of a body, name -> `Part`; if the rest skeleton is made from them, all must be there or none.

    A body layer of another version may have more: they are listed as not used.

    Args:
        arrays: name -> NumPy array.
        make_body: whether the rest skeleton is made from them.
        prefix: before the names of the buffers.
    """
    needed = make_body and holds_body(arrays, prefix=prefix)
    use = "makes the rest skeleton" if make_body else "the skeleton of another body was asked for"
    found = {name: Part(shape, use, used=make_body, needed=needed) for name, shape in _READ.items()}
    for name, shape in _COMPARED.items():
        found[name] = Part(shape, "compared with skeletons.SMPL_29, which is what the solver uses", needed=needed)
    for name, (shape, reason) in _NOT_READ.items():
        found[name] = Part(shape, reason, used=False, needed=needed)
    known = {prefix + name: part for name, part in found.items()}
    others = [name for name in arrays if name.startswith(prefix) and name not in known]
    return known | {name: Part(arrays[name].shape, "no solver needs it", used=False) for name in others}


def check_tree(arrays: Mapping[str, np.ndarray], *, prefix: str = SOLVER) -> None:
    """Compares the kinematic tree of the checkpoint, if it has one, with that of `skeletons.SMPL_29`.

    Raises:
        ValueError: they differ.
    """
    name = prefix + "parents"
    if name in arrays and tuple(arrays[name][1:]) != skeletons.SMPL_29.parents[1:]:
        raise ValueError(f"`{name}` must be the tree {skeletons.SMPL_29.parents}; got {arrays[name].tolist()}.")


def body_joints(arrays: Mapping[str, np.ndarray], *, prefix: str = SOLVER) -> BodyJoints:
    """The `BodyJoints` of the checkpoint's body: joints by the regressor, tips by their vertices.

    Raises:
        ValueError: the checkpoint holds no body.
    """
    if not holds_body(arrays, prefix=prefix):
        raise ValueError(
            f"`body_joints` must be given: the checkpoint holds no body ({prefix}v_template and so on). "
            "The tool takes it from --body=FILE or --body=mannequin."
        )
    template, regressor, directions = (arrays[prefix + name].astype(np.float64) for name in _READ)
    tips = list(TIP_VERTICES)
    return BodyJoints(
        np.concatenate([regressor @ template, template[tips]]),
        directions=np.concatenate([np.tensordot(regressor, directions, 1), directions[tips]]),
    )
