"""The tf.distribute strategies that a run can use."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from niki_tf.training import cluster

STRATEGIES = ("none", "mirrored", "multi_worker")
"""One device; all GPUs of this machine, or logical CPUs in their place; the machines that TF_CONFIG names."""


def make_strategy(name: str, *, cpu_replicas: int = 1) -> tf.distribute.Strategy:
    """The strategy called `name`; to be made before TensorFlow runs any operation.

    Args:
        name: one of `STRATEGIES`.
        cpu_replicas: logical CPU devices, so that "mirrored" can be tried without GPUs.

    Raises:
        ValueError: the name is unknown, `cpu_replicas` is below 1, or above 1 with another strategy than "mirrored",
            or TF_CONFIG does not name the workers.
        TimeoutError: a worker of TF_CONFIG has not come.
    """
    _check(name, cpu_replicas)
    if name == "multi_worker":
        cluster.wait_for_all(cluster.read_cluster())
        with _signals_to_the_system():
            return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "none":
        return tf.distribute.get_strategy()
    if cpu_replicas == 1:
        return tf.distribute.MirroredStrategy()
    cpus = [tf.config.LogicalDeviceConfiguration() for _ in range(cpu_replicas)]
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(cpu_replicas)])


def _check(name: str, cpu_replicas: int) -> None:
    """Raises ValueError if there is no such strategy; starts nothing."""
    if name not in STRATEGIES:
        raise ValueError(f"`strategy` must be one of {', '.join(STRATEGIES)}; got {name!r}.")
    if cpu_replicas < 1:
        raise ValueError(f"`cpu_replicas` must be 1 or more; got {cpu_replicas}.")
    if cpu_replicas > 1 and name != "mirrored":
        raise ValueError(f"`cpu_replicas` goes with the strategy mirrored; got {name}.")


@contextmanager
def _signals_to_the_system() -> Iterator[None]:
    """SIGINT and SIGTERM end the process at once: no Python runs while TensorFlow connects the workers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
