"""The page in a browser without a network: the player draws, and nothing is asked for."""

import shutil
import subprocess

import numpy as np
import pytest

from niki_tf import assets, io, motion, report

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=8000",
    "--dump-dom",
)


@pytest.fixture
def browser():
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no Chromium here")
    if assets.missing(["three_core", "three_module"]):
        pytest.skip("three.js is not fetched: python tools/get_assets.py three")
    return found


@pytest.mark.slow
def test_the_player_draws_from_a_file(browser, setting, tmp_path):
    def run(command, folder):
        clip = motion.Clip(poses=np.zeros([3, 24, 3]), trans=np.zeros([3, 3]), up="y")
        io.save_clip(folder / "a.npz", clip)
        return ""

    films = [analysis for analysis in report.ANALYSES if analysis.name.startswith("film")]
    page = report.write_page(report.run_all(films, setting, run=run), setting)
    command = [browser, *_FLAGS, f"--user-data-dir={tmp_path / 'browser'}", f"file://{page}"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=300).stdout
    assert "cannot draw" not in shown.partition('id="film-player"')[2].partition("<script")[0]
    assert 'data-drawn="' in shown
