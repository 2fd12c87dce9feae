"""The published networks as NumPy sees them: full layers, masks multiplied in, float64; and random state dicts."""

import numpy as np

NAMES = {
    "flow": ("regressor.flow.mask", "regressor.flow.{}.{}.", (0, 2, 4), 176, 0),
    "joint_flow": ("regressor.flow_j2s.jts_masks", "regressor.flow_j2s.jts_net{}.{}.encoder.", (0, 3, 6), 176, 10),
    "rotation_flow": ("regressor.flow_s2r.mask", "regressor.flow_s2r.{}.{}.", (0, 3, 6), 190, 0),
}
BETAS_MASK = "regressor.flow_j2s.shape_masks"
CAMERA = "regressor.camnet."


def _linear(rng, into, out):
    weight = rng.normal(size=[out, into]) * (0.9 / np.sqrt(into))
    return {"weight": weight.astype(np.float32), "bias": rng.uniform(-0.1, 0.1, out).astype(np.float32)}


def _add(arrays, prefix, layer):
    arrays.update({f"{prefix}.{what}": array for what, array in layer.items()})


def random_flow(rng, name, *, num_couplings, hidden_dim, first=None):
    """State dict of a flow; `first` (size,) is the mask of step 0, by default 0,1,0,1,..."""
    mask_name, network, layers, size, condition = NAMES[name]
    first = np.arange(size) % 2 if first is None else np.asarray(first)
    arrays = {
        mask_name: np.stack([first if i % 2 == 0 else 1 - first for i in range(num_couplings)]).astype(np.float32)
    }
    for step in range(num_couplings):
        for kind in "st":
            sizes = (size + condition, hidden_dim, hidden_dim, size)
            for layer, into, out in zip(layers, sizes, sizes[1:], strict=False):
                _add(arrays, network.format(kind, step) + str(layer), _linear(rng, into, out))
    return arrays


def random_one_stage(rng, *, num_couplings=4, hidden_dim=7, camera_hidden=9, first=None):
    """State dict of a one-stage model without a body."""
    arrays = random_flow(rng, "flow", num_couplings=num_couplings, hidden_dim=hidden_dim, first=first)
    sizes = (177, camera_hidden, camera_hidden, camera_hidden, 3)
    for layer, into, out in zip((0, 3, 6, 9), sizes, sizes[1:], strict=False):
        _add(arrays, f"{CAMERA}camera_net.{layer}", _linear(rng, into, out))
    return arrays | {f"{CAMERA}init_cam": np.float32([0.8, 0.1, -0.2])}


def random_twist_swing(rng, *, num_couplings=(4, 4), hidden_dim=(7, 7), first=(None, None), betas_mask=0.0):
    """State dict of a twist-and-swing model without a body."""
    arrays = random_flow(rng, "joint_flow", num_couplings=num_couplings[0], hidden_dim=hidden_dim[0], first=first[0])
    arrays[BETAS_MASK] = np.broadcast_to(np.float32(betas_mask), num_couplings[0]).copy()
    return arrays | random_flow(
        rng, "rotation_flow", num_couplings=num_couplings[1], hidden_dim=hidden_dim[1], first=first[1]
    )


def random_body(rng):
    """Buffers of a body layer; those that no solver reads are zero."""
    regressor = rng.random([24, 6890])
    arrays = {
        "v_template": rng.normal(size=[6890, 3]),
        "shapedirs": rng.normal(size=[6890, 3, 10]),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "posedirs": np.zeros([207, 20670]),
        "J_regressor_h36m": np.zeros([17, 6890]),
        "lbs_weights": np.zeros([6890, 24]),
    }
    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21, 15, 22, 23, 10, 11]
    whole = {"faces_tensor": np.zeros([13776, 3]), "parents": parents, "children_map": np.zeros(29)}
    arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    arrays |= {name: np.asarray(array, np.int64) for name, array in whole.items()}
    return {f"regressor.smpl_layer.{name}": array for name, array in arrays.items()}


def _network(arrays, prefix, layers, x):
    for layer in layers:
        x = x @ arrays[f"{prefix}{layer}.weight"].astype(float).T + arrays[f"{prefix}{layer}.bias"]
        if layer != layers[-1]:
            x = np.where(x > 0, x, 0.01 * x)
    return x


def _steps(arrays, name, betas):
    """For each step its mask and a function of the masked vector that gives scale and translation."""
    mask_name, network, layers, _, condition = NAMES[name]
    for step, mask in enumerate(arrays[mask_name].astype(float)):

        def coefficients(kept, step=step, mask=mask):
            if condition:
                kept = np.concatenate([kept, arrays[BETAS_MASK][step] * betas], -1)
            scale = np.tanh(_network(arrays, network.format("s", step), layers, kept))
            return (1 - mask) * scale, (1 - mask) * _network(arrays, network.format("t", step), layers, kept)

        yield mask, coefficients


def inverse(arrays, name, x, betas=None):
    """Joints to pose, (N, size) and log-determinant (N,)."""
    log_det = 0.0
    for mask, coefficients in _steps(arrays, name, betas):
        scale, translation = coefficients(mask * x)
        x = mask * x + (1 - mask) * (x * np.exp(scale) + translation)
        log_det = log_det + scale.sum(-1)
    return x, log_det


def forward(arrays, name, y, betas=None):
    """Pose to joints, (N, size) and log-determinant (N,)."""
    log_det = 0.0
    for mask, coefficients in reversed(list(_steps(arrays, name, betas))):
        scale, translation = coefficients(mask * y)
        y = mask * y + (1 - mask) * (y - translation) * np.exp(-scale)
        log_det = log_det - scale.sum(-1)
    return y, log_det


def camera(arrays, uv, joints, sigma, first_guess):
    """The camera network, (N, 3)."""
    x = np.concatenate([np.reshape(part, [len(uv), -1]) for part in (uv, joints, sigma, first_guess)], -1)
    for layer in (0, 3, 6):
        prefix = f"{CAMERA}camera_net.{layer}"
        x = np.maximum(x @ arrays[f"{prefix}.weight"].astype(float).T + arrays[f"{prefix}.bias"], 0)
    last = f"{CAMERA}camera_net.9"
    return x @ arrays[f"{last}.weight"].astype(float).T + arrays[f"{last}.bias"] + arrays[f"{CAMERA}init_cam"]


def rotations(sixd):
    """Rows (..., 6) to rotation matrices (..., 3, 3) by Gram-Schmidt."""
    first = sixd[..., :3] / np.linalg.norm(sixd[..., :3], axis=-1, keepdims=True)
    second = sixd[..., 3:] - (first * sixd[..., 3:]).sum(-1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], -2)
