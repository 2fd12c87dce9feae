"""The analyses of whole motions."""

from niki_tf.report.analysis import FEET, SOLVE, Analysis, View

_UNSEEN = "temporal_prior+finish temporal+finish one_stage+finish mlp+finish+savgol9"
_SET_VIEWS = (View("At 0 and 20 mm of noise", ("mpjpe", "rotation_deg"), across="noise_mm", by=("solver", "skeleton")),)
_GAP_VIEW = View("MPJPE, mm, in the gap, over its frames", ("mpjpe",), across="gap", by=("solver", "way", "noise_mm"))

MOTION: tuple[Analysis, ...] = (
    Analysis(
        "world",
        "In the world",
        "The pose and the place of the body together, nothing aligned.",
        (
            View("Mean distance of the joints in the world, mm, over the noise", ("world_mpjpe",), across="noise_mm"),
            View("Acceleration error in the world, mm/frame²", ("world_accel",), across="noise_mm"),
        ),
        "--protocol=world @ analytic one_stage+finish temporal+finish temporal_prior+finish",
        "--protocol=world --stride={clips} @ analytic one_stage+finish",
    ),
    Analysis(
        "world_ground",
        "The ground",
        "niki_tf.solve without a ground and with the one that it finds from the feet (section J, limitation two).",
        (
            View(
                "Planted feet, and errors in mm",
                (*FEET, "penetration_mm", "mpjpe", "world_mpjpe"),
                by=("solver", "ground", "noise_mm"),
                decimals=2,
            ),
        ),
        "--protocol=world --ground @ temporal_prior+finish",
        "--protocol=world --ground --stride={clips} @ one_stage+finish",
    ),
    Analysis(
        "joint_sets",
        "Points of other joint sets",
        "Poses from the points of other programs, read off the body's mesh, with a constant error of 10 mm.",
        _SET_VIEWS,
        "--protocol=joint_sets --stride=8 @ temporal_prior+finish temporal+finish one_stage+finish "
        "temporal+finish+renamed map_fit",
        "--protocol=joint_sets --stride={clips} --skeleton=coco_17 --skeleton=mediapipe_33 @ one_stage+finish",
    ),
    Analysis(
        "joint_sets_markers",
        "Markers",
        "The 39 markers of Plug-in Gait.",
        _SET_VIEWS,
        "--protocol=joint_sets --stride=8 --skeleton=vicon_39 @ temporal+finish one_stage+finish map_fit",
        "--protocol=joint_sets --stride={clips} --skeleton=vicon_39 @ one_stage+finish",
    ),
    Analysis(
        "joint_sets_found",
        "Points of other joint sets, the shape found",
        "The same, the shape found from the points.",
        _SET_VIEWS,
        "--protocol=joint_sets --stride=8 --betas=found --skeleton=smpl_29 --skeleton=h36m_17 --skeleton=coco_17 "
        "--skeleton=openpose_25 --skeleton=mediapipe_33 @ temporal_prior+finish",
        "--protocol=joint_sets --stride={clips} --betas=found --skeleton=coco_17 @ one_stage+finish",
    ),
    Analysis(
        "gaps",
        "Gaps",
        "Frames in which nothing is seen, beside simple ways: joints on straight lines that are then solved, and slerp "
        "between the solved frames.",
        (_GAP_VIEW,),
        f"--protocol=gaps --trans=pelvis @ {_UNSEEN}",
        "--protocol=gaps --trans=pelvis --stride={clips} --gaps=8 @ temporal+finish",
    ),
    Analysis(
        "live_gaps",
        "Gaps, live",
        "The same solved live, frame by frame (`stream`), beside the last pose held.",
        (_GAP_VIEW,),
        "--protocol=gaps --trans=pelvis --stride=4 --gaps=8,30 --stream @ temporal+finish temporal_prior+finish",
        "--protocol=gaps --trans=pelvis --stride={clips} --gaps=8 --stream @ temporal+finish",
    ),
    Analysis(
        "lost_parts",
        "Lost parts",
        "A joint, a limb or half of the body that is lost for a while.",
        (View("MPJPE, mm, of what was lost", ("mpjpe",), across="gap", by=("solver", "way", "lost")),),
        "--protocol=gaps --trans=pelvis --stride=8 --gaps=4,30 --parts=joint,limb,half --noise_mm=10 @ "
        "temporal_prior+finish",
        "--protocol=gaps --trans=pelvis --stride={clips} --gaps=8 --parts=limb @ one_stage+finish",
    ),
    Analysis(
        "half_body",
        "Half a body",
        "Hips and legs that are never seen; `path` is with the path and the ground that the feet show, `no_path` "
        "without, `legs` with the legs seen. Others report, on other data, at 3 degrees: RoHM 57.4 mm, HuMoR 167.9 mm.",
        (
            View(
                "MPJPE, mm, of the legs, over the noise of rotations, degrees",
                ("mpjpe",),
                across="noise_deg",
                by=("solver", "seen"),
            ),
        ),
        f"--protocol=half_body --trans=pelvis @ {_UNSEEN}",
        "--protocol=half_body --trans=pelvis --stride={clips} @ temporal_prior+finish one_stage+finish",
    ),
    Analysis(
        "denoising",
        "Denoising",
        "Sixty frames, noise on the 22 joints of SMPL-H, the root sought or known. On other data, at 40 and 100 mm, "
        "DPoser, which knows it, reports 19.9 and 33.2 mm, PoseRFM 18.9 and 34.7 mm.",
        (View("MPJPE, mm, over the noise, mm", ("mpjpe",), across="noise_mm", by=("solver", "way")),),
        f"--protocol=denoising @ map_fit {_UNSEEN}",
        "--protocol=denoising --stride={clips} @ one_stage+finish",
    ),
    Analysis(
        "calibration",
        "Expected errors",
        "Whether joints are as far off as the solver expects: joints sorted by the expected error, in tenths.",
        (
            View(
                "Expected and true error, mm, of all joints",
                ("expected_mm", "error_mm", "percent"),
                by=("solver", "way", "tenth"),
                where={"state": "all"},
            ),
        ),
        "--protocol=calibration --trans=pelvis @ temporal+finish one_stage+finish",
        "--protocol=calibration --trans=pelvis --stride={clips} @ one_stage+finish",
    ),
    Analysis(
        "rates",
        "Frame rates",
        "30 mm of noise, independent from frame to frame, at other rates; `smoothed` are the joints themselves, by the "
        "best kernel in hindsight.",
        (View("MPJPE, mm, over frames per second", ("mpjpe",), across="fps", by=("solver", "way")),),
        f"--protocol=rates --trans=pelvis @ {_UNSEEN}",
        "--protocol=rates --trans=pelvis --stride={clips} --rates=15,30 @ one_stage+finish",
    ),
    Analysis(
        "film_niki",
        "A solved motion, NIKI",
        "The first motion with 30 mm of noise on its joints, solved by niki_tf.solve.",
        (),
        "--noise_mm=30 --frames=150 --format=npz --trans=pelvis --model=temporal_prior",
        "--noise_mm=30 --frames=90 --format=npz --trans=pelvis --model=temporal",
        SOLVE,
    ),
    Analysis(
        "film_analytic",
        "A solved motion, analytic",
        "The same joints, solved by HybrIK's analytic inverse kinematics.",
        (),
        "--noise_mm=30 --frames=150 --format=npz --trans=pelvis --model=analytic --smoothing=off --finish=off",
        "--noise_mm=30 --frames=90 --format=npz --trans=pelvis --model=analytic --smoothing=off --finish=off",
        SOLVE,
    ),
)
"""In the order of the page."""
