"""Chromium by playwright, and a folder on a server of this machine; all that leaves it is told."""

import contextlib
import functools
import http.server
import importlib.util
import shutil
import threading

import pytest

FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def chromium():
    """The browser's path; skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if importlib.util.find_spec("playwright") is None or not found:
        pytest.skip('there is no playwright (pip install "niki-tf[browser]") or no Chromium here')
    return found


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {
        "": "application/octet-stream",
        ".html": "text/html",
        ".css": "text/css",
        ".js": "text/javascript",
    }
    isolated = False

    def end_headers(self):
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder, *, isolated):
    """The address of a folder, with the headers that threads need if `isolated`."""
    handler = type("Handler", (_Handler,), {"isolated": isolated})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def opened(address, *, flags=(), **context):
    """A page; requests off its origin and errors of scripts fail the test."""
    from playwright.sync_api import sync_playwright

    wrong = []

    def look(request):
        if not request.url.startswith((address, "blob:", "data:")):
            wrong.append(request.url)

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags])
        context = browser.new_context(**context)
        context.on("request", look)  # of workers, too
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        yield page
        browser.close()
    assert not wrong
