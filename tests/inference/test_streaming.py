"""Live use: one frame after another."""

import numpy as np
import pytest
import tensorflow as tf
from window_makers import MAKERS, made, random_inputs

from niki_tf import contract, skeletons
from niki_tf.inference import streaming


@pytest.fixture(
    params=["temporal", *(pytest.param(name, marks=pytest.mark.slow) for name in MAKERS if name != "temporal")]
)
def solver(request):
    return made(request.param)


def _of_any_number(tensors):
    """Specifications of the tensors that leave the number of people open."""
    return {name: tf.TensorSpec([None, *x.shape[1:]] if x.shape.rank else [], x.dtype) for name, x in tensors.items()}


def test_streaming_gives_what_the_windowed_call_gives(solver, rng):
    inputs, delay = random_inputs(rng, 2, 21), 5
    frames = [{name: tf.constant(array[:, place]) for name, array in inputs.items()} for place in range(21)]
    state, answers = streaming.start(solver, people=2), []
    signature = [_of_any_number(state), _of_any_number(frames[0])]
    push = tf.function(lambda state, frame: streaming.push(solver, state, frame, delay=delay), signature)
    for place, frame in enumerate(frames):
        state, answer = push(state, frame)
        assert int(answer["frame"]) == place - delay
        answers.append(answer["body_pose"])
    for place in (5, 15, 17, 20):
        view = slice(max(0, place + 1 - solver.frames), place + 1)  # the last frames, as many as a window has
        window = solver({name: array[:, view] for name, array in inputs.items()})
        np.testing.assert_allclose(answers[place], window["body_pose"][:, -1 - delay], atol=5e-5)
    rest = streaming.remaining(solver, state, delay=delay)
    assert rest["global_orient"].shape == (2, delay, 1, 3, 3)
    np.testing.assert_allclose(rest["body_pose"], window["body_pose"][:, -delay:], atol=5e-5)


@pytest.mark.slow
def test_a_lost_frame_is_as_one_that_is_told_to_be_absent(solver, rng):
    joints, sigma = random_inputs(rng, 9, 1)["joints"], np.zeros([9, 1, 29], np.float32)
    lost, sigma[4] = joints.copy(), skeletons.ABSENT
    lost[4] = np.nan
    states = [streaming.start(solver), streaming.start(solver)]
    for place in range(9):
        states[0], told = streaming.push(solver, states[0], {"joints": joints[place], "joint_sigma": sigma[place]})
        states[1], found = streaming.push(solver, states[1], {"joints": lost[place]})
        for name in contract.ANSWER:
            np.testing.assert_allclose(found[name], told[name], atol=1e-5, err_msg=name)
            assert np.isfinite(found[name]).all()


def test_bad_streams_are_named(rng):
    solver = made("recurrent")
    state = streaming.start(solver)
    with pytest.raises(ValueError, match="`delay` must be 0 to 15 frames; got 16"):
        streaming.push(solver, state, random_inputs(rng, 1), delay=16)
    with pytest.raises(ValueError, match=r"`fps` must be about 30 frames a second.*; got 60\. Push every second"):
        streaming.start(solver, fps=60)
    assert set(streaming.start(solver, fps=25)) == set(state)
    with pytest.raises(ValueError, match="`joints` must be finite"):
        streaming.push(solver, state, {"joints": np.full([1, 29, 3], np.inf)})
    with pytest.raises(ValueError, match="`inputs` must hold `joints`"):
        streaming.push(solver, state, {})
    with pytest.raises(ValueError, match=r"`joints` must be one frame of each person, \(1, 29, 3\); got \(2, 29, 3\)"):
        streaming.push(solver, state, random_inputs(rng, 2))
