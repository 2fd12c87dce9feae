"""Live use: one frame after another."""

import threading

import numpy as np
import pytest
import tensorflow as tf
from window_makers import MAKERS, made, random_inputs, strong

from niki_tf import body, contract, skeletons, solvers
from niki_tf.inference import streaming


class Told(solvers.WindowSolver):
    """Stands with joint 0 where it was seen, and says how many frames and steps of the finish there are."""

    made = 0

    def __init__(self, body_joints, **kwargs):
        super().__init__(body_joints, condition="none", **kwargs)

    def call(self, inputs, *, training=False):
        Told.made += 1
        answer = {name: tf.zeros([*inputs["joints"].shape[:2], *shape]) for name, shape in contract.ANSWER.items()}
        frames = tf.reduce_sum(inputs["frame_mask"], 1)[:, None, None]
        error = answer["expected_error"] + frames + 100.0 * self.refine
        return {**answer, "transl": inputs["joints"][:, :, 0], "expected_error": error}


@pytest.fixture
def told():
    Told.made = 0
    return Told(body.mannequin_joints())


def _walk(frames):
    """Joints (frames, 1, 29, 3) of which joint 0 is one metre further in each."""
    joints = np.zeros([frames, 1, 29, 3], np.float32) + body.mannequin_joints().joints.astype(np.float32)
    joints[:, 0, 0, 0] = np.arange(frames)
    return joints


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
    with pytest.raises(ValueError, match="`joints` .* is missing; got nothing"):
        streaming.push(solver, state, {})
    with pytest.raises(ValueError, match=r"`joints` must be one frame of each person, \(1, 29, 3\); got \(2, 29, 3\)"):
        streaming.push(solver, state, random_inputs(rng, 2))


@pytest.mark.usefixtures("with_graphs")
def test_a_stream_makes_its_graph_once_and_follows_what_changes(told):
    assert streaming.warm_up(told) > 0.0
    state = streaming.start(told)
    for number, joints in enumerate(_walk(20)):
        state, answer = streaming.push(told, state, {"joints": joints})
        assert int(answer["frame"]) == number - 8
        assert answer["transl"][0, 0] == max(number - 8, 0)
        assert answer["expected_error"][0, 5] == min(number + 1, 16)
    assert told.made == 1
    told.refine = 4
    _, answer = streaming.push(told, state, {"joints": joints})
    assert answer["expected_error"][0, 5] == 416
    assert told.made == 2
    with pytest.raises(ValueError, match="`inputs` must be of joints, joint_sigma, betas, known_rotations; got ground"):
        streaming.warm_up(told, inputs=["ground"])


def test_a_stream_that_is_fed_too_fast_leaves_out_poses_and_no_joints(told):
    stream, joints = streaming.Stream(told, delay=3), _walk(60)
    assert stream.pose() is None
    for first, last in ((0, 1), (1, 2), (2, 9), (9, 10), (10, 50), (50, 60)):
        for frame in joints[first:last]:
            stream.put({"joints": frame})
        answer = stream.pose()
        assert int(answer["frame"]) == last - 4
        assert answer["transl"][0, 0] == max(last - 4, 0)
        assert answer["expected_error"][0, 5] == min(last, 16)
    assert stream.pose() is None
    assert stream.skipped == 60 - 6
    with pytest.raises(ValueError, match="A frame must come with joints; got betas, joints"):
        stream.put({"joints": joints[0], "betas": np.zeros([1, 10])})
    with pytest.raises(ValueError, match="`joints` must be finite"):
        stream.put({"joints": np.full([1, 29, 3], np.inf)})


def test_frames_are_put_in_while_poses_are_asked_for(told):
    stream, joints = streaming.Stream(told, delay=0), _walk(200)

    def feed():
        for frame in joints:
            stream.put({"joints": frame})

    feeder = threading.Thread(target=feed)
    feeder.start()
    answers = []
    while feeder.is_alive() or not answers or int(answers[-1]["frame"]) < 199:
        answer = stream.pose()
        answers += [] if answer is None else [answer]
    feeder.join()
    assert len(answers) + stream.skipped == 200
    for answer in answers:
        assert answer["transl"][0, 0] == int(answer["frame"])


@pytest.mark.slow
@pytest.mark.usefixtures("with_graphs")
@pytest.mark.parametrize("refine", [0, 2])
def test_a_warmed_up_stream_gives_what_another_gives_and_takes_new_weights(rng, refine):
    warm, plain = (strong(MAKERS["temporal"]()) for _ in range(2))
    calm = [0.25 * weight for weight in warm.get_weights()]  # an answer that trembles by radians amplifies rounding
    for solver in (warm, plain):
        solver.set_weights(calm)
    warm.refine = plain.refine = refine
    streaming.warm_up(warm, delay=3, inputs=["joints", "joint_sigma"])
    assert len(warm._graphs._frozen) == 1
    inputs = random_inputs(rng, 1, 18)
    frames = [{name: inputs[name][:, place] for name in ("joints", "joint_sigma")} for place in range(18)]
    for changed in (False, True):
        if changed:
            weights = [1.1 * weight for weight in warm.get_weights()]
            warm.set_weights(weights)
            plain.set_weights(weights)
        states = [streaming.start(solver) for solver in (warm, plain)]
        assert len(warm._graphs._frozen) == (0 if changed else 1)
        for frame in frames:
            states[0], found = streaming.push(warm, states[0], frame, delay=3)
            states[1], wanted = streaming.push(plain, states[1], frame, delay=3)
            for name, value in wanted.items():
                np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)
