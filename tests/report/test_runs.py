"""Running analyses: each whole or not at all, those that are finished not again, and all commands known to be sound."""

import itertools
import json
import shlex

import numpy as np
import pytest

from niki_tf import io, motion, report
from niki_tf.evaluation.filters import FILTERS
from niki_tf.evaluation.protocols import PROTOCOLS, joint_sets
from niki_tf.report import runs
from niki_tf.solvers import zoo


def test_all_are_run_into_folders_of_their_own(analyses, setting, stub):
    done = []
    results = report.run_all(analyses, setting, run=stub, at_once=2, done=lambda analysis: done.append(analysis.name))
    assert [result.analysis for result in results] == analyses
    assert sorted(done) == sorted(stub.names) == ["collisions", "noise", "round_trip"]
    for result in results:
        assert result.folder == setting.output / result.analysis.name
        assert result.rows[0]["solver"] == "analytic"
        assert [path.read_bytes() for path in result.figures] == [b"a picture"]
        assert f"written: {result.folder}/{result.analysis.name}.json" in result.printed
        assert shlex.split(result.command)[-1] == f"--output={result.folder}"
        assert result.record["command"] == result.command
        assert result.record["versions"]["tensorflow"]
        assert result.record["motion"]["files"] == 1
    assert results[0].record["weights_sha256"].keys() == {"one_stage", "temporal"}
    assert not list(setting.output.glob(".*"))


def test_what_is_finished_is_not_run_again(analyses, setting, stub):
    report.run_all(analyses, setting, run=stub)
    results = report.run_all(analyses, setting, run=stub)
    assert len(stub.commands) == 3
    assert all(result.rows for result in results)


def test_after_a_kill_only_the_one_that_was_running_is_run_again(analyses, setting, stub):
    def killed():
        raise KeyboardInterrupt

    stub.fails["round_trip"] = killed
    with pytest.raises(KeyboardInterrupt):
        report.run_all(analyses, setting, run=stub)
    assert not (setting.output / "round_trip").exists()
    half = setting.output / ".round_trip.1.partial"  # what a kill leaves that nothing can catch
    half.mkdir()
    (half / "round_trip.json").write_text("[")
    stub.fails.clear()
    done_before = stub.names
    report.run_all(analyses, setting, run=stub)
    assert "noise" in done_before
    assert "noise" not in stub.names[len(done_before) :]
    assert "round_trip" in stub.names[len(done_before) :]
    assert not half.exists()


def test_a_folder_without_its_record_is_run_again(analyses, setting, stub):
    report.run_all(analyses, setting, run=stub)
    (setting.output / "noise" / "analysis.json").write_text('{"command": ')
    report.run_all(analyses, setting, run=stub)
    assert stub.names[3:] == ["noise"]


@pytest.mark.parametrize("key", ["command", "versions", "weights_sha256", "motion"])
def test_what_was_run_with_something_else_is_run_again(analyses, setting, stub, key):
    report.run_all(analyses[:1], setting, run=stub)
    path = setting.output / "noise" / "analysis.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {key: "another"}))
    assert not report.is_finished(analyses[0], setting)
    path.write_text(json.dumps(record | {"git_commit": "another"}))
    assert report.is_finished(analyses[0], setting)
    assert not report.is_finished(analyses[0], setting._replace(quick=False))


def test_one_that_fails_is_told_and_the_others_are_run(analyses, setting, stub):
    stub.fails["noise"] = lambda: "no such thing"
    results = report.run_all(analyses, setting, run=stub)
    assert [result.reason for result in results] == ["no such thing", "", ""]
    assert results[0].rows == []
    assert results[0].figures == []
    assert results[0].printed == ""
    assert not (setting.output / "noise").exists()
    stub.fails.clear()
    report.run_all(analyses, setting, run=stub)
    assert stub.names[3:] == ["noise"]


def test_solvers_that_do_not_ship_are_told_how_to_be_trained(setting, stub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (diversity,) = (analysis for analysis in report.ANALYSES if analysis.trained_by)
    (result,) = report.run_all([diversity], setting, run=stub)
    assert result.reason == "runs/diversity_0.1 must be trained first: see configs/diversity.flags"
    assert result.is_untrained
    assert not stub.commands
    for name in diversity.solvers(quick=True):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.keras").write_bytes(name.encode())
    (result,) = report.run_all([diversity], setting, run=stub)
    assert result.rows
    assert len(set(result.record["weights_sha256"].values())) == 3


def test_those_that_measure_times_come_first_and_alone(setting, stub):
    running, most = [], []

    def watched(command, folder):
        running.append(command)
        most.append(len(running) if "benchmarks" in command[1] else 1)
        failed = stub(command, folder)
        running.pop()
        return failed

    report.run_all(report.ANALYSES[:4], setting, run=watched, at_once=2)
    assert stub.names[:2] == ["speed", "formats"]
    assert max(most) == 1


@pytest.mark.parametrize("quick", [False, True])
def test_every_command_names_what_is_there(quick):
    names = [analysis.name for analysis in report.ANALYSES]
    assert len(set(names)) == len(names)
    for analysis in report.ANALYSES:
        flags = dict(flag.removeprefix("--").partition("=")[::2] for flag in analysis.flags(quick=quick))
        assert not {"motion", "output", "record", "seed"} & flags.keys()
        assert flags.get("protocol", "noise") in PROTOCOLS
        for solver in [] if analysis.trained_by else analysis.solvers(quick=quick):
            zoo.check_solver(zoo.parse_name(solver, filters=(*FILTERS, joint_sets.RENAMED)).base)
    assert len(runs.weights(report.ANALYSES, quick=quick)) >= 4


def test_a_quick_analysis_takes_two_clips_and_about_32_frames(tmp_path, analyses):
    for number in range(5):
        clip = motion.Clip(poses=np.zeros([100, 24, 3]), trans=np.zeros([100, 3]))
        io.save_clip(tmp_path / "motion" / f"{number}.npz", clip)
    setting = report.Setting(str(tmp_path / "motion"), tmp_path, quick=True)
    noise, _, collisions = (setting.command(analysis) for analysis in analyses)
    assert "--stride=16" in noise
    assert "--stride=3" in collisions
    full = [setting._replace(quick=False).command(analysis) for analysis in report.ANALYSES]
    assert not [word for command in full for word in command if "{" in word]


def test_every_protocol_has_an_analysis():
    analyses = [*report.ANALYSES, *report.IMAGES]
    flags = itertools.chain(*(analysis.flags(quick=quick) for analysis in analyses for quick in (False, True)))
    told = {flag.partition("=")[2] for flag in flags if flag.startswith("--protocol=")}
    assert told | {"noise"} == set(PROTOCOLS)


def test_analyses_of_images_take_what_was_given(of_images, tmp_path):
    analyses = report.analyses_of_images(of_images.images)
    commands = {analysis.name: of_images.command(analysis)[2:-1] for analysis in analyses}
    network, pare = f"--freeze_backbone={tmp_path / 'network'}", f"--image_solver={tmp_path / 'parts'}"
    plain, hidden = (f"--images={tmp_path / name}" for name in ("plain set", "xocc"))
    behind = ["--solver=analytic", "--solver=one_stage+finish"]
    assert commands["images"] == ["--protocol=images", plain, hidden, network, pare, *behind, "--stride=8"]
    assert commands["image_occlusion"] == ["--figure=occlusion", "--count=2", plain, network, pare, *behind]
    bodies = ["--figure=bodies", "--count=3", hidden, network]
    assert commands["bodies_part_attention"] == [*bodies, pare, behind[1]]
    assert commands["bodies_analytic"] == [*bodies, *behind]
    alone = of_images.images._replace(image_solvers=())
    assert [one.name for one in report.analyses_of_images(alone)] == ["images", "image_occlusion", "bodies_analytic"]
    with pytest.raises(ValueError, match="`images` must be given for analyses of images"):
        of_images._replace(images=None).command(analyses[0])


def test_analyses_of_images_are_run_again_when_their_sets_or_weights_change(of_images, stub, tmp_path):
    analyses = report.analyses_of_images(of_images.images)
    results = report.run_all(analyses, of_images, run=stub)
    record = results[0].record
    assert record["images"][str(tmp_path / "xocc")] == {"files": 1, "bytes": 4}
    assert set(record["weights_sha256"]) == {str(tmp_path / "network"), str(tmp_path / "parts"), "one_stage+finish"}
    assert "motion" not in record
    assert all(report.is_finished(analysis, of_images) for analysis in analyses)
    (tmp_path / "parts" / "model.keras").write_bytes(b"other weights")
    assert not report.is_finished(analyses[0], of_images)
    report.run_all(analyses, of_images, run=stub)
    (tmp_path / "xocc" / "images-00000.tfrecord").write_bytes(b"more images")
    assert not report.is_finished(analyses[0], of_images)
