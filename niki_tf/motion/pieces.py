"""Long motion in pieces, so that what is computed on the way does not grow with it."""

FRAMES = 1024
"""Of a piece."""


def pieces(frames: int) -> list[slice]:
    """Slices of at most `FRAMES` frames that follow each other, of `frames` in all.

    Example:
        >>> from niki_tf.motion.pieces import pieces
        >>> [(piece.start, piece.stop) for piece in pieces(1500)]
        [(0, 1024), (1024, 1500)]
    """
    return [slice(start, min(start + FRAMES, frames)) for start in range(0, frames, FRAMES)]
