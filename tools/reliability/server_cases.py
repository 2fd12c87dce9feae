"""All servers and addresses that a client is tried with."""

import contextlib
import pathlib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from typing import NamedTuple

import grpc
import grpc_faults
import http_faults
import wrong_values

Server = Callable[[], contextlib.AbstractContextManager[str]]


class Case(NamedTuple):
    """A server and how it is asked."""

    name: str
    """What is wrong with it."""
    protocol: str
    """rest, grpc, or v2, Open Inference by REST."""
    server: Server
    """Context manager that gives the address."""
    right: bool = False
    """Whether the answer is to be written; of all others an error is wanted."""
    model: str = "model"
    """Name of the model that is asked for."""


ADDRESSES = (
    "",
    "localhost",
    "localhost:",
    "localhost:http",
    "localhost:0",
    "localhost:99999",
    "localhost:-1",
    "localhost:8501 more",
    "local host:8501",
    "localhost:8501\r\nX-More: 1",
    "a..b:8501",
    f"{'a' * 70}.example:8501",
    "[::1:8501",
    "ftp://localhost:8501",
    "file:///etc/hostname",
    "//localhost:8501",
    "http://",
    "http://somebody:secret@localhost:8501",
    "löcalhost:8501",
    "localhost:８５０１",
    "nobody.invalid:8501",
)
"""Addresses at which there is no server, or that are none."""


def cases(certificates: pathlib.Path | None) -> Iterator[Case]:
    """All cases.

    Args:
        certificates: folder of `certificate`; without it TLS is left out.
    """
    yield from _rest()
    yield from _grpc()
    yield from _open_inference()
    for text in ADDRESSES:
        yield Case(f"address {text[:40]!r}", "rest", _given(text))
    for text in (
        "",
        "localhost",
        "localhost:grpc",
        "http://localhost:8500",
        "localhost:8500/path",
        "nobody.invalid:8500",
    ):
        yield Case(f"address {text[:40]!r}", "grpc", _given(text))
    if certificates:
        yield from _tls(certificates)


def _rest() -> Iterator[Case]:
    """Cases by REST, but for addresses and TLS."""
    for name, fault in http_faults.RIGHT.items():
        yield Case(name, "rest", _http(fault), right=True)
    faults = {
        **http_faults.TRANSPORT,
        **{name: http_faults.says(reply) for name, reply in http_faults.CODES.items()},
        **{f"body: {name}": http_faults.says(http_faults.whole(body)) for name, body in http_faults.BODIES.items()},
        **{f"values: {name}": http_faults.changed(change) for name, change in http_faults.COLUMNS.items()},
        **{f"values: {name}": http_faults.changed(change) for name, change in wrong_values.WRONG.items()},
    }
    for name, fault in faults.items():
        yield Case(name, "rest", _http(fault))
    for code in (301, 302, 303, 307, 308):
        yield Case(f"redirect {code} to a server that is right", "rest", _redirecting(code))
    yield Case("accepts nobody", "rest", http_faults.deaf)
    yield Case("reads nothing", "rest", lambda: http_faults.serve(http_faults.TRANSPORT["never answers"], reads=False))
    yield Case("answers before it has read", "rest", lambda: http_faults.serve(http_faults.says(b"no"), reads=False))
    yield Case("nobody listens", "rest", lambda: _given(http_faults.free_port())())
    yield Case("a gRPC server", "rest", lambda: grpc_faults.serve(grpc_faults.RIGHT["whole"]))
    yield Case("a model's name with a line break", "rest", _http(http_faults.says(b"")), model="a\r\nX: y")
    yield Case("no name of a model", "rest", _http(http_faults.RIGHT["whole"]), model="")


def _grpc() -> Iterator[Case]:
    """Cases by gRPC, but for addresses and TLS."""
    for name, fault in grpc_faults.RIGHT.items():
        yield Case(name, "grpc", _by_grpc(fault), right=True)
    wrong = {f"values: {name}": grpc_faults.changed(change) for name, change in wrong_values.WRONG.items()}
    for name, fault in {**grpc_faults.FAULTS, **wrong}.items():
        yield Case(name, "grpc", _by_grpc(fault))
    for name in ("whole", "in chunks"):
        yield Case(f"an HTTP server, {name}", "grpc", _http(http_faults.RIGHT[name]))
    for name in ("never answers", "closes at once", "resets", "a status line of noise", "a body of a gigabyte"):
        yield Case(name, "grpc", lambda name=name: http_faults.serve(http_faults.TRANSPORT[name], reads=False))  # type: ignore[misc]
    yield Case("accepts nobody", "grpc", http_faults.deaf)
    yield Case("nobody listens", "grpc", lambda: _given(http_faults.free_port())())


def _open_inference() -> Iterator[Case]:
    """Cases of Open Inference by REST: its answers; what comes before them is as in `_rest`."""
    for name, fault in http_faults.RIGHT.items():
        yield Case(name, "v2", _http(fault), right=True)
    faults = {
        **{name: http_faults.TRANSPORT[name] for name in ("never answers", "a body byte by byte", "resets")},
        **{name: http_faults.says(reply) for name, reply in http_faults.CODES.items()},
        **{f"body: {name}": http_faults.says(http_faults.whole(body)) for name, body in http_faults.BODIES.items()},
        **{f"values: {name}": http_faults.changed(change) for name, change in http_faults.COLUMNS.items()},
        **{f"values: {name}": http_faults.changed(change) for name, change in wrong_values.WRONG.items()},
    }
    for name, fault in faults.items():
        yield Case(name, "v2", _http(fault))


def _tls(folder: pathlib.Path) -> Iterator[Case]:
    """Cases over TLS; `trusted` signs for localhost, `stranger` does too, but nobody knows it."""
    right, by_grpc = http_faults.RIGHT["whole"], grpc_faults.RIGHT["whole"]
    for name in ("trusted", "stranger"):
        files = folder / f"{name}.pem", folder / f"{name}.key"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        pair = grpc.ssl_server_credentials([(files[1].read_bytes(), files[0].read_bytes())])
        web = _http(right, tls=context)
        rpc = _by_grpc(by_grpc, credentials=pair)
        yield Case(f"TLS, {name}", "rest", _prefixed("https://", web), right=name == "trusted")
        yield Case(f"TLS, {name}", "grpc", _prefixed("grpcs://", rpc), right=name == "trusted")
    yield Case("TLS that is asked without", "rest", web)
    yield Case("TLS that is asked without", "grpc", rpc)
    yield Case("no TLS that is asked with", "rest", _prefixed("https://", _http(right)))
    yield Case("no TLS that is asked with", "grpc", _prefixed("grpcs://", _by_grpc(by_grpc)))
    yield Case("TLS that never answers", "rest", _prefixed("https://", http_faults.deaf))


def certificate(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Makes a key and a certificate for localhost with the program openssl and returns the certificate's path."""
    path = folder / f"{name}.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    made = [
        *command.split(),
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        path.with_suffix(".key"),
        "-out",
        path,
    ]
    subprocess.run(made, check=True, capture_output=True)
    return path


def _http(fault: http_faults.Fault, tls: ssl.SSLContext | None = None) -> Server:
    return lambda: http_faults.serve(fault, tls=tls)


def _by_grpc(fault: grpc_faults.Fault, credentials: grpc.ServerCredentials | None = None) -> Server:
    return lambda: grpc_faults.serve(fault, credentials=credentials)


def _given(text: str) -> Server:
    return lambda: contextlib.nullcontext(text)


def _prefixed(scheme: str, server: Server) -> Server:
    @contextlib.contextmanager
    def started() -> Iterator[str]:
        with server() as address:
            yield scheme + address

    return started


def _redirecting(code: int) -> Server:
    """A server that sends its clients to another one, which answers rightly, to a GET, too."""

    @contextlib.contextmanager
    def started() -> Iterator[str]:
        answer = http_faults.whole(http_faults.encoded(wrong_values.right({"joints": [[[0.0] * 3] * 29] * 2})))
        with http_faults.serve(http_faults.says(answer)) as right:
            headers = f"Location: http://{right}/v1/models/model:predict\r\n"
            with http_faults.serve(
                http_faults.says(http_faults.whole(b"", code=f"{code} Moved", headers=headers))
            ) as it:
                yield it

    return started
