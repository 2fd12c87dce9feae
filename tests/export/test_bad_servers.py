"""Servers that answer too late, too much, elsewhere or wrongly: each ends in one line that names the address."""

import contextlib
import functools
import http.server
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from niki_tf import export
from niki_tf.export import addresses, answers, messages

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")

import server_cases  # noqa: E402

CONNECT = {
    "rest": export.rest_server,
    "grpc": export.grpc_server,
    "v2": functools.partial(export.rest_server, protocol="v2"),
}
SOME = {
    "rest": {
        "never answers": "does not answer whole within 0.3 s",
        "a body byte by byte": "does not answer whole within 0.3 s",
        "a header byte by byte": "does not answer whole within 0.3 s",
        "an error byte by byte": "does not answer whole within 0.3 s",
        "a body of a gigabyte": "must answer in at most .* bytes; got more",
        "an error of a gigabyte": "HTTP 500",
        "closes within the body": "IncompleteRead",
        "a chunk of no size": "must answer by HTTP, whole",
        "a code of text": "must answer by HTTP, whole; got BadStatusLine",
        "code 401": "HTTP 401, no. Is the token right",
        "redirect 307 to a server that is right": "a redirect to http://.*not followed",
        "redirect to a file": "a redirect to file:///etc/hostname, which is not followed",
        "body: empty": "must be a response in columns",
        "body: ten thousand brackets": "must be a response in columns",
        "values: valid is text": "`valid` must be an array of true and false; got .*no",
        "values: transl is text": "`transl` must be an array of numbers",
        "values: lists of different lengths": "`transl` must be an array of numbers",
        "values: a number beyond float32": "`transl` with finite numbers; got .*inf",
    },
    "grpc": {
        "never answers": "DEADLINE_EXCEEDED.*It had 0.3 s",
        "noise": "`message` must be a PredictResponse",
        "a message too large": "larger than max",
        "a terabyte of one number": r"`transl` must be an array of at most .*\(1099511627776, 3\)",
        "a negative shape": r"got float32 of shape \(-1, 3\)",
        "a shape that its numbers do not fill": "`transl` must be a whole array",
        "valid is text": "`valid` must be an array of .* numbers; got type 7",
        "no token": "UNAUTHENTICATED.*Is the token right",
    },
}
VALUES = {
    "values: without valid": "valid is missing",
    "values: another output alone": "global_orient is missing, got joints",
    "values: a frame too few": r"with the shape \(2,.*; got \(1,",
    "values: rotation vectors": r"`body_pose` with the shape \(2, 23, 3, 3\); got \(2, 23, 3\)",
    "values: NaN in a rotation": "`body_pose` with finite numbers",
    "values: matrices twice as large": "`body_pose` with rotation matrices",
    "values: mirrored matrices": "`global_orient` with rotation matrices",
    "values: matrices of zeros": "`body_pose` with rotation matrices.*got .0.0, 0.0",
    "values: transl of 1e30 m": "`transl` within 10 km",
    "values: state 7": "`state` with 0, 1 or 2",
    "values: valid of one frame": r"`valid` with the shape \(2,\); got \(1,\)",
    "values: reason of one frame": r"`reason` with the shape \(2,\); got \(1,\)",
    "values: reason of numbers": "`reason` (must be an array of numbers|with whole numbers); got .*0.5",
}
ALL = {(kind, name): message for kind, some in SOME.items() for name, message in {**some, **VALUES}.items()}
CASES = {(case.protocol, case.name): case for case in server_cases.cases(None)}


@pytest.mark.parametrize("key", ALL, ids=" ".join)
def test_what_is_no_answer_is_told_in_one_line_in_time(key, rng):
    started = time.monotonic()
    with CASES[key].server() as address:
        ask = CONNECT[key[0]](address, model="model", deadline=0.3 if "0.3 s" in ALL[key] else 4.0)
        with pytest.raises((ConnectionError, ValueError), match=ALL[key]) as caught:
            ask("ik_full", joints=rng.normal(size=[2, 29, 3]))
    assert address in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 5.0


@pytest.mark.parametrize("key", [key for key, case in CASES.items() if case.right], ids=" ".join)
def test_right_answers_come_through_in_every_form(key, rng):
    joints = rng.normal(size=[2, 29, 3]).astype(np.float32)
    with CASES[key].server() as address:
        answer = CONNECT[key[0]](address, model="model")("ik", joints=joints)
    for name, array in server_cases.wrong_values.right({"joints": joints}).items():
        np.testing.assert_allclose(answer[name], array, atol=1e-6)


@pytest.mark.parametrize("text", server_cases.ADDRESSES[:-1])
def test_what_is_no_address_is_named_before_anything_is_sent(text):
    with pytest.raises(
        ValueError, match="`address` must be HOST:PORT, http://HOST:PORT or https://HOST:PORT"
    ) as caught:
        export.rest_server(text, model="model")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "protocol", "parts"),
    [
        ("localhost:8501", "rest", ("localhost", 8501, False, "")),
        ("HTTPS://a.example", "rest", ("a.example", 443, True, "")),
        ("http://a-b_c.example.:80/poses/v2/", "rest", ("a-b_c.example.", 80, False, "/poses/v2")),
        ("grpcs://[::1]:8500", "grpc", ("[::1]", 8500, True, "")),
        ("127.0.0.1:65535", "grpc", ("127.0.0.1", 65535, False, "")),
    ],
)
def test_the_parts_of_an_address(text, protocol, parts):
    assert addresses.parse(text, protocol=protocol) == parts


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("localhost:1", True),
        ("127.3.4.5:1", True),
        ("[::1]:1", True),
        ("10.0.0.1:1", False),
        ("localhost.example:1", False),
    ],
)
def test_which_addresses_are_this_machine(text, local):
    assert addresses.parse(text, protocol="rest").local is local


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_a_token_leaves_the_machine_over_tls_only(kind):
    connect, secure = CONNECT[kind], addresses.SCHEMES[kind][1]
    with pytest.raises(ValueError, match="over TLS only; got poses.example:1 without") as caught:
        connect("poses.example:1", model="model", token="secret")
    assert "secret" not in str(caught.value)
    connect(f"{secure}://poses.example:1", model="model", token="secret")
    for token in ("sec ret", "secret\n", "sécret", ""):
        with pytest.raises(ValueError, match="printable ASCII") as caught:
            connect("localhost:1", model="model", token=token)
        assert "cret" not in str(caught.value)


@contextlib.contextmanager
def _listening():
    """Gives the address of a server that refuses everything, and the headers that it was sent."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(dict(self.headers))
            self.send_error(500)

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"localhost:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("token", [None, "abc.def"])
def test_the_token_is_a_header(token, rng):
    with _listening() as (address, seen), pytest.raises(ConnectionError, match=r"HTTP 500\.$"):
        export.rest_server(address, model="model", token=token)("ik", joints=rng.normal(size=[1, 29, 3]))
    assert seen[0].get("Authorization") == (token and f"Bearer {token}")


def test_the_token_is_metadata_by_grpc(rng):
    seen = []

    def fault(asked, call):
        seen.extend(call.invocation_metadata())
        return b""

    with server_cases.grpc_faults.serve(fault) as address, pytest.raises(ValueError, match="must answer with"):
        export.grpc_server(address, model="model", token="abc.def")("ik", joints=rng.normal(size=[1, 29, 3]))
    assert ("authorization", "Bearer abc.def") in [tuple(pair) for pair in seen]


@pytest.mark.parametrize(
    ("model", "deadline"), [("", 1.0), ("model", 0.0), ("model", -1.0), ("model", np.nan), ("model", np.inf)]
)
@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_a_name_and_a_time_are_needed(kind, model, deadline):
    with pytest.raises(ValueError, match="`(model|deadline)` must be"):
        CONNECT[kind]("localhost:1", model=model, deadline=deadline)


def test_the_longest_answers_fit(rng):
    joints = rng.normal(size=[64, 29, 3])
    answer = server_cases.wrong_values.right({"joints": joints})
    answer["z"] = rng.normal(size=[64, 78])  # as the largest network has it
    body = server_cases.http_faults.encoded(answer, indent=4)
    bound = answers.most_bytes({"joints": joints}, signature="ik", protocol="rest")
    assert 64 * 2**13 < len(body) < bound - 2**20 < 64 * 2**16
    assert set(messages.rest_answer(body)) == set(answer)


def test_vertices_have_room_where_they_are_asked_for():
    pose = {"global_orient": np.zeros([3, 1, 3, 3]), "body_pose": np.zeros([3, 23, 3, 3])}
    sizes = [answers.most_bytes(pose, signature=name, protocol="grpc") - 2**20 for name in ("fk", "mesh")]
    assert sizes[0] == 3 * 8 * 1024
    assert sizes[1] > 3 * 8 * 3 * 10_475


def test_leading_axes_are_those_before_an_example():
    assert answers.leading_axes({"betas": np.zeros([9]), "joints": np.zeros([2, 5, 29, 3])}) == (2, 5)
    assert answers.leading_axes({"body_pose": np.zeros([4, 23, 3, 3])}) == (4,)
    assert answers.leading_axes({"betas": np.zeros([4, 10])}) is None


@pytest.mark.slow
def test_the_campaign_finds_nothing(repo):
    command = [sys.executable, repo / "tools" / "reliability" / "servers.py", "--seed=0"]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr[-2000:]
