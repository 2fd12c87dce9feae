"""What tools/evaluate.py is given and does not take."""

import pytest
from absl import flags

from niki_tf import body, solvers
from niki_tf.solvers import zoo

OBSERVING = "noise, xocc, collisions, occlusion_levels, sensitivity, error_score, world"


def test_a_solver_that_needs_the_twist_says_so(run_tool, motion, tmp_path):
    needy = solvers.TwistSwing(
        body.mannequin_joints(), hidden_dim=8, num_couplings=2, rotation_hidden_dim=8, num_rotation_couplings=2
    )
    zoo.save(needy, tmp_path / "needy")
    with pytest.raises(SystemExit, match=r"^evaluate: `twist` must be given to"):
        run_tool(
            "evaluate", f"--motion={motion}", f"--solver={tmp_path / 'needy'}", "--notwist", f"--output={tmp_path}"
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--motion={tmp}/absent"], "such file or folder"),
        (["--solver={tmp}/absent"], "`solver` must be .* there is no such folder"),
        (["--solver=analytic", "--solver={tmp}"], "must hold model.keras"),
        (["--output={tmp}/file/below"], "`output` must be a folder that can be written to"),
        (["--motion={tmp}"], "must be a whole .npz file"),
        (["--body={tmp}/absent.npz"], "absent.npz"),
        (["stray"], "flags only; got stray"),
        (["--absent=1"], "`absent` must be a probability .* got 1.0"),
        (["--sigma"], "`sigma` is reported by an estimator only"),
        (["--protocol=error_score", "--absent=0.2"], "`--absent` is for --protocol=noise; got --protocol=error_score"),
        (["--protocol=round_trip", "--noise=estimator"], "`--noise` is for --protocol=noise"),
        (["--clean"], "`--clean` is for --protocol=xocc, collisions, occlusion_levels; got --protocol=noise"),
        (
            ["--protocol=round_trip", "--betas=zeros"],
            f"`--betas` is for --protocol={OBSERVING}, joint_sets;",
        ),
        (["--gaps=3"], "`--gaps` is for --protocol=gaps; got --protocol=noise"),
        (
            ["--trans=pelvis"],
            "`--trans` is for --protocol=gaps, half_body, denoising, calibration, rates; got --protocol=noise",
        ),
        (["--protocol=gaps", "--rates=3"], "`--rates` is for --protocol=rates"),
        (["--protocol=gaps", "--gaps=3,x"], "`gaps` must be numbers with commas between them; got 3,x"),
        (["--protocol=gaps", "--parts=arm"], "`parts` must be of all, joint, limb_end, limb, half; got arm"),
        (["--protocol=half_body", "--notwist"], f"`--twist` is for --protocol={OBSERVING};"),
        (["--protocol=sensitivity"], "`clips` must hold a clip of 60 frames or more"),
        (["--protocol=sensitivity", "--clean"], "`--clean` is for --protocol=xocc, collisions, occlusion_levels;"),
        (["--protocol=collisions", "--alignment=17"], "`--alignment` is for --protocol=xocc;"),
        (["--protocol=gaps", "--ground"], "`--ground` is for --protocol=world; got --protocol=gaps"),
        (["--protocol=rates"], "`clips` must hold a clip of 60 frames or more"),
        (["--skeleton=coco_17"], "`--skeleton` is for --protocol=joint_sets; got --protocol=noise"),
        (["--protocol=joint_sets", "--notwist"], f"`--twist` is for --protocol={OBSERVING};"),
        (
            ["--protocol=bones", "--betas=found"],
            f"`--betas` is for --protocol={OBSERVING}, joint_sets;",
        ),
        (["--protocol=bones", "--solver=mlp"], "`--solver` is for the protocols that solve for poses"),
        (["--protocol=bones"], "`clips` must hold a clip of 60 frames or more"),
        (["--protocol=error_score", "--betas=found"], "`betas` must be true or zeros; got 'found'"),
        (["--protocol=joint_sets"], "`clips` must hold a clip of 60 frames or more"),
        (["--protocol=joint_sets", "--solver=analytic+savgol"], "there is no such folder"),
        (["--solver=analytic+renamed"], "there is no such folder"),
        (["--record=no name"], "`record` must be a name of a-z, 0-9 and _; got 'no name'"),
        (["--protocol=error_score", "--solver=analytic+savgol"], "there is no such folder"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, motion, tmp_path, arguments, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "bad.npz").write_text("not an archive")
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    with pytest.raises(SystemExit, match=f"^evaluate.*{message}"):
        run_tool("evaluate", f"--motion={motion}", f"--output={tmp_path / 'out'}", *given)


@pytest.mark.parametrize("argument", ["--stride=0", "--batch_size=0", "--protocol=guess", "--seed=-1"])
def test_values_out_of_range_are_refused(run_tool, motion, argument):
    with pytest.raises(flags.IllegalFlagValueError, match=argument.split("=")[0]):
        run_tool("evaluate", f"--motion={motion}", argument)


def test_motion_is_needed(run_tool):
    with pytest.raises(SystemExit, match="evaluate: `motion` must be given"):
        run_tool("evaluate")
