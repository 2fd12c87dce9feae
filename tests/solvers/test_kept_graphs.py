"""`ik` and `fk` by graphs that are kept: none for each length, and all that changes later shows."""

import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf
from test_every_solver import MAKERS, SKELETON

from niki_tf import body, contract, solvers
from niki_tf.fitting import gauss_newton, linear_solvers
from niki_tf.solvers import kept_graphs

pytestmark = pytest.mark.usefixtures("with_graphs")


class Told(solvers.Solver):
    """Gives what its graphs are made with, instead of a pose, and counts how often they are."""

    def __init__(self, body_joints, **kwargs):
        super().__init__(body_joints, **kwargs)
        self._weight, self._made = self.add_weight(name="weight", shape=[], initializer="ones"), []

    def call(self, inputs, *, training=False):
        self._made.append(sorted(inputs))
        length = np.float32(self.body_joints.joints[1, 1])
        settings = [self.refine, self.largest_sigma, self.linear_solver.dtype == tf.float32, length, self.sigma_growth]
        transl = tf.reduce_sum(inputs["joints"], -2) * self._weight
        return {"transl": transl, "settings": tf.constant(settings, tf.float32)}

    @property
    def made(self):
        return len(self._made)


@pytest.fixture
def told():
    return Told(SKELETON)


def _joints(rng, *leading):
    return (SKELETON.joints + 0.1 * rng.normal(size=[*leading, 29, 3])).astype(np.float32)


def test_one_graph_serves_any_length_and_type(told, rng):
    for joints in (_joints(rng, 1), _joints(rng, 7).astype(np.float64), _joints(rng, 3).tolist(), _joints(rng, 0)):
        found = told.ik(joints)["transl"]
        np.testing.assert_allclose(found, np.sum(np.asarray(joints, np.float32).reshape(-1, 29, 3), 1), atol=1e-4)
    told.ik(tf.constant(_joints(rng, 2), tf.float16))
    assert told.made == 1
    told.ik(_joints(rng, 2, 3))
    told.ik(_joints(rng))
    told.ik(_joints(rng, 2), joint_sigma=np.zeros(29))
    assert told.made == 4


def test_what_is_changed_later_shows(told, rng):
    joints = _joints(rng, 2)
    first = told.ik(joints)
    told.refine = 4
    assert told.ik(joints)["settings"].numpy()[0] == 4
    told.largest_sigma = 0.5
    assert told.ik(joints)["settings"].numpy()[1] == 0.5
    told.sigma_growth = 0.25
    assert told.ik(joints)["settings"].numpy()[4] == 0.25
    told.linear_solver = linear_solvers.ELIMINATION
    assert told.ik(joints)["settings"].numpy()[2] == 1
    taller = 2.0 * SKELETON.joints
    told.body_joints = body.BodyJoints(taller, directions=SKELETON.directions)
    assert told.ik(joints)["settings"].numpy()[3] == pytest.approx(taller[1, 1])
    made = told.made
    told.set_weights([np.float32(3.0)])
    np.testing.assert_allclose(told.ik(joints)["transl"], 3.0 * first["transl"], rtol=1e-5)
    assert told.made == made


def test_a_setting_of_the_class_shows(told, rng, monkeypatch):
    told.ik(_joints(rng, 2))
    monkeypatch.setattr(Told, "largest_sigma", 0.25)
    assert told.ik(_joints(rng, 2))["settings"].numpy()[1] == 0.25


def test_far_joints_are_as_exact_as_without_a_graph(told, rng):
    joints = _joints(rng, 2).astype(np.float64) + [5000.0, 0.0, 0.0]
    near = np.sum(joints - joints.mean(1, keepdims=True), 1)
    np.testing.assert_allclose(told.ik(joints)["transl"], near + joints.mean(1), atol=1e-2)
    assert told.made == 1


def test_eight_graphs_are_kept(told, rng):
    for leading in range(10):
        told.ik(_joints(rng, *[1] * leading))
    assert len(told._graphs) == kept_graphs.MOST == 8
    made = told.made
    told.ik(_joints(rng, *[1] * 9))
    assert told.made == made
    told.ik(_joints(rng))
    assert told.made == made + 1


def test_the_finish_of_many_examples_has_a_graph_of_its_own(told, rng):
    many = _joints(rng, gauss_newton.MANY)
    for refine, graphs in ((0, 1), (4, 2)):
        told.refine = refine
        for joints in (many[:1], many, many[:2], many[:-1]):
            np.testing.assert_allclose(told.ik(joints)["transl"], joints.sum(1), atol=1e-4)
        assert len(told._graphs) == graphs


def test_bad_input_is_refused_before_a_graph_is_made(told, rng):
    joints = _joints(rng, 2)
    for bad in ({"joints": joints[:, :3]}, {"joints": joints, "betas": np.full(10, np.inf)}, {"joints": 1j * joints}):
        with pytest.raises(ValueError, match=r"^`(joints|betas)` must "):
            told.ik(**bad)
    assert told.made == len(told._graphs) == 0


def test_eight_threads_get_their_own_answers(told, rng):
    motions = [_joints(rng, 1 + number % 5) for number in range(64)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda joints: told.ik(joints)["transl"].numpy(), motions))
    for joints, transl in zip(motions, found, strict=True):
        np.testing.assert_allclose(transl, joints.sum(1), atol=1e-4)
    assert told.made == 1


def test_calls_without_a_graph_of_their_own(told, rng):
    joints = _joints(rng, 2)
    told({"joints": joints})
    tf.function(lambda joints: told.ik(joints)["transl"], autograph=False)(tf.constant(joints))
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        told.ik(joints)
    finally:
        tf.config.run_functions_eagerly(run_eagerly=False)
    assert (len(told._graphs), told.made) == (0, 3)


def test_gradients_pass_through(told, rng):
    joints = tf.constant(_joints(rng, 2))
    with tf.GradientTape() as tape:
        tape.watch(joints)
        total = tf.reduce_sum(told.ik(joints)["transl"])
    np.testing.assert_allclose(tape.gradient(total, joints), np.ones([2, 29, 3]))


@pytest.mark.slow
def test_fk_goes_the_same_way(rng):
    solver = solvers.OneStage(SKELETON, **MAKERS[solvers.OneStage])
    pose = solver.ik(_joints(rng, 2))
    given = {name: pose[name] for name in (*contract.POSE, "z")}
    graphs = len(solver._graphs)
    found, wanted = (
        solver.fk(**given),
        solver._fk({"local": contract.check_pose(**{n: given[n] for n in contract.POSE}), "z": given["z"]}),
    )
    solver.fk(**{name: value[:1] for name, value in given.items()})
    assert len(solver._graphs) == graphs + 1
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)
    with pytest.raises(ValueError, match=r"`z` must have the leading axes of the pose, \(2,\); got \(3, 32\)"):
        solver.fk(**{**given, "z": np.zeros([3, 32])})


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)
def test_the_answer_is_that_of_calling_the_solver(kind, rng):
    solver, joints = kind(SKELETON, refine=2, **MAKERS[kind]), _joints(rng, 2, 4)
    if solver.needs_twist:
        pytest.skip("joints alone are no input")
    joints[0, 1, 20] = np.nan
    found, wanted = solver.ik(joints), solver({"joints": joints})
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=2e-4, err_msg=name)
