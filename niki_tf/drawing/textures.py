"""Colours made by code: clothes and skin of a body, and backgrounds. All ranges are set by hand."""

import cv2
import numpy as np

from niki_tf import skeletons

_SKIN = np.array([[255, 224, 196], [234, 192, 160], [198, 146, 110], [141, 92, 62], [92, 58, 40]]) / 255.0
"""Tones between which skin is mixed: red, green, blue."""
_HAIR = np.array([[35, 26, 22], [90, 60, 35], [170, 130, 80], [120, 115, 110]]) / 255.0
_SLEEVES = (("shoulder",), ("shoulder", "elbow"))
"""Joints whose part of the arm is covered by short and by long sleeves."""
_TROUSERS = (("hip",), ("hip", "knee"))
_SHIRT = ("spine1", "spine2", "spine3", "collar")
_SHOES = ("foot",)


def clothes(rng: np.random.Generator, vertices: np.ndarray, lbs_weights: np.ndarray) -> np.ndarray:
    """Colours (V, 3) in 0..1 of the vertices of a body: skin, hair, shirt, trousers and shoes, some with a pattern.

    Args:
        rng: of what is drawn.
        vertices: (V, 3) metres, the body in the T-pose.
        lbs_weights: (V, 24), which joint moves each vertex.
    """
    carrier = lbs_weights.argmax(1)
    skin = _mixed(rng, _SKIN)
    tint = np.tile(skin, (len(vertices), 1))
    head = carrier == skeletons.SMPL_24.index("head")
    if head.any():
        middle = vertices[head].mean(0)
        tint[head & (vertices[:, 1] > middle[1]) & (vertices[:, 2] < middle[2] + 0.05)] = _mixed(rng, _HAIR)
    sleeves, trousers = _SLEEVES[rng.integers(2)], _TROUSERS[rng.integers(2)]
    for names in ((*_SHIRT, *sleeves), ("pelvis", *trousers), ("ankle", *_SHOES)):
        worn = np.isin(carrier, [n for n, joint in enumerate(skeletons.SMPL_24.names) if joint.endswith(names)])
        tint[worn] = _patterned(rng, vertices[worn])
    return np.clip(tint * rng.normal(1.0, 0.02, [len(vertices), 1]), 0.0, 1.0)


def background(rng: np.random.Generator, size: int) -> np.ndarray:
    """A picture, uint8 (size, size, 3), of soft spots at several scales, a horizon, boxes and lines."""
    picture = np.zeros([size, size, 3])
    for cells, strength in ((2, 1.0), (5, 0.5), (17, 0.25), (size, 0.08)):
        spots = rng.random([min(cells, size), min(cells, size), 3])
        picture += strength * cv2.resize(spots, (size, size), interpolation=cv2.INTER_CUBIC)
    picture = 255.0 * (picture - picture.min()) / max(float(np.ptp(picture)), 1e-9)
    if rng.random() < 0.5:
        horizon = int(size * rng.uniform(0.4, 0.9))
        picture[horizon:] = 0.4 * picture[horizon:] + 0.6 * 255.0 * rng.random(3)
    for _ in range(rng.integers(0, 7)):
        corners = rng.integers(-size // 4, size + size // 4, [2, 2])
        colour, thickness = (255.0 * rng.random(3)).tolist(), int(rng.choice([-1, 1, 3]))
        cv2.rectangle(picture, corners[0].tolist(), corners[1].tolist(), colour, thickness)
    return np.clip(picture * rng.uniform(0.5, 1.1), 0, 255).astype(np.uint8)


def _mixed(rng: np.random.Generator, tones: np.ndarray) -> np.ndarray:
    """A colour (3,) between two neighbouring tones."""
    place = rng.uniform(0, len(tones) - 1)
    low = int(place)
    return (1 - place + low) * tones[low] + (place - low) * tones[low + 1]


def _patterned(rng: np.random.Generator, vertices: np.ndarray) -> np.ndarray:
    """Colours (n, 3) of cloth: plain, striped or checked."""
    colour, other = rng.random([2, 3])
    kind, width = rng.integers(3), rng.uniform(0.04, 0.15)
    bands = np.floor(vertices / width).astype(int)
    second = (np.zeros(len(vertices), int), bands[:, 1], bands[:, 0] + bands[:, 1])[kind] % 2 == 1
    return np.where(second[:, None], other, colour)
