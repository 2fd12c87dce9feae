"""The public face called at random: what is valid is right, what is broken is refused in one clear line."""

import fuzz
import fuzz_verdicts
import numpy as np
import pytest
from fuzz_target import Target

from niki_tf import shapes


def _bad(ended):
    return [one for one in ended if one.kind in fuzz_verdicts.BAD]


def _share(ended):
    return sum(one.kind == "valid" for one in ended) / len(ended)


def test_functions_that_take_no_time():
    ended = fuzz.campaign(fuzz.QUICK, seed=0, calls=300)
    assert _bad(ended) == []
    assert _share(ended) >= 0.4


@pytest.mark.slow
def test_all_functions():
    ended = fuzz.campaign(fuzz.TARGETS, seed=1, calls=2000)
    assert _bad(ended) == []
    assert _share(ended) >= 0.4
    assert {one.target for one in ended} >= {target.name for target in fuzz.TARGETS if target.weight >= 0.1}


def _double(x):
    array = shapes.real_array("x", x)
    if array.shape[-1:] != (3,):
        raise ValueError(f"`x` must end in shape (3,); got {array.shape}. Any axes may come before it.")
    return 2.0 * array


def _fail(x):
    raise {}[x.shape]


def _silent(x):
    raise ValueError("no good")


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (_double, None),
        (lambda x: np.asarray(x) + 1.0, "wrong"),
        (_fail, "raw"),
        (_silent, "raw"),
        (lambda x: np.full(np.shape(x), np.nan), "not finite"),
    ],
    ids=["right", "off", "fails", "says little", "NaN"],
)
def test_each_end_is_told_from_the_others(call, kind):
    toy = Target(
        "toy.double", call, lambda rng: {"x": rng.normal(size=[2, 3])}, lambda x: np.add(x, x), spreads=call is _double
    )
    ended = [fuzz_verdicts.tried(toy, np.random.default_rng(number), valid=number % 2 == 0) for number in range(80)]
    kinds = {one.kind for one in ended}
    assert kind in kinds if kind else kinds == set(fuzz_verdicts.GOOD)


@pytest.mark.parametrize(
    ("message", "clear"),
    [
        ("`x` must end in shape (3,); got (2,). Any axes may come before it.", True),
        ("`x` must be one of a, b; got 'c'.", True),
        ("`x` must end in shape (3,); got (2,).", False),
        ("`y` must end in shape (3,); got (2,). Any axes may come before it.", False),
        ("x must end in shape (3,); got (2,). Any axes may come before it.", False),
        ("`x` is bad; got (2,). Any axes may come before it.", False),
        ("`x` must end in shape (3,);\ngot (2,). Any axes may come before it.", False),
    ],
)
def test_what_is_a_clear_line(message, clear):
    assert fuzz_verdicts.is_clear(ValueError(message), {"x"}) is clear
    assert not fuzz_verdicts.is_clear(IndexError(message), {"x"})
