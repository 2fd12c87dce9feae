"""Weights that are not finite end an evaluation in one line."""

import numpy as np
import pytest

from niki_tf import io, solvers
from niki_tf.motion import made_motion
from niki_tf.solvers import zoo


def test_an_answer_that_is_not_finite_is_one_line(run_tool, tiny_model, tmp_path):
    io.save_clip(tmp_path / "clip.npz", made_motion(0, frames=2))
    solver = solvers.load(tiny_model)
    solver.set_weights([np.full_like(weights, np.nan) for weights in solver.get_weights()])
    zoo.save(solver, tmp_path / "broken")
    with pytest.raises(SystemExit, match="^evaluate: .*NaN or infinity"):
        run_tool(
            *("evaluate", f"--motion={tmp_path / 'clip.npz'}", f"--solver={tmp_path / 'broken'}"),
            f"--output={tmp_path / 'out'}",
        )
