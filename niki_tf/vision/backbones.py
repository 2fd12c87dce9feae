"""Backbones: from a normalised image to heat maps and features, each by its name."""

import functools
from collections.abc import Callable

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

    Batch normalisation is in inference form.

    Args:
        image: (N, S, S, 3), symbolic, S a multiple of 32.
        channels: of the heat maps.

    Returns:
        heat maps (N, S/8, S/8, channels) and features (N, 1280), divided by the root of their number, so that steps
        of training move what a layer makes of them no more than others do.

    Source: Sandler et al., MobileNetV2, CVPR 2018.
    """
    whole = keras.applications.MobileNetV2(input_shape=image.shape[1:], include_top=False, weights=None)
    maps = [whole.output, *(whole.get_layer(name).output for name in _MOBILENET_MAPS)]
    last, *others = keras.Model(whole.input, maps, name="mobilenet_v2")(image, training=False)
    narrow = functools.partial(hrnet.conv_bn, channels=_MOBILENET_CHANNELS, kernel=1, initializer=_INITIALIZER)
    x = narrow(last, conv="narrow", norm="narrow.norm")
    for number, other in enumerate(others):
        x = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"double.{number}")(x)
        seen = narrow(other, conv=f"join.{number}", norm=f"join.{number}.norm", relu=False)
        x = keras.layers.Add(name=f"join.{number}.add")([x, seen])
        around = {
            "padding": "same",
            "use_bias": False,
            "depthwise_initializer": keras.initializers.RandomNormal(0.0, 1 / 3),
        }
        x = keras.layers.DepthwiseConv2D(3, name=f"around.{number}", **around)(x)
        x = narrow(x, conv=f"across.{number}", norm=f"across.{number}.norm")
    heat = keras.layers.Conv2D(channels, 1, kernel_initializer=_INITIALIZER, name="final_layer")(x)
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(last)
    return heat, keras.layers.Rescaling(mean.shape[-1] ** -0.5, name="mean.scaled")(mean)


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
