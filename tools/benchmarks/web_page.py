"""Speed of a web page export in Chromium: python tools/benchmarks/web_page.py --folder=output/web.

A video stands for the camera of 640 x 480. The body is not drawn unless --draw is given, since a browser without a
graphics card draws by the processor. Prints the load of the machine and, for each landmark network, frames a second of
the whole chain over --seconds and the median times of its parts in the last frames. Needs the extra `browser`, and
`python tools/get_assets.py walk`.
"""

import functools
import http.server
import os
import pathlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import assets, evaluation
    from niki_tf.io import videos

_FOLDER = flags.DEFINE_string("folder", None, "That `export --format=web` wrote.", required=True)
_SECONDS = flags.DEFINE_integer("seconds", 10, "That frames are counted for.", lower_bound=1)
_DRAW = flags.DEFINE_bool("draw", default=False, help="Draw the body.")
_ISOLATED = flags.DEFINE_bool("isolated", default=True, help="Send the headers that threads need.")

_FRAMES, _SKIPPED = 100, 60
"""Frames of the video, and those before, in which nobody is near."""
_LEFT, _RIGHT = 220, 1546
"""Columns of the video that are shown: as wide as 640 x 480."""
_FLAGS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


def main(_argv: Sequence[str]) -> None:
    """Opens the page and prints a table."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("web_page: there is no Chromium here.")
    with tempfile.TemporaryDirectory() as temporary:
        video = pathlib.Path(temporary) / "camera.y4m"
        _write_video(video)
        rows = list(_rows(browser, video))
    print(f"load {', '.join(f'{load:.1f}' for load in os.getloadavg())}, {os.cpu_count()} cores")
    print(evaluation.text_table(rows, decimals=1))


def _write_video(path: pathlib.Path) -> None:
    import cv2

    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg\n")
        for number, (_, picture) in enumerate(videos.Video(assets.path_of("walk"))):
            if _SKIPPED <= number < _SKIPPED + _FRAMES:
                small = cv2.resize(picture[:, _LEFT:_RIGHT], (640, 480), interpolation=cv2.INTER_AREA)
                file.write(b"FRAME\n" + cv2.cvtColor(small, cv2.COLOR_RGB2YUV_I420).tobytes())


def _rows(browser: str, video: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Frames a second and times, a row for each landmark network."""
    from playwright.sync_api import sync_playwright

    with _served() as server, sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=browser, args=[*_FLAGS, f"--use-file-for-fake-video-capture={video}"]
        )
        page = chromium.new_page(viewport={"width": 800, "height": 600})
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-ready]")
        if not _DRAW.value:
            page.evaluate("document.getElementById('view').style.display = 'none'")
        for size in page.locator("#size option").all_inner_texts():
            page.select_option("#size", size)
            page.click("#camera")
            page.wait_for_timeout(3000)
            before, started = _solved(page)
            page.wait_for_timeout(1000 * _SECONDS.value)
            after, ended = _solved(page)
            said = page.inner_text("#speed").partition(";")[2].strip()
            page.click("#stop")
            yield {"landmarks": size, "frames/s": 1000 * (after - before) / (ended - started), "medians": said}
        chromium.close()


def _solved(page: Any) -> tuple[int, float]:
    """Frames solved so far, and the time, milliseconds."""
    return page.evaluate("[Number(document.body.dataset.solved), performance.now()]")


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {"": "application/octet-stream", ".html": "text/html", ".css": "text/css"} | {
        ".js": "text/javascript"
    }

    def end_headers(self) -> None:
        if _ISOLATED.value:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _served:
    """The folder on a free port of this machine."""

    def __enter__(self) -> http.server.ThreadingHTTPServer:
        handler = functools.partial(_Handler, directory=_FOLDER.value)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    app.run(main)
