"""The pages in docs/ and the models' cards say what is so: their code runs, their links and files are there."""

import ast
import hashlib
import inspect
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import h5py
import pytest
import tensorflow as tf
import test_imports

import niki_tf
from niki_tf import contract, data, skeletons, solvers, training
from niki_tf.cli import constructor_flags, dataclass_flags
from niki_tf.export import signatures, tflite

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
CARDS = sorted((ROOT / "saved_models").glob("*/README.md"))
DOCUMENTS = [ROOT / "README.md", *PAGES, *CARDS]
TEXT = {path: path.read_text() for path in DOCUMENTS}


def _name(path):
    return str(path.relative_to(ROOT))


def _blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT[path], flags=re.DOTALL | re.MULTILINE)


def _table(path, heading):
    """Cells of the first table after a heading, without the two lines of its head."""
    after = TEXT[path].split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", after, flags=re.MULTILINE).group().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _run(code, names):
    """Runs a block statement by statement; a comment that begins with a parenthesis is what its line gives."""
    lines = code.splitlines()
    for node in ast.parse(code).body:
        _, _, comment = lines[node.end_lineno - 1].partition("  # ")
        if isinstance(node, ast.Expr) and comment.startswith("("):
            given, wanted = eval(ast.unparse(node.value), names), eval(comment, names)
            assert _plain(given) == _plain(wanted), lines[node.end_lineno - 1]
        else:
            exec(compile(ast.Module([node], []), "block", "exec"), names)


def _plain(value):
    """Shapes as tuples, whatever holds them."""
    if isinstance(value, tuple | list) or hasattr(value, "as_list"):
        return tuple(_plain(part) for part in value)
    return value


@pytest.fixture
def quick(path, monkeypatch):
    """Exported files have one signature, since others cost seconds each; only the tutorial makes graphs for itself."""

    def one(solver, body, **_):
        return {"ik": signatures.traced(solver, {"joints": contract.input_shapes(10)["joints"]})}

    monkeypatch.setattr(tflite, "signatures", one)
    tf.config.run_functions_eagerly(run_eagerly=path.stem != "tutorial")
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.mark.usefixtures("quick")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`:UserWarning")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in ("tutorial", "training") else [], id=_name(path))
        for path in PAGES
        if _blocks(path, "python")
    ],
)
def test_python_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in _blocks(path, "python"):
        _run(code, names)


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT[path]):
        if target.startswith(("http://", "https://")):
            continue
        place, _, anchor = target.partition("#")
        file = (path.parent / place).resolve() if place else path
        assert file.is_file(), f"{target}: no such file"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, f"{target}: no such heading"


def _anchor(heading):
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_file_that_is_named_is_there(path):
    if path.stem == "changelog":
        pytest.skip("it names what was")
    named = re.findall(r"[`=( ]((?:niki_tf|tools|configs|saved_models|docs|tests)/[\w/.-]*[\w/])", TEXT[path])
    assert [name for name in named if not (ROOT / name).exists() and "..." not in name] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_lines_fit_a_screen(path):
    lines = [line for line in TEXT[path].splitlines() if not line.startswith(("|", "<!-- results:"))]
    assert [line for line in lines if len(line) > 120] == []


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 9000


def test_the_joints_are_those_of_the_skeleton():
    names = skeletons.SMPL_29.names
    parents = [names[parent] if parent >= 0 else "–" for parent in skeletons.SMPL_29.parents]
    wanted = [[str(number), *row] for number, row in enumerate(zip(names, parents, strict=True))]
    assert _table(ROOT / "docs" / "conventions.md", "## The 29 joints") == wanted


def test_the_rooms_are_those_that_the_imports_obey():
    rows = _table(ROOT / "docs" / "architecture.md", "## Rooms and arrows")
    told = {}
    for name, _, cell in rows:
        parts = set(cell.replace("–", "").split(", ")) - {""}
        base = test_imports._BASE if "base" in parts else set()
        told[name.strip("`")] = None if parts == {"every room"} else parts - {"base"} | base
    rooms = {room: below for room, below in test_imports._MAY_IMPORT.items() if room not in ("", "__main__")}
    assert told == rooms


def test_the_flags_that_take_deviations_back_are_there():
    kinds = [getattr(solvers, name) for name in solvers.__all__ if inspect.isclass(getattr(solvers, name))]
    known = {name for kind in kinds for name in constructor_flags.arguments(kind)}
    for settings, prefix in (
        (training.TrainSettings, ""),
        (training.LossWeights, "loss_"),
        (data.Augmentation, ""),
        (data.Corruption, ""),
    ):
        known |= set(dataclass_flags.names(settings, prefix=prefix))
    text = TEXT[ROOT / "docs" / "architecture.md"].split("## Deviations from the paper", 1)[1]
    flags = set(re.findall(r"--(\w+)", text))
    assert len(flags) > 25
    assert flags - known == {"solver", "source", "body", "initial", "freeze_spatial", "finish"}


def _count_weights(file):
    """Numbers in the weights of a model.keras: to load the model takes far longer."""
    sizes = []
    with zipfile.ZipFile(file) as parts, parts.open("model.weights.h5") as stored, h5py.File(stored) as weights:
        weights.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


@pytest.mark.parametrize("path", [path for path in CARDS if path.with_name("model.keras").is_file()], ids=_name)
def test_cards_follow_one_template_and_are_of_the_file_beside_them(path):
    text, file = TEXT[path], path.with_name("model.keras")
    assert re.findall(r"^- \*\*(.*?)\*\*", text, flags=re.MULTILINE)[:7] == [
        "Data",
        "Licence",
        "Command",
        "Steps and time",
        "Commit",
        "Size",
        "Checksum",
    ]
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == ["Limits", "Measured"]
    flat = " ".join(text.split())
    assert f"**Size**: {_count_weights(file):,} weights; model.keras has {file.stat().st_size:,} bytes." in flat
    assert f"SHA-256 of model.keras `{hashlib.sha256(file.read_bytes()).hexdigest()}`." in flat
    for other in path.parent.glob("*.tflite"):
        assert f"`{other.name}`, {other.stat().st_size:,} bytes" in flat


@pytest.mark.slow
def test_the_pages_are_built_without_a_warning(tmp_path):
    if not shutil.which("mkdocs", path=str(pathlib.Path(sys.executable).parent)):
        pytest.skip('mkdocs is not installed; pip install -e ".[docs]" adds it')
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", ".mkdocs.yml", "-d", tmp_path / "site"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    for room in (name for name in niki_tf.__all__ if hasattr(getattr(niki_tf, name), "__all__")):
        html = (tmp_path / "site" / "api" / f"{room}.html").read_text()
        shown = set(re.findall(r'id="niki_tf\.(?:\w+\.)*(\w+)"|<code>(\w+)</code>', html))
        assert set(getattr(niki_tf, room).__all__) <= {name for pair in shown for name in pair}, room
