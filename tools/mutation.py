"""Small faults in Python source: where one can be made, and the source text that has it.

A fault replaces one expression (or `x += y`) inside a function by another. Strings, messages of `raise`, annotations,
decorators and default values stay as they are.
"""

import ast
import collections
import dataclasses
import pathlib
from collections.abc import Iterator

KINDS = ("sign", "times ten", "dropped term", "axis", "off by one", "swapped branch")

_OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_NEIGHBOUR = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_TEXT_OR_LIST = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
_REDUCTIONS = {"sum", "mean", "max", "min", "any", "all", "std", "argmax", "argmin"}
_WITH_AXIS = _REDUCTIONS | {
    "concat", "concatenate", "stack", "expand_dims", "squeeze", "norm", "cumsum", "diff", "flip", "median",
    "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_any", "reduce_all", "reduce_prod",
}  # fmt: skip
"""Names of calls whose last positional number is an axis."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One fault: where it is, what it changes, and the bytes of the file that it replaces."""

    path: str
    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int
    text: str
    number: int = 1
    """Counts mutants that read the same, from 1."""

    @property
    def name(self) -> str:
        """`path:line kind: before -> after`, different for every mutant of a file."""
        same = f" ({self.number})" if self.number > 1 else ""
        return f"{self.path}:{self.line} {self.kind}: {self.before} -> {self.after}{same}"

    def applied(self, source: str) -> str:
        """The source of the whole module with this fault."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()


def rooms(package: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Name of every folder of the package -> its modules; those beside the folders are under the package's name."""
    found = collections.defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package).parts
        found[inside[0] if inside[1:] else package.name].append(path)
    return dict(found)


def mutants(source: str, path: str) -> list[Mutant]:
    """All mutants of a module, in the order of its text; `path` is for their names."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found, count = [], collections.Counter()
    for node, parents in _inside_functions(ast.parse(source)):
        for kind, rule in _RULES.items():
            for new in rule(node, parents):
                before, after = _shown(node, new, parents)
                text = ast.unparse(new) if isinstance(new, ast.stmt) else f"({ast.unparse(new)})"
                span = (starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset)
                mutant = Mutant(path, node.lineno, kind, before, after, *span, text)
                count[mutant.name] += 1
                found.append(dataclasses.replace(mutant, number=count[mutant.name]))
    return found


def _inside_functions(node, parents=(), *, inside=False):
    """Every node of a function's body that may be changed, with the nodes around it, outermost first."""
    if inside:
        yield node, parents
    inside = inside or isinstance(node, ast.FunctionDef)
    for child in _changeable(node):
        yield from _inside_functions(child, (*parents, node), inside=inside)


def _changeable(node):
    """The children of a node, without names, strings, messages, annotations, decorators and defaults."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return node.body
        case ast.Lambda():
            return [node.body]
        case ast.AnnAssign():
            return [node.value] if node.value else []
        case ast.Assert():
            return [node.test]
        case ast.match_case():
            return node.body
        case ast.Raise() | ast.JoinedStr():
            return []
    return ast.iter_child_nodes(node)


def _shown(node, new, parents):
    """Text of the fault. A lone number is shown within the expression around it, if that is short."""
    alone = _unparse(node), _unparse(new)
    if _number(node) is None and not isinstance(node, ast.Constant):
        return alone
    child, whole = node, new
    for parent in parents[::-1]:
        if isinstance(parent, ast.stmt | ast.comprehension | ast.Lambda):
            break
        whole, child = _with_child(parent, child, whole), parent
        if isinstance(parent, ast.Call | ast.Subscript | ast.BinOp | ast.Compare | ast.IfExp):
            break
    around = _unparse(child), _unparse(whole)
    return around if len(around[0]) <= 100 else alone


def _with_child(parent, child, new):
    """A copy of `parent` in which `new` is in the place of `child`."""
    copy = type(parent)(**dict(ast.iter_fields(parent)))
    for name, value in ast.iter_fields(parent):
        if value is child:
            setattr(copy, name, new)
        elif isinstance(value, list):
            setattr(copy, name, [new if part is child else part for part in value])
    return copy


def _unparse(node):
    """The node as one line of text."""
    return " ".join(ast.unparse(node).split("\n"))


def _number(node):
    """The value of a number, with its minus; None for everything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    is_number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return node.value if is_number else None


def _has_minus(parents):
    """Whether the node inside `parents` is a number whose minus makes a node of its own."""
    return isinstance(parents[-1], ast.UnaryOp) and isinstance(parents[-1].op, ast.USub)


def _is_whole(node, parents):
    """Whether the node is a whole number, with its minus if it has one."""
    return isinstance(_number(node), int) and not _has_minus(parents)


def _literal(value):
    """The node of a number."""
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


def _is_text_or_list(node):
    """Whether a literal next to + or * says that this is no arithmetic."""
    return isinstance(node, _TEXT_OR_LIST) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _place(node, parents):
    """What a number is for: "axis", "index" (also of slices and ranges), "comparison" or "value"."""
    for child, parent in zip((node, *parents[:0:-1]), parents[::-1], strict=True):
        match parent:
            case ast.keyword():
                return "axis" if parent.arg in ("axis", "axes") else "value"
            case ast.Subscript():
                return "index" if child is parent.slice else "value"
            case ast.Slice():
                return "index"
            case ast.Call():
                return _place_in_call(child, parent)
            case ast.Compare():
                return "comparison"
            case ast.Tuple() | ast.List() | ast.UnaryOp() | ast.BinOp():
                continue
        return "value"
    return "value"


def _place_in_call(argument, call):
    """What a positional argument of a call is for."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ("range", "arange"):
        return "index"
    first = 0 if name in _REDUCTIONS else 1
    is_last = argument in call.args[first:] and argument is call.args[-1]
    return "axis" if isinstance(call.func, ast.Attribute) and name in _WITH_AXIS and is_last else "value"


def _sign(node, parents) -> Iterator[ast.AST]:
    """`a + b` -> a - b, -x -> x, x += y -> x -= y, and the reverse of the first and last."""
    match node:
        case ast.BinOp(left, operator, right) if type(operator) in _OPPOSITE:
            if not (_is_text_or_list(left) or _is_text_or_list(right)):
                yield ast.BinOp(left, _OPPOSITE[type(operator)](), right)
        case ast.AugAssign(target, operator, value) if type(operator) in _OPPOSITE:
            if not _is_text_or_list(value):
                yield ast.AugAssign(target, _OPPOSITE[type(operator)](), value)
        case ast.UnaryOp(ast.USub(), operand) if _place(node, parents) != "axis":
            yield operand


def _times_ten(node, parents) -> Iterator[ast.AST]:
    """Numbers other than 0 that are no index and no axis."""
    value = _number(node)
    if value and not _has_minus(parents) and _place(node, parents) in ("value", "comparison"):
        yield _literal(value * 10 if isinstance(value, int) else float(f"{value * 10:.12g}"))


def _dropped_term(node, _) -> Iterator[ast.AST]:
    """`a + b` -> a or b, likewise * and @; a - b -> a, a / b -> a; one operand of `and` and `or` less."""
    match node:
        case ast.BoolOp(operator, values):
            for k in range(len(values)):
                kept = values[:k] + values[k + 1 :]
                yield ast.BoolOp(operator, kept) if len(kept) > 1 else kept[0]
        case ast.BinOp(left, ast.Add() | ast.Mult() | ast.MatMult(), right):
            if not (_is_text_or_list(left) or _is_text_or_list(right)):
                yield from (side for side in (left, right) if _number(side) is None)
        case ast.BinOp(left, ast.Sub() | ast.Div(), _) if _number(left) is None:
            yield left


def _axis(node, parents) -> Iterator[ast.AST]:
    """The axis beside, one axis of several less, and keepdims turned around."""
    parent = parents[-1]
    if isinstance(parent, ast.keyword) and parent.arg == "keepdims" and isinstance(node, ast.Constant):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Tuple) and node.elts and _number(node.elts[-1]) is not None:
        if _place(node, parents) == "axis":
            yield ast.Tuple(node.elts[:-1], ast.Load())
    elif _is_whole(node, parents) and not isinstance(parent, ast.Tuple) and _place(node, parents) == "axis":
        value = _number(node)
        yield _literal({-1: -2, 0: 1}.get(value, value + 1 if value < 0 else value - 1))


def _off_by_one(node, parents) -> Iterator[ast.AST]:
    """Whole numbers of indices, slices, ranges and comparisons plus 1; < and <=, > and >= for each other."""
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            if type(operator) in _NEIGHBOUR:
                operators = [*node.ops[:k], _NEIGHBOUR[type(operator)](), *node.ops[k + 1 :]]
                yield ast.Compare(node.left, operators, node.comparators)
    elif _is_whole(node, parents) and _place(node, parents) in ("index", "comparison"):
        yield _literal(_number(node) + 1)


def _swapped_branch(node, parents) -> Iterator[ast.AST]:
    """The two results of `where`, `cond` and `x if c else y`; the test of an `if` that has something beside it."""
    match node:
        case ast.Call(ast.Attribute(attr="where" | "cond"), [test, first, second, *rest]):
            yield ast.Call(node.func, [test, second, first, *rest], node.keywords)
        case ast.IfExp(test, first, second):
            yield ast.IfExp(test, second, first)
    parent = parents[-1]
    is_test = isinstance(parent, ast.If) and node is parent.test
    if is_test and (parent.orelse or isinstance(parent.body[-1], ast.Return | ast.Continue | ast.Break)):
        is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        yield node.operand if is_not else ast.UnaryOp(ast.Not(), node)


_RULES = dict(zip(KINDS, (_sign, _times_ten, _dropped_term, _axis, _off_by_one, _swapped_branch), strict=True))
