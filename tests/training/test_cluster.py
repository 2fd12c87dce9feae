"""The workers of a run: TF_CONFIG is checked, and who is missing is told."""

import json
import re
import socket

import pytest

from niki_tf.training import cluster, make_strategy

_TASK = {"type": "worker", "index": 1}
_WORKERS = {"worker": ["a:1", "[::1]:2"]}


def test_the_chief_is_the_first(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": _WORKERS, "task": _TASK}))
    found = cluster.read_cluster()
    assert (found.addresses, found.name) == ({"worker 0": "a:1", "worker 1": "[::1]:2"}, "worker 1")
    assert not found.is_chief
    assert found._replace(name="worker 0").is_chief
    named = {"cluster": {**_WORKERS, "chief": ["c:1"]}, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(named))
    assert cluster.read_cluster().is_chief


@pytest.mark.parametrize(
    ("config", "got"),
    [
        ("{cluster", "no JSON, Expecting property name"),
        ("[1]", "type list"),
        ("3", "type int"),
        ('{"cluster": {"worker": ["a:1"]}}', "no dictionary `task`"),
        ('{"task": {"type": "worker", "index": 0}}', "no dictionary `cluster`"),
        ({"cluster": {"worker": "a:1"}, "task": _TASK}, "`cluster` with 'worker': 'a:1'"),
        ({"cluster": {"ps": ["a:1"]}, "task": _TASK}, "`cluster` with 'ps'"),
        ({"cluster": {"worker": ["a", "b:1"]}, "task": _TASK}, "the address 'a', which is no HOST:PORT"),
        ({"cluster": {"worker": [1, 2]}, "task": _TASK}, "the address '1'"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": _TASK}, "an address twice"),
        (
            {"cluster": _WORKERS, "task": {"type": "worker", "index": 2}},
            "the task 'worker 2', which is none of worker 0",
        ),
        ({"cluster": _WORKERS, "task": {"type": "worker"}}, "the task 'worker None'"),
        ({"cluster": {}, "task": _TASK}, "which is none of no workers"),
    ],
)
def test_another_tf_config_is_one_line(monkeypatch, config, got):
    monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
    wanted = "`TF_CONFIG` must name the workers and which of them this is; got .*"
    with pytest.raises(ValueError, match=f"{wanted}{re.escape(got)}") as raised:
        make_strategy("multi_worker")
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith('"task": {"type": "worker", "index": 0}}.')


@pytest.fixture
def ports():
    """A port that is taken, and one that is free."""
    with socket.create_server(("", 0)) as taken, socket.create_server(("", 0)) as free:
        numbers = [place.getsockname()[1] for place in (taken, free)]
        free.close()
        yield numbers


def _pair(own, other):
    return cluster.Cluster({"worker 0": f"localhost:{own}", "worker 1": f"localhost:{other}"}, "worker 0")


def test_all_that_answer_are_there(ports):
    cluster.wait_for_all(_pair(ports[1], ports[0]))


def test_who_is_missing_is_told_and_it_ends(ports, monkeypatch, caplog):
    for name, seconds in (("PATIENCE", 0.2), ("_TOLD_AFTER", 0.0), ("_TOLD_EVERY", 0.0), ("_PAUSE", 0.02)):
        monkeypatch.setattr(cluster, name, seconds)
    pair = _pair(ports[1], 1)
    with pytest.raises(TimeoutError, match=r"names 2 workers, .*; worker 1 \(localhost:1\) did not come. Start all"):
        cluster.wait_for_all(pair)
    assert "worker 0 waits for worker 1 (localhost:1); at most 0.1" in caplog.text


def test_a_port_that_is_taken_is_told(ports):
    with pytest.raises(ValueError, match=f"`TF_CONFIG` must give this worker, worker 0, a port .*localhost:{ports[0]}"):
        cluster.wait_for_all(_pair(ports[0], ports[1]))
