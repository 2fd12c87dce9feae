"""Turns joints into a posed body: analytic inverse kinematics against NIKI, in a table, as files and as a picture.

Examples:
    python tools/solve.py                      a motion that the package makes, with noise on its joints
    python tools/solve.py --input=motion.npz   motion in AMASS's layout: its joints are made, made noisy, solved
    python tools/solve.py --input=joints.npz   `joints` (T, 29, 3) metres, solved as they are; optional with
                                               `joint_sigma`, `betas`, `twist`
"""

import pathlib
import sys

from absl import flags

from niki_tf import body, drawing, evaluation, files, motion, solvers
from niki_tf.inference import graphs
from niki_tf.io import joints_npz
from niki_tf.motion import observed_motion
from niki_tf.solvers import zoo

_SHIPPED = pathlib.Path(__file__).resolve().parent.parent / "saved_models" / "one_stage"

_INPUT = flags.DEFINE_string("input", None, "An .npz file of motion or of joints; a made motion if not given.")
_MODEL = flags.DEFINE_string("model", str(_SHIPPED), "Folder that holds model.keras.")
_FINISH = flags.DEFINE_bool("finish", default=True, help="End the model's answer with the exact finish.")
_OUTPUT = flags.DEFINE_string("output", "output", "Folder for the poses and the picture.")
_NOISE_MM = flags.DEFINE_float("noise_mm", 30.0, "Noise on each axis of each joint of a motion, mm.", lower_bound=0.0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the made motion and of the noise.", lower_bound=0)
_FRAMES = flags.DEFINE_integer("frames", None, "Use only so many frames (of a made motion 120).", lower_bound=1)
_VIDEO = flags.DEFINE_bool("video", default=False, help="Write a video too; it takes most of the time.")


def main(argv):
    """Observes, solves, measures, prints and writes."""
    if argv[1:]:
        sys.exit(f"solve takes flags only; got {' '.join(argv[1:])}. A file goes into --input.")
    body_data = body.mannequin()
    poser = body.BodyPoser(body_data)
    try:
        output = files.output_folder(_OUTPUT.value)
        contestants = _solvers(poser.body_joints)
        scene = _scene(poser)
        _check_twist(contestants, scene)
    except (ValueError, OSError) as error:
        sys.exit(f"solve: {error}")
    answers, errors, rows = _contest(contestants, scene, poser)
    written = [
        joints_npz.save_poses(output / f"{name.lower()}_poses.npz", answer, scene, body_joints=poser.body_joints)
        for name, answer in answers.items()
    ]
    written += _write_pictures(output, scene, poser, body_data.faces, answers, errors)
    told = _caption(scene, *answers, uses_twist=[*contestants.values()][-1].uses_twist)
    print(f"\n{told}\n\n{evaluation.text_table(rows, decimals=2)}\n\nWritten:")
    print("\n".join(f"  {path}" for path in written))


def _solvers(body_joints):
    """Name in table and pictures -> solver: the analytic one, and the model, called NIKI if it is one."""
    model = pathlib.Path(_MODEL.value)
    if not (model / "model.keras").is_file():
        raise ValueError(
            f"`model` must be a folder that holds model.keras; got {str(model)!r}. Train one with "
            "tools/train.py, or take the shipped saved_models/one_stage."
        )
    learned = zoo.load_solver(str(model) + zoo.FINISH * _FINISH.value, body_joints=body_joints)
    name = "NIKI" if isinstance(learned, solvers.InvertibleSolver) else model.resolve().name
    return {"analytic": solvers.Analytic(body_joints), name: learned}


def _check_twist(contestants, scene):
    needy = [name for name, solver in contestants.items() if solver.needs_twist]
    if needy and "twist" not in scene.inputs:
        raise ValueError(f"`input` must hold `twist` (T, 23, 2) for {needy[0]}, which cannot guess it.")


def _scene(poser):
    """What the solvers are to see, from the flags."""
    if _INPUT.value is None:
        return _noisy(motion.made_motion(_SEED.value, frames=_FRAMES.value or 120), poser)
    scene = joints_npz.load_observed(_INPUT.value, poser=poser, noise_mm=_NOISE_MM.value, seed=_SEED.value)
    return scene.first(_FRAMES.value)


def _noisy(clip, poser):
    scene = observed_motion.observe(clip, poser=poser, noise_mm=_NOISE_MM.value, seed=_SEED.value)
    return scene.first(_FRAMES.value)


def _contest(contestants, scene, poser):
    """Rotations (T, 24, 3, 3), main error (T,) and table row of each solver."""
    answers, errors, rows = {}, {}, []
    for name, solver in contestants.items():
        solve = graphs.compile_solver(solver, inputs=scene.inputs, motion=True)
        answer = solve(scene.inputs)
        measured = evaluation.answer_errors(answer, scene, poser=poser)
        single, bulk = evaluation.times_ms(solve, scene)
        answers[name], errors[name] = observed_motion.local_rotations(answer), next(iter(measured.values()))
        means = {_HEADINGS[metric]: float(values.mean()) for metric, values in measured.items() if metric in _HEADINGS}
        rows.append({"solver": name, **means, "ms/frame, one by one": single, "ms/frame, all at once": bulk})
    return answers, errors, rows


_HEADINGS = {
    "mpjpe": "MPJPE, mm",
    "pa_mpjpe": "PA-MPJPE, mm",
    "rotation_deg": "rotation error, deg",
    "to_observation": "distance to observation, mm",
}


def _caption(scene, analytic, learned, *, uses_twist):
    frames = len(scene.joints)
    if scene.true_rotations is None:
        return f"{frames} frames of given joints. Nobody knows the true pose, so distances are to the joints as given."
    told = f"so is {learned}" if uses_twist else f"{learned} is not"
    return (
        f"{frames} frames, {_NOISE_MM.value:g} mm of noise on each axis of each joint; the true pose is known.\n"
        f"The {analytic} solver is told the true twist of each bone, which joints do not show; {told}."
    )


def _write_pictures(output, scene, poser, faces, answers, errors):
    """Picture and, if wanted, video of observation, answers and truth; returns their paths."""
    poses = answers if scene.true_rotations is None else {**answers, "truth": scene.true_rotations}
    pictures = drawing.SideBySide(scene, poser=poser, faces=faces, poses=poses)
    picture, video = output / "side_by_side.png", output / "side_by_side.mp4"
    pictures.write_picture(picture, errors=errors)
    if not _VIDEO.value:
        return [picture]
    pictures.write_video(video)
    return [picture, video]
