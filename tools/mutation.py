"""Mutation of Python source: the small faults that can be made in a module, and the source with one of them.

A fault replaces one expression (or `x += y`) inside a function by another. Strings, messages of `raise`, annotations,
decorators and default values are not changed.
"""

import ast
import collections
import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

KINDS = ("sign", "times ten", "dropped term", "axis", "off by one", "swapped branch")
"""Kinds of faults; each has a rule, a function that gives the replacements of a node."""

_Parents: TypeAlias = tuple[ast.AST, ...]
"""The nodes that contain a node, outermost first."""

_OPPOSITE: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_OTHER_STRICTNESS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
"""Strict comparison -> the one with equality, and the reverse."""
_TEXT_OR_LIST = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
_REDUCTIONS = {"sum", "mean", "max", "min", "any", "all", "std", "argmax", "argmin"}
_WITH_AXIS = _REDUCTIONS | {
    "concat",
    "concatenate",
    "stack",
    "expand_dims",
    "squeeze",
    "norm",
    "cumsum",
    "diff",
    "flip",
    "median",
    "reduce_sum",
    "reduce_mean",
    "reduce_max",
    "reduce_min",
    "reduce_any",
    "reduce_all",
    "reduce_prod",
}
"""Names of functions whose last positional number is an axis."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One fault: its place, its kind and its replacement text."""

    path: str
    """Of the module."""
    line: int
    """Number of the line, from 1."""
    kind: str
    """One of `KINDS`."""
    before: str
    """The original expression, for the name."""
    after: str
    """The changed expression, for the name."""
    start: int
    """First byte of the source that is replaced."""
    end: int
    """Byte after the last that is replaced."""
    text: str
    """Replacement of the bytes from `start` to `end`."""
    number: int = 1
    """Number among the mutants whose names are otherwise equal, from 1."""

    @property
    def name(self) -> str:
        """`path:line kind: before -> after`, unique among the mutants of a module."""
        same = f" ({self.number})" if self.number > 1 else ""
        return f"{self.path}:{self.line} {self.kind}: {self.before} -> {self.after}{same}"

    def applied(self, source: str) -> str:
        """The module's `source` with this fault."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()


def rooms(package: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Paths of a package's modules by the folder in it; modules beside the folders are under the package's name."""
    found: dict[str, list[pathlib.Path]] = collections.defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package).parts
        found[inside[0] if inside[1:] else package.name].append(path)
    return dict(found)


def mutants(source: str, path: str) -> list[Mutant]:
    """All mutants of a module in the order of the source.

    Args:
        source: of the module.
        path: of the module, for the mutants' names.
    """
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[Mutant] = []
    count: collections.Counter[str] = collections.Counter()
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


def _inside_functions(node: ast.AST, parents: _Parents = (), *, inside: bool = False) -> Iterator[tuple[Any, _Parents]]:
    """Every node inside a function that may be changed, with its parents."""
    if inside:
        yield node, parents
    inside = inside or isinstance(node, ast.FunctionDef)
    for child in _changeable(node):
        yield from _inside_functions(child, (*parents, node), inside=inside)


def _changeable(node: ast.AST) -> Iterable[ast.AST]:
    """The children of a node, without strings, messages of `raise`, annotations, decorators and default values."""
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


def _shown(node: ast.AST, new: ast.AST, parents: _Parents) -> tuple[str, str]:
    """Text before and after the fault; a number is shown in the expression that contains it, if that is short."""
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


def _with_child(parent: ast.AST, child: ast.AST, new: ast.AST) -> ast.AST:
    """A shallow copy of `parent` with `new` in place of `child`."""
    copy = type(parent)(**dict(ast.iter_fields(parent)))
    for name, value in ast.iter_fields(parent):
        if value is child:
            setattr(copy, name, new)
        elif isinstance(value, list):
            setattr(copy, name, [new if part is child else part for part in value])
    return copy


def _unparse(node: ast.AST) -> str:
    """The node as one line of text."""
    return " ".join(ast.unparse(node).split("\n"))


def _number(node: ast.AST) -> int | float | None:
    """The value of a numeric literal, including its minus sign; None for all other nodes."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    return None


def _has_minus(parents: _Parents) -> bool:
    """Whether the innermost of `parents` is a minus sign, which is a separate node."""
    return isinstance(parents[-1], ast.UnaryOp) and isinstance(parents[-1].op, ast.USub)


def _whole_number(node: ast.AST, parents: _Parents) -> int | None:
    """The value of a whole number, if the node includes its minus sign; None for all other nodes."""
    value = _number(node)
    return value if isinstance(value, int) and not _has_minus(parents) else None


def _literal(value: int | float) -> ast.expr:
    """The node of a number."""
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


def _is_text_or_list(node: ast.AST) -> bool:
    """Whether an operand is text or a list, so that + and * are not arithmetic."""
    return isinstance(node, _TEXT_OR_LIST) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _place(node: ast.AST, parents: _Parents) -> str:
    """Role of a number: "axis", "index" (also of slices and ranges), "comparison" or "value"."""
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


def _place_in_call(argument: ast.AST, call: ast.Call) -> str:
    """Role of a positional argument of a call; see `_place`."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ("range", "arange"):
        return "index"
    first = 0 if name in _REDUCTIONS else 1
    is_last = argument in call.args[first:] and argument is call.args[-1]
    return "axis" if isinstance(call.func, ast.Attribute) and name in _WITH_AXIS and is_last else "value"


def _sign(node: ast.AST, parents: _Parents) -> Iterator[ast.AST]:
    """`a + b` -> a - b, x += y -> x -= y, the reverse of both, and -x -> x."""
    match node:
        case ast.BinOp(left, operator, right) if type(operator) in _OPPOSITE:
            if not (_is_text_or_list(left) or _is_text_or_list(right)):
                yield ast.BinOp(left, _OPPOSITE[type(operator)](), right)
        case ast.AugAssign(target, operator, value) if type(operator) in _OPPOSITE:
            if not _is_text_or_list(value):
                yield ast.AugAssign(target, _OPPOSITE[type(operator)](), value)
        case ast.UnaryOp(ast.USub(), operand) if _place(node, parents) != "axis":
            yield operand


def _times_ten(node: ast.AST, parents: _Parents) -> Iterator[ast.AST]:
    """Ten times a number other than 0 that is neither index nor axis."""
    value = _number(node)
    if value and not _has_minus(parents) and _place(node, parents) in ("value", "comparison"):
        yield _literal(value * 10 if isinstance(value, int) else float(f"{value * 10:.12g}"))


def _dropped_term(node: ast.AST, _parents: _Parents) -> Iterator[ast.AST]:
    """`a + b` -> a or b, likewise * and @; a - b -> a, a / b -> a; `and` and `or` without one operand."""
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


def _axis(node: ast.AST, parents: _Parents) -> Iterator[ast.AST]:
    """An adjacent axis, a tuple of axes without the last, keepdims negated."""
    parent = parents[-1]
    if isinstance(parent, ast.keyword) and parent.arg == "keepdims" and isinstance(node, ast.Constant):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Tuple) and node.elts and _number(node.elts[-1]) is not None:
        if _place(node, parents) == "axis":
            yield ast.Tuple(node.elts[:-1], ast.Load())
    elif not isinstance(parent, ast.Tuple) and _place(node, parents) == "axis":
        value = _whole_number(node, parents)
        if value is not None:
            yield _literal({-1: -2, 0: 1}.get(value, value + 1 if value < 0 else value - 1))


def _off_by_one(node: ast.AST, parents: _Parents) -> Iterator[ast.AST]:
    """Whole numbers in indices, slices, ranges and comparisons plus 1; < and <=, > and >= exchanged."""
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            if type(operator) in _OTHER_STRICTNESS:
                operators = [*node.ops[:k], _OTHER_STRICTNESS[type(operator)](), *node.ops[k + 1 :]]
                yield ast.Compare(node.left, operators, node.comparators)
    elif (value := _whole_number(node, parents)) is not None and _place(node, parents) in ("index", "comparison"):
        yield _literal(value + 1)


def _swapped_branch(node: ast.AST, parents: _Parents) -> Iterator[ast.AST]:
    """`where`, `cond`, `x if c else y` with results exchanged; the negated test of an `if` with an alternative."""
    match node:
        case ast.Call(ast.Attribute(attr="where" | "cond"), [test, first, second, *rest]):
            yield ast.Call(node.func, [test, second, first, *rest], node.keywords)
        case ast.IfExp(test, first, second):
            yield ast.IfExp(test, second, first)
    parent = parents[-1]
    if not isinstance(parent, ast.If) or node is not parent.test:
        return
    if parent.orelse or isinstance(parent.body[-1], ast.Return | ast.Continue | ast.Break):
        match node:
            case ast.UnaryOp(ast.Not(), operand):
                yield operand
            case _:
                yield ast.UnaryOp(ast.Not(), parent.test)


_RULES = dict(zip(KINDS, (_sign, _times_ten, _dropped_term, _axis, _off_by_one, _swapped_branch), strict=True))
