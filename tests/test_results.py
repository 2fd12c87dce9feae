"""Recorded results: the files beside the models, and the tables of documents that are made from them."""

import hashlib
import importlib.util
import json

import pytest
from absl import flags

from niki_tf import body, solvers
from niki_tf.evaluation import cards, records, results
from niki_tf.solvers import zoo

NOISE = [
    {"solver": name, "noise_mm": level, "frames": 40, "mpjpe": base + level, "pa_mpjpe": base}
    for name, base in (("mlp", 2.375), ("mlp+finish", 0.04), ("analytic", 1.0))
    for level in (0, 10)
]
RECORDS = {
    "noise": NOISE,
    "without_twist": [{"solver": "twist_swing", "noise_mm": level, "mpjpe": 9.0 + level} for level in (0, 10)],
    "estimator": [{"solver": "mlp", "factor": factor, "mpjpe": 20.0 * factor} for factor in (0.5, 1, 1.5)],
    "sigma": [{"solver": "mlp", "factor": factor, "mpjpe": 19.0 * factor} for factor in (0.5, 1, 1.5)],
    "xocc": [
        {"solver": "temporal", "joints": which, "frames": 9, "mpjpe": mpjpe, "accel": mpjpe / 2}
        for which, mpjpe in (("all", 20.0), ("visible", 15.0), ("hidden", 33.0))
    ],
    "joint_sets": [
        {"solver": "temporal", "skeleton": name, "noise_mm": level, "mpjpe": base + level, "frames_per_s": 9.0}
        for name, base in (("coco_17", 5.0), ("smpl_29", 1.0))
        for level in (0, 20)
    ],
    "gaps": [
        {"solver": "temporal", "way": way, "lost": lost, "noise_mm": noise, "gap": gap, "mpjpe": base + noise + gap}
        for way, base in (("solver", 100.0), ("slerp", 200.0))
        for lost in ("all", "joint")
        for noise in (0.0, 10.0)
        for gap in (4, 8)
    ],
    "short_gaps": [
        {"solver": "temporal", "way": way, "lost": "all", "noise_mm": 10.0, "gap": 4, "mpjpe": 7.0}
        for way in ("solver", "slerp")
    ],
    "rates": [{"solver": "temporal", "way": "solver", "fps": 30.0, "mpjpe": 9.0, "ratio": 1.0}],
    "levels": [
        {"solver": "mlp", "of": of, "level": level, "mpjpe": 30.0, "gain_mm": gain}
        for of, level, gain in (("joints", "0-10", 9.0), ("joints", "20-30", 8.0), ("area", "0-10", 7.0))
    ],
    "sensitivity": [
        {"solver": "mlp", "kind": kind, "hidden": hidden, "mpjpe": mpjpe, "rise_mm": mpjpe - 20.0}
        for kind, hidden, mpjpe in (("nothing", "nothing", 20.0), ("joint", "head", 21.0), ("part", "left_arm", 24.0))
    ],
    "error_score": [
        {"solver": "one_stage", "score": "z", "rank_error": 0.4123, "rank_joint": None},
        {"solver": "one_stage", "score": "residual", "rank_error": 0.9961, "rank_joint": 0.9},
    ],
}


def _block(specification, body=""):
    return f"<!-- results: {specification} -->\n{body}<!-- /results -->"


def test_what_the_documents_show_is_what_is_recorded(repo):
    assert results.update_documents(repo, check=True) == []


def test_what_is_recorded_is_of_the_weights_beside_it(repo):
    assert records.stale_weights(repo) == []


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        (
            "noise metric=mpjpe columns=0,10 solvers=mlp+finish,mlp",
            ["| solver | 0 | 10 |", "|---|---|---|", "| mlp+finish | 0.0 | 10.0 |", "| mlp | 2.4 | 12.4 |"],
        ),
        (
            "noise metric=mpjpe columns=0 solvers=mlp,without_twist/twist_swing decimals=3",
            ["| solver | 0 |", "|---|---|", "| mlp | 2.375 |", "| twist_swing, without twist | 9.000 |"],
        ),
        (
            "estimator metric=mpjpe columns=0.5,1,sigma/1 solvers=mlp",
            ["| solver | 0.5 | 1 | 1, sigma |", "|---|---|---|---|", "| mlp | 10.0 | 20.0 | 19.0 |"],
        ),
        (
            "noise columns=mpjpe@10,pa_mpjpe@0 solvers=analytic",
            ["| solver | MPJPE, 10 | PA-MPJPE, 0 |", "|---|---|---|", "| analytic | 11.0 | 1.0 |"],
        ),
        (
            "xocc columns=mpjpe,accel,mpjpe@hidden,frames solvers=temporal",
            ["| solver | MPJPE | ACCEL | MPJPE, hidden | frames |", "|---|---|---|---|---|"]
            + ["| temporal | 20.0 | 10.0 | 33.0 | 9 |"],
        ),
        (
            "joint_sets columns=mpjpe@20,frames_per_s@0 solvers=temporal:smpl_29,temporal:coco_17",
            ["| solver | skeleton | MPJPE, 20 | frames/s, 0 |", "|---|---|---|---|"]
            + ["| temporal | smpl_29 | 21.0 | 9.0 |", "| temporal | coco_17 | 25.0 | 9.0 |"],
        ),
        (
            "gaps metric=mpjpe columns=4@10,8@0 solvers=temporal:slerp:joint,temporal:solver:all",
            ["| solver | way | lost | 4@10 | 8@0 |", "|---|---|---|---|---|"]
            + ["| temporal | slerp | joint | 214.0 | 208.0 |", "| temporal | solver | all | 114.0 | 108.0 |"],
        ),
        (
            "short_gaps metric=mpjpe columns=4 solvers=temporal:slerp",
            ["| solver | way | 4 |", "|---|---|---|", "| temporal | slerp | 7.0 |"],
        ),
        (
            "rates columns=mpjpe@30,ratio@30 solvers=temporal",
            ["| solver | MPJPE, 30 | ratio to 30 frames/s, 30 |", "|---|---|---|", "| temporal | 9.0 | 1.0 |"],
        ),
        (
            "levels metric=gain_mm columns=0-10,20-30 solvers=mlp:joints",
            ["| solver | of | 0-10 | 20-30 |", "|---|---|---|---|", "| mlp | joints | 9.0 | 8.0 |"],
        ),
        (
            "levels columns=gain_mm@0-10 solvers=mlp:joints,mlp:area",
            ["| solver | of | gain, mm, 0-10 |", "|---|---|---|", "| mlp | joints | 9.0 |", "| mlp | area | 7.0 |"],
        ),
        (
            "sensitivity metric=mpjpe columns=nothing,head,left_arm solvers=mlp",
            ["| solver | nothing | head | left_arm |", "|---|---|---|---|", "| mlp | 20.0 | 21.0 | 24.0 |"],
        ),
        (
            "error_score columns=rank_error,rank_joint solvers=one_stage:z,one_stage:residual decimals=2",
            ["| solver | score | rank correlation with the joints' error | rank correlation over joints |"]
            + ["|---|---|---|---|", "| one_stage | z | 0.41 | – |", "| one_stage | residual | 1.00 | 0.90 |"],
        ),
    ],
)
def test_tables_by_hand(specification, expected):
    assert results.table(specification, RECORDS).splitlines() == expected


def test_blocks_are_replaced_and_the_rest_stays():
    first, second = "noise metric=mpjpe columns=0 solvers=mlp", "noise metric=mpjpe columns=10 solvers=mlp"
    indented = "    <!-- results: an example in a document -->\n"
    blocks = _block(first, "old\n"), _block(second)
    text = f"before\n{blocks[0]}\nbetween\n{indented}\n{blocks[1]}\nafter\n"
    rendered, changed = results.render(text, RECORDS)
    assert changed == [first, second]
    assert rendered.startswith(f"before\n<!-- results: {first} -->\n\n| solver | 0 |\n|---|---|\n| mlp | 2.4 |\n\n")
    assert f"<!-- /results -->\nbetween\n{indented}\n<!-- results: {second} -->\n" in rendered
    assert rendered.endswith("| mlp | 12.4 |\n\n<!-- /results -->\nafter\n")
    assert results.render(rendered, RECORDS) == (rendered, [])
    assert results.render(rendered.replace("12.4", "12.5"), RECORDS) == (rendered, [second])


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("noisy metric=mpjpe columns=0 solvers=mlp", "there is no record 'noisy'; there are noise, without_twist,"),
        ("noise metric=mpjpe columns=0 solvers=gru", "must have one number for gru mpjpe 0; it has 0 rows"),
        ("noise metric=mpjpe columns=5 solvers=mlp", "must have one number for mlp mpjpe 5"),
        ("noise metric=pve columns=0 solvers=mlp", "must have one number for mlp pve 0; it has 1 rows"),
        ("noise columns=mpjpe solvers=mlp", "must have one number for mlp mpjpe"),
        ("joint_sets columns=mpjpe@20 solvers=temporal:lsp_14", "must have one number for temporal lsp_14 mpjpe 20"),
        ("error_score columns=rank_error solvers=one_stage", "must have one number for one_stage rank_error"),
        ("gaps metric=mpjpe columns=4 solvers=temporal:slerp:all", "for temporal slerp:all mpjpe 4; it has 2 rows"),
        ("gaps metric=mpjpe columns=4@10 solvers=temporal:slerp", "for temporal slerp mpjpe 4@10; it has 2 rows"),
        ("noise columns=mpjpe@0", "a block must have solvers= and columns="),
        ("noise columns=mpjpe@0 solvers=mlp solver=mlp", "a block must have solvers= and columns="),
        ("noise metric=mpjpe columns=sigma/1 solvers=estimator/mlp", "may name a record, not both"),
        ("noise metric=mpjpe columns=0,10,0 solvers=mlp", "columns= must name each column once; got 0,10,0"),
    ],
)
def test_blocks_that_ask_for_what_is_not_there(specification, message):
    with pytest.raises(ValueError, match=message):
        results.table(specification, RECORDS)


@pytest.mark.parametrize("text", ["<!-- results: noise -->\n", "<!-- /results -->\n", 2 * "<!-- results: a -->\n"])
def test_blocks_without_beginning_or_end(text):
    for whole in (text, text + _block("noise metric=mpjpe columns=0 solvers=mlp")):
        with pytest.raises(ValueError, match="must be followed by a line `<!-- /results -->`"):
            results.render(whole, RECORDS)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with two models, in which the test runs."""
    for name in ("tiny", "other"):
        solver = solvers.OneStage(body.mannequin_joints(), num_couplings=1, hidden_dim=4)
        zoo.save(solver, tmp_path / "saved_models" / name)
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(**changes):
    settings = {"protocol": "noise", "command": "python it", "options": {"stride": 1}, "clips": 2, "git_commit": "abc"}
    return records.Run(**{**settings, **changes})


def _rows(*names, mpjpe=1.23456789):
    return [{"solver": name, "noise_mm": 0, "frames": 40, "mpjpe": mpjpe} for name in names]


def test_each_solver_s_rows_go_into_its_file(checkout):
    names = [
        "analytic",
        "saved_models/tiny",
        "analytic+finish",
        "saved_models/other/",
        "saved_models/tiny+finish+savgol9",
    ]
    paths = records.record(_rows(*names), _run(), name="noise")
    files = [path.relative_to(checkout) if path.is_absolute() else path for path in paths]
    assert list(map(str, files)) == [
        "saved_models/results.json",
        "saved_models/tiny/results.json",
        "saved_models/other/results.json",
    ]
    analytic, tiny, other = (json.loads(path.read_text())["noise"] for path in paths)
    assert [row["solver"] for row in analytic["rows"]] == ["analytic", "analytic+finish"]
    assert [row["solver"] for row in tiny["rows"]] == ["tiny", "tiny+finish+savgol9"]
    assert other["rows"] == _rows("other", mpjpe=1.234568)
    assert other.pop("weights_sha256") == records.sha256("saved_models/other/model.keras")
    assert {**other, "rows": analytic["rows"]} == analytic
    assert other["motion"] == {"clips": 2, "frames": 40}
    assert paths[1].read_text().count("\n") < 20  # a row is one line


def test_what_was_observed_goes_beside_solvers_without_weights(checkout):
    records.record(_rows("analytic", "joints", "saved_models/tiny"), _run(), name="noise")
    entries = json.loads((checkout / "saved_models" / "results.json").read_text())
    assert [row["solver"] for row in entries["noise"]["rows"]] == ["analytic", "joints"]


def test_a_record_replaces_its_former_self_and_nothing_else(checkout):
    records.record(_rows("analytic", "analytic+finish"), _run(), name="noise")
    records.record(_rows("analytic"), _run(protocol="xocc"), name="xocc")
    records.record(_rows("analytic", mpjpe=3.0), _run(), name="noise")
    entries = json.loads((checkout / "saved_models" / "results.json").read_text())
    assert entries["noise"]["rows"] == _rows("analytic", mpjpe=3.0)
    assert entries["xocc"]["protocol"] == "xocc"
    (checkout / "saved_models" / "results.json").write_text("[1]")
    with pytest.raises(ValueError, match="must hold the records"):
        records.record(_rows("analytic"), _run(), name="noise")


def test_records_of_several_files_are_one_if_they_were_measured_alike(checkout):
    records.record(_rows("analytic", "saved_models/tiny"), _run(), name="noise")
    assert [row["solver"] for row in records.load(checkout)["noise"]] == ["analytic", "tiny"]
    records.record(_rows("saved_models/other"), _run(git_commit="def"), name="noise")
    assert [row["solver"] for row in records.load(checkout)["noise"]] == ["analytic", "other", "tiny"]
    records.record(_rows("saved_models/other"), _run(options={"stride": 16}), name="noise")
    with pytest.raises(ValueError, match="record 'noise' must be of one protocol, options and motion"):
        records.load(checkout)


def test_weights_that_changed_after_the_record_are_told(checkout):
    records.record(_rows("analytic", "saved_models/tiny", "saved_models/other"), _run(), name="noise")
    assert records.stale_weights(checkout) == []
    with (checkout / "saved_models" / "tiny" / "model.keras").open("ab") as file:
        file.write(b"x")
    (message,) = records.stale_weights(checkout)
    assert "tiny/results.json: noise is of other weights" in message


@pytest.fixture
def render_results(repo, checkout, capsys):
    """A function of flags that runs tools/render_results.py in the folder `checkout` and returns what it printed."""
    specification = importlib.util.spec_from_file_location("render_results", repo / "tools" / "render_results.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module._ROOT = checkout

    def run(*, check):
        module._CHECK = type("Flag", (), {"value": check})
        module.main(["render_results.py"])
        return capsys.readouterr().out

    yield run
    delattr(flags.FLAGS, "check")


def test_the_program_checks_and_writes_all_documents(checkout, render_results, capsys):
    records.record(_rows("analytic", "saved_models/tiny"), _run(), name="noise")
    specification = "noise metric=mpjpe columns=0 solvers=tiny"
    places = [checkout / name for name in ("README.md", "docs/accuracy.md", "saved_models/tiny/README.md")]
    for place in places:
        place.write_text(f"# A document\n\n{_block(specification)}\n")
    with pytest.raises(SystemExit) as stop:
        render_results(check=True)
    assert stop.value.code == 1
    messages = capsys.readouterr().out.splitlines()
    blocks = [f"{place.relative_to(checkout)}: block differs: {specification}" for place in places]
    assert messages == ["saved_models/SHA256SUMS: differs from the weights beside it", *blocks]
    assert "| tiny |" not in places[0].read_text()
    assert "docs/accuracy.md" in render_results(check=False)
    assert all("| tiny | 1.2 |" in place.read_text() for place in places)
    assert "all blocks" in render_results(check=True)
    with (checkout / "saved_models" / "tiny" / "model.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(SystemExit) as stop:
        render_results(check=True)
    assert stop.value.code == 1
    assert "noise is of other weights than model.keras" in capsys.readouterr().out
    places[1].write_text(_block("noise metric=mpjpe columns=0 solvers=huge"))
    with pytest.raises(SystemExit, match=r"docs/accuracy.md: record 'noise' must have one number for huge"):
        render_results(check=True)


def test_cards_and_sums_are_of_the_weights_beside_them(checkout):
    models = checkout / "saved_models"
    card = models / "tiny" / "README.md"
    beside = "`model_int8.tflite`, 0 bytes"
    card.write_text(
        f"- **Size**: 0 weights; model.keras has 0 bytes. Small.\n- SHA-256 of model.keras `00`. {beside}.\n"
    )
    (models / "none").mkdir()
    (models / "none" / "README.md").write_text("- **Size**: 0 weights; model.keras has 0 bytes.\n")
    (models / "tiny" / "model_int8.tflite").write_bytes(b"TFL3")
    wanted = [f"saved_models/{name}: differs from the weights beside it" for name in ("tiny/README.md", "SHA256SUMS")]
    assert cards.update_cards(checkout, check=True) == wanted
    assert "00" in card.read_text()
    assert cards.update_cards(checkout) == wanted
    assert cards.update_cards(checkout) == []
    weights = models / "tiny" / "model.keras"
    count = sum(value.size for value in solvers.load(models / "tiny").get_weights())
    assert f"**Size**: {count:,} weights; model.keras has {weights.stat().st_size:,} bytes. Small." in card.read_text()
    assert f"`{hashlib.sha256(weights.read_bytes()).hexdigest()}`" in card.read_text()
    assert "`model_int8.tflite`, 4 bytes." in card.read_text()
    lines = (models / "SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["other/model.keras", "tiny/model.keras", "tiny/model_int8.tflite"]
    assert "0 bytes" in (models / "none" / "README.md").read_text()  # its weights are not there
    (models / "tiny" / "model_int8.tflite").unlink()
    with pytest.raises(ValueError, match=r"tiny/README.md must name files beside it; got model_int8.tflite. Export it"):
        cards.update_cards(checkout)


def test_what_stands_behind_a_network_that_ships_is_its_own(checkout):
    rows = [{**row, "images": name} for name in ("val", "xocc") for row in _rows("analytic", "saved_models/tiny")]
    (path,) = records.record(rows, _run(), name="seen", network=checkout / "saved_models" / "other")
    assert path.parent.name == "other"
    shown = results.table("seen columns=mpjpe solvers=analytic:val,tiny:xocc", records.load(checkout))
    assert shown.splitlines()[2:] == ["| analytic | val | 1.2 |", "| tiny | xocc | 1.2 |"]
    paths = records.record(rows, _run(), name="seen", network=checkout / "runs")
    assert [place.parent.name for place in paths] == ["saved_models", "tiny"]
