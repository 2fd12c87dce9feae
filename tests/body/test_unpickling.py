import os
import pickle
import struct

import numpy as np
import pytest
import scipy.sparse

from niki_tf import body
from niki_tf.body import unpickling


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def by_name(module, name, argument, protocol=2):
    """A pickle, written by hand, that calls module.name(argument)."""
    text = argument.encode()
    if protocol == 4:
        words = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name))
        return b"\x80\x04" + words + b"\x93\x8c" + bytes([len(text)]) + text + b"\x85R."
    return b"c%s\n%s\n(S'%s'\ntR." % (module.encode(), name.encode(), text)


ATTACKS = {
    "os.system": lambda touch: pickle.dumps(Calls(os.system, touch)),
    "posix by hand": lambda touch: by_name("posix", "system", touch),
    "protocol 0": lambda touch: pickle.dumps(Calls(os.system, touch), 0),
    "eval": lambda touch: pickle.dumps(Calls(eval, f"__import__('os').system({touch!r})")),
    "python 2 eval": lambda touch: by_name("__builtin__", "eval", f'__import__("os").system("{touch}")'),
    "getattr": lambda touch: by_name("__builtin__", "getattr", touch),
    "nested": lambda touch: pickle.dumps({"a": [{"b": (1, Calls(os.system, touch))}]}),
    "dotted builtin": lambda touch: by_name("numpy", "ndarray.os.system", touch, protocol=4),
    "dotted chumpy": lambda touch: by_name("chumpy", "os.system", touch, protocol=4),
    "chumpy in name only": lambda touch: by_name("chumpyos", "system", touch),
    "numpy function": lambda touch: by_name("numpy", "load", touch),
    "numpy testing": lambda touch: by_name("numpy.testing._private.utils", "runstring", touch),
    "sparse in name only": lambda touch: by_name("scipy.sparse.csc", "os", touch),
    "instance": lambda touch: b"(S'" + touch.encode() + b"'\nios\nsystem\n.",
    "extension": lambda touch: b"\x80\x02\x82\x01.",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_that_a_pickle_names_is_run(tmp_path, attack):
    marker = tmp_path / "ran"
    (tmp_path / "body.pkl").write_bytes(attack(f"touch {marker}"))
    with pytest.raises(ValueError, match="body.pkl"):
        body.load_body(tmp_path / "body.pkl")
    assert not marker.exists()


def test_a_name_is_told_in_one_short_line(tmp_path):
    text = b"X" + struct.pack("<I", 2 * 10**5) + b"x\n" * 10**5
    (tmp_path / "body.pkl").write_bytes(b"\x80\x04" + 2 * text + b"\x93.")
    with pytest.raises(ValueError, match="body.pkl: the pickle names `x x x") as caught:
        body.load_body(tmp_path / "body.pkl")
    assert len(str(caught.value)) < 700


def test_the_attack_works_on_a_plain_unpickler(tmp_path):
    marker = tmp_path / "ran"
    pickle.loads(ATTACKS["nested"](f"touch {marker}"))
    assert marker.exists()


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        ("nested", r"`(posix|nt)\.system`"),
        ("python 2 eval", r"`\w+\.eval`"),
        ("dotted chumpy", r"`chumpy\.os\.system`"),
    ],
)
def test_the_refusal_names_the_name(tmp_path, attack, named):
    (tmp_path / "body.pkl").write_bytes(ATTACKS[attack]("true"))
    with pytest.raises(ValueError, match=f"names {named}, .* nothing of it was run"):
        body.load_body(tmp_path / "body.pkl")


MISUSES = {
    "array of another class": b"cnumpy.core.multiarray\n_reconstruct\n(c__builtin__\nset\n(I0\ntS'b'\ntR.",
    "object of another class": b"ccopy_reg\n_reconstructor\n(c_codecs\nencode\nc__builtin__\nobject\nNtR.",
    "another encoding": b"c_codecs\nencode\n(S'abc'\nS'rot13'\ntR.",
    "state for a function": b"c_codecs\nencode\n(N(dS'_call'\nI0\nstb.",
    "state for a class": b"cnumpy\nndarray\n(dS'origin'\nI0\nsb.",
    "call of an object": b"cnumpy\nndarray\n(tR(tR.",
}


@pytest.mark.parametrize("raw", MISUSES.values(), ids=MISUSES)
def test_allowed_names_cannot_be_misused(tmp_path, raw):
    (tmp_path / "body.pkl").write_bytes(raw)
    with pytest.raises(ValueError, match="body.pkl: not a whole pickle"):
        body.load_body(tmp_path / "body.pkl")
    assert unpickling._encode("é") == b"\xe9"
    assert unpickling._Array.origin == ""


def array_record(code="f8", shape=(2,), raw=bytes(16), order="<"):
    """The record of an array whose parts a file may have chosen freely."""
    dtype, array = unpickling._Dtype(code), unpickling._Array()
    dtype.__setstate__((3, order, None, None, None, -1, -1, 0))
    array.__setstate__((1, shape, dtype, 0, raw))
    return array


BAD_ARRAYS = {
    "objects": {"code": "O8", "raw": [1, 2]},
    "pointers as objects": {"code": "O8"},
    "text": {"code": "U2"},
    "structure": {"code": "V8"},
    "too few bytes": {"shape": (3,)},
    "negative shape": {"shape": (-2,)},
    "huge shape": {"shape": (2**40, 2**40)},
    "no bytes": {"raw": None},
    "no such order": {"order": "x"},
    "a number of bytes": {"raw": 8_900_000_000},
    "an endless side": {"shape": (0, 10**30), "raw": b""},
}


@pytest.mark.parametrize("change", BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_only_whole_arrays_of_numbers_are_made(change):
    np.testing.assert_array_equal(unpickling.to_array(array_record()), np.zeros(2))
    with pytest.raises(ValueError, match="array|order"):
        unpickling.to_array(array_record(**change))


def test_a_chumpy_object_within_itself_ends():
    loop = unpickling._Chumpy()
    loop.__setstate__({"x": loop})
    with pytest.raises(ValueError, match="no array of numbers"):
        unpickling.to_array(loop)


@pytest.mark.parametrize("part", ["indices", "indptr", "data", "_shape"])
def test_sparse_matrices_whose_parts_do_not_fit_are_refused(part):
    whole = scipy.sparse.csc_matrix(np.eye(4))
    parts = {
        "indices": np.array([0, 1, 2, 9]),
        "indptr": np.array([0, 1, 9, 3, 4]),
        "data": np.ones(3),
        "_shape": (10**9, 10**9),
    }
    state = {"data": whole.data, "indices": whole.indices, "indptr": whole.indptr, "_shape": (4, 4), part: parts[part]}
    arrays = {
        name: array_record(
            "f8" if value.dtype == float else "i8",
            value.shape,
            value.astype(float if value.dtype == float else np.int64).tobytes(),
        )
        for name, value in state.items()
        if name != "_shape"
    }
    record = unpickling._Sparse()
    record.__setstate__({**arrays, "_shape": state["_shape"]})
    with pytest.raises(ValueError, match="sparse matrix"):
        unpickling.to_array(record)


def test_compressed_rows_are_made_dense(tmp_path):
    dense = np.array([[0.0, 1.5, 0.0], [2.0, 0.0, 0.0]])
    (tmp_path / "rows.pkl").write_bytes(pickle.dumps({"a": scipy.sparse.csr_matrix(dense)}))
    np.testing.assert_array_equal(unpickling.to_array(unpickling.load_pickle(tmp_path / "rows.pkl")["a"]), dense)


ASKED = {
    "stored at two billion": b"]r\xff\xff\xff\x7f.",
    "stored as text": b"]p999999999\n.",
    "stored below zero": b"]p-5\n.",
    "more steps than there may be": b"N0" * 600_000 + b"N.",
    "bytes of an exabyte": b"\x80\x04\x8e" + bytes(7) + b"\x10.",
    "text made to bytes again and again": b"](X\x10'\x00\x00"
    + b"x" * 10_000
    + b"q\x00"
    + b"c_codecs\nencode\nh\x00\x85R" * 9
    + b"e.",
    "names without end": b"".join(b"cchumpy.a\nb%d\n0" % number for number in range(99)) + b"N.",
    "cut off": b"}(X\x03",
    "no instruction": b"\xff.",
}


@pytest.mark.parametrize("raw", ASKED.values(), ids=ASKED)
def test_what_a_pickle_may_ask_for_is_bounded(tmp_path, raw, monkeypatch):
    loaded = []
    monkeypatch.setattr(unpickling._Unpickler, "load", lambda self: loaded.append(super(type(self), self).load()))
    (tmp_path / "body.pkl").write_bytes(raw)
    with pytest.raises(ValueError, match="body.pkl: not a whole pickle of arrays") as error:
        body.load_body(tmp_path / "body.pkl")
    assert not loaded
    assert "\n" not in str(error.value)


def test_lists_that_hold_each_other_again_and_again_end(tmp_path):
    inside = [0.0]
    for _ in range(9):
        inside = [inside] * 10
    np.save(tmp_path / "a.npy", np.array({"joints": inside}, object))
    with pytest.raises(ValueError, match=r"a\.npy: .*more than 16 objects inside each other, or 1,000,000 in all"):
        unpickling.load_npy_object(tmp_path / "a.npy")


def test_sets_are_never_copied(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a": {1, 2, 3}}, 2))
    assert unpickling.load_pickle(tmp_path / "a.pkl") == {"a": ()}


PLAIN = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big endian": np.arange(3, dtype=">i4"),
    "text": np.array(["left", "rechts ü"]),
    "list": ["a", 1, 2.5, None, True, {"inside": np.zeros(2)}],
    "scalar": np.float32(0.5),
    "objects": np.array([np.zeros(2), np.ones(3)], object),
}


def test_a_saved_dictionary_comes_back_plain(tmp_path):
    np.save(tmp_path / "a.npy", PLAIN)
    found = unpickling.load_npy_object(tmp_path / "a.npy")
    assert list(found) == list(PLAIN)
    for name in ("numbers", "columns first", "big endian", "text"):
        np.testing.assert_array_equal(found[name], PLAIN[name])
    assert found["list"][:5] == ["a", 1, 2.5, None, True]
    np.testing.assert_array_equal(found["list"][5]["inside"], np.zeros(2))
    assert (found["scalar"], type(found["scalar"])) == (0.5, float)
    assert [array.tolist() for array in found["objects"]] == [[0, 0], [1, 1, 1]]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_that_an_array_of_objects_names_is_run(tmp_path, attack):
    marker = tmp_path / "ran"
    np.save(tmp_path / "a.npy", {})
    head = (tmp_path / "a.npy").read_bytes().split(b"\n")[0] + b"\n"
    (tmp_path / "a.npy").write_bytes(head + attack(f"touch {marker}"))
    with pytest.raises(ValueError, match="a.npy"):
        unpickling.load_npy_object(tmp_path / "a.npy")
    assert not marker.exists()


def test_arrays_that_hold_no_single_object_are_named(tmp_path):
    for array in (np.zeros(3), np.array([1, "a"], object)):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match="a.npy: one object is wanted"):
            unpickling.load_npy_object(tmp_path / "a.npy")
    loop = []
    loop.append(loop)
    np.save(tmp_path / "a.npy", {"loop": loop})
    with pytest.raises(ValueError, match="more than 16 objects inside each other"):
        unpickling.load_npy_object(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01")
    with pytest.raises(ValueError, match="a.npy: not a whole .npy file"):
        unpickling.load_npy_object(tmp_path / "a.npy")
