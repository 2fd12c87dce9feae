"""Converted solvers against the masked networks in NumPy, for widths, depths and masks of any kind. Needs no torch."""

import json
import re

import masked_twin
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, convert, solvers
from niki_tf.solvers import zoo

SKELETON = body.mannequin_joints()
COUNT = 5
_ANY_LENGTH = ("faces_tensor", "J_regressor_h36m")


@pytest.fixture(scope="module")
def observed():
    rng = np.random.default_rng(0)
    joints = SKELETON.joints + 0.1 * rng.normal(size=[COUNT, 29, 3])
    return {
        "joints": (joints - joints[:, :1]).astype(np.float32),
        "joint_sigma": rng.uniform(0, 0.2, [COUNT, 29]).astype(np.float32),
        "betas": rng.normal(size=[COUNT, 10]).astype(np.float32),
        "twist": rng.normal(size=[COUNT, 23, 2]).astype(np.float32),
    }


def random_mask(rng, size):
    return rng.permutation(np.arange(size) < size // 3)


MODELS = {
    "one stage": lambda rng: masked_twin.random_one_stage(rng, num_couplings=2),
    "one stage, wide": lambda rng: masked_twin.random_one_stage(rng, num_couplings=3, hidden_dim=40, camera_hidden=17),
    "one stage, even entries first": lambda rng: masked_twin.random_one_stage(
        rng, num_couplings=2, first=1 - np.arange(176) % 2
    ),
    "one stage, random mask": lambda rng: masked_twin.random_one_stage(
        rng, num_couplings=2, first=random_mask(rng, 176)
    ),
    "twist and swing": lambda rng: masked_twin.random_twist_swing(rng, num_couplings=(2, 2)),
    "twist and swing, unlike flows": lambda rng: masked_twin.random_twist_swing(
        rng, num_couplings=(2, 3), hidden_dim=(9, 21)
    ),
    "twist and swing, betas": lambda rng: masked_twin.random_twist_swing(rng, num_couplings=(2, 2), betas_mask=1.0),
    "twist and swing, betas in some steps": lambda rng: masked_twin.random_twist_swing(
        rng, num_couplings=(4, 2), betas_mask=[0.0, 2.0, 0.0, 0.5], first=(random_mask(rng, 176), random_mask(rng, 190))
    ),
}


@pytest.fixture(params=MODELS, ids=list(MODELS), scope="module")
def model(request):
    arrays = MODELS[request.param](np.random.default_rng(1))
    return arrays, convert.convert(arrays, body_joints=SKELETON)


@pytest.fixture(scope="module")
def answer(model, observed):
    return model[1].solver.ik(**observed)


def flow_names(solver):
    return ["flow"] if isinstance(solver, solvers.OneStage) else ["joint_flow", "rotation_flow"]


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["inverse", "forward"])
def test_flows_and_log_determinants(model, observed, rng, direction):
    arrays, conversion = model
    for name in flow_names(conversion.solver):
        flow = getattr(conversion.solver, name)
        x = rng.normal(size=[COUNT, flow.size]).astype(np.float32)
        expected, log_det = getattr(masked_twin, direction)(arrays, name, x, observed["betas"])
        condition = tf.constant(observed["betas"]) if flow.condition else None
        found = getattr(flow.bijector(condition), direction)(tf.constant(x))
        np.testing.assert_allclose(found, expected, atol=1e-4)
        found = getattr(flow.bijector(condition), f"{direction}_log_det_jacobian")(tf.constant(x), event_ndims=1)
        np.testing.assert_allclose(found, log_det, atol=1e-4)
        assert np.abs(log_det).max() > 0.1


def twin_ik(arrays, solver, observed):
    """Rotations (N, 24, 3, 3) and z by the masked networks, padding zero."""
    vector = [observed["joints"].reshape(COUNT, -1), observed["joint_sigma"], np.zeros([COUNT, 60])]
    y, _ = masked_twin.inverse(arrays, flow_names(solver)[0], np.concatenate(vector, -1), observed["betas"])
    pose, z = y[:, :144], y[:, 144:]
    if isinstance(solver, solvers.TwistSwing):
        twist = observed["twist"] / np.linalg.norm(observed["twist"], axis=-1, keepdims=True)
        y, _ = masked_twin.inverse(arrays, "rotation_flow", np.concatenate([pose, twist.reshape(COUNT, -1)], -1))
        pose, z = y[:, :144], np.concatenate([z, y[:, 144:]], -1)
    return masked_twin.rotations(pose.reshape(COUNT, 24, 6)), z


def test_solver_gives_what_the_published_networks_give(model, observed, answer):
    arrays, conversion = model
    rotations, z = twin_ik(arrays, conversion.solver, observed)
    np.testing.assert_allclose(tf.concat([answer["global_orient"], answer["body_pose"]], 1), rotations, atol=1e-4)
    np.testing.assert_allclose(answer["z"], z, atol=1e-4)


def test_joints_anywhere_are_seen_from_the_root(model, observed, answer):
    solver = model[1].solver
    moved = solver.ik(**(observed | {"joints": observed["joints"] + np.float32([1, -2, 3])}))
    np.testing.assert_allclose(moved["body_pose"], answer["body_pose"], atol=1e-4)


@pytest.mark.slow
def test_solver_survives_the_disk(model, observed, answer, tmp_path):
    zoo.save(model[1].solver, tmp_path)
    again = solvers.load(tmp_path).ik(**observed)
    for name, value in answer.items():
        np.testing.assert_array_equal(again[name], value)


def test_only_live_halves_are_stored(rng):
    conversion = convert.convert(masked_twin.random_twist_swing(rng, hidden_dim=(7, 9)), body_joints=SKELETON)
    stored = 2 * 4 * (88 * 7 + 7 + 7 * 7 + 7 + 88 * 7 + 88) + 2 * 4 * (95 * 9 + 9 + 9 * 9 + 9 + 95 * 9 + 95)
    assert conversion.solver.count_params() == stored
    flows = conversion.report["flows"]
    assert sum(flow["weights_stored"] for flow in flows.values()) == stored
    assert flows["joint_flow"]["weights_in_checkpoint"] == 2 * 4 * (186 * 7 + 7 + 7 * 7 + 7 + 176 * 7 + 176)


def test_betas_count_where_their_mask_is_not_zero(rng, observed):
    for mask, moves in ((0.0, False), ([0, 1], True)):
        arrays = masked_twin.random_twist_swing(rng, num_couplings=(2, 2), betas_mask=mask)
        solver = convert.convert(arrays, body_joints=SKELETON).solver
        change = solver.ik(**(observed | {"betas": observed["betas"] + 1}))["z"] - solver.ik(**observed)["z"]
        assert (np.abs(change).max() > 1e-3) == moves
        assert solver.condition == ("betas" if moves else "none")


def test_camera_network(rng):
    arrays = masked_twin.random_one_stage(rng, camera_hidden=23)
    camera = convert.convert(arrays, body_joints=SKELETON).camera
    given = {"uv": [29, 2], "joints": [29, 3], "joint_sigma": [29], "camera": [3]}
    given = {name: rng.normal(size=[COUNT, *shape]).astype(np.float32) for name, shape in given.items()}
    expected = masked_twin.camera(arrays, given["uv"], given["joints"], given["joint_sigma"], given["camera"])
    np.testing.assert_allclose(camera(given)["camera"], expected, atol=1e-4)


def test_a_checkpoint_without_a_camera_network_gives_none(rng):
    arrays = {k: v for k, v in masked_twin.random_one_stage(rng).items() if not k.startswith(masked_twin.CAMERA)}
    conversion = convert.convert(arrays, body_joints=SKELETON)
    assert conversion.camera is None
    assert conversion.report["camera_network"] is False


@pytest.mark.parametrize("make", [masked_twin.random_one_stage, masked_twin.random_twist_swing])
def test_every_tensor_is_used_or_named(make, rng):
    arrays = make(rng) | masked_twin.random_body(rng)
    conversion = convert.convert(arrays)
    tensors = json.loads(json.dumps(conversion.report))["tensors"]
    assert [(tensor["name"], tuple(tensor["shape"])) for tensor in tensors] == [(k, v.shape) for k, v in arrays.items()]
    assert all(tensor["use"] for tensor in tensors)
    unused = {tensor["name"].rpartition(".")[2] for tensor in tensors if not tensor["used"]}
    assert unused == {"faces_tensor", "posedirs", "J_regressor_h36m", "children_map", "lbs_weights"}


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: masked_twin.random_one_stage(rng, num_couplings=1),
        lambda rng: masked_twin.random_twist_swing(rng, num_couplings=(1, 1)),
        lambda rng: masked_twin.random_twist_swing(rng, num_couplings=(1, 1), betas_mask=1.0),
    ],
    ids=["one stage", "twist and swing", "betas"],
)
def test_every_weight_that_is_called_used_changes_the_solver(make, rng):
    arrays = make(rng)
    names = [name for name in arrays if not name.endswith(("mask", "masks"))]
    raised = {name: arrays[name] + number for number, name in enumerate(names, 1)}
    before, after = (weights(convert.convert(given, body_joints=SKELETON)) for given in (arrays, arrays | raised))
    found = {number for old, new in zip(before, after, strict=True) for number in np.unique(np.round(new - old))}
    expected = set(range(1, len(names) + 1))
    added = [number for number in expected if names[number - 1].endswith(("camera_net.9.bias", "init_cam"))]
    if added:  # the one to the other
        expected = expected - set(added) | {sum(added)}
    assert found == expected


def weights(conversion):
    models = [conversion.solver] + ([conversion.camera] if conversion.camera else [])
    return [array for model in models for array in model.get_weights()]


@pytest.mark.parametrize("make", [masked_twin.random_one_stage, masked_twin.random_twist_swing])
def test_each_missing_and_each_misshapen_tensor_is_named(make, rng):
    arrays = make(rng) | masked_twin.random_body(rng)
    for name, array in arrays.items():
        with pytest.raises(ValueError, match=f"missing: {name}"):
            convert.convert({k: v for k, v in arrays.items() if k != name})
        shorter = [] if name.endswith(_ANY_LENGTH) else [array[:-1]]
        for wrong in (*shorter, array[..., None], array.sum()):
            with pytest.raises(ValueError, match=f"misshapen: (.*, )?{name} "):
                convert.convert(arrays | {name: np.asarray(wrong)})


def test_a_mask_with_more_rows_than_there_are_networks_is_named(rng):
    arrays = masked_twin.random_one_stage(rng, num_couplings=3)
    arrays["regressor.flow.mask"] = arrays["regressor.flow.mask"][[0, 1, 2, 1]]
    with pytest.raises(
        ValueError, match=r"`regressor.flow.mask` has 4 rows, .* 3 steps.*: regressor.flow.s.3.0.weight"
    ):
        convert.convert(arrays, body_joints=SKELETON)


def test_all_problems_are_named_at_once(rng):
    arrays = masked_twin.random_one_stage(rng)
    del arrays["regressor.flow.s.1.2.bias"]
    arrays["regressor.flow.t.0.0.weight"] = arrays["regressor.flow.t.0.0.weight"].T
    arrays["regressor.flow.t.2.4.bias"] = np.full(176, np.nan, np.float32)
    arrays["regressor.extra.weight"] = np.zeros([2, 3], np.float32)
    message = (
        "the checkpoint is not one of the published models. Tensors missing: regressor.flow.s.1.2.bias; misshapen: "
        "regressor.flow.t.0.0.weight (wanted (7, 176), got (176, 7)); not finite: regressor.flow.t.2.4.bias; "
        "not known: regressor.extra.weight (2, 3)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        convert.convert(arrays, body_joints=SKELETON)


def test_names_of_a_file_are_told_in_one_short_line(rng):
    arrays = masked_twin.random_one_stage(rng) | {"x\n" * 10**5: np.zeros(2, np.float32)}
    with pytest.raises(ValueError, match="not known: x x x x") as caught:
        convert.convert(arrays, body_joints=SKELETON)
    assert len(str(caught.value)) < 400


def test_a_model_that_is_neither_is_named(rng):
    with pytest.raises(ValueError, match=r"neither NIKI's one-stage model .* its tensors are conv1.weight"):
        convert.convert({"conv1.weight": np.zeros([3, 3], np.float32)})
    with pytest.raises(ValueError, match=r"Tensors missing: regressor.flow.s.0.0.bias"):
        convert.convert({"regressor.flow.mask": masked_twin.random_one_stage(rng)["regressor.flow.mask"]})


@pytest.mark.parametrize("name", masked_twin.NAMES)
def test_masks_that_are_not_those_of_a_coupling_flow_are_named(name, rng):
    make = masked_twin.random_one_stage if name == "flow" else masked_twin.random_twist_swing
    arrays, mask = make(rng), masked_twin.NAMES[name][0]
    twice, grey, idle = arrays[mask].copy(), arrays[mask].copy(), np.zeros_like(arrays[mask])
    twice[2, 5] = 1 - twice[2, 5]
    grey[1, 0], idle[1::2] = 0.5, 1
    for bad, message in ((twice, "rows 1 and 2"), (grey, "zeros and ones only"), (idle, "got 0 for all")):
        with pytest.raises(ValueError, match=f"`{mask}`.*{message}"):
            convert.convert(arrays | {mask: bad}, body_joints=SKELETON)


def test_the_checkpoints_own_body_makes_the_skeleton(rng):
    buffers = masked_twin.random_body(rng)
    arrays = masked_twin.random_one_stage(rng) | buffers
    template, directions, regressor = (
        buffers[f"regressor.smpl_layer.{name}"].astype(float) for name in ("v_template", "shapedirs", "J_regressor")
    )
    betas = rng.normal(size=10)
    vertices = template + directions @ betas
    expected = np.concatenate([regressor @ vertices, vertices[[411, 2445, 5905, 3216, 6617]]])
    solver = convert.convert(arrays).solver
    np.testing.assert_allclose(solver.body_joints(tf.constant(betas, tf.float32)), expected, atol=1e-4)
    report = convert.convert(arrays, body_joints=SKELETON).report
    assert [tensor["used"] for tensor in report["tensors"] if tensor["name"].endswith("v_template")] == [False]


def test_another_body_may_stand_in_for_buffers_that_are_not_there(rng):
    arrays = masked_twin.random_one_stage(rng)
    with pytest.raises(ValueError, match=r"`body_joints` must be given.*--body=FILE"):
        convert.convert(arrays)
    arrays |= masked_twin.random_body(rng)
    del arrays["regressor.smpl_layer.v_template"]
    assert convert.convert(arrays, body_joints=SKELETON).solver.body_joints is SKELETON


def test_another_tree_is_refused_and_unknown_buffers_of_a_body_are_named(rng):
    arrays = masked_twin.random_one_stage(rng) | masked_twin.random_body(rng)
    parents = arrays["regressor.smpl_layer.parents"].copy()
    parents[5] = 4
    with pytest.raises(ValueError, match=r"`regressor.smpl_layer.parents` must be the tree"):
        convert.convert(arrays | {"regressor.smpl_layer.parents": parents})
    tensor = convert.convert(arrays | {"regressor.smpl_layer.new": np.zeros(3)}).report["tensors"][-1]
    assert (tensor["name"], tensor["used"]) == ("regressor.smpl_layer.new", False)


def test_weights_that_are_conditioned_on_betas_take_ten(rng):
    arrays = masked_twin.random_twist_swing(rng, num_couplings=(2, 2), betas_mask=1.0)
    wide, narrow = (np.resize(SKELETON.directions, [29, 3, count]) for count in (16, 4))
    body_joints = body.BodyJoints(SKELETON.joints, directions=wide)
    assert convert.convert(arrays, body_joints=body_joints).solver.body_joints.num_betas == 10
    with pytest.raises(ValueError, match="`body_joints` must have 10 betas, which the weights are for; got 4"):
        convert.convert(arrays, body_joints=body.BodyJoints(SKELETON.joints, directions=narrow))
    unconditioned = masked_twin.random_twist_swing(rng, num_couplings=(2, 2))
    assert convert.convert(unconditioned, body_joints=body_joints).solver.body_joints.num_betas == 16


@pytest.mark.parametrize("wrap", [lambda x: {"state_dict": x}, lambda x: {"epoch": 3, "model": x, "optimizer": {}}])
def test_state_dict_is_found_in_its_wrappers(wrap, rng):
    arrays = masked_twin.random_one_stage(rng)
    parallel = {f"module.{name}": array.astype(np.float64) for name, array in arrays.items()}
    found = convert.state_dict(wrap(parallel))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.float32


@pytest.mark.parametrize(("content", "message"), [([1], "list"), ({}, "empty"), ({"state_dict": {"a": "b"}}, "`a`")])
def test_what_is_no_state_dict_is_named(content, message):
    with pytest.raises(ValueError, match=f"must be a .*tensor.*{message}|{message} must be a tensor"):
        convert.state_dict(content)


@pytest.mark.parametrize("step", ["999999999", "9" * 5000, "7"])
def test_steps_of_numbers_beyond_the_tensors_are_refused_at_once(rng, step):
    arrays = masked_twin.random_one_stage(rng, num_couplings=2) | {f"regressor.flow.s.{step}.0.bias": np.zeros(7)}
    with pytest.raises(ValueError, match="the checkpoint is not one of the published models"):
        convert.convert(arrays, body_joints=SKELETON)


def test_a_dictionary_in_itself_is_refused():
    content = {}
    content["model"] = content
    with pytest.raises(ValueError, match="`content` must hold the tensors in at most 3 dictionaries; got more, or one"):
        convert.state_dict(content)
