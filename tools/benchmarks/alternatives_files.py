"""The files that other programs need, made of what this package has: a body, a prior of poses and a mean pose.

The body is written in SMPL's format with SMPL's 6,890 vertices: those of the mannequin, in an order in which the tips
have the numbers that they have on SMPL's mesh, and repetitions that no triangle uses. Its joints follow from the
vertices by a regressor, as SMPL's do. The prior is that of `map_fit`, a mixture of eight Gaussians over rotation
vectors, as SMPLify's, which other programs ask for, is.
"""

import pathlib
import pickle

import h5py
import numpy as np

from niki_tf import skeletons
from niki_tf.body import BodyData
from niki_tf.body.body_data import POSE_FEATURES
from niki_tf.body.body_files import TIP_VERTICES
from niki_tf.solvers.map_fit import MapFit

_VERTICES = 6890
_RELATIVE = 1e-6
"""Singular values below the largest times this are rounding errors of the arrays, which are float32."""
SMPLFITTER_BODY = "smpl/basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
KEYPOINTS2BODY_FOLDER = "data/models"
"""Where keypoints2body looks, from the folder that it runs in."""


def write_files(folder: pathlib.Path, *, body: BodyData, prior: MapFit) -> None:
    """Writes all files of smplfitter and keypoints2body to a folder, each where its program looks for it.

    Args:
        folder: for SMPLFITTER_BODY_MODELS, and to run keypoints2body in.
        body: of at most 6,890 vertices, the tips among them.
        prior: whose mixture is taken.

    Raises:
        ValueError: the body has too many vertices, or its joints do not follow from them.
    """
    arrays = smpl_arrays(body)
    models = folder / KEYPOINTS2BODY_FOLDER
    for place in (folder / SMPLFITTER_BODY, models / "smpl" / "SMPL_NEUTRAL.pkl"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(pickle.dumps(arrays, protocol=2))
    np.save((folder / SMPLFITTER_BODY).with_name("kid_template.npy"), np.zeros_like(arrays["v_template"]))
    gaussians = _gaussians(prior)
    (models / "gmm_08.pkl").write_bytes(pickle.dumps(gaussians, protocol=2))
    with h5py.File(models / "neutral_smpl_mean_params.h5", "w") as file:
        file["pose"] = np.concatenate([np.zeros(3), gaussians["weights"] @ gaussians["means"]]).astype(np.float32)
        file["shape"] = np.zeros(body.num_betas, np.float32)


def _gaussians(prior: MapFit) -> dict[str, np.ndarray]:
    """The mixture as SMPLify's file has it."""
    held = {weight.name: weight.numpy().astype(np.float64) for weight in prior.weights}
    factors, weights = held["factors"], np.exp(held["weights"])
    covariances = np.linalg.inv(factors @ factors.swapaxes(-1, -2))
    return {"weights": weights / weights.sum(), "means": held["means"], "covars": covariances}


def smpl_arrays(body: BodyData) -> dict[str, np.ndarray]:
    """The body as the arrays of an SMPL file.

    Raises:
        ValueError: the body has too many vertices, a tip is none of them, or its joints do not follow from them.
    """
    order = vertex_order(body)
    template, directions = (array[order].astype(np.float64) for array in (body.v_template, body.shapedirs))
    posedirs = np.zeros([len(body.v_template), 3, POSE_FEATURES]) if body.posedirs is None else body.posedirs
    parents = np.array(skeletons.SMPL_24.parents)
    number = np.argsort(order, kind="stable")[np.searchsorted(np.sort(order), np.arange(len(body.v_template)))]
    return {
        "v_template": template,
        "shapedirs": directions,
        "posedirs": posedirs[order].astype(np.float64),
        "J_regressor": _regressor(body, template, directions),
        "weights": body.lbs_weights[order].astype(np.float64),
        "f": number[body.faces].astype(np.int64),
        "kintree_table": np.stack([parents, np.arange(len(parents))]),
    }


def vertex_order(body: BodyData) -> np.ndarray:
    """Which vertex of the body each of SMPL's 6,890 is."""
    count = len(body.v_template)
    if count > _VERTICES:
        raise ValueError(f"`body` must have at most {_VERTICES} vertices, SMPL's; got {count}.")
    order = np.zeros(_VERTICES, np.int64)
    order[:count] = np.arange(count)
    for place, tip in zip(TIP_VERTICES, body.joints[skeletons.NUM_ROTATIONS :], strict=True):
        apart = np.linalg.norm(body.v_template - tip, axis=-1)
        if apart.min() > 1e-5:
            raise ValueError(f"`body` must have its tips among its vertices; got one {apart.min():.3g} m from them.")
        found = np.flatnonzero(order == apart.argmin())[0]
        order[[place, found]] = order[[found, place]]
    return order


def _regressor(body: BodyData, template: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The smallest weights (24, V), rows adding up to 1, that give the body's joints of every shape."""
    count = skeletons.NUM_ROTATIONS
    known = np.concatenate([template[..., None], directions], -1).reshape(len(template), -1)
    wanted = np.concatenate([body.joints[:count, :, None], body.joint_directions[:count]], -1).reshape(count, -1)
    known, wanted = (np.concatenate([array, np.ones([len(array), 1])], -1) for array in (known, wanted))
    regressor = np.linalg.lstsq(known.T, wanted.T, rcond=_RELATIVE)[0].T
    apart = np.abs(regressor @ known - wanted).max()
    if apart > 1e-6:
        raise ValueError(f"`body` must have joints that follow from its vertices; got some {apart:.3g} m away.")
    return regressor
