"""The surface and joints of a take in every frame, side by side with others, and the colours of its parts."""

import numpy as np

from niki_tf import rotations, skeletons
from niki_tf.body import BodyPoser
from niki_tf.contract import JointState
from niki_tf.motion.pieces import pieces
from niki_tf.player.skinned import Played

COLOURS = ("by body", "by state", "by expected error")
"""What colours tell."""
SPACE_M = 1.2
"""Between bodies side by side."""
_BODIES = ((154, 163, 171), (59, 130, 214), (224, 138, 60), (63, 166, 107))
_STATES = {JointState.SEEN: (51, 140, 217), JointState.FILLED: (242, 178, 51), JointState.GUESSED: (217, 64, 64)}
_ERRORS = np.array([(38, 115, 204), (140, 191, 115), (247, 204, 64), (217, 51, 51)])
_WORST_M = 0.12
"""Expected error at which the colours end."""
_Y_UP = {"y": np.eye(3), "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])}


class Posed:
    """A take as it is drawn.

    Args:
        take: y or z up.
        poser: of the body.
        number: of the take, from 0.
    """

    def __init__(self, take: Played, poser: BodyPoser, number: int) -> None:
        self.take, self.number = take, number
        self.shift = np.array([SPACE_M * number, 0.0, 0.0], np.float32)
        self.vertices = _vertices(take, poser) + self.shift
        self.points = None if take.points is None else take.points + self.shift

    def __len__(self) -> int:
        return len(self.vertices)

    def colours(self, what: str, frame: int) -> np.ndarray:
        """Colours (24, 3), uint8, of the parts of the body in a frame; those of the body if nothing else is known."""
        if what == "by state" and self.take.states is not None:
            return np.array([_STATES[JointState(state)] for state in self.take.states[frame]], np.uint8)
        if what == "by expected error" and self.take.errors is not None:
            return error_colours(self.take.errors[frame])
        return np.tile(np.array(_BODIES[self.number % len(_BODIES)], np.uint8), (skeletons.NUM_ROTATIONS, 1))


def error_colours(metres: np.ndarray) -> np.ndarray:
    """Colours (..., 3), uint8, of expected errors (...): blue at 0, red from 120 mm on.

    Example:
        >>> import numpy as np
        >>> from niki_tf.viewer.posed import error_colours
        >>> error_colours(np.array([0.0, 0.5])).tolist()
        [[38, 115, 204], [217, 51, 51]]
    """
    place = np.clip(np.nan_to_num(metres) / _WORST_M, 0.0, 1.0) * (len(_ERRORS) - 1)
    each = [np.interp(place, np.arange(len(_ERRORS)), channel) for channel in _ERRORS.T]
    return np.stack(each, -1).astype(np.uint8)


def parts(lbs_weights: np.ndarray, faces: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The surface cut where another joint moves it most: for each joint numbers of vertices, and faces of these.

    Args:
        lbs_weights: (V, 24).
        faces: (F, 3).
    """
    mover = np.argmax(lbs_weights, 1)
    of_face = np.sort(mover[faces], 1)[:, 1]  # that of two corners, or the middle one
    found = []
    for joint in range(lbs_weights.shape[1]):
        own = faces[of_face == joint]
        vertices, numbers = np.unique(own, return_inverse=True)
        found.append((vertices, numbers.reshape(-1, 3).astype(np.uint32)))
    return found


def _vertices(take: Played, poser: BodyPoser) -> np.ndarray:
    """Vertices (T, V, 3), metres, y up."""
    clip = take.clip
    betas = np.zeros(poser.num_betas, np.float32)
    known = min(len(betas), len(clip.betas))
    betas[:known] = clip.betas[:known]
    found = []
    for part in pieces(len(clip)):
        local = rotations.rotvec_to_matrix(clip.poses[part]).numpy()
        posed = poser.pose(local, betas=np.repeat(betas[None], len(local), 0))["vertices"]
        found.append(posed + clip.trans[part, None])
    root = poser.body_joints(betas[None]).numpy()[0, 0] if clip.trans_convention == "transl" else 0.0
    return ((np.concatenate(found) + root) @ _Y_UP[clip.up or "y"].T).astype(np.float32)
