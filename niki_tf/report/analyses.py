"""The list of the analyses: each is one command, its tables, and what they tell."""

from niki_tf.report.analysis import FORMATS, SOLVE, SPEED, Analysis, View

_BY_NOISE = "MPJPE, mm, over the noise of the joints, mm on each axis"
_OF_OCCLUSION = ("mpjpe", "pa_mpjpe", "pve", "accel")
_FEET = ("foot_speed", "true_foot_speed", "sliding_percent")
_ALL = "analytic analytic+finish mlp mlp+finish one_stage one_stage+finish twist_swing twist_swing+finish"
_TIME = "temporal temporal+finish"
_PRIOR = "temporal_prior temporal_prior+finish"
_SEE_TIME = f"{_TIME} temporal_prior+finish"
_UNSEEN = "temporal_prior+finish temporal+finish one_stage+finish mlp+finish+savgol9"
_DIVERSITY = "runs/diversity_0.1 runs/diversity_0.3 runs/diversity_1"
_NOISE_VIEWS = (View(_BY_NOISE, ("mpjpe",), across="noise_mm"),)
_OCCLUSION_VIEW = View("Distances in mm, ACCEL in mm/frame²", _OF_OCCLUSION, where={"joints": "all"})
_ESTIMATOR_VIEWS = (View("MPJPE, mm, over the factor of the estimator's errors", ("mpjpe",), across="factor"),)
_SET_VIEWS = (View("At 0 and 20 mm of noise", ("mpjpe", "rotation_deg"), across="noise_mm", by=("solver", "skeleton")),)

ANALYSES: tuple[Analysis, ...] = (
    Analysis(
        "speed",
        "Speed",
        "Time on this machine's CPU, solvers timed in turn in one run (section H). The paper has 8 ms on a GPU for a "
        "batch of 1.",
        (View("Milliseconds a frame, by the frames of a batch", ("ms per frame",), across="batch", decimals=2),),
        f"--rounds=3 @ analytic mlp mlp+finish one_stage one_stage+finish twist_swing {_SEE_TIME}",
        "--rounds=1 --batch=1 @ analytic one_stage one_stage+finish temporal+finish",
        SPEED,
    ),
    Analysis(
        "formats",
        "Formats",
        "Size, time of one frame on one thread, and accuracy of what can be carried to a phone (LiteRT) or a server "
        "(SavedModel); a solver that sees time is timed on a window of 16 frames.",
        (
            View(
                "Size, time and MPJPE, mm, at 0 and 30 mm of noise",
                ("MB", "ms", "MPJPE at 0 mm", "MPJPE at 30 mm"),
                by=("solver", "format"),
                decimals=2,
            ),
        ),
        "--stride=4",
        "--rounds=1 --stride={frames} @ one_stage",
        FORMATS,
    ),
    Analysis(
        "noise",
        "Noise",
        "The error over the noise of the joints (section D, figure 5): every frame is a body of its own random shape. "
        "Solvers that see time are given the frames around the measured one; twist_swing and analytic the true twist.",
        _NOISE_VIEWS,
        f"--stride=4 @ {_ALL} mlp+finish+savgol9 mlp+finish+savgol15 mlp+finish+whittaker {_TIME} {_PRIOR}",
        "--stride={frames} @ analytic one_stage one_stage+finish temporal+finish",
    ),
    Analysis(
        "without_twist",
        "Noise, no twist given",
        "The same for the solver that can be given a twist, without.",
        _NOISE_VIEWS,
        "--stride=4 --notwist @ twist_swing twist_swing+finish",
        "--stride={frames} --notwist @ twist_swing",
    ),
    Analysis(
        "zero_betas",
        "Noise, the shape not given",
        "Solvers are given the mean shape whatever the body (section J, limitation one); answers are measured on the "
        "true body.",
        _NOISE_VIEWS,
        f"--stride=4 --betas=zeros @ analytic mlp mlp+finish one_stage one_stage+finish twist_swing twist_swing+finish "
        f"{_TIME}",
        "--stride={frames} --betas=zeros @ one_stage+finish",
    ),
    Analysis(
        "found_betas",
        "Noise, the shape found",
        "Solvers are given the shape that is found from the joints of the motion.",
        _NOISE_VIEWS,
        f"--stride=4 --betas=found @ {_ALL} {_SEE_TIME}",
        "--stride={frames} --betas=found @ one_stage+finish",
    ),
    Analysis(
        "diversity",
        "Diversity of training",
        "Noise, for one_stage trained on 10, 30 and 100 % of the clips, equal steps, poses as they were recorded "
        "(section J, limitation three).",
        _NOISE_VIEWS,
        f"--stride=4 @ {_DIVERSITY}",
        f"--stride={{frames}} @ {_DIVERSITY}",
        trained_by="see configs/diversity.flags",
    ),
    Analysis(
        "bones",
        "Bones",
        "How far the lengths of the bones are off that are found from noisy joints, and those of the mean shape, which "
        "one has without (section J, limitation one).",
        (View("Median error, mm", ("median_mm",), across="noise_mm", by=("solver", "people"), decimals=2),),
        "--protocol=bones",
        "--protocol=bones",
    ),
    Analysis(
        "estimator",
        "An estimator's errors",
        "Errors that differ from joint to joint, at 0.5, 1 and 1.5 times their usual size.",
        _ESTIMATOR_VIEWS,
        f"--noise=estimator --stride=4 @ {_ALL} map_fit {_TIME}",
        "--noise=estimator --stride={frames} @ one_stage",
    ),
    Analysis(
        "estimator_sigma",
        "An estimator's errors, its sigma given",
        "The same; solvers are given the sigma that the estimator reports.",
        _ESTIMATOR_VIEWS,
        f"--noise=estimator --sigma --stride=4 @ {_ALL} map_fit {_TIME}",
        "--noise=estimator --sigma --stride={frames} @ one_stage",
    ),
    Analysis(
        "absent",
        "Absent joints",
        "Every fifth joint, at random, is absent, the others are noisy.",
        _NOISE_VIEWS,
        f"--absent=0.2 --stride=16 @ {_ALL} map_fit {_TIME}",
        "--absent=0.2 --stride={frames} @ one_stage",
    ),
    Analysis(
        "xocc",
        "Occlusion",
        "Motion of people who are partly cut off and hidden for a while (sections C and I, table 2, at the level of "
        "joints). The figure is the acceleration error of the hardest clip (figure 4). In the paper, on images: NIKI "
        "frame-based 110.7 mm and ACCEL 74.4, temporal 88.9 mm and 17.3.",
        (
            _OCCLUSION_VIEW,
            View("MPJPE, mm, of the joints that were seen and of those that were not", ("mpjpe",), across="joints"),
            View("Planted feet, and the depth under the ground", (*_FEET, "penetration_mm"), where={"joints": "all"}),
        ),
        f"--protocol=xocc @ analytic analytic+one_euro analytic+savgol mlp one_stage twist_swing {_TIME} {_PRIOR}",
        "--protocol=xocc --stride={clips} @ analytic one_stage temporal+finish",
    ),
    Analysis(
        "xocc_clean",
        "No occlusion",
        "The same clips, every joint observed as it is: what solvers leave of clean joints.",
        (_OCCLUSION_VIEW,),
        f"--protocol=xocc --clean @ mlp one_stage twist_swing {_TIME} {_PRIOR}",
        "--protocol=xocc --clean --stride={clips} @ one_stage",
    ),
    Analysis(
        "xocc_found_betas",
        "Occlusion, the shape found",
        "As Occlusion, the shape found from the observed joints of the whole clip.",
        (_OCCLUSION_VIEW,),
        f"--protocol=xocc --betas=found @ analytic mlp one_stage twist_swing {_SEE_TIME}",
        "--protocol=xocc --betas=found --stride={clips} @ one_stage",
    ),
    Analysis(
        "collisions",
        "Collisions",
        "How much of the body's surface runs into itself on occluded clips (section E). `truth` is the motion itself: "
        "people touch themselves. The paper has 2.6 % for HybrIK and 1.0 % for NIKI on images, and calls that 57.7 % "
        "less; of its rounded figures it is 61.5 %.",
        (
            View(
                "Pairs of triangles and triangles that intersect, in percent of the triangles",
                ("pairs_percent", "triangles_percent", "new_pairs_percent", "new_triangles_percent", "less_percent"),
                decimals=2,
            ),
        ),
        f"--protocol=collisions @ analytic mlp one_stage twist_swing {_SEE_TIME}",
        "--protocol=collisions --stride={clips} @ analytic one_stage",
    ),
    Analysis(
        "occlusion_levels",
        "By level of occlusion",
        "What is gained over the first solver by the share of the body that is hidden (section F, figure 6). The paper "
        "gains, on images, 6.5 mm at 0 to 10 %, 13.3 mm at 20 to 30 % and 10.2 mm at 70 to 80 %.",
        (
            View(
                "Gain in MPJPE, mm, by percent of joints hidden", ("gain_mm",), across="level", where={"of": "joints"}
            ),
            View("The same by percent of the drawn body", ("gain_mm",), across="level", where={"of": "area"}),
            View("Frames of a level", ("level_frames",), across="level", by=("solver", "of"), decimals=0),
        ),
        f"--protocol=occlusion_levels @ analytic mlp one_stage {_SEE_TIME}",
        "--protocol=occlusion_levels --stride={clips} @ analytic one_stage",
    ),
    Analysis(
        "sensitivity",
        "Which joint matters",
        "Each joint, and each part of the body, is hidden in turn (section F, figures 7 and 8). The figure has the "
        "error as colours on the body, all solvers on one scale.",
        (
            View("MPJPE, mm, when a part is hidden", ("mpjpe",), across="hidden", where={"kind": "part"}),
            View("When a joint is hidden", ("mpjpe",), across="hidden", where={"kind": "joint"}),
        ),
        f"--protocol=sensitivity --stride=4 @ analytic one_stage {_SEE_TIME}",
        "--protocol=sensitivity --stride={clips} @ analytic one_stage",
    ),
    Analysis(
        "error_score",
        "Which joints are wrong",
        "How well a score of the answer tells the errors of the joints: rank correlation with the joints' error, and "
        "the AUROC of frames in which one joint is displaced by 200 mm on 0, 10 or 30 mm of noise.",
        (
            View(
                "Rank correlation, AUROC, and the share in which the displaced joint is found",
                ("rank_error", "auroc_0", "auroc_10", "auroc_30", "found_0", "found_10", "found_30"),
                by=("solver", "score"),
                decimals=3,
            ),
        ),
        "--protocol=error_score --stride=4 @ one_stage twist_swing",
        "--protocol=error_score --stride={frames} @ one_stage",
    ),
    Analysis(
        "round_trip",
        "There and back",
        "From a pose to joints and back through the invertible network: the largest errors.",
        (
            View(
                "Distances in mm, angles in degrees",
                ("mean_mm", "max_mm", "mean_deg", "max_deg", "fk_mm"),
                decimals=4,
            ),
        ),
        "--protocol=round_trip --stride=4 @ one_stage twist_swing",
        "--protocol=round_trip --stride={frames} @ one_stage",
    ),
    Analysis(
        "embedding",
        "The error embedding",
        "Whether z, the error embedding, is standard normal over noisy joints, and what is drawn from it. What ships "
        "has no flow that makes it so; `niki-tf fit_embedding` fits one.",
        (
            View(
                "Moments of z, and draws",
                ("mean", "least_variance", "largest_variance", "correlation", "drawn_mm", "back_deg"),
                by=("solver", "noise"),
                where={"joint": "all"},
                decimals=2,
            ),
            View(
                "Errors of joints relative to joint 0, of fk with a drawn z and of an estimator, mm",
                ("drawn_rms_mm", "drawn_bias_mm", "estimator_rms_mm", "estimator_bias_mm"),
                by=("solver", "joint"),
            ),
        ),
        "--protocol=embedding --stride=16 @ one_stage",
        "--protocol=embedding --stride={frames} @ one_stage",
    ),
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
                (*_FEET, "penetration_mm", "mpjpe", "world_mpjpe"),
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
        "Frames in which nothing is seen, beside simple ways: joints on straight lines that are then solved, slerp "
        "between the solved frames, the last pose held in live solving (`stream`).",
        (View("MPJPE, mm, in the gap, over its frames", ("mpjpe",), across="gap", by=("solver", "way", "noise_mm")),),
        f"--protocol=gaps --trans=pelvis --stream @ {_UNSEEN}",
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
        "Sixty frames, noise on the 22 joints of SMPL-H. Others report, on other data, at 40 and 100 mm: DPoser 19.9 "
        "and 33.2 mm, PoseRFM 18.9 and 34.7 mm.",
        (View("MPJPE, mm, over the noise, mm", ("mpjpe",), across="noise_mm"),),
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
"""The analyses, in the order of the page."""

NOT_YET: tuple[tuple[str, str], ...] = (
    ("C, tables 1 and 2", "the images of 3DPW and 3DPW-XOCC"),
    ("E", "collisions on the images of 3DPW-XOCC"),
    ("F", "sensitivity and levels of occlusion on images"),
    ("G", "the heatmap condition"),
    ("H", "speed on a GPU"),
    ("K", "pictures and videos of people"),
)
"""Section of the supplementary, and what of it has not landed."""
