"""Servers on this machine that speak HTTP badly, each a function of a connection and the right answer."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import wrong_values

Connection = socket.socket
Fault = Callable[[Connection, bytes], None]
"""Answers on a connection whose request was read; the bytes are the right answer's body."""

_DATATYPES = {"valid": "BOOL", "state": "INT32", "reason": "INT32"}
"""Of outputs that are not float32, in Open Inference."""
_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
_GIGABYTE = 2**30
_SLOW_S = 0.5
"""Seconds between two bytes of a slow server."""


@contextlib.contextmanager
def serve(fault: Fault, *, tls: Any = None, reads: bool = True) -> Iterator[str]:
    """Gives the address of a server that answers every request by `fault`.

    Args:
        fault: what it does.
        tls: the ssl.SSLContext of a server that encrypts; None for none.
        reads: whether a request is read before the answer.
    """
    listening = socket.create_server(("localhost", 0))
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                threading.Thread(target=_answer, args=[connection, fault, tls, reads], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"localhost:{listening.getsockname()[1]}"
    finally:
        ended.set()
        listening.close()


@contextlib.contextmanager
def deaf() -> Iterator[str]:
    """Gives the address of a server that accepts no connection; the system does so for it."""
    with socket.create_server(("localhost", 0), backlog=8) as listening:
        yield f"localhost:{listening.getsockname()[1]}"


def free_port() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("localhost", 0)) as listening:
        return f"localhost:{listening.getsockname()[1]}"


def _answer(connection: Connection, fault: Fault, tls: Any, reads: bool) -> None:  # noqa: FBT001
    """One request and its answer; what the client breaks off is no concern of the server."""
    with contextlib.suppress(OSError, ValueError), contextlib.closing(connection):
        connection.settimeout(60.0)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        body = b""
        if reads:
            asked = _request(connection)
            body = _right_body(asked) if asked else b"{}"
        fault(connection, body)
        connection.shutdown(socket.SHUT_WR)


def _request(connection: Connection) -> Any:
    """The inputs of the request that is read; None of one without a body, as a GET is."""
    with connection.makefile("rb") as stream:
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(stream.read(length))["inputs"] if length else None


def _right_body(inputs: Any) -> bytes:
    """The body of the answer that is right, in columns or, if the inputs came so, as tensors."""
    if isinstance(inputs, list):
        given = {one["name"]: np.reshape(one["data"], one["shape"]) for one in inputs}
        return encoded(wrong_values.right(given), tensors=True)
    return encoded(wrong_values.right(inputs))


def encoded(answer: Any, *, tensors: bool = False, **how: Any) -> bytes:
    """The body of an answer of arrays by name, in columns or as tensors."""
    columns = {
        name: array.tolist() if isinstance(array, np.ndarray | np.generic) else array for name, array in answer.items()
    }
    if not tensors:
        return json.dumps({"outputs": columns}, **how).encode()
    outputs = [
        {"name": name, "datatype": _DATATYPES.get(name, "FP32"), "shape": _shape(answer[name]), "data": _flat(column)}
        for name, column in columns.items()
    ]
    return json.dumps({"outputs": outputs}, **how).encode()


def _shape(value: Any) -> list[int]:
    """The shape of an array; of what is none, that of a list."""
    return list(value.shape) if isinstance(value, np.ndarray | np.generic) else [len(value or ())]


def _flat(column: Any) -> Any:
    """The numbers of nested lists of one length each, in a row; whatever else as it is."""
    while isinstance(column, list) and column and all(isinstance(one, list) for one in column):
        column = [number for one in column for number in one]
    return column


def whole(body: bytes, *, code: str = "200 OK", headers: str = "") -> bytes:
    """A whole answer of HTTP."""
    return f"HTTP/1.1 {code}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def says(reply: bytes) -> Fault:
    """Says the same whatever the question, and closes."""
    return lambda connection, right: connection.sendall(reply)


def changed(change: Callable[[dict[str, Any]], Any], **how: Any) -> Fault:
    """Answers by HTTP as it should, with the outputs changed."""

    def fault(connection: Connection, right: bytes) -> None:
        outputs = json.loads(right)["outputs"]
        if isinstance(outputs, list):
            arrays = {one["name"]: np.reshape(one["data"], one["shape"]) for one in outputs}
            connection.sendall(whole(encoded(change(arrays), tensors=True, **how)))
        else:
            arrays = {name: np.array(column) for name, column in outputs.items()}
            connection.sendall(whole(encoded(change(arrays), **how)))

    return fault


def slowly(start: bytes, piece: bytes = b"x") -> Fault:
    """Says `start`, then `piece` again and again with a pause before each."""

    def fault(connection: Connection, right: bytes) -> None:
        connection.sendall(start)
        while True:
            time.sleep(_SLOW_S)
            connection.sendall(piece)

    return fault


def endlessly(start: bytes, piece: bytes, *, most: int = _GIGABYTE) -> Fault:
    """Says `start`, then `piece` as fast as it is read, until there are `most` bytes."""

    def fault(connection: Connection, right: bytes) -> None:
        connection.sendall(start)
        several = piece * max(1, 2**16 // len(piece))
        for _ in range(most // len(several)):
            connection.sendall(several)

    return fault


def _hangs(connection: Connection, right: bytes) -> None:
    time.sleep(60.0)


def _resets(connection: Connection, right: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _in_pieces(connection: Connection, right: bytes) -> None:
    reply = whole(right)
    for start in range(0, len(reply), len(reply) // 4 + 1):
        connection.sendall(reply[start : start + len(reply) // 4 + 1])
        time.sleep(0.05)


def _chunk(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


def _right_by(make: Callable[[bytes], bytes]) -> Fault:
    return lambda connection, right: connection.sendall(make(right))


RIGHT: dict[str, Fault] = {
    "whole": _right_by(whole),
    "in chunks": _right_by(lambda body: _OK + _CHUNKED + _chunk(body[:99]) + _chunk(body[99:]) + b"0\r\n\r\n"),
    "until it closes": _right_by(lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body),
    "after 100 Continue": _right_by(lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" + whole(body)),
    "in pieces with pauses": _in_pieces,
    "indented": changed(lambda answer: answer, indent=4),
    "with one output more": changed(lambda answer: {**answer, "logits": np.zeros([1, 2])}),
}
"""Servers whose answer is right, in forms that HTTP and JSON allow."""

TRANSPORT: dict[str, Fault] = {
    "never answers": _hangs,
    "a status line byte by byte": slowly(b"HTTP/1.1 200 O"),
    "a header byte by byte": slowly(_OK + b"A: "),
    "headers line by line": slowly(_OK, b"A: b\r\n"),
    "a body byte by byte": slowly(_OK + b"Content-Length: 100000\r\n\r\n"),
    "chunks byte by byte": slowly(_OK + _CHUNKED, b"1\r\nx\r\n"),
    "100 Continue for ever": slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without end, byte by byte": slowly(_OK + b"\r\n{"),
    "headers without end": endlessly(_OK, b"A: b\r\n"),
    "a header of a gigabyte": endlessly(_OK + b"A: ", b"x"),
    "a status line of a gigabyte": endlessly(b"HTTP/1.1 200 ", b"x"),
    "a body of a gigabyte": endlessly(_OK + f"Content-Length: {_GIGABYTE}\r\n\r\n".encode(), b" "),
    "a body of a gigabyte in chunks": endlessly(_OK + _CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "a body of a gigabyte till it closes": endlessly(_OK + b"\r\n", b"[["),
    "an error of a gigabyte": endlessly(b"HTTP/1.1 500 No\r\n\r\n", b'{"error": "'),
    "an error byte by byte": slowly(b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n"),
    "closes at once": says(b""),
    "resets": _resets,
    "closes after the status": says(_OK),
    "closes within the status": says(b"HTTP/1."),
    "closes within the body": _right_by(lambda body: whole(body)[:-50]),
    "closes before a promised body": says(_OK + f"Content-Length: {3 * _GIGABYTE}\r\n\r\n{{".encode()),
    "a chunk of no size": says(_OK + _CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk of negative size": says(_OK + _CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n"),
    "a chunk of endless size": says(_OK + _CHUNKED + b"f" * 16 + b"\r\n{}"),
    "chunks that end early": _right_by(lambda body: _OK + _CHUNKED + _chunk(body[:99])),
    "a chunk shorter than it says": says(_OK + _CHUNKED + b"50\r\n{}"),
    "a length of text": says(_OK + b"Content-Length: much\r\n\r\n{}"),
    "a negative length": says(_OK + b"Content-Length: -3\r\n\r\n{}"),
    "a status line of noise": says(np.random.default_rng(0).bytes(300)),
    "another protocol": says(b"SSH-2.0-OpenSSH_9.0\r\n"),
    "HTTP/9.9": says(b"HTTP/9.9 200 OK\r\n\r\n{}"),
    "a code of text": says(b"HTTP/1.1 fine OK\r\n\r\n{}"),
    "a code of four digits": says(b"HTTP/1.1 2000 OK\r\n\r\n{}"),
    "an empty status line": says(b"\r\n\r\n"),
    "a header that is none": says(_OK + b"\xff\xfe no header\r\n\r\n{}"),
}
"""What goes wrong between connection and body."""

CODES: dict[str, bytes] = {
    **{f"code {code}": whole(b'{"error": "no"}', code=f"{code} No") for code in (400, 401, 403, 404, 429, 500, 503)},
    "an error of many lines": whole(b'{"error": "one\\ntwo\\u001b[31m\\nTraceback"}', code="500 No"),
    "an error page": whole(b"<html><body>Bad gateway</body></html>", code="502 No"),
    "an error of a list": whole(b"[1]", code="400 No"),
    "an error cut off": b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n{",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "redirect to a file": whole(b"", code="301 Moved", headers="Location: file:///etc/hostname\r\n"),
    "redirect to nowhere": whole(b"", code="302 Found"),
}
"""Answers with another code than 200."""

BODIES: dict[str, bytes] = {
    "empty": b"",
    "a page": b"<html>Welcome</html>",
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "an object without outputs": b'{"predictions": []}',
    "an error with code 200": b'{"error": "no"}',
    "outputs null": b'{"outputs": null}',
    "outputs a list": b'{"outputs": [[1.0]]}',
    "outputs a text": b'{"outputs": "right"}',
    "half of an object": b'{"outputs": {"valid": [tr',
    "ten thousand brackets": b"[" * 10_000 + b"]" * 10_000,
    "a number of ten thousand digits": b'{"outputs": {"transl": ' + b"9" * 10_000 + b"}}",
    "no text": b"\xff\xfe\x00\x80",
    "compressed": b"\x1f\x8b\x08\x00garbage",
    "zeros": bytes(1000),
}
"""Bodies that are no answer."""

COLUMNS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "valid is text": lambda answer: {**answer, "valid": ["no"] * len(answer["valid"])},
    "valid is null": lambda answer: {**answer, "valid": [None] * len(answer["valid"])},
    "transl is text": lambda answer: {**answer, "transl": [["0", "0", "0"]] * len(answer["valid"])},
    "transl is null": lambda answer: {**answer, "transl": None},
    "transl is an object": lambda answer: {**answer, "transl": {"x": 0.0}},
    "lists of different lengths": lambda answer: {**answer, "transl": [[0.0, 0.0, 0.0], [0.0]]},
    "a number beyond float32": lambda answer: {**answer, "transl": [[1e300, 0.0, 0.0]] * len(answer["valid"])},
    "a number of 300 digits": lambda answer: {**answer, "transl": [[10**299, 0, 0]] * len(answer["valid"])},
    "state of halves": lambda answer: {**answer, "state": answer["state"] + 0.5},
}
"""Columns of JSON that no array of numbers is."""
