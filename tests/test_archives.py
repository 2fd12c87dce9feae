import io
import struct
import zipfile

import numpy as np
import pytest

from niki_tf import archives

MB = 2**20


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(shape, descr="<f8"):
    """An .npy file without its numbers."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def write(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_arrays_come_back_and_others_are_none(tmp_path, rng):
    arrays = {"a": rng.normal(size=[3, 4]), "b/c": np.arange(5, dtype=np.int16), "text": np.array("walk")}
    np.savez_compressed(tmp_path / "a.npz", **arrays, pickled=np.array([{}], object))
    found = archives.read_arrays(tmp_path / "a.npz", skip_pickled=True)
    assert found.pop("pickled") is None
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    some = archives.read_arrays(tmp_path / "a.npz", names=["a"])
    assert [name for name, array in some.items() if array is not None] == ["a"]


def test_columns_first_empty_and_old_headers_are_read(tmp_path, rng):
    arrays = [np.asfortranarray(rng.normal(size=[3, 4])), np.zeros([0, 7]), np.float32(2)]
    for number, array in enumerate(arrays):
        np.savez(tmp_path / f"{number}.npz", a=array)
        np.testing.assert_array_equal(archives.read_arrays(tmp_path / f"{number}.npz")["a"], array)
        np.save(tmp_path / f"{number}.npy", array)
        np.testing.assert_array_equal(archives.read_array(tmp_path / f"{number}.npy"), array)


BOMBS = {
    "ratio": ([("a.npy", npy(np.zeros(9 * MB)))], "`?75,?.*|unpack"),
    "header": ([("a.npy", header((10**9, 72)))], "0 bytes for float64"),
    "dtype": ([("a.npy", header((4,), "|V2000000000"))], "an array of objects"),
    "pickled": ([("a.npy", npy(np.array([{}], object)))], "`a`, which cannot be read: an array of objects"),
    "no array": ([("a.npy", b"text")], "`a`, which cannot be read"),
    "twice": ([("a.npy", npy(np.zeros(2))), ("a.npy", npy(np.zeros(2)))], "two members of one name"),
    "path": ([("../a.npy", npy(np.zeros(2)))], r"a member called '\.\./a\.npy'"),
    "absolute": ([("/etc/a.npy", npy(np.zeros(2)))], "a member called '/etc/a.npy'"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("kind", BOMBS)
def test_what_is_out_of_bounds_is_refused_by_name(tmp_path, kind):
    members, message = BOMBS[kind]
    path = write(tmp_path / "bomb.npz", members)
    with pytest.raises(ValueError, match=rf"bomb\.npz must be a whole .npz file of arrays; got .*({message})") as error:
        archives.read_arrays(path)
    assert "\n" not in str(error.value)


def test_what_is_not_read_may_be_large(tmp_path):
    write(tmp_path / "a.npz", [("a.npy", npy(np.ones(2))), ("b.npy", npy(np.zeros(9 * MB)))])
    assert archives.read_arrays(tmp_path / "a.npz", names=["a"])["a"].tolist() == [1, 1]


def test_motion_of_many_frames_is_within_the_bounds(tmp_path):
    np.savez(tmp_path / "long.npz", poses=np.zeros([100_000, 90]))
    assert archives.read_arrays(tmp_path / "long.npz")["poses"].shape == (100_000, 90)


def test_a_list_of_members_that_is_too_long_is_not_read(tmp_path):
    path = write(tmp_path / "a.npz", [("a.npy", npy(np.zeros(2)))])
    content = path.read_bytes()
    end, bytes_ = content.index(b"PK\x05\x06"), 17 * MB
    path.write_bytes(content[: end + 12] + struct.pack("<I", bytes_) + content[end + 16 :] + b"")
    with pytest.raises(ValueError, match=r"a\.npz .*a list of 1 members in 17,825,792 bytes, which is too long"):
        archives.read_arrays(path)


def test_members_that_share_their_bytes_are_refused(tmp_path):
    path = write(tmp_path / "a.npz", [(f"{n}.npy", npy(np.random.default_rng(n).normal(size=400))) for n in range(2)])
    content = path.read_bytes()
    first, second = (content.index(b"PK\x01\x02", start) for start in (0, content.index(b"PK\x01\x02") + 4))
    size = struct.unpack_from("<I", content, first + 20)[0]
    path.write_bytes(content[: second + 20] + struct.pack("<I", 3 * size) + content[second + 24 :])
    with pytest.raises(ValueError, match=r"a\.npz .*members that share their bytes"):
        archives.read_arrays(path)


def outcome(path):
    """Whether the arrays of a file are read or refused, and how."""
    try:
        archives.read_arrays(path)
    except ValueError as error:
        return "refused" if "a.npz must be" in str(error) and "\n" not in str(error) else str(error)
    return "read"


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_anywhere_is_one_line_that_names_the_file(tmp_path, rng, compressed):
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "a.npz", a=rng.normal(size=50), b=np.arange(9))
    whole, kinds = (tmp_path / "a.npz").read_bytes(), set()
    for place in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        for content in (flipped, whole[:place]):
            (tmp_path / "a.npz").write_bytes(content)
            kinds.add(outcome(tmp_path / "a.npz"))
    assert kinds == {"refused", "read"}


def test_a_message_does_not_quote_a_whole_file(tmp_path, rng):
    np.savez(tmp_path / "a.npz", a=rng.normal(size=5000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\x03\x04") + 26, 30_000)  # length of the name before the member
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz must be .*`a`, which cannot be read: damaged content .*…") as caught:
        archives.read_arrays(tmp_path / "a.npz")
    assert len(str(caught.value)) < 600


def test_other_files_are_told_what_they_are(tmp_path):
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"single\.npy must be .*; got 152 bytes that are a single array\. Fetch"):
        archives.read_arrays(tmp_path / "single.npy")
    with pytest.raises(FileNotFoundError, match=r"none\.npz must be .*there is no such file"):
        archives.read_arrays(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"must be .*; got what cannot be read \(Is a directory\)"):
        archives.read_arrays(tmp_path)


def test_an_array_file_is_checked_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(header((10**10,)) + b"x" * 80)
    with pytest.raises(ValueError, match=r"80 bytes for float64 \(10000000000,\)"):
        archives.read_array(path)
    np.save(path, np.array([{}], object))
    with pytest.raises(ValueError, match="an array of objects"):
        archives.read_array(path)
