"""Backbones: from a normalised image to heat maps and features, each by its name."""

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
_MOBILENET_DOUBLINGS = 2
"""From a 32nd of the image to an eighth: heat maps over volumes of a quarter would cost more than the backbone."""


def mobilenet_v2(image: Map, channels: int) -> tuple[Map, Map]:
    """Heat maps and features of MobileNetV2, whose last map is enlarged twice.

    Batch normalisation is in inference form.

    Args:
        image: (N, S, S, 3), symbolic, S a multiple of 32.
        channels: of the heat maps.

    Returns:
        heat maps (N, S/8, S/8, channels) and features (N, 1280).

    Source: Sandler et al., MobileNetV2, CVPR 2018.
    """
    base = keras.applications.MobileNetV2(
        input_shape=image.shape[1:], include_top=False, weights=None, name="mobilenet_v2"
    )
    last = base(image, training=False)
    x = hrnet.conv_bn(last, _MOBILENET_CHANNELS, "narrow", "narrow.norm", kernel=1)
    for number in range(_MOBILENET_DOUBLINGS):
        x = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"double.{number}")(x)
        x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"around.{number}")(x)
        x = hrnet.conv_bn(x, _MOBILENET_CHANNELS, f"across.{number}", f"across.{number}.norm", kernel=1)
    heat = keras.layers.Conv2D(channels, 1, name="final_layer")(x)
    return heat, keras.layers.GlobalAveragePooling2D(name="mean")(last)


def _hrnet(width: int) -> Callable[[Map, int], tuple[Map, Map]]:
    return lambda image, channels: hrnet.hrnet(image, width=width, channels=channels)


BACKBONES: dict[str, Callable[[Map, int], tuple[Map, Map]]] = {
    **{f"hrnet_w{width}": _hrnet(width) for width in hrnet.WIDTHS},
    "mobilenet_v2": mobilenet_v2,
}
"""Name -> function of a symbolic image (N, S, S, 3) and the number of channels, which gives heat maps
(N, S/stride, S/stride, channels) and features (N, F)."""
STRIDES = {**dict.fromkeys(BACKBONES, hrnet.STRIDE), "mobilenet_v2": 2 ** (5 - _MOBILENET_DOUBLINGS)}
"""Name -> pixels of the image for one of the heat maps."""

SIZE_STEP = 32
"""Images of backbones have a multiple of this as their size, pixels."""
