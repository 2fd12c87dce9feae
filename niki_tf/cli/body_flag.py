"""The flag --body, which the programs share."""

from absl import flags

from niki_tf import body

BODY = flags.DEFINE_string(
    "body", "mannequin", "Body that is posed: `mannequin`, the package's own, or an SMPL file (.npz, .pkl)."
)


def body_data() -> body.BodyData:
    """The body that the flag names.

    Raises:
        ValueError: the file cannot be read.
    """
    return body.mannequin() if BODY.value == "mannequin" else body.load_body(BODY.value)


def body_joints() -> body.BodyJoints:
    """The joints of the body that the flag names; those of the mannequin need no file."""
    return body.mannequin_joints() if BODY.value == "mannequin" else body_data().body_joints()
