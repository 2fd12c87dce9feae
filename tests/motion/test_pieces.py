"""Pieces of long motion."""

import pytest

from niki_tf.motion.pieces import FRAMES, pieces


@pytest.mark.parametrize("frames", [0, 1, FRAMES - 1, FRAMES, FRAMES + 1, 3 * FRAMES])
def test_pieces_are_all_frames_once_and_none_is_empty_or_too_long(frames):
    found = pieces(frames)
    assert [frame for piece in found for frame in range(frames)[piece]] == list(range(frames))
    assert all(0 < piece.stop - piece.start <= FRAMES for piece in found)
