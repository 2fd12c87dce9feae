import pathlib
import pickle
import struct
import sys
import types

import numpy as np
import pytest
import scipy.sparse

from niki_tf import body, skeletons

VERTICES = 6890


@pytest.fixture(scope="module")
def arrays():
    """A body in SMPL's format; pose directions are small integers to keep the files small."""
    rng = np.random.default_rng(0)
    regressor = np.zeros([24, VERTICES])
    regressor[np.arange(24)[:, None], rng.integers(VERTICES, size=[24, 4])] = 0.25
    parents = np.array(skeletons.SMPL_24.parents).astype(np.uint32)
    return {
        "v_template": rng.normal(size=[VERTICES, 3]),
        "shapedirs": rng.normal(size=[VERTICES, 3, 10]),
        "posedirs": rng.integers(-1, 2, size=[VERTICES, 3, 207]).astype(np.int8),
        "J_regressor": regressor,
        "weights": np.eye(24)[rng.integers(24, size=VERTICES)],
        "f": rng.integers(VERTICES, size=[40, 3]).astype(np.uint32),
        "kintree_table": np.stack([parents, np.arange(24, dtype=np.uint32)]),
    }


class Ch:
    """What a chumpy object leaves in a pickle: its attributes, among them a set."""

    __module__ = "chumpy.ch"

    def __init__(self, **state):
        self.__dict__.update(state, _dirty_vars={"x"}, _itr=None)


class Select(Ch):
    """Chosen elements of another chumpy object."""

    __module__ = "chumpy.reordering"


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did: both as its byte strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        if self.bin:
            self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        else:
            self.write(pickle.STRING + repr(raw)[1:].encode() + b"\n")
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = save_string


def write_as_python2(path, content, protocol):
    """A pickle with the names that Python 2, old NumPy, old SciPy and chumpy used."""
    modules = {"chumpy": None, "chumpy.ch": Ch, "chumpy.reordering": Select}
    with pytest.MonkeyPatch.context() as patch, open(path, "wb") as file:
        for name, member in modules.items():
            patch.setitem(sys.modules, name, types.SimpleNamespace(**{member.__name__: member} if member else {}))
        Python2Pickler(file, protocol).dump(content)
    raw = path.read_bytes()
    for new, old in ((b"numpy._core.", b"numpy.core."), (b"scipy.sparse._csc", b"scipy.sparse.csc")):
        raw = raw.replace(new, old)
    path.write_bytes(raw)
    assert b"cchumpy.ch\nCh\n" in raw
    assert b"cscipy.sparse.csc\ncsc_matrix\n" in raw


def same_body(data, arrays):
    np.testing.assert_allclose(data.v_template, arrays["v_template"], rtol=1e-6)
    np.testing.assert_allclose(data.shapedirs, arrays["shapedirs"], rtol=1e-6)
    np.testing.assert_array_equal(data.posedirs, arrays["posedirs"])
    np.testing.assert_array_equal(data.lbs_weights, arrays["weights"])
    np.testing.assert_array_equal(data.faces, arrays["f"])
    np.testing.assert_allclose(data.joints[:24], arrays["J_regressor"] @ arrays["v_template"], atol=1e-12)
    np.testing.assert_allclose(data.joints[24:], arrays["v_template"][[411, 2445, 5905, 3216, 6617]])
    moved = np.einsum("jv,vcb->jcb", arrays["J_regressor"], arrays["shapedirs"])
    np.testing.assert_allclose(data.joint_directions[:24], moved, atol=1e-12)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol(tmp_path, arrays, protocol):
    content = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]), "extra": {"a": [1, {2}, None]}}
    (tmp_path / "body.pkl").write_bytes(pickle.dumps(content, protocol))
    same_body(body.load_body(tmp_path / "body.pkl"), arrays)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_python_2_pickles_with_chumpy_and_sparse_objects(tmp_path, arrays, protocol):
    shapedirs, place = arrays["shapedirs"], tmp_path / "basicmodel.pkl"
    wide = np.concatenate([shapedirs, 1.0 + shapedirs], -1)
    chosen = np.arange(wide.size).reshape(wide.shape)[..., :10].ravel()
    content = {
        **arrays,
        "v_template": Ch(x=arrays["v_template"]),
        "shapedirs": Select(a=Ch(x=wide), idxs=chosen, preferred_shape=shapedirs.shape),
        "weights": np.asfortranarray(arrays["weights"]),
        "f": arrays["f"].astype(">u4"),
        "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]),
        "J": Ch(x=np.zeros([24, 3])),
        "bs_style": "lbs",
        "pose_training_info": {"gender": "f", "count": 7, "name": np.float64(0.5), "list": np.array(["a", 1], object)},
    }
    write_as_python2(place, content, protocol)
    same_body(body.load_body(place), arrays)
    assert "chumpy" not in sys.modules


def test_npz(tmp_path, arrays):
    np.savez(tmp_path / "body.npz", **arrays, extra=np.zeros(3))
    same_body(body.load_body(str(tmp_path / "body.npz")), arrays)


def test_files_with_more_shape_directions_are_kept_whole(tmp_path, arrays):
    wide = np.random.default_rng(1).normal(size=[VERTICES, 3, 300]).astype(np.float32)
    np.savez(tmp_path / "body.npz", **{**arrays, "shapedirs": wide})
    data = body.load_body(tmp_path / "body.npz")
    assert data.num_betas == 300
    assert data.body_joints().num_betas == 300


def write(path, content):
    """The same content as .npz or .pkl."""
    if path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_bytes(pickle.dumps(content))
    return path


@pytest.mark.parametrize("name", ["body.npz", "body.pkl"])
def test_broken_files_are_named(tmp_path, arrays, name):
    whole = write(tmp_path / name, arrays).read_bytes()
    damaged = {f"cut at {part}/8": whole[: len(whole) * part // 8] for part in range(8)}
    damaged |= {"text": b"not a body\n", "web page": b"<html></html>", "other kind": pickle.dumps([1, 2])}
    for raw in damaged.values():
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(ValueError, match=name):
            body.load_body(tmp_path / name)


BAD_CONTENT = {
    "vertices": ("v_template", np.zeros([10475, 3]), r"must have shape \(6890, 3\); got \(10475, 3\)"),
    "shape": ("shapedirs", np.zeros([VERTICES, 30]), r"must have shape \(6890, 3, B\); got \(6890, 30\)"),
    "hands": ("kintree_table", np.zeros([2, 52]), r"must have shape \(2, 24\); got \(2, 52\).*SMPL-H"),
    "tree": ("kintree_table", np.zeros([2, 24]), "must be SMPL's tree"),
    "no numbers": ("f", np.full([40, 3], "a"), "number"),
    "objects": ("weights", np.full([VERTICES, 24], None), "number"),
    "not finite": ("v_template", np.full([VERTICES, 3], np.nan), "must be finite"),
    "faces": ("f", np.full([40, 3], VERTICES), "must hold vertex numbers 0 to 6889; got 6890"),
    "weights": ("weights", np.ones([VERTICES, 24]), "must add up to 1"),
}


@pytest.mark.parametrize("name", ["body.npz", "body.pkl"])
@pytest.mark.parametrize(("key", "value", "message"), BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_content_that_does_not_fit_is_named(tmp_path, arrays, name, key, value, message):
    small = {**arrays, "posedirs": np.zeros([VERTICES, 3, 207], np.int8), key: value}
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        body.load_body(write(tmp_path / name, small))


@pytest.mark.parametrize("name", ["body.npz", "body.pkl"])
def test_missing_keys_are_listed(tmp_path, arrays, name):
    few = {key: arrays[key] for key in arrays if key not in ("weights", "f", "posedirs")}
    with pytest.raises(ValueError, match=f"{name}.* missing posedirs, weights, f"):
        body.load_body(write(tmp_path / name, few))


def test_values_that_are_no_arrays_are_named(tmp_path, arrays):
    for value, kind in ((None, "NoneType"), ([1, 2], "list")):
        with pytest.raises(ValueError, match=f"body.pkl: `weights` cannot be read: no array of numbers but {kind}"):
            body.load_body(write(tmp_path / "body.pkl", {**arrays, "weights": value}))


def test_a_file_that_is_not_there_or_of_another_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no body file .*smpl\.is\.tue\.mpg\.de.*mannequin"):
        body.load_body(tmp_path / "SMPL_NEUTRAL.pkl")
    pathlib.Path(tmp_path / "body.obj").write_text("v 0 0 0")
    with pytest.raises(ValueError, match=r"`path` must end in \.npz or \.pkl; got .*body\.obj"):
        body.load_body(tmp_path / "body.obj")
