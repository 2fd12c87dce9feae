"""tools/mutation.py on a source made for it, and tools/mutants.py where all verdicts are there already."""

import ast
import json
import random

import mutation
import pytest

SOURCE = '''"""A module: 1 + 2."""
import numpy as np

SCALE = 3 * 5

@cached(size=4 + 4)
def f(x: "1 + 1", c=7 + 7, *, d: int | None = -1) -> int:
    """Sum: x + 1 if c < 2 else 3."""
    if not 0 < c < 2:
        raise ValueError(f"`c` must be below {c + 2}; got " + str(c - 1))
    assert c and d, f"{c * 3}"
    total: int = -x  # größer
    total += np.where(x > 2.5, x[:, 1], 3.0 * x[1:]).sum(-1)
    if c:
        total = total.mean((0, 1), keepdims=True)
    else:
        total = (lambda y: y / 2)(np.concatenate([x, "a" + "b"], axis=0))
    return x if c and d or x else [0] * 3
'''

EXPECTED = {
    "sign": ["-x -> x", "total += np.where(x > 2.5, x[:, 1], 3.0 * x[1:]).sum(-1) -> "
             "total -= np.where(x > 2.5, x[:, 1], 3.0 * x[1:]).sum(-1)"],
    "times ten": ["0 < c < 2 -> 0 < c < 20", "x > 2.5 -> x > 25.0", "3.0 * x[1:] -> 30.0 * x[1:]", "y / 2 -> y / 20",
                  "[0] * 3 -> [0] * 30"],
    "dropped term": ["c and d -> d", "c and d -> c", "3.0 * x[1:] -> x[1:]", "y / 2 -> y",
                     "c and d or x -> x", "c and d or x -> c and d", "c and d -> d", "c and d -> c"],
    "axis": ["(0, 1) -> (0,)", "np.where(x > 2.5, x[:, 1], 3.0 * x[1:]).sum(-1) -> "
             "np.where(x > 2.5, x[:, 1], 3.0 * x[1:]).sum(-2)",
             "total.mean((0, 1), keepdims=True) -> total.mean((0, 1), keepdims=False)",
             "np.concatenate([x, 'a' + 'b'], axis=0) -> np.concatenate([x, 'a' + 'b'], axis=1)"],
    "off by one": ["0 < c < 2 -> 1 < c < 2", "0 < c < 2 -> 0 < c < 3", "0 < c < 2 -> 0 <= c < 2",
                   "0 < c < 2 -> 0 < c <= 2", "x > 2.5 -> x >= 2.5", "x[:, 1] -> x[:, 2]", "x[1:] -> x[2:]"],
    "swapped branch": ["np.where(x > 2.5, x[:, 1], 3.0 * x[1:]) -> np.where(x > 2.5, 3.0 * x[1:], x[:, 1])",
                       "c -> not c", "x if c and d or x else [0] * 3 -> [0] * 3 if c and d or x else x"],
}  # fmt: skip
"""Kind -> the end of the name of every mutant of that kind."""


def _found():
    return mutation.mutants(SOURCE, "niki_tf/made.py")


@pytest.mark.parametrize("kind", mutation.KINDS)
def test_every_kind_is_found_where_it_should_be(kind):
    changes = [f"{mutant.before} -> {mutant.after}" for mutant in _found() if mutant.kind == kind]
    assert sorted(changes) == sorted(EXPECTED[kind])


def test_names_are_places_and_differ():
    names = [mutant.name for mutant in _found()]
    assert len(set(names)) == len(names)
    assert names == [mutant.name for mutant in _found()]
    assert "niki_tf/made.py:12 sign: -x -> x" in names


def test_text_annotations_defaults_and_messages_stay():
    kept = {1, 2, 3, 4, 5, 6, 7, 8, 10}
    for mutant in _found():
        changed = mutant.applied(SOURCE)
        compile(changed, mutant.path, "exec")
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(SOURCE))
        lines = zip(SOURCE.splitlines(), changed.splitlines(), strict=True)
        assert [k for k, (old, new) in enumerate(lines, 1) if old != new] == [mutant.line]
        assert mutant.line not in kept


def test_the_package_compiles_with_faults(repo):
    rooms = mutation.rooms(repo / "niki_tf")
    assert "rotations.py" in [path.name for path in rooms["niki_tf"]]
    paths = random.Random(0).sample(sorted(path for paths in rooms.values() for path in paths), 8)
    for path in paths:
        source = path.read_text()
        found = mutation.mutants(source, path.name)
        for mutant in random.Random(0).sample(found, min(4, len(found))):
            changed = ast.parse(mutant.applied(source))
            assert ast.dump(changed) != ast.dump(ast.parse(source))


@pytest.fixture
def judged(repo, tmp_path):
    """A folder with a verdict for every mutant of the room `export`: all but every third were noticed."""
    paths = mutation.rooms(repo / "niki_tf")["export"]
    found = [mutant for path in paths for mutant in mutation.mutants(path.read_text(), str(path.relative_to(repo)))]
    lines = [{"name": mutant.name, "noticed": k % 3 > 0, "by": None, "seconds": 7} for k, mutant in enumerate(found)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "verdicts.jsonl").write_text(text + '{"name": "not fini')
    return tmp_path


def test_the_same_seed_draws_the_same_and_more_adds_to_it(run_tool, judged):
    few, again, more, others = (
        run_tool("mutants", "--room=export", f"--output={judged}", f"--seed={seed}", f"--count={count}").splitlines()
        for seed, count in [(3, 12), (3, 12), (3, 24), (4, 12)]
    )
    assert few == again
    missed = [{line for line in lines if line.startswith("not noticed: ")} for lines in (few, more, others)]
    assert missed[0] < missed[1]
    assert missed[0] != missed[2]
    assert few[0] == f"noticed {12 - len(missed[0])} of 12; 0 more compute the same as the source"
    assert f"export          {12 - len(missed[0]):5} of 12" in few
    assert "7 s for a mutant on average" in few


def test_a_room_that_is_not_there(run_tool, tmp_path):
    with pytest.raises(SystemExit, match=r"^mutants.py: there is no room cellar; rooms: .*export"):
        run_tool("mutants", "--room=cellar", f"--output={tmp_path}")
