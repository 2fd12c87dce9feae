"""Live use: one frame after another."""

import numpy as np
import pytest
import tensorflow as tf
from window_makers import MAKERS, random_inputs, strong

from niki_tf.inference import streaming


@pytest.fixture(params=MAKERS)
def solver(request):
    return strong(MAKERS[request.param]())


def test_streaming_gives_what_the_windowed_call_gives(solver, rng):
    inputs, delay = random_inputs(rng, 2, 21), 5
    push = tf.function(lambda state, frame: streaming.push(solver, state, frame, delay=delay))
    state, answers = streaming.start(solver, people=2), []
    for place in range(21):
        state, answer = push(state, {name: tf.constant(array[:, place]) for name, array in inputs.items()})
        assert int(answer["frame"]) == place - delay
        answers.append(answer["body_pose"])
    for place in (5, 9, 15, 17, 20):  # frames `first` to `place` are in view, the answer is that of place - delay
        first = max(0, place - 15)
        window = solver({name: array[:, first : place + 1] for name, array in inputs.items()})
        np.testing.assert_allclose(answers[place], window["body_pose"][:, place - delay - first], atol=5e-5)
    window = solver({name: array[:, 5:] for name, array in inputs.items()})
    rest = streaming.remaining(solver, state, delay=delay)
    assert rest["global_orient"].shape == (2, delay, 1, 3, 3)
    np.testing.assert_allclose(rest["body_pose"], window["body_pose"][:, -delay:], atol=5e-5)


def test_bad_streams_are_named(rng):
    solver = MAKERS["recurrent"]()
    state = streaming.start(solver)
    with pytest.raises(ValueError, match="`delay` must be 0 to 15 frames; got 16"):
        streaming.push(solver, state, random_inputs(rng, 1), delay=16)
    with pytest.raises(ValueError, match="`inputs` must hold `joints`"):
        streaming.push(solver, state, {})
    with pytest.raises(ValueError, match=r"`joints` must be one frame of each person, \(1, 29, 3\); got \(2, 29, 3\)"):
        streaming.push(solver, state, random_inputs(rng, 2))
