"""Backbones: from a normalised image to heat maps and features, each by its name."""

from collections.abc import Callable
from typing import Any

import keras

from niki_tf.vision import hrnet
from niki_tf.vision.hrnet import Map

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of red, green and blue, in 0..1."""
NORMALIZATIONS = {
    "imagenet": IMAGENET,
    "hybrik": ((0.406, 0.457, 0.480), (0.225, 0.224, 0.229)),
    "symmetric": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Name -> mean and standard deviation of red, green and blue. `hybrik` is what the published weights were trained
with: their code gives red the numbers of blue."""

_MOBILENET_CHANNELS = 128
"""Channels of the layers that bring MobileNetV2's map to the resolution of the heat maps; set by hand."""
_MOBILENET_MAPS = ("block_13_expand_relu", "block_6_expand_relu")
"""Layers whose maps, of a 16th and an eighth of the image, join the last one, of a 32nd, as it is enlarged. Heat maps
over volumes of a quarter of the image would cost more than the backbone."""

_INITIALIZER = "he_normal"
"""Keeps the size of maps from layer to layer, as batch normalisation does not here, and heat maps from being flat."""


def mobilenet_v2(image: Map, channels: int) -> tuple[Map, Map]:
    """Heat maps and features of MobileNetV2, whose last map is enlarged twice and joined by those of earlier layers.

    Args:
        image: (N, S, S, 3), symbolic, S a multiple of 32.
        channels: of the heat maps.

    Returns:
        heat maps (N, S/8, S/8, channels) and features (N, 1280), divided by the root of their number, so that steps
        of training move what a layer makes of them no more than others do.

    Source: Sandler et al., MobileNetV2, CVPR 2018.
    """
    whole = folded_mobilenet_v2(image.shape[1])
    maps = [whole.output, *(whole.get_layer(name).output for name in _MOBILENET_MAPS)]
    last, *others = keras.Model(whole.input, maps, name="mobilenet_v2")(image)
    x = _narrow(last, "narrow", activation="relu")
    for number, other in enumerate(others):
        x = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"double.{number}")(x)
        x = keras.layers.Add(name=f"join.{number}.add")([x, _narrow(other, f"join.{number}")])
        around = keras.initializers.RandomNormal(0.0, 1 / 3)
        x = keras.layers.DepthwiseConv2D(
            3, padding="same", use_bias=False, depthwise_initializer=around, name=f"around.{number}"
        )(x)
        x = _narrow(x, f"across.{number}", activation="relu")
    heat = keras.layers.Conv2D(channels, 1, kernel_initializer=_INITIALIZER, name="final_layer")(x)
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(last)
    return heat, keras.layers.Rescaling(mean.shape[-1] ** -0.5, name="mean.scaled")(mean)


def folded_mobilenet_v2(image_size: int) -> keras.Model:
    """MobileNetV2 of keras.applications without its top, with biases of convolutions in place of batch normalisation.

    In inference form both are the same function.

    Args:
        image_size: S of the images (N, S, S, 3), pixels.
    """

    def with_bias(layer: keras.layers.Layer) -> keras.layers.Layer:
        has_kernel = isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
        return type(layer).from_config(layer.get_config() | ({"use_bias": True} if has_kernel else {}))

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if isinstance(layer, keras.layers.BatchNormalization) else layer(*args, **kwargs)

    shape = (image_size, image_size, 3)
    whole = keras.applications.MobileNetV2(input_shape=shape, include_top=False, weights=None)
    return keras.models.clone_model(whole, clone_function=with_bias, call_function=call)


def _narrow(x: Map, name: str, *, activation: str | None = None) -> Map:
    """The map with fewer channels."""
    return keras.layers.Conv2D(
        _MOBILENET_CHANNELS, 1, activation=activation, kernel_initializer=_INITIALIZER, name=name
    )(x)


def _hrnet(width: int) -> Callable[[Map, int], tuple[Map, Map]]:
    return lambda image, channels: hrnet.hrnet(image, width=width, channels=channels)


BACKBONES: dict[str, Callable[[Map, int], tuple[Map, Map]]] = {
    **{f"hrnet_w{width}": _hrnet(width) for width in hrnet.WIDTHS},
    "mobilenet_v2": mobilenet_v2,
}
"""Name -> function of a symbolic image (N, S, S, 3) and the number of channels, which gives heat maps
(N, S/stride, S/stride, channels) and features (N, F)."""
STRIDES = {**dict.fromkeys(BACKBONES, hrnet.STRIDE), "mobilenet_v2": 8}
"""Name -> pixels of the image for one of the heat maps."""

SIZE_STEP = 32
"""Images of backbones have a multiple of this as their size, pixels."""
