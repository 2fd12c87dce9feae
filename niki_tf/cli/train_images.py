"""Trains a network of images on sets that prepare_images has drawn: --flagfile=configs/image_backbone.flags.

Example:
    python tools/train_images.py --flagfile=configs/image_backbone.flags --images=SET --workdir=DIR

It learns joints, their sigma, twists, betas and the camera, as HybrIK does. --initial=movenet starts from weights that
know people of photographs (python tools/get_assets.py movenet). --network=part_attention trains a baseline instead,
rotations straight from the maps of the network of --initial, which stays as it is. Interrupted, the same command goes
on from the newest checkpoint. Overrides come after --flagfile.
"""

import functools
import pathlib
import sys

import keras
import tensorflow as tf
from absl import flags

from niki_tf import assets, training, vision
from niki_tf.cli import body_flag, constructor_flags, dataclass_flags, run_record
from niki_tf.cli.body_flag import body_joints
from niki_tf.convert import movenet
from niki_tf.data import image_batches
from niki_tf.data.image_augmentation import ImageAugmentation
from niki_tf.training import image_joints, part_attention

_MOVENET = "movenet"
_SETTINGS = {training.TrainSettings: "", image_joints.ImageLossWeights: "loss_", ImageAugmentation: ""}
_FREE_TO_CHANGE = ("max_steps", "save_every", "log_every")

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, TensorBoard, model.keras.")
flags.DEFINE_multi_string("images", None, "Set of images to train on, PATH=WEIGHT; once a set.")
flags.DEFINE_string(
    "initial",
    None,
    f"Folder of a model of images whose layers of the same shapes the run starts from, or `{_MOVENET}`.",
)
flags.DEFINE_string(
    "first_trained", None, "Start of the name of the first layer that is trained; those before it stay as they are."
)
flags.DEFINE_enum("network", "joints", ["joints", "part_attention"], "What is trained.")
_MODEL = constructor_flags.define([vision.ImageJoints], leave_out=("flip_test", "as_published"))
for _settings, _prefix in _SETTINGS.items():
    dataclass_flags.define(_settings, prefix=_prefix)
for _module in (body_flag, constructor_flags, dataclass_flags):
    flags.adopt_module_key_flags(_module)
_NAMES = (
    *("network", "images", "initial", "first_trained", "body"),
    *_MODEL,
    *(name for settings, prefix in _SETTINGS.items() for name in dataclass_flags.names(settings, prefix=prefix)),
)


def main(argv: list[str]) -> None:
    """Trains, or goes on training, the network that the flags describe."""
    if argv[1:]:
        sys.exit(f"train_images takes flags only; got {' '.join(argv[1:])}.")
    try:
        trainer = _prepared()
        print(f"{FLAGS.network}: {trainer.solver.count_params():,} weights", flush=True)
        terms = trainer.run()
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"train_images: {error}")
    shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
    print(f"step {trainer.step}: {shown or 'nothing left to train'}")
    print(f"model written to {trainer.workdir / 'model.keras'}")


def _prepared() -> training.Trainer:
    """The trainer that the flags describe; cheap checks first, so that a slip shows before any work."""
    for name in ("workdir", "images"):
        if not FLAGS[name].value:
            raise ValueError(f"`{name}` must be given: --{name}=...; niki-tf train_images --help tells all flags.")
    values = run_record.resolved(_NAMES)
    run_record.check(FLAGS.workdir, values, free=_FREE_TO_CHANGE)
    settings, augment = dataclass_flags.read(training.TrainSettings), dataclass_flags.read(ImageAugmentation)
    mix = image_batches.load_images(FLAGS.images)
    weights = dataclass_flags.read(image_joints.ImageLossWeights, prefix="loss_")
    of_joints = FLAGS.network == "joints"

    def make_batches(first_step: int, shards: int, own_shards: tuple[int, ...]) -> tf.data.Dataset:
        return image_batches.batches(
            mix,
            batch_size=settings.batch_size,
            seed=settings.seed,
            augment=augment,
            first_step=first_step,
            shards=shards,
            own_shards=own_shards,
        )

    trainer = training.Trainer(
        functools.partial(_made if of_joints else _part_attention, size=mix.sets[0][0]["image"].shape[0]),
        loss=functools.partial(image_joints.loss, weights=weights) if of_joints else part_attention.loss,
        make_batches=make_batches,
        settings=settings,
        workdir=pathlib.Path(FLAGS.workdir),
        joint_errors=None,
    )
    run_record.write(FLAGS.workdir, values)
    return trainer


def _made(*, size: int) -> vision.ImageJoints:
    """The network of joints at its start."""
    model = vision.ImageJoints(body_joints(), **constructor_flags.read(_MODEL))
    _check_size(model, size)
    if FLAGS.initial is not None:
        _start_from(model, _initial())
    if FLAGS.first_trained is not None:
        _freeze_before(model.network, FLAGS.first_trained)
    return model


def _part_attention(*, size: int) -> vision.PartAttention:
    """The baseline behind the network of --initial, at its start."""
    given = [name for name in (*_MODEL, "first_trained") if FLAGS[name].value is not None]
    if FLAGS.initial is None or given:
        got = f"--{given[0]}" if given else "no --initial"
        raise ValueError(f"`network` part_attention takes its maps from a trained --initial; got {got}.")
    found = _initial()
    _check_size(found, size)
    return vision.PartAttention(found)


def _check_size(model: vision.ImageJoints, size: int) -> None:
    if model.image_size != size:
        raise ValueError(f"`image_size` must be that of the images, {size}; got {model.image_size}.")


def _initial() -> vision.ImageJoints:
    """The network that --initial names."""
    if FLAGS.initial == _MOVENET:
        layers, weights = (assets.path_of(f"{_MOVENET}_{part}") for part in ("layers", "weights"))
        return movenet.start(layers, weights, body_joints=body_joints())[0]
    found = vision.load_image_model(FLAGS.initial, argument="initial")
    return found.image_joints if isinstance(found, vision.ImageSolver) else found


def _freeze_before(network: keras.Model, name: str) -> None:
    """Keeps the layers before the first one whose name starts so as they are; ValueError if there is none."""
    inner = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    layers = [layer for model in inner for layer in model.layers] or network.layers
    first = next((number for number, layer in enumerate(layers) if layer.name.startswith(name)), None)
    if first is None:
        raise ValueError(f"`first_trained` must be the start of the name of a layer of the backbone; got {name}.")
    for layer in layers[:first]:
        layer.trainable = False


def _start_from(model: vision.ImageJoints, other: vision.ImageJoints) -> None:
    """Gives the layers of `model` the weights of those of `other` that have the same name and shapes.

    Raises:
        ValueError: the two have other backbones or normalisations.
    """
    for name in ("backbone", "normalization"):
        if getattr(model, name) != getattr(other, name):
            raise ValueError(f"`{name}` must be that of --initial, {getattr(other, name)}; got {getattr(model, name)}.")
    for layer in model.network.layers:
        given = other.network.get_layer(layer.name).get_weights()
        if [weight.shape for weight in given] == [weight.shape for weight in layer.get_weights()]:
            layer.set_weights(given)
