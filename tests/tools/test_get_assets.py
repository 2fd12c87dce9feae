"""tools/get_assets.py: the list, and names that are unknown. Fetching is tested in tests/assets."""

import pytest

from niki_tf import assets


def test_the_list_tells_what_is_here(run_tool, monkeypatch, tmp_path):
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path))
    printed = run_tool("get_assets", "--list", "blazepose")
    rows = [line for line in printed.splitlines() if line.startswith("blazepose_")]
    assert len(rows) == len(assets.GROUPS["blazepose"])
    assert all(" no " in row and "Apache-2.0" in row for row in rows)
    assert str(tmp_path) in printed
    assert "movenet" not in printed


def test_an_unknown_name_ends_the_program(run_tool):
    with pytest.raises(SystemExit, match="get_assets: `name` must be one of"):
        run_tool("get_assets", "blazeposes2")
