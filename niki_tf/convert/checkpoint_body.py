"""The body that a published checkpoint carries as buffers."""

import numpy as np

from niki_tf import skeletons
from niki_tf.body import BodyJoints
from niki_tf.body.body_files import TIP_VERTICES
from niki_tf.convert.layout import Part

_PREFIX = "regressor.smpl_layer."
_READ = {"v_template": (6890, 3), "J_regressor": (24, 6890), "shapedirs": (6890, 3, "B")}
_COMPARED = {"parents": (29,)}
_NOT_READ = {
    "faces_tensor": (("F", 3), "the surface; niki_tf.body.Body draws it from a body file"),
    "posedirs": ((207, 6890 * 3), "moves the surface, not the joints; it is read from a body file"),
    "lbs_weights": ((6890, 24), "moves the surface, not the joints; it is read from a body file"),
    "J_regressor_h36m": (("J", 6890), "joints of an evaluation protocol, which no solver needs"),
    "children_map": ((29,), "follows from the tree; skeletons.BONE_CHILD has it"),
}


def holds_body(arrays):
    """Whether any buffer of a body is there."""
    return any(name.startswith(_PREFIX) for name in arrays)


def parts(arrays, *, own):
    """The buffers of a body, name -> `Part`; all of them or none must be there if the rest skeleton is made from them.

    A body layer of another version may have more: they are named as not used.

    Args:
        arrays: name -> NumPy array.
        own: whether the rest skeleton is made from them.
    """
    needed = own and holds_body(arrays)
    read = "makes the rest skeleton" if own else "the skeleton of another body was asked for"
    found = {name: Part(shape, read, used=own, needed=needed) for name, shape in _READ.items()}
    for name, shape in _COMPARED.items():
        found[name] = Part(shape, "compared with skeletons.SMPL_29, which is what the solver uses", needed=needed)
    for name, (shape, reason) in _NOT_READ.items():
        found[name] = Part(shape, reason, used=False, needed=needed)
    known = {_PREFIX + name: part for name, part in found.items()}
    others = [name for name in arrays if name.startswith(_PREFIX) and name not in known]
    return known | {name: Part(arrays[name].shape, "no solver needs it", used=False) for name in others}


def check_tree(arrays):
    """Raises ValueError if the checkpoint has a kinematic tree and it is not that of `skeletons.SMPL_29`."""
    name = _PREFIX + "parents"
    if name in arrays and tuple(arrays[name][1:]) != skeletons.SMPL_29.parents[1:]:
        raise ValueError(f"`{name}` must be the tree {skeletons.SMPL_29.parents}; got {arrays[name].tolist()}.")


def body_joints(arrays):
    """The `BodyJoints` of the checkpoint's body: joints by the regressor, tips by their vertices.

    Raises:
        ValueError: the checkpoint holds no body.
    """
    if not holds_body(arrays):
        raise ValueError(
            f"`body_joints` must be given: the checkpoint holds no body ({_PREFIX}v_template and so on). "
            "The tool takes it from --body=FILE or --body=mannequin."
        )
    template, regressor, directions = (arrays[_PREFIX + name].astype(np.float64) for name in _READ)
    tips = list(TIP_VERTICES)
    return BodyJoints(
        np.concatenate([regressor @ template, template[tips]]),
        directions=np.concatenate([np.tensordot(regressor, directions, 1), directions[tips]]),
    )
