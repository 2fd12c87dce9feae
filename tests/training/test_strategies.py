import pytest
import tensorflow as tf

from niki_tf import training
from niki_tf.training import cluster


@pytest.mark.parametrize(
    ("name", "cpu_replicas", "message"),
    [
        ("tpu", 1, "`strategy` must be one of none, mirrored, multi_worker; got 'tpu'"),
        ("none", 2, "`cpu_replicas` goes with the strategy mirrored; got none"),
        ("multi_worker", 2, "`cpu_replicas` goes with the strategy mirrored; got multi_worker"),
        ("mirrored", 0, "`cpu_replicas` must be 1 or more; got 0"),
        ("multi_worker", 1, "`strategy` multi_worker needs the environment variable TF_CONFIG; it is not set"),
    ],
)
def test_what_cannot_be_made_is_named(name, cpu_replicas, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=message):
        training.make_strategy(name, cpu_replicas=cpu_replicas)


def test_none_is_the_default_strategy():
    assert training.make_strategy("none") is tf.distribute.get_strategy()


def test_mirrored_leaves_the_devices_to_tensorflow(monkeypatch):
    made = []
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda *devices: made.append(devices))
    training.make_strategy("mirrored")
    assert made == [()]


def test_cpu_replicas_are_logical_devices_that_the_strategy_mirrors(monkeypatch):
    """Only wiring: devices cannot be made once TensorFlow runs; test_distribution.py trains on them."""
    configured, made = [], []
    monkeypatch.setattr(tf.config, "set_logical_device_configuration", lambda *given: configured.append(given))
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", made.append)
    training.make_strategy("mirrored", cpu_replicas=3)
    [(device, logical)] = configured
    assert device.device_type == "CPU"
    assert len(logical) == 3
    assert made == [["CPU:0", "CPU:1", "CPU:2"]]


def test_multi_worker_asks_tensorflow_for_the_machines_of_tf_config(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 0}}')
    waited = []
    monkeypatch.setattr(cluster, "wait_for_all", lambda workers: waited.append(workers.name))
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda: "workers")
    assert training.make_strategy("multi_worker") == "workers"
    assert waited == ["worker 0"]
