"""Writes tiny models of every kind of file, and their answers, which later versions must read and give again.

Example:
    python tools/reliability/golden.py --output=tests/solvers/golden_0_4.zip

Once a version is released its file stays as it is. Weights are random, of a fixed seed.
"""

import pathlib
import sys
import tempfile
import zipfile

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import keras
    import numpy as np

    from niki_tf import body, export, files, solvers

_OUTPUT = flags.DEFINE_string("output", None, "The .zip file.", required=True)
_SEED = flags.DEFINE_integer("seed", 0, "Of the weights and joints.")
_TIME = (2026, 1, 1, 0, 0, 0)
"""Of the members of the archive."""


def models() -> dict[str, solvers.Solver]:
    """A model without weights, a plain network and an invertible one."""
    joints = body.mannequin_joints()
    return {
        "analytic": solvers.Analytic(joints, refine=1),
        "mlp": solvers.MLP(joints, hidden_dim=4, num_layers=1),
        "one_stage": solvers.OneStage(joints, num_couplings=2, hidden_dim=4),
    }


def write(path: pathlib.Path, *, seed: int) -> None:
    """Writes the archive: .keras files, a .tflite file, a SavedModel, and answers.npz."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    joints = (body.mannequin_joints().joints + 0.05 * rng.normal(size=[2, 29, 3])).astype(np.float32)
    answers = {"joints": joints}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, solver in models().items():
            solvers.save(solver, folder / kind)
            answer = solver.ik(joints)
            answers |= {f"{kind}/{key}": np.asarray(value) for key, value in answer.items()}
            if kind == "mlp":
                small = folder / kind / "model.tflite"
                small.write_bytes(export.litert(solver, quantize="float16"))
                answers["tflite/body_pose"] = export.load_litert(small)(joints=joints)["body_pose"]
                export.write_saved_model(solver, folder / kind / "saved_model")
        np.savez(folder / "answers.npz", **answers)
        with files.atomic_write(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                member = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _TIME)
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, file.read_bytes(), compresslevel=9)


def main(argv: list[str]) -> None:
    """Writes the file and says how large it is."""
    if argv[1:]:
        sys.exit(f"golden takes flags only; got {' '.join(argv[1:])}.")
    path = pathlib.Path(_OUTPUT.value)
    write(path, seed=_SEED.value)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            print(f"{member.filename}: {member.compress_size / 1e3:.1f} kB")
    print(f"{path}: {path.stat().st_size / 1e3:.1f} kB")


if __name__ == "__main__":
    app.run(main)
