"""One HTTP request: answered whole within a time and a size, or an error that says why not."""

import http.client
import json
import queue
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from niki_tf.export.retrying import Unavailable

_BUSY = (429, 502, 503, 504)
"""Codes of servers that may answer a little later."""
_LONGEST_REASON = 300
"""Characters of a server's own words that an error repeats."""
_REASON_BYTES = 2**14
"""Bytes of an error's body that are read."""


def post(url: str, body: bytes, *, headers: Mapping[str, str], deadline: float, most: int) -> bytes:
    """The body of the answer to a POST. Proxies of the environment are used; redirects are not followed.

    Args:
        url: http:// or https://.
        body: what is sent.
        headers: by name.
        deadline: seconds from now until the last byte must be there.
        most: bytes that the answer may have; no more are read.

    Raises:
        ConnectionError: nobody answers, not in time, or with an error.
        ValueError: the answer is no HTTP, not whole, or longer than `most`.
    """
    opened: list[socket.socket] = []
    outcome: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put(_post(urllib.request.Request(url, body, dict(headers)), opened, deadline=deadline, most=most))
        except Exception as error:
            outcome.put(_explained(error, url, deadline=deadline))

    # What a server sends byte by byte, or a name that nobody looks up, no time limit of a socket ends.
    threading.Thread(target=work, daemon=True).start()
    try:
        found = outcome.get(timeout=deadline)
    except queue.Empty:
        found = _explained(TimeoutError(), url, deadline=deadline)
        _hang_up(opened)
    if isinstance(found, Exception):
        raise found from None
    if len(found) > most:
        raise ValueError(f"{url} must answer in at most {most} bytes; got more. Is it a server of models?")
    return found


def _post(request: urllib.request.Request, opened: list[socket.socket], *, deadline: float, most: int) -> bytes:
    """The body of the answer, cut one byte after `most`; every socket that is used is added to `opened`."""
    opener = urllib.request.OpenerDirector()  # without the handler of redirects: they are errors, as are 4xx and 5xx
    for handler in (
        urllib.request.ProxyHandler(),
        _Handler(opened),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    with opener.open(request, timeout=deadline) as response:
        body = response.read(most + 1)
        if len(body) <= most and response.length:
            raise http.client.IncompleteRead(body, response.length)
        return body


class _Handler(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Opens http and https; adds each socket to `opened`."""

    def __init__(self, opened: list[socket.socket]) -> None:
        super().__init__()
        self._opened = opened

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._kept(http.client.HTTPConnection), request)

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._kept(http.client.HTTPSConnection), request)

    def _kept(self, kind: type[http.client.HTTPConnection]) -> Any:
        """The kind of connection, made so that its sockets are kept."""
        opened = self._opened

        class Kept(kind):  # type: ignore[valid-type, misc]
            def connect(self) -> None:
                super().connect()
                opened.append(self.sock)

        return Kept


def _hang_up(opened: list[socket.socket]) -> None:
    """Ends what still reads from the sockets."""
    for sock in opened:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:  # closed by now
            continue


def _explained(error: Exception, url: str, *, deadline: float) -> Exception:
    """The error that says what `error` means for a question to `url`."""
    if isinstance(error, urllib.error.HTTPError):
        return _refused(error, url)
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return ConnectionError(
            f"{url} does not answer whole within {deadline:g} s. Is the server running? Allow it more time, or send "
            "fewer frames at once."
        )
    said = in_one_line(str(reason) or type(reason).__name__)
    if isinstance(reason, ConnectionError | http.client.RemoteDisconnected):
        return Unavailable(f"{url} does not answer ({said}). Is the server running?")
    if isinstance(error, http.client.HTTPException) or not isinstance(error, OSError):
        return ValueError(
            f"{url} must answer by HTTP, whole; got {type(error).__name__} ({said}). Is it the server's REST port?"
        )
    return ConnectionError(f"{url} does not answer ({said}). Is the server running?")


def _refused(error: urllib.error.HTTPError, url: str) -> Exception:
    """What a server means that answers with a code other than 2xx."""
    if 300 <= error.code < 400:
        place = in_one_line(error.headers.get("Location", "nowhere"))
        return ConnectionError(
            f"{url} must answer itself; got HTTP {error.code}, a redirect to {place}, which is not followed. Give the "
            "address that answers."
        )
    cure = " Is the token right?" if error.code in (401, 403) else ""
    kind = Unavailable if error.code in _BUSY else ConnectionError
    return kind(f"{url} answers with an error: {_reason(error)}{cure}")


def _reason(error: urllib.error.HTTPError) -> str:
    """What the server says in an HTTP error: its JSON `error`, or else the bare code."""
    try:
        said = json.loads(error.read(_REASON_BYTES))["error"]
    except (ValueError, KeyError, TypeError, RecursionError, OSError, http.client.HTTPException):
        return f"HTTP {error.code}."
    return f"HTTP {error.code}, {in_one_line(str(said)).rstrip('.')}."


def in_one_line(text: str) -> str:
    """`text` of somebody else on one line, without what does not print, and not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"
