"""tools/view.py: what it refuses, and a page that plays with the network off."""

import importlib.util
import shutil

import numpy as np
import pytest

from niki_tf import assets, io, skeletons
from niki_tf.motion import made_motion


def test_flags_are_checked_before_any_work(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="view: give motion files"):
        run_tool("view")
    with pytest.raises(SystemExit, match="view: `html` must end in .html"):
        run_tool("view", "a.npz", "--html=a.txt")


@pytest.mark.slow
def test_a_page_plays_with_the_network_off(run_tool, tmp_path):
    if assets.missing(["three_core", "three_module"]):
        pytest.skip("three.js is not fetched: python tools/get_assets.py three")
    io.save_clip(tmp_path / "walk.npz", made_motion(0, frames=20))
    joints = skeletons.POINT_SETS["smpl_24"].at_rest[None].repeat(20, 0)
    joints[5:9, 20] = np.nan
    np.save(tmp_path / "joints.npy", joints)
    page = tmp_path / "page.html"
    given = [tmp_path / "walk.npz", f"--input={tmp_path / 'joints.npy'}", "--solver=analytic", f"--html={page}"]
    assert "20 frames" in run_tool("view", *given, "--fps=30")
    with opened(page) as shown:
        shown.wait_for_selector(".player[data-drawn]")
        shown.select_option("select[aria-label=Colours]", "errors")
        assert "expected error" in shown.inner_text(".player p")
        assert shown.locator(".player label").count() == 3  # two bodies, observed joints
        shown.get_by_role("button", name="Pause").click()
        before = int(shown.get_attribute(".player", "data-drawn"))
        shown.locator("canvas").press("ArrowRight")
        shown.wait_for_selector(f".player[data-drawn='{(before + 1) % 20}']")


class opened:
    """The page of a file in Chromium without a network; any request or error fails the test."""

    def __init__(self, page):
        self._page, self._wrong = page, []
        if importlib.util.find_spec("playwright") is None or not shutil.which("chromium"):
            pytest.skip("there is no playwright or no Chromium here")

    def __enter__(self):
        from playwright.sync_api import sync_playwright

        self._play = sync_playwright().start()
        flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        self._browser = self._play.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        context = self._browser.new_context(offline=True, viewport={"width": 390, "height": 800})
        page = context.new_page()
        page.on("pageerror", lambda error: self._wrong.append(str(error)))
        page.on("request", lambda request: self._wrong.append(request.url) if request.url[:4] == "http" else None)
        page.goto(f"file://{self._page}")
        return page

    def __exit__(self, *_):
        self._browser.close()
        self._play.stop()
        assert not self._wrong
