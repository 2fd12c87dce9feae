"""Fetching by the user's tools: which is tried, what is taken out of a package, what is refused. No network is used."""

import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

import pytest

from niki_tf import assets
from niki_tf.assets import cache, fetching, manifest

CONTENT = b"weights"


def _sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def made(monkeypatch, tmp_path):
    """A manifest of three assets of made packages; npm and pip are scripts that copy those from tmp_path/store."""
    npm = ("npm", "@made/package", "1.0")
    listed = {
        "thing_a": manifest.Asset(
            "thing/a.bin",
            "MIT",
            (
                manifest.Source(*npm, "package/a.bin", _sha(CONTENT)),
                manifest.Source("pip", "made", "1.0", "made/a.bin", _sha(CONTENT + b"2")),
            ),
            "a made file",
        ),
        "thing_b": manifest.Asset(
            "thing/b.bin", "MIT", (manifest.Source(*npm, "package/b.bin", _sha(CONTENT)),), "another"
        ),
    }
    for module in (manifest, cache, fetching):
        monkeypatch.setattr(module, "ASSETS", listed)
    for module in (manifest, cache):
        monkeypatch.setattr(module, "GROUPS", {"thing": tuple(listed)})
    store, binaries = tmp_path / "store", tmp_path / "bin"
    store.mkdir()
    binaries.mkdir()
    monkeypatch.setenv("PATH", str(binaries))
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path / "cache"))
    copy = (
        "import pathlib, shutil, sys\n"
        f"(tool, *rest), store = sys.argv[1:], pathlib.Path({str(store)!r})\n"
        "pathlib.Path(store, 'calls').open('a').write(tool + '\\n')\n"
        "place = [rest[n + 1] for n, a in enumerate(rest) if a == '--pack-destination']\n"
        "place += [a.partition('=')[2] for a in rest if a.startswith('--dest=')]\n"
        "found = list(store.glob('*.tgz' if tool == 'npm' else '*.whl'))\n"
        "if not found: sys.exit('404: no such package')\n"
        "shutil.copy(found[0], place[0])\n"
    )
    (tmp_path / "copy.py").write_text(copy)
    (binaries / "npm").write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "copy.py"} npm "$@"\n')
    (binaries / "npm").chmod(0o755)
    monkeypatch.setattr(fetching, "_PIP", (sys.executable, str(tmp_path / "copy.py"), "pip"))
    return store


def _npm_package(store, **files):
    with tarfile.open(store / "made-package-1.0.tgz", "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}.bin")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _wheel(store, content):
    with zipfile.ZipFile(store / "made-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("made/a.bin", content)


def _calls(store):
    return (store / "calls").read_text().split()


def test_a_package_is_fetched_once_and_files_that_are_there_stay(made, tmp_path):
    _npm_package(made, a=CONTENT, b=CONTENT)
    said = []
    paths = assets.fetch(["thing_a", "thing_b"], say=said.append)
    assert [path.read_bytes() for path in paths] == [CONTENT, CONTENT]
    assert paths[0] == tmp_path / "cache" / "thing" / "a.bin" == assets.path_of("thing_a")
    assert _calls(made) == ["npm"]
    assert "npm pack @made/package@1.0 --ignore-scripts" in said[0]
    assert ["checksum verified" in line for line in said] == [False, True, True]
    assets.fetch(["thing_a", "thing_b"], say=said.append)
    assert _calls(made) == ["npm"]
    assert "thing_b is there" in said[-1]


def test_pip_is_asked_where_npm_is_not_there_or_fails(made, tmp_path):
    _wheel(made, CONTENT + b"2")
    assert assets.fetch(["thing_a"], say=str)[0].read_bytes() == CONTENT + b"2"
    assert _calls(made) == ["npm", "pip"]
    assert assets.path_of("thing_a").is_file()
    (tmp_path / "bin" / "npm").unlink()
    with pytest.raises(OSError, match=r"thing_b could not be fetched: npm, which fetches @made/package, is not inst"):
        assets.fetch(["thing_b"], say=str)


def test_another_content_is_not_taken(made, tmp_path):
    _npm_package(made, a=b"other")
    with pytest.raises(OSError, match=f"SHA-256 {_sha(b'other')}, not {_sha(CONTENT)}.*404: no such package"):
        assets.fetch(["thing_a"], say=str)
    with pytest.raises(OSError, match=r"does not hold package/b.bin"):
        assets.fetch(["thing_b"], say=str)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_what_is_not_there_or_damaged_is_told_with_the_command(made, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"a made file .thing_a. is not here yet: python tools/get_assets.py th"
    ):
        assets.path_of("thing_a")
    assert assets.missing(["thing_a", "thing_b"]) == ("thing_a", "thing_b")
    path = tmp_path / "cache" / "thing" / "a.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"a.bin is damaged: python tools/get_assets.py thing_a"):
        assets.path_of("thing_a")
    _npm_package(made, a=CONTENT)
    assets.fetch(["thing_a"], say=str)
    assert assets.missing(["thing_a", "thing_b"]) == ("thing_b",)
    with pytest.raises(ValueError, match="`name` must be one of"):
        assets.path_of("thing_c")


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("NIKI_TF_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert assets.cache_folder() == tmp_path / "niki_tf"
    monkeypatch.setenv("NIKI_TF_ASSETS", "~/mine")
    assert assets.cache_folder() == pathlib.Path("~/mine").expanduser()


def test_names_and_groups():
    assert assets.chosen([]) == tuple(assets.ASSETS)
    blaze = assets.chosen(["blazepose", "blazepose_lite"])
    assert blaze == ("blazepose_detector", "blazepose_lite", "blazepose_full", "blazepose_heavy")
    with pytest.raises(ValueError, match=r"got 'blazepoze'. Did you mean blazepose\?"):
        assets.chosen(["blazepoze"])


def test_the_manifest_is_whole():
    places = [asset.file for asset in assets.ASSETS.values()]
    assert len(set(places)) == len(places)
    for name, asset in assets.ASSETS.items():
        assert asset.sources, name
        assert asset.licence in ("Apache-2.0", "MIT", "BSD-3-Clause"), name
        for source in asset.sources:
            assert source.tool in ("npm", "pip"), name
            assert len(source.sha256) == 64, name
            assert int(source.sha256, 16) > 0, name
    assert all(assets.GROUPS.values())
