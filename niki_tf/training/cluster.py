"""The workers of a run: who they are, by TF_CONFIG, and whether all are there."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from niki_tf.log import logger

PATIENCE = 600.0
"""Seconds for which a worker waits for the others at the start."""
_TOLD_AFTER, _TOLD_EVERY = 10.0, 60.0
"""Seconds after which those that are missing are named, first and then."""
_PAUSE = 0.5
"""Seconds between looks."""
_CURE = 'Write it as {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}.'
_JOBS = ("chief", "worker")


class Cluster(NamedTuple):
    """The workers of a run."""

    addresses: Mapping[str, str]
    """Name of each worker, such as `worker 0` -> HOST:PORT; the chief first."""
    name: str
    """Of this worker."""

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes."""
        return self.name == next(iter(self.addresses))


def read_cluster() -> Cluster:
    """The workers that the environment variable TF_CONFIG names.

    Raises:
        ValueError: it is not set, or says something else.
    """
    text = os.environ.get("TF_CONFIG")
    if text is None:
        raise ValueError(f"`strategy` multi_worker needs the environment variable TF_CONFIG; it is not set. {_CURE}")
    try:
        return _cluster(json.loads(text))
    except (ValueError, RecursionError) as error:
        reason = f"no JSON, {error}" if isinstance(error, json.JSONDecodeError) else error
        raise ValueError(
            f"`TF_CONFIG` must name the workers and which of them this is; got {reason}. {_CURE}"
        ) from None


def _cluster(config: Any) -> Cluster:
    """The cluster of a configuration; ValueError says what it has instead."""
    if not isinstance(config, dict):
        raise ValueError(f"type {type(config).__name__}")
    for key in ("cluster", "task"):
        if not isinstance(config.get(key), dict):
            raise ValueError(f"no dictionary `{key}`")
    addresses: dict[str, Any] = {}
    for job in [*_JOBS, *(config["cluster"].keys() - {*_JOBS})]:
        places = config["cluster"].get(job, [])
        if job not in _JOBS or not isinstance(places, list):
            raise ValueError(f"`cluster` with {job!r}: {str(places)[:60]!r}, where lists of chief and worker are known")
        addresses |= {f"{job} {number}": place for number, place in enumerate(places)}
    for place in addresses.values():
        if not isinstance(place, str) or not place.rpartition(":")[0] or not place.rpartition(":")[2].isdecimal():
            raise ValueError(f"the address {str(place)[:60]!r}, which is no HOST:PORT")
    if len({*addresses.values()}) < len(addresses):
        raise ValueError("an address twice")
    name = f"{config['task'].get('type')} {config['task'].get('index')}"
    if name not in addresses:
        raise ValueError(f"the task {name[:60]!r}, which is none of {', '.join(addresses) or 'no workers'}")
    return Cluster(addresses, name)


def wait_for_all(cluster: Cluster) -> None:
    """Returns as soon as all workers answer; those that do not are named in the log.

    TensorFlow itself waits for an hour without a word, and hears no signal meanwhile.

    Raises:
        ValueError: the own port is in use.
        TimeoutError: a worker has not come after `PATIENCE`.
    """
    start, told = time.monotonic(), -float("inf")
    with _listening(cluster) as own:
        while missing := _missing(cluster, own):
            waited = time.monotonic() - start
            names = ", ".join(f"{name} ({cluster.addresses[name]})" for name in missing)
            if waited > PATIENCE:
                raise TimeoutError(
                    f"`TF_CONFIG` names {len(cluster.addresses)} workers, which must be started within "
                    f"{PATIENCE / 60:g} minutes; {names} did not come. Start all of them."
                )
            if waited > _TOLD_AFTER and waited > told + _TOLD_EVERY:
                told = waited
                logger.warning("%s waits for %s; at most %g s more.", cluster.name, names, PATIENCE - waited)
            time.sleep(_PAUSE)


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[socket.socket]:
    """A socket at the own address, so that others see that this worker is there."""
    place = cluster.addresses[cluster.name]
    try:
        own = socket.create_server(("", int(place.rpartition(":")[2])), backlog=len(cluster.addresses) + 8)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"`TF_CONFIG` must give this worker, {cluster.name}, a port that is free; got {place} ({reason}). "
            "Is an earlier run still there?"
        ) from None
    own.settimeout(0.0)
    with own:
        yield own


def _missing(cluster: Cluster, own: socket.socket) -> list[str]:
    """The workers that do not answer now; those who called are let go."""
    with contextlib.suppress(BlockingIOError):
        while True:
            own.accept()[0].close()
    return [name for name, place in cluster.addresses.items() if name != cluster.name and not _answers(place)]


def _answers(place: str) -> bool:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2.0).close()
    except (OSError, OverflowError):
        return False
    return True
