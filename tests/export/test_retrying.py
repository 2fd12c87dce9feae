"""A server that is busy is asked again, within the deadline and not too often; others are not."""

import time

import pytest
from server_cases import http_faults, wrong_values

from niki_tf import export
from niki_tf.export import retrying


class _Server:
    """Answers after a number of failures, and counts how often it was asked, and within what time."""

    def __init__(self, failures, error=retrying.Unavailable):
        self.failures, self.error, self.left = failures, error, []

    def __call__(self, left):
        self.left.append(left)
        if len(self.left) <= self.failures:
            raise self.error("busy.")
        return "answer"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(retrying, "FIRST_WAIT", 0.01)


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_an_answer_that_comes_later_is_taken(failures):
    server = _Server(failures)
    assert retrying.persistently(server, deadline=5.0, retries=3) == "answer"
    assert len(server.left) == failures + 1
    assert server.left[0] == 5.0
    assert sorted(server.left, reverse=True) == server.left


@pytest.mark.parametrize(("retries", "said"), [(0, r"^busy\.$"), (2, r"^busy\. It was asked 3 times\.$")])
def test_it_is_not_asked_for_ever(retries, said):
    server = _Server(9)
    with pytest.raises(retrying.Unavailable, match=said):
        retrying.persistently(server, deadline=5.0, retries=retries)
    assert len(server.left) == retries + 1


def test_waits_grow_and_end_with_the_deadline():
    server, started = _Server(99), time.monotonic()
    with pytest.raises(retrying.Unavailable):
        retrying.persistently(server, deadline=0.3, retries=99)
    assert time.monotonic() - started < 0.3 + 0.1
    assert 4 < len(server.left) < 9


def test_other_errors_are_not_asked_again():
    server = _Server(1, ConnectionError)
    with pytest.raises(ConnectionError):
        retrying.persistently(server, deadline=5.0, retries=3)
    assert len(server.left) == 1


@pytest.mark.parametrize(("code", "times"), [("429 Many", 3), ("503 Busy", 3), ("500 No", 1), ("404 No", 1), (None, 3)])
def test_which_answers_mean_later(code, times, rng):
    """A code, or the end of the connection, twice, and then what is right."""
    asked = []

    def fault(connection, right):
        asked.append(right)
        if len(asked) > 2:
            connection.sendall(http_faults.whole(right))
        elif code:
            connection.sendall(http_faults.whole(b'{"error": "no"}', code=code))

    joints = rng.normal(size=[2, 29, 3])
    with http_faults.serve(fault) as address:
        ask = export.rest_server(address, model="model")
        if times == 3:
            assert set(wrong_values.right({"joints": joints})) <= set(ask("ik", joints=joints))
        else:
            with pytest.raises(ConnectionError, match=f"HTTP {code[:3]}"):
                ask("ik", joints=joints)
    assert len(asked) == times
