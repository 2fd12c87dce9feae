"""The demonstration: a made motion with noise, solved by analytic inverse kinematics and by NIKI, side by side."""

import dataclasses
import pathlib

import numpy as np

from niki_tf import body, contract, drawing, evaluation, io, motion, solvers
from niki_tf.inference import graphs
from niki_tf.inference.solve import STEPS
from niki_tf.motion import observed_motion
from niki_tf.motion.observed_motion import ObservedMotion
from niki_tf.solvers import zoo

_FRAMES, _NOISE_MM = 120, 30.0
_HEADINGS = {
    "mpjpe": "MPJPE, mm",
    "pa_mpjpe": "PA-MPJPE, mm",
    "rotation_deg": "rotation error, deg",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demo:
    """What is shown."""

    output: pathlib.Path
    model: str = "one_stage"
    """A shipped solver, or a folder that holds model.keras."""
    finish: str = "full"
    """Strength of the exact finish."""
    frames: int = _FRAMES
    noise_mm: float = _NOISE_MM
    seed: int = 0
    video: bool = False

    def run(self, data: body.BodyData) -> str:
        """Solves, writes poses, picture and perhaps a video, and gives the table with the paths of what was written.

        Raises:
            ValueError: there is no such model.
            OSError: it cannot be read, or something cannot be written.
        """
        poser = body.BodyPoser(data)
        compared = self._solvers(poser.body_joints)
        clip = motion.made_motion(self.seed, frames=self.frames)
        observed = observed_motion.observe(clip, poser=poser, noise_mm=self.noise_mm, seed=self.seed)
        answers, errors, rows = _compare(compared, observed, poser)
        written = [
            io.save_poses(self.output / f"{name.lower()}_poses.npz", answer, observed)
            for name, answer in answers.items()
        ]
        written += self._write_pictures(observed, poser, data.faces, answers, errors)
        caption = self._caption(*answers, uses_twist=[*compared.values()][-1].uses_twist)
        paths = "\n".join(f"  {path}" for path in written)
        return f"\n{caption}\n\n{evaluation.text_table(rows, decimals=2)}\n\nWritten:\n{paths}"

    def _solvers(self, body_joints: body.BodyJoints) -> dict[str, solvers.Solver]:
        """Name in table and pictures -> solver: the analytic one, and the model, called NIKI if it is one."""
        learned = zoo.load(self.model, body_joints=body_joints)
        learned.refine = STEPS[self.finish]
        name = "NIKI" if isinstance(learned, solvers.InvertibleSolver) else pathlib.Path(self.model).resolve().name
        return {zoo.ANALYTIC: solvers.Analytic(body_joints), name: learned}

    def _caption(self, analytic: str, learned: str, *, uses_twist: bool) -> str:
        given = f"so is {learned}" if uses_twist else f"{learned} is not"
        return (
            f"{self.frames} frames, {self.noise_mm:g} mm of noise on each axis of each joint; the true pose is known.\n"
            f"The {analytic} solver is given the true twist of each bone, which joints do not show; {given}."
        )

    def _write_pictures(
        self,
        observed: ObservedMotion,
        poser: body.BodyPoser,
        faces: np.ndarray,
        answers: dict[str, dict[str, np.ndarray]],
        errors: dict[str, np.ndarray],
    ) -> list[pathlib.Path]:
        """Picture and, if wanted, video of observation, answers and truth; returns their paths."""
        poses = {name: contract.local_rotations(answer) for name, answer in answers.items()}
        if observed.true_rotations is not None:
            poses["truth"] = observed.true_rotations
        pictures = drawing.SideBySide(observed, poser=poser, faces=faces, poses=poses)
        picture, video = self.output / "side_by_side.png", self.output / "side_by_side.mp4"
        pictures.write_picture(picture, errors=errors)
        if not self.video:
            return [picture]
        pictures.write_video(video)
        return [picture, video]


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
