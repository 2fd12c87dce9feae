"""Broken arguments: what comes in place of a valid one, and whether it must be refused."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

_HUGE = 1e30


class Broken(NamedTuple):
    """One broken argument."""

    how: str
    value: Any
    refused: bool
    """Whether no function may take it, but those that say so (`Target.lenient`)."""


def broken(value: Any, rng: np.random.Generator) -> Broken:
    """One of the ways in which a valid argument can be broken, drawn at random."""
    ways = _ways_of(value)
    how = list(ways)[rng.integers(len(ways))]
    make, refused = ways[how]
    return Broken(how, make(value, rng), refused)


def variant(value: Any, rng: np.random.Generator) -> Any:
    """A valid array as another type that stands for it: single precision, a tensor, a list; others as they are."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size:
        return value
    return (
        value,
        value.astype(np.float32),
        tf.constant(value, tf.float32),
        value.astype(np.float32).tolist(),
        np.asfortranarray(value),
    )[rng.integers(5)]


def _ways_of(value: Any) -> dict[str, tuple[Callable[[Any, np.random.Generator], Any], bool]]:
    if isinstance(value, np.ndarray):
        two = value.ndim > 1 and value.shape[-1] != value.shape[-2]
        return {how: way for how, way in _OF_ARRAYS.items() if how != "transposed" or two}
    if isinstance(value, bool):
        return _OF_OBJECTS
    if isinstance(value, int | float):
        return _OF_NUMBERS
    if isinstance(value, str | pathlib.Path):
        return _OF_TEXTS
    return _OF_OBJECTS


def _one(value: np.ndarray, rng: np.random.Generator, put: float) -> np.ndarray:
    """The array with one entry replaced."""
    array = np.array(value, np.float64)
    if array.size:
        array.reshape(-1)[rng.integers(array.size)] = put
    return array


def _with_none(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    array = np.array(value, object)
    if array.size:
        array.reshape(-1)[rng.integers(array.size)] = None
    return array


def _more(value: np.ndarray) -> np.ndarray:
    """The array with one entry more along its last axis."""
    array = np.atleast_1d(value)
    return np.concatenate([array, array[..., :1]], -1)


_OF_ARRAYS: dict[str, tuple[Callable[[Any, np.random.Generator], Any], bool]] = {
    "no array": (lambda value, rng: None, True),
    "text": (lambda value, rng: "joints", True),
    "texts": (lambda value, rng: np.asarray(value).astype(str), True),
    "an object": (lambda value, rng: object(), True),
    "objects": (_with_none, True),
    "a dictionary": (lambda value, rng: {"joints": 1}, True),
    "complex": (lambda value, rng: np.asarray(value) * (1 + 1j), True),
    "complex tensor": (lambda value, rng: tf.constant(np.asarray(value) * (1 + 1j), tf.complex64), True),
    "ragged": (lambda value, rng: [[1.0, 2.0, 3.0], [1.0]], True),
    "a number": (lambda value, rng: 1.5, True),
    "nothing in it": (lambda value, rng: np.zeros([0]), True),
    "one less": (lambda value, rng: np.asarray(value)[..., :-1], True),
    "one more": (lambda value, rng: _more(value), True),
    "transposed": (lambda value, rng: np.swapaxes(value, -1, -2), True),
    "batch of none": (lambda value, rng: np.zeros([0, *np.shape(value)]), False),
    "whole numbers": (lambda value, rng: np.asarray(value).astype(np.int64), False),
    "zeros": (lambda value, rng: np.zeros_like(value), False),
    "NaN": (lambda value, rng: _one(value, rng, np.nan), False),
    "infinity": (lambda value, rng: _one(value, rng, np.inf), False),
    "huge": (lambda value, rng: np.asarray(value, np.float64) * _HUGE, False),
    "one huge": (lambda value, rng: _one(value, rng, -_HUGE), False),
    "tiny": (lambda value, rng: np.asarray(value, np.float64) / _HUGE, False),
}
_OF_NUMBERS: dict[str, tuple[Callable[[Any, np.random.Generator], Any], bool]] = {
    "no number": (lambda value, rng: None, True),
    "text": (lambda value, rng: "three", True),
    "an object": (lambda value, rng: object(), True),
    "complex": (lambda value, rng: 1 + 1j, True),
    "two numbers": (lambda value, rng: [1.0, 2.0], True),
    "NaN": (lambda value, rng: np.nan, True),
    "infinity": (lambda value, rng: np.inf, True),
    "below 0": (lambda value, rng: -abs(value) - 1, False),
    "0": (lambda value, rng: type(value)(0), False),
}
_OF_TEXTS: dict[str, tuple[Callable[[Any, np.random.Generator], Any], bool]] = {
    "no text": (lambda value, rng: None, True),
    "a number": (lambda value, rng: 7.5, True),
    "an object": (lambda value, rng: object(), True),
    "another text": (lambda value, rng: "neither/here nor there", True),
    "a list": (lambda value, rng: ["one", "two"], True),
    "a null": (lambda value, rng: "a\0b", True),
    "nothing in it": (lambda value, rng: "", True),
}
_OF_OBJECTS: dict[str, tuple[Callable[[Any, np.random.Generator], Any], bool]] = {
    "nothing": (lambda value, rng: None, True),
    "a number": (lambda value, rng: 7.5, True),
    "text": (lambda value, rng: "three", True),
    "an object": (lambda value, rng: object(), True),
}
