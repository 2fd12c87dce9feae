"""Turns joints into a posed body: analytic inverse kinematics against NIKI, in a table, as files and as a picture.

Examples:
    niki-tf solve                      a motion that the package makes, with noise on its joints
    niki-tf solve --input=motion.npz   motion in AMASS's layout: its joints are made, made noisy, solved
    niki-tf solve --input=joints.npz   `joints` (T, 29, 3) metres, solved as they are; optional with `joint_sigma`,
                                       `betas`, `twist`
    niki-tf solve --input=joints.npy --skeleton=mediapipe_33
                                       joints (T, 33, 3) of another joint set, NaN where not seen
"""

import pathlib
import sys

import numpy as np
from absl import flags

import niki_tf
from niki_tf import body, contract, drawing, evaluation, files, io, motion, skeletons, solvers
from niki_tf.cli import body_flag
from niki_tf.inference import graphs
from niki_tf.motion import observed_motion
from niki_tf.motion.observed_motion import ObservedMotion
from niki_tf.solvers import zoo

_INPUT = flags.DEFINE_string("input", None, "An .npz file of motion or of joints; a made motion if not given.")
_SKELETON = flags.DEFINE_enum("skeleton", "smpl_29", [*skeletons.POINT_SETS], "The joint set of the input's joints.")
_MODEL = flags.DEFINE_string("model", "one_stage", "A shipped solver, or a folder that holds model.keras.")
_FINISH = flags.DEFINE_bool("finish", default=True, help="End the model's answer with the exact finish.")
_OUTPUT = flags.DEFINE_string("output", "output", "Folder for the poses and the picture.")
_NOISE_MM = flags.DEFINE_float("noise_mm", 30.0, "Noise on each axis of each joint of a motion, mm.", lower_bound=0.0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the made motion and of the noise.", lower_bound=0)
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_FRAMES = flags.DEFINE_integer("frames", None, "Use only so many frames (of a made motion 120).", lower_bound=1)
_VIDEO = flags.DEFINE_bool("video", default=False, help="Write a video too; it takes most of the time.")
flags.adopt_module_key_flags(body_flag)

_HEADINGS = {
    "mpjpe": "MPJPE, mm",
    "pa_mpjpe": "PA-MPJPE, mm",
    "rotation_deg": "rotation error, deg",
    "to_observation": "distance to observation, mm",
}


def main(argv: list[str]) -> None:
    """Observes, solves, measures, prints and writes."""
    if argv[1:]:
        sys.exit(f"solve takes flags only; got {' '.join(argv[1:])}. A file goes into --input.")
    if _SKELETON.value != "smpl_29":
        _solve_other()
        return
    try:
        data = body_flag.body_data()
        poser, output = body.BodyPoser(data), files.output_folder(_OUTPUT.value)
        compared = _solvers(poser.body_joints)
        observed = _observed(poser)
        _check_twist(compared, observed)
    except (ValueError, OSError) as error:
        sys.exit(f"solve: {error}")
    answers, errors, rows = _compare(compared, observed, poser)
    written = [
        io.save_poses(output / f"{name.lower()}_poses.npz", answer, observed) for name, answer in answers.items()
    ]
    written += _write_pictures(output, observed, poser, data.faces, answers, errors)
    caption = _caption(observed, *answers, uses_twist=[*compared.values()][-1].uses_twist)
    print(f"\n{caption}\n\n{evaluation.text_table(rows, decimals=2)}\n\nWritten:")
    print("\n".join(f"  {path}" for path in written))


def _solve_other() -> None:
    """Solves joints of another skeleton; prints how far they are from the pose and writes it, with a picture."""
    try:
        if _INPUT.value is None:
            raise ValueError(f"`input` must be a file of {_SKELETON.value} joints; got none.")
        arrays = io.load_points(_INPUT.value)
        if arrays["joints"].shape == (len(skeletons.POINT_SETS[_SKELETON.value]), 3):
            arrays["joints"] = arrays["joints"][None]  # one frame
        data, output = body_flag.body_data(), files.output_folder(_OUTPUT.value)
        name = _MODEL.value if _MODEL.present else ("temporal" if len(arrays["joints"]) > 1 else "one_stage")
        model = zoo.load(name + zoo.FINISH * _FINISH.value, body_joints=data.body_joints())
        fps = float(arrays.pop("fps", 30.0))
        arrays = {key: array[: _FRAMES.value] if array.ndim > 1 else array for key, array in arrays.items()}
        solved = niki_tf.solve(**arrays, skeleton=_SKELETON.value, fps=fps, solver=model)
    except (ValueError, OSError) as error:
        sys.exit(f"solve: {error}")
    written = [solved.save(output / "niki_poses.npz"), output / "poses.png"]
    vertices = solved.vertices(body.Body(data))
    moments = np.linspace(0, len(solved) - 1, min(4, len(solved))).round().astype(int)
    images = [drawing.render_mesh(vertices[moment], data.faces, image_size=400) for moment in moments]
    with files.atomic_write(written[1]) as beside:
        drawing.write_image(beside, np.concatenate(images, 1))
    seen = np.isfinite(solved.residual)
    print(
        f"{len(solved)} frames of {_SKELETON.value}, {seen.sum() / len(solved):.1f} joints seen a frame, solved by "
        f"{name}; mean distance of a joint from the pose {1000 * solved.residual[seen].mean():.1f} mm.\n\nWritten:"
    )
    print("\n".join(f"  {path}" for path in written))


def _solvers(body_joints: body.BodyJoints) -> dict[str, solvers.Solver]:
    """Name in table and pictures -> solver: the analytic one, and the model, called NIKI if it is one."""
    learned = zoo.load(_MODEL.value + zoo.FINISH * _FINISH.value, body_joints=body_joints)
    name = "NIKI" if isinstance(learned, solvers.InvertibleSolver) else pathlib.Path(_MODEL.value).resolve().name
    return {zoo.ANALYTIC: solvers.Analytic(body_joints), name: learned}


def _check_twist(compared: dict[str, solvers.Solver], observed: ObservedMotion) -> None:
    needy = [name for name, solver in compared.items() if solver.needs_twist]
    if needy and "twist" not in observed.inputs:
        raise ValueError(f"`input` must hold `twist` (T, 23, 2) for {needy[0]}, which cannot guess it.")


def _observed(poser: body.BodyPoser) -> ObservedMotion:
    """The joints that the solvers are given, from the flags."""
    noise_mm, seed = _NOISE_MM.value, _SEED.value
    if _INPUT.value is None:
        clip = motion.made_motion(seed, frames=_FRAMES.value or 120)
        return observed_motion.observe(clip, poser=poser, noise_mm=noise_mm, seed=seed)
    observed = io.load_observed(_INPUT.value, poser=poser, noise_mm=noise_mm, seed=seed, trans=_TRANS.value)
    return observed.first(_FRAMES.value)


def _compare(
    compared: dict[str, solvers.Solver], observed: ObservedMotion, poser: body.BodyPoser
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray], list[dict]]:
    """Answer, main error (T,) and table row of each solver."""
    answers, errors, rows = {}, {}, []
    for name, solver in compared.items():
        solve = graphs.compile_solver(solver, inputs=observed.inputs, motion=True)
        answer = solve(observed.inputs)
        measured = evaluation.answer_errors(answer, observed, poser=poser)
        single, bulk = evaluation.times_ms(solve, observed)
        answers[name], errors[name] = answer, next(iter(measured.values()))
        means = {_HEADINGS[metric]: float(values.mean()) for metric, values in measured.items() if metric in _HEADINGS}
        rows.append({"solver": name, **means, "ms/frame, one by one": single, "ms/frame, all at once": bulk})
    return answers, errors, rows


def _caption(observed: ObservedMotion, analytic: str, learned: str, *, uses_twist: bool) -> str:
    frames = len(observed.joints)
    if observed.true_rotations is None:
        return f"{frames} frames of given joints. Nobody knows the true pose, so distances are to the joints as given."
    given = f"so is {learned}" if uses_twist else f"{learned} is not"
    return (
        f"{frames} frames, {_NOISE_MM.value:g} mm of noise on each axis of each joint; the true pose is known.\n"
        f"The {analytic} solver is given the true twist of each bone, which joints do not show; {given}."
    )


def _write_pictures(
    output: pathlib.Path,
    observed: ObservedMotion,
    poser: body.BodyPoser,
    faces: np.ndarray,
    answers: dict[str, dict[str, np.ndarray]],
    errors: dict[str, np.ndarray],
) -> list[pathlib.Path]:
    """Picture and, if wanted, video of observation, answers and truth; returns their paths."""
    poses = {name: contract.local_rotations(answer) for name, answer in answers.items()}
    poses |= {} if observed.true_rotations is None else {"truth": observed.true_rotations}
    pictures = drawing.SideBySide(observed, poser=poser, faces=faces, poses=poses)
    picture, video = output / "side_by_side.png", output / "side_by_side.mp4"
    pictures.write_picture(picture, errors=errors)
    if not _VIDEO.value:
        return [picture]
    pictures.write_video(video)
    return [picture, video]
