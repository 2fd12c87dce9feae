"""The joint-set protocol: what it gives to solvers, what it measures, and that neither is right by chance."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, evaluation, motion, rotations, skeletons, solvers
from niki_tf.evaluation.mesh_points import NAMES, MeshPoints
from niki_tf.evaluation.protocols import joint_sets
from niki_tf.skeletons.markers import VICON_39

POINT_SETS = skeletons.POINT_SETS


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 70), (1, 59), (2, 60))]


@pytest.fixture
def given(monkeypatch):
    """What solvers are given, call by call: dictionaries; all answer with a body at rest."""
    calls = []

    def answer(points, **others):
        calls.append({"points": np.asarray(points), **others})
        found = {"rotations": np.tile(np.eye(3), [len(points), 24, 1, 1]), "betas": np.full([len(points), 10], 0.7)}
        return type("Motion", (), found)

    monkeypatch.setattr(joint_sets, "solve", answer)
    monkeypatch.setattr(joint_sets.point_fit, "fit_points", lambda points, **others: answer(points, **others).rotations)
    return calls


def _measure(walks, toy_body, **changes):
    solver = {"some": solvers.Analytic(toy_body.body_joints())}
    return evaluation.joint_set_rows(
        walks, **{"solvers": solver, "body": toy_body, "point_sets": ["coco_17"], **changes}
    )


def test_points_are_those_of_the_mesh_where_the_person_is_and_clean_ones_differ_by_a_constant(walks, toy_body, given):
    _measure(walks, toy_body, levels_mm=[0])
    poser, betas = body.BodyPoser(toy_body), given[0]["betas"]
    local = rotations.rotvec_to_matrix(walks[0].poses[:60]).numpy()
    points = MeshPoints(toy_body).read(poser.truth(local, betas=betas))
    points = points[:, [NAMES.index(name) for name in POINT_SETS["coco_17"].points]]
    error = given[0]["points"] - points - (walks[0].trans[:60] - walks[0].trans[0])[:, None]
    np.testing.assert_allclose(error, np.broadcast_to(error[:1], error.shape), atol=1e-5)
    assert 0.006 < error[0].std() < 0.014
    assert given[0]["skeleton"] is POINT_SETS["coco_17"]
    assert len(given) == 3  # two clips are long enough; the first is solved twice, the once to make the graph
    assert np.abs(betas).max() > 0.5
    assert not np.array_equal(given[1]["betas"], given[2]["betas"])


def test_errors_of_a_point_are_the_same_in_all_sets_and_of_the_size_that_is_said(walks, toy_body, given):
    _measure(walks[:1], toy_body, point_sets=["coco_17", "lsp_14"], levels_mm=[0, 20])
    clean, noisy, lsp_clean, lsp_noisy = (given[call]["points"] for call in (0, 2, 4, 6))
    np.testing.assert_array_equal(clean[:, 9], lsp_clean[:, 11])  # the left wrist
    np.testing.assert_array_equal(noisy[:, 9], lsp_noisy[:, 11])
    noise = noisy - clean
    assert noise.std() == pytest.approx(0.02, rel=0.05)
    assert np.abs(noise.mean(0)).max() < 0.012
    _measure(walks[:1], toy_body, levels_mm=[0], seed=1)
    assert np.abs(given[8]["points"] - clean).max() > 0.01
    _measure(walks[:1], toy_body, levels_mm=[0], offset_mm=0.0)
    assert 0.005 < (given[10]["points"] - clean).std() < 0.015


def test_markers_are_those_of_the_mesh(walks, toy_body, given):
    _measure(walks[:1], toy_body, point_sets=["vicon_39"], levels_mm=[0], offset_mm=0.0)
    local = rotations.rotvec_to_matrix(walks[0].poses[:60]).numpy()
    points = MeshPoints(toy_body).read(body.BodyPoser(toy_body).truth(local, betas=given[0]["betas"]))
    path = (walks[0].trans[:60] - walks[0].trans[0])[:, None]
    np.testing.assert_allclose(
        given[0]["points"], points[:, [NAMES.index(name) for name in VICON_39]] + path, atol=1e-5
    )


def test_points_that_no_landmark_stands_for_are_not_seen(walks, toy_body, given):
    _measure(walks[:1], toy_body, point_sets=["smplx_55"], levels_mm=[0])
    lost = np.isnan(given[0]["points"]).any((0, 2))
    assert [k for k, point in enumerate(POINT_SETS["smplx_55"].points) if point is None] == np.flatnonzero(
        lost
    ).tolist()


def test_each_solver_is_given_points_its_own_way(walks, toy_body, given):
    body_joints = toy_body.body_joints()
    compared = {"a": solvers.Analytic(body_joints), "fit": solvers.MapFit(body_joints, components=1, steps=1)}
    compared["a+renamed"] = compared["a"]
    sets = ["smpl_29", "coco_17"]
    rows = _measure(walks[:1], toy_body, solvers=compared, point_sets=sets, levels_mm=[0], renamed=["a+renamed"])
    assert [(row["skeleton"], row["solver"], row["frames"]) for row in rows] == [
        (name, solver, 60) for name in sets for solver in compared
    ]
    plain, fit, renamed = given[6], given[8], given[10]
    assert plain["points"].shape == fit["points"].shape == (60, 17, 3)
    assert fit["point_set"] is plain["skeleton"] is POINT_SETS["coco_17"]
    assert given[2]["skeleton"] is POINT_SETS["smpl_29"]  # where points are the 29 joints, the optimiser's own call
    np.testing.assert_array_equal(renamed["points"][:, 1], plain["points"][:, 11])  # an outer hip for the hip
    assert "skeleton" not in renamed
    assert (renamed["joint_sigma"][:, 0] == skeletons.ABSENT).all()
    assert (renamed["joint_sigma"][:, 1] == 0.0).all()


def test_a_joint_counts_before_a_landmark_that_is_called_like_it():
    points = np.arange(25.0)[None, :, None] + np.zeros([1, 1, 3])
    joints, sigma = joint_sets.renamed_joints(points, POINT_SETS["kinect_v2_25"])
    assert joints[0, skeletons.SMPL_29.index("neck"), 0] == 2.0  # and not the middle of the shoulders, the 20th
    joints, sigma = joint_sets.renamed_joints(points, POINT_SETS["openpose_25"])
    assert (joints[0, 0, 0], joints[0, skeletons.SMPL_29.index("neck"), 0]) == (8.0, 1.0)
    assert sigma[0, skeletons.SMPL_29.index("head")] == skeletons.ABSENT


def test_betas_are_told_or_not_and_answers_are_posed_with_the_true_ones(walks, toy_body, given):
    told, untold = (_measure(walks[:1], toy_body, levels_mm=[0], betas=betas)[0] for betas in ("true", "zeros"))
    assert np.abs(given[0]["betas"]).max() > 0.5
    assert not given[2]["betas"].any()
    for metric in evaluation.METRICS:
        assert told[metric] == untold[metric] > 1.0


def test_betas_that_are_found_are_not_given_but_to_the_optimiser(walks, toy_body, given, monkeypatch):
    body_joints = toy_body.body_joints()
    monkeypatch.setattr(joint_sets.zoo, "load", lambda name, body_joints: (name, body_joints))
    compared = {"a": solvers.Analytic(body_joints), "fit": solvers.MapFit(body_joints, components=1, steps=1)}
    compared["a+renamed"], compared["fit+renamed"] = compared["a"], compared["fit"]
    renamed = ["a+renamed", "fit+renamed"]
    _measure(walks[:1], toy_body, solvers=compared, levels_mm=[0], renamed=renamed, betas="found")
    plain, _, finder, fit, _, plain_renamed, _, finder_renamed, fit_renamed, _ = given
    assert plain["betas"] is plain_renamed["betas"] is None
    assert finder["solver"] == finder_renamed["solver"] == ("temporal", body_joints)
    assert "betas" not in finder
    assert finder["skeleton"] is POINT_SETS["coco_17"]
    assert finder_renamed["points"].shape == (60, 29, 3)
    for call in (fit, fit_renamed):
        assert call["solver"] is compared["fit"]
        np.testing.assert_allclose(call["betas"], 0.7)


def test_the_true_rotations_have_no_error(walks, toy_body, monkeypatch):
    answer = type("Motion", (), {"rotations": rotations.rotvec_to_matrix(walks[0].poses[:60]).numpy()})
    monkeypatch.setattr(joint_sets, "solve", lambda *_, **__: answer)
    (row,) = _measure(walks[:1], toy_body, levels_mm=[20])
    assert max(row[metric] for metric in evaluation.METRICS) < 0.01
    assert row["frames_per_s"] > 100


@pytest.mark.usefixtures("eager")
def test_better_points_give_better_poses(walks, toy_body):
    rows = _measure(walks[:1], toy_body, point_sets=["smpl_29"], levels_mm=[0, 20], offset_mm=0.0)
    assert rows[0]["mpjpe"] < 4.0  # the twist is not told
    assert rows[1]["mpjpe"] > 20.0
    tables = evaluation.PROTOCOLS["joint_sets"].tables(rows)
    assert "0 mm of noise" in tables
    assert "20 mm of noise" in tables
    assert f"{rows[1]['rotation_deg']:.1f}" in tables


@pytest.mark.usefixtures("eager")
def test_the_optimiser_fits_the_points_themselves(walks, toy_body):
    solver = {"fit": solvers.MapFit(toy_body.body_joints(), components=1, steps=2)}
    (row,) = _measure(walks[:1], toy_body, solvers=solver, point_sets=["lsp_14"], levels_mm=[0])
    assert tf.math.is_finite(row["mpjpe"])


def _needy(body_joints):
    return solvers.TwistSwing(
        body_joints, hidden_dim=4, num_couplings=2, rotation_hidden_dim=4, num_rotation_couplings=2
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"point_sets": ["coco_17", "coco"]}, "`point_sets` must be of smpl_24, .*; got coco"),
        ({"point_sets": ["vicon_39"], "renamed": ["some"]}, "`renamed` is for sets of points.* vicon_39 has none"),
        ({"point_sets": []}, "`point_sets` must be of .*; got none"),
        ({"betas": "guess"}, "`betas` must be true or zeros or found; got 'guess'"),
        ({"stride": 0}, "`stride` must be at least 1"),
        ({"solvers": {}}, "`solvers` must name at least one"),
        ({"solvers": {"x": _needy(body.mannequin_joints())}}, "`solvers` must do without the twist.*x needs it"),
        (
            {"solvers": {"x": solvers.MapFit(body.mannequin_joints(), components=1, refine=4)}},
            "`solvers` must be without the finish where they fit the points; got x",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_any_work(walks, toy_body, changes, message):
    with pytest.raises(ValueError, match=message):
        _measure(walks, toy_body, **changes)


def test_short_clips_alone_are_an_error(walks, toy_body):
    with pytest.raises(ValueError, match="`clips` must hold a clip of 60 frames or more; got 1 shorter ones"):
        _measure(walks[1:2], toy_body)
