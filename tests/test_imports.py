"""The rooms of niki_tf and who may import whom, read from the source with `ast`; what an import may not do."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
MODULES = sorted((ROOT / "niki_tf").rglob("*.py"))

_BASE = {
    "archives",
    "contract",
    "files",
    "for_xla",
    "log",
    "model_files",
    "precision",
    "processes",
    "provenance",
    "rotations",
    "settings",
    "shapes",
    "shared_traces",
    "skeletons",
}
_FITTED = _BASE | {"body", "fitting"}
_MOTION = _BASE | {"body", "motion"}
_MAY_IMPORT = {
    "archives": set(),
    "files": set(),
    "for_xla": set(),
    "log": set(),
    "model_files": {"archives", "provenance"},
    "precision": set(),
    "processes": set(),
    "provenance": set(),
    "settings": set(),
    "shapes": set(),
    "shared_traces": set(),
    "skeletons": {"archives"},
    "assets": {"files"},
    "contract": {"shapes", "skeletons"},
    "rotations": {"for_xla", "shapes"},
    "camera": _BASE,
    "body": _BASE,
    "flows": _BASE,
    "drawing": _MOTION | {"camera"},
    "fitting": _BASE | {"body"},
    "motion": _BASE | {"body"},
    "io": _MOTION,
    "vision": _FITTED | {"assets", "camera", "solvers"},
    "solvers": _FITTED | {"flows"},
    "convert": _FITTED | {"flows", "solvers", "vision"},
    "export": _FITTED | {"solvers", "vision"},
    "data": _MOTION | {"camera", "drawing", "io"},
    "training": _FITTED | {"camera", "solvers", "vision"},
    "inference": _FITTED | {"drawing", "io", "motion", "solvers", "vision"},
    "evaluation": _FITTED | {"drawing", "inference", "motion", "solvers"},
    "player": _MOTION | {"assets", "io"},
    "report": _FITTED | {"assets", "evaluation", "io", "motion", "player", "solvers"},
    "web": _FITTED | {"assets", "export", "inference", "io", "motion", "player", "solvers", "vision"},
    "viewer": _FITTED | {"inference", "io", "motion", "player", "solvers"},
    "": set(),
    "cli": None,
    "__main__": {"cli"},
}
"""Room -> rooms that it may import besides itself; "" is niki_tf/__init__.py."""

_NOT_NEEDED = ("torch", "smplx", "chumpy", "scipy", "matplotlib", "cv2")

_WATCHED_IMPORT = f"""
import os, sys
opened, package = [], os.path.abspath("niki_tf") + os.sep

def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(package) and ".py" not in str(arguments[0]):
        opened.append(os.path.basename(arguments[0]))

sys.modules.update(dict.fromkeys({_NOT_NEEDED!r}))
sys.addaudithook(watch)
import niki_tf
from tensorflow.python.eager import context

print(opened, context.context()._initialized)
niki_tf.rotations.rotvec_to_matrix(niki_tf.body.mannequin().joints)
print(opened, context.context()._initialized)
"""
"""None in sys.modules makes an import fail: TensorFlow and Keras themselves take scipy and others if they are there."""


def _room(path):
    inside = path.relative_to(ROOT / "niki_tf").with_suffix("").parts
    return "" if inside == ("__init__",) else inside[0]


def _imported_modules(tree):
    """Dotted names of all that a module imports, wherever in the file; relative imports are left to ruff."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imported_rooms(tree):
    names = [name.split(".") for name in _imported_modules(tree)]
    return {name[1] if name[1:] else "" for name in names if name[0] == "niki_tf"}


def _tree(path):
    return ast.parse(path.read_text())


def _name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_rooms_import_only_what_lies_below_them(path):
    room = _room(path)
    if _MAY_IMPORT[room] is None:
        pytest.skip("the programs may import every room")
    strangers = _imported_rooms(_tree(path)) - _MAY_IMPORT[room] - {room}
    assert not strangers, f"{_name(path)} imports {strangers}"


def test_the_table_has_no_circle():
    table = {
        room: set(_MAY_IMPORT) - {"cli", "__main__"} if below is None else below for room, below in _MAY_IMPORT.items()
    }
    done = set()
    while done != set(table):
        ready = {room for room, below in table.items() if below <= done} - done
        assert ready, f"circle among {set(table) - done}"
        done |= ready


def test_imports_are_found_in_every_form():
    source = "import niki_tf.body.body\nfrom niki_tf import data\ndef f():\n    from niki_tf.flows.flow import Flow"
    assert _imported_rooms(ast.parse(source)) == {"body", "data", "flows"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_flags_and_prints_live_in_cli_only(path):
    if _room(path) == "cli":
        pytest.skip("the programs")
    tree = _tree(path)
    assert not [name for name in _imported_modules(tree) if name.startswith(("absl.flags", "absl.app", "argparse"))]
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"print", "input"}
    assert not [name for name in _imported_modules(tree) if name.startswith("absl.logging")], (
        "the logger is niki_tf.log"
    )


def _public_without_docstring(tree, place):
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{place}.{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from _public_without_docstring(node, f"{place}.{node.name}")


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_what_is_public_says_what_it_is(path):
    tree = _tree(path)
    assert ast.get_docstring(tree)
    assert not list(_public_without_docstring(tree, path.stem))


def test_every_public_name_is_there():
    import niki_tf

    rooms = [getattr(niki_tf, name) for name in niki_tf.__all__]
    for module in [niki_tf, *(room for room in rooms if hasattr(room, "__all__"))]:
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


_WITHOUT_PICTURES = """
import sys, time

for name in ("matplotlib", "cv2", "tqdm"):
    sys.modules[name] = None
import tensorflow, tensorflow_probability

began = time.perf_counter()
import niki_tf
seconds = time.perf_counter() - began
pictures = {"drawing", "evaluation", "player", "report", "solve_picture", "training", "viewer", "vision"}
for name in set(niki_tf.__all__) - pictures:
    getattr(niki_tf, name)
print(seconds < 0.1)
"""


@pytest.mark.slow
def test_solving_needs_neither_pictures_nor_progress_bars():
    command = [sys.executable, "-c", _WITHOUT_PICTURES]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "True\n"


def test_importing_needs_little_reads_nothing_and_starts_nothing():
    command = [sys.executable, "-c", _WATCHED_IMPORT]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    after_import, after_use = found.stdout.splitlines()
    assert after_import == "[] False"
    assert after_use == "['mannequin.npz'] True"
