"""HRNet: a convolutional network that keeps a high resolution beside lower ones and exchanges them again and again.

Layers are named as the tensors of the published PyTorch code are, so that its weights are found by name.

Source: Sun et al., Deep high-resolution representation learning, CVPR 2019; Wang et al., the same, TPAMI 2020, whose
head for classification gives the features of the whole image.
"""

from typing import Any

import keras

WIDTHS = (8, 32, 48)
"""Channels of the branch of the highest resolution: 8 for tests, 32 and 48 as published."""
FEATURES = 2048
"""Size of the features of the whole image."""
STRIDE = 4
"""Pixels of the image for a pixel of the heat maps."""

_STEM = 64
_MODULES = (1, 4, 3)
"""Modules of stages 2 to 4, which have 2 to 4 branches."""
_BLOCKS = 4
"""Residual blocks of a branch in each module, and of the first stage."""
_EXPANSION = 4
"""Channels that leave a bottleneck for each one inside it."""
_HEAD = (32, 64, 128, 256)
"""Channels inside the bottlenecks that lead from each branch to the features."""
_EPSILON = 1e-5
"""What batch normalisation of the published code adds to variances."""

Map = Any
"""A symbolic tensor, keras.KerasTensor, which is no type for checkers."""


def hrnet(image: Map, *, width: int, channels: int) -> tuple[Map, Map]:
    """Heat maps and features of normalised images.

    Batch normalisation is in inference form: its statistics stay as they are, also in training.

    Args:
        image: (N, S, S, 3), symbolic, S a multiple of 32.
        width: of the branch of the highest resolution; one of `WIDTHS`.
        channels: of the heat maps.

    Returns:
        heat maps (N, S/4, S/4, channels) and features (N, 2048).

    Raises:
        ValueError: there is no such width.
    """
    if width not in WIDTHS:
        raise ValueError(f"`width` of HRNet must be one of {', '.join(map(str, WIDTHS))}; got {width}.")
    x = conv_bn(image, _STEM, "conv1", "bn1", kernel=3, stride=2)
    x = conv_bn(x, _STEM, "conv2", "bn2", kernel=3, stride=2)
    for block in range(_BLOCKS):
        x = _bottleneck(x, _STEM, f"layer1.{block}")
    branches = [x]
    for stage, modules in enumerate(_MODULES, start=2):
        branches = _transition(branches, width, stage)
        for module in range(modules):
            branches = _module(branches, f"stage{stage}.{module}")
    heat = keras.layers.Conv2D(channels, 1, name="final_layer")(branches[0])
    return heat, _features(branches)


def conv_bn(
    x: Map,
    channels: int,
    conv: str,
    norm: str,
    *,
    kernel: int,
    stride: int = 1,
    relu: bool = True,
    bias: bool = False,
) -> Map:
    """A convolution of odd size, padded alike on all sides, then batch normalisation, then perhaps ReLU.

    Args:
        x: (N, H, W, C), symbolic.
        channels: that come out.
        conv: name of the convolution.
        norm: name of the batch normalisation.
        kernel: width of the convolution.
        stride: of the convolution.
        relu: whether ReLU follows.
        bias: whether the convolution has one.
    """
    if stride > 1:  # "same" would pad even sizes at the end alone
        x, padding = keras.layers.ZeroPadding2D(kernel // 2, name=f"{conv}.pad")(x), "valid"
    else:
        padding = "same"
    x = keras.layers.Conv2D(channels, kernel, stride, padding, use_bias=bias, name=conv)(x)
    x = keras.layers.BatchNormalization(epsilon=_EPSILON, name=norm)(x, training=False)
    return keras.layers.ReLU(name=f"{norm}.relu")(x) if relu else x


def _added(parts: list[Map], name: str) -> Map:
    """ReLU of the sum."""
    return keras.layers.ReLU(name=f"{name}.relu")(keras.layers.Add(name=f"{name}.add")(parts))


def _basic(x: Map, name: str) -> Map:
    """A residual block of two convolutions."""
    channels = x.shape[-1]
    y = conv_bn(x, channels, f"{name}.conv1", f"{name}.bn1", kernel=3)
    y = conv_bn(y, channels, f"{name}.conv2", f"{name}.bn2", kernel=3, relu=False)
    return _added([y, x], name)


def _bottleneck(x: Map, inner: int, name: str) -> Map:
    """A residual block of three convolutions, the middle one of which has `inner` channels."""
    outer = _EXPANSION * inner
    y = conv_bn(x, inner, f"{name}.conv1", f"{name}.bn1", kernel=1)
    y = conv_bn(y, inner, f"{name}.conv2", f"{name}.bn2", kernel=3)
    y = conv_bn(y, outer, f"{name}.conv3", f"{name}.bn3", kernel=1, relu=False)
    if x.shape[-1] != outer:
        x = conv_bn(x, outer, f"{name}.downsample.0", f"{name}.downsample.1", kernel=1, relu=False)
    return _added([y, x], name)


def _transition(branches: list[Map], width: int, stage: int) -> list[Map]:
    """One more branch, of half the last one's resolution; others stay, or get their number of channels."""
    name, grown = f"transition{stage - 1}", []
    for number in range(stage):
        channels = width * 2**number
        if number == len(branches):
            place = f"{name}.{number}.0"
            grown.append(conv_bn(branches[-1], channels, f"{place}.0", f"{place}.1", kernel=3, stride=2))
        elif branches[number].shape[-1] != channels:
            place = f"{name}.{number}"
            grown.append(conv_bn(branches[number], channels, f"{place}.0", f"{place}.1", kernel=3))
        else:
            grown.append(branches[number])
    return grown


def _module(branches: list[Map], name: str) -> list[Map]:
    """Residual blocks in each branch, then every branch becomes the sum of all, each brought to its resolution."""
    for block in range(_BLOCKS):
        branches = [_basic(x, f"{name}.branches.{number}.{block}") for number, x in enumerate(branches)]
    fused = []
    for target, own in enumerate(branches):
        place = f"{name}.fuse_layers.{target}"
        size = own.shape[-1]
        parts = [_resampled(x, source - target, size, f"{place}.{source}") for source, x in enumerate(branches)]
        fused.append(_added(parts, place))
    return fused


def _resampled(x: Map, up: int, channels: int, name: str) -> Map:
    """A branch with 2**up times its resolution and so many channels; a negative `up` makes it smaller."""
    if up > 0:
        x = conv_bn(x, channels, f"{name}.0", f"{name}.1", kernel=1, relu=False)
        return keras.layers.UpSampling2D(2**up, interpolation="nearest", name=f"{name}.up")(x)
    for step in range(-up):
        last = step == -up - 1
        size = channels if last else x.shape[-1]
        x = conv_bn(x, size, f"{name}.{step}.0", f"{name}.{step}.1", kernel=3, stride=2, relu=not last)
    return x


def _features(branches: list[Map]) -> Map:
    """Features (N, 2048) of the whole image, from the highest resolution down."""
    widths = zip(branches, _HEAD, strict=True)
    grown = [_bottleneck(x, inner, f"incre_modules.{number}.0") for number, (x, inner) in enumerate(widths)]
    total = grown[0]
    for number, x in enumerate(grown[1:]):
        name = f"downsamp_modules.{number}"
        smaller = conv_bn(total, x.shape[-1], f"{name}.0", f"{name}.1", kernel=3, stride=2, bias=True)
        total = keras.layers.Add(name=f"{name}.add")([x, smaller])
    last = conv_bn(total, FEATURES, "final_feat_layer.0", "final_feat_layer.1", kernel=1, bias=True)
    return keras.layers.GlobalAveragePooling2D(name="final_feat_layer.mean")(last)
