"""A small model of images, made once for all tests that need one."""

import functools

import keras
import numpy as np

from niki_tf import body, vision

SIZE = 32


@functools.cache
def seen():
    """`ImageJoints` with random weights, whose answers depend on the image by numbers of usual size."""
    keras.utils.set_random_seed(0)
    model = vision.ImageJoints(body.mannequin_joints(), backbone="mobilenet_v2", image_size=SIZE)
    crops = np.random.default_rng(0).normal(size=[4, SIZE, SIZE, 3]).astype(np.float32)
    heat, *_, features = (np.asarray(part) for part in model.network(crops))
    for names, spread, size in ((["final_layer"], heat, 2.0), (["decphi", "decshape", "decsigma"], features, 3.0)):
        for name in names:
            kernel = model.network.get_layer(name).kernel
            kernel.assign(kernel * size / (spread - spread.mean(0)).std())
    return model
