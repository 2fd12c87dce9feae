"""What the machine can do at most: products of matrices, and reading memory."""

import concurrent.futures
import os
import time
from collections.abc import Callable

import numpy as np

_SIZES = (1024, 4096)
_ROUNDS = 5
_SECONDS = 0.5


def gigaflops() -> float:
    """The largest rate of a product of two square float32 matrices, by TensorFlow or NumPy, in 1e9 operations/s."""
    import tensorflow as tf

    rates = []
    for size in _SIZES:
        matrix = np.random.default_rng(0).normal(size=[size, size]).astype(np.float32)
        tensor = tf.constant(matrix)
        for product in (lambda a=matrix: a @ a, lambda a=tensor: tf.matmul(a, a).numpy()):
            rates.append(2 * size**3 / _shortest(product) / 1e9)
    return max(rates)


def device() -> str:
    """What TensorFlow computes on: the first GPU, or else the CPU."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU") if found else "CPU"


def gigabytes_read(size: int) -> float:
    """The rate, 1e9 bytes/s, at which all threads read a buffer of `size` bytes over and over.

    The fastest of a few reductions by NumPy.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    parts = np.array_split(np.ones(max(size // 4, threads), np.float32), threads)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for_all = [lambda one=one: list(pool.map(one, parts)) for one in (np.max, _dot, _any_bit)]
        if threads == 1:
            for_all = [lambda one=one: one(parts[0]) for one in (np.max, _dot, _any_bit)]
        return size / min(_shortest(call) for call in for_all) / 1e9


def _dot(values: np.ndarray) -> float:
    return values @ values


def _any_bit(values: np.ndarray) -> int:
    return np.bitwise_or.reduce(values.view(np.uint32))


def _shortest(call: Callable[[], object]) -> float:
    """Seconds of the shortest call, after one to warm up."""
    call()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < _ROUNDS or time.perf_counter() - begin < _SECONDS:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
