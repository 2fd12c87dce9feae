"""Motion of any length by overlapping windows, whose answers are blended in the space of rotations."""

import numpy as np

from niki_tf import rotations

FRAMES, STEP = 16, 4
"""Frames of a window, as in training, and frames from the beginning of one window to that of the next."""

_AT_ONCE = 64


def solve_motion(solve, inputs, *, frames=FRAMES, step=STEP):
    """Solves one motion with a solver of windows.

    Of each frame the answer is the rotation nearest to those of all windows that hold it, those in whose middle it is
    weighing most. A motion shorter than a window fills one up, the rest of it masked out.

    Args:
        solve: the solver, or another callable of the same dictionaries, such as a compiled one.
        inputs: dict of arrays, joints (T, 29, 3) and perhaps joint_sigma (T, 29), betas (T, B), of one person.
        frames: frames of a window.
        step: frames from window to window, at most `frames`.

    Returns:
        dict of arrays: global_orient (T, 1, 3, 3) and body_pose (T, 23, 3, 3). The embedding z belongs to a window, so
        it is left out; `error_score.residual` of the answer says how far each joint is from it.

    Raises:
        ValueError: no frames, or `step` is not 1 to `frames`.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, solvers
        >>> from niki_tf.solvers import windows
        >>> solver = solvers.Recurrent(body.mannequin_joints(), hidden_dim=8)
        >>> windows.solve_motion(solver, {"joints": np.zeros([21, 29, 3])})["body_pose"].shape
        (21, 23, 3, 3)
    """
    length = len(inputs["joints"])
    if not length or not 1 <= step <= frames:
        raise ValueError(f"`inputs` must hold frames and `step` be 1 to {frames}; got {length} frames and step {step}.")
    places, present, weights = cut(length, frames=frames, step=step)
    blended = np.zeros([length, 24, 3, 3])
    for first in range(0, len(places), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        windows = {name: np.asarray(array, np.float32)[places[some]] for name, array in inputs.items()}
        answer = solve({**windows, "frame_mask": present[some]})
        local = np.concatenate([answer["global_orient"], answer["body_pose"]], -3)
        np.add.at(blended, places[some], weights[some, :, None, None, None] * local)
    local = rotations.moment_to_rotation(np.swapaxes(blended, -1, -2).astype(np.float32)).numpy()
    return {"global_orient": local[:, :1], "body_pose": local[:, 1:]}


def cut(length, *, frames=FRAMES, step=STEP):
    """The overlapping windows on `length` frames, each array (N, frames).

    Returns:
        the numbers of their frames; 1.0 for frames and 0.0 for what fills up a window, float32; and what an answer
        weighs in a mean over windows, the more the nearer to the middle of its window it is.
    """
    places = np.arange(frames) + np.array(starts(length, frames=frames, step=step))[:, None]
    present = (places < length).astype(np.float32)
    weights = np.minimum(np.arange(1, frames + 1), np.arange(frames, 0, -1)) * present
    return np.minimum(places, length - 1), present, weights


def starts(length, *, frames, step):
    """First frames of the windows on `length` frames: every `step`-th, and one that ends with the motion."""
    last = max(0, length - frames)
    return [*range(0, last, step), last]
