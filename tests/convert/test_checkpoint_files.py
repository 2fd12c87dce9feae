import sys
import zipfile

import masked_twin
import numpy as np
import pytest

from niki_tf import convert


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def saved(torch, tmp_path):
    """A function that writes a dictionary of arrays as a .pth file of tensors."""

    def save(arrays, wrap=lambda tensors: tensors, dtype=None):
        tensors = {name: torch.from_numpy(array.copy()).to(dtype) for name, array in arrays.items()}
        torch.save(wrap(tensors), tmp_path / "model.pth")
        return tmp_path / "model.pth"

    return save


def test_tensors_come_back(saved, rng):
    arrays = masked_twin.random_one_stage(rng, num_couplings=2) | {"regressor.smpl_layer.parents": np.arange(29)}
    for wrap in (lambda x: x, lambda x: {"model": x, "epoch": 5}):
        found = convert.load_checkpoint(saved(arrays, wrap))
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


def test_any_float_is_read_as_float32(torch, saved):
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        found = convert.load_checkpoint(saved({"a": np.float32([1.5, -2.0])}, dtype=dtype))["a"]
        assert found.dtype == np.float32
        assert found.tolist() == [1.5, -2.0]


class Harmful:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('it ran')",)


def test_a_file_that_names_other_things_is_refused_unread(torch, tmp_path):
    path = tmp_path / "harmful.pth"
    torch.save({"a": torch.zeros(2), "b": Harmful()}, path)
    with pytest.raises(ValueError, match=r"harmful.pth: no PyTorch file of tensors, or one that names other things"):
        convert.load_checkpoint(path)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_named(content, tmp_path):
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken.pth: no (whole )?PyTorch file"):
        convert.load_checkpoint(path)


def test_a_file_cut_short_is_named(saved, rng):
    path = saved(masked_twin.random_one_stage(rng))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"model.pth: no whole PyTorch file"):
        convert.load_checkpoint(path)


@pytest.mark.usefixtures("torch")
def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.pth"):
        convert.load_checkpoint(tmp_path / "absent.pth")


def test_a_file_of_something_else_is_named(torch, tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match=r"list.pth: `content` must be a dictionary of tensors; got list"):
        convert.load_checkpoint(tmp_path / "list.pth")


def test_without_torch_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r'needs torch: pip install -e ".\[convert\]"'):
        convert.load_checkpoint(tmp_path / "model.pth")


def test_tensors_that_are_not_plainly_stored_are_named(torch, tmp_path):
    wrong = {
        "expanded": torch.zeros(1).expand(10**5, 10**5),
        "sparse": torch.zeros(2, 3).to_sparse(),
        "elsewhere": torch.zeros(2, device="meta"),
    }
    for name, tensor in wrong.items():
        torch.save({name: tensor}, tmp_path / "a.pth")
        with pytest.raises(ValueError, match=r"a\.pth: (no PyTorch file of tensors, or|.* of which less is stored)"):
            convert.load_checkpoint(tmp_path / "a.pth")


@pytest.mark.usefixtures("torch")
def test_an_archive_that_unpacks_to_more_than_a_checkpoint_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10**8))
    with pytest.raises(ValueError, match=r"a\.pth must be a whole PyTorch file; got .* that unpack to 100,000,000"):
        convert.load_checkpoint(tmp_path / "a.pth")


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aq\x00\x85R.",
        b"\x80\x02cbuiltins\nset\n]\x85R.",
        b"\x80\x02ccollections\nOrderedDict\n]\x85R.",
        b"]r\xff\xff\xff\x7f.",
        b"N0" * 600_000 + b"N.",
    ],
)
def test_calls_that_no_dictionary_of_tensors_needs_are_refused(tmp_path, content):
    (tmp_path / "alone.pth").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "archive.pth", "w") as archive:
        archive.writestr("a/data.pkl", content)
    for name in ("alone.pth", "archive.pth"):
        with pytest.raises(ValueError, match=f"{name}: no PyTorch file of tensors, or one that names other things"):
            convert.load_checkpoint(tmp_path / name)


def test_files_of_the_former_format_and_of_parameters_are_read(torch, tmp_path):
    held = {"a": torch.nn.Parameter(torch.ones(2)), "b": torch.arange(3, dtype=torch.bfloat16)}
    for archive in (True, False):
        torch.save(
            torch.nn.ParameterDict(held).state_dict(), tmp_path / "a.pth", _use_new_zipfile_serialization=archive
        )
        found = convert.load_checkpoint(tmp_path / "a.pth")
        assert {name: array.tolist() for name, array in found.items()} == {"a": [1, 1], "b": [0, 1, 2]}
