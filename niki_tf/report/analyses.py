"""The list of the analyses: each is one command, its tables, and what they tell."""

from niki_tf.report.analysis import FEET, FORMATS, SPEED, Analysis, View
from niki_tf.report.motion_analyses import MOTION

_BY_NOISE = "MPJPE, mm, over the noise of the joints, mm on each axis"
_OF_OCCLUSION = ("mpjpe", "pa_mpjpe", "pve", "accel")
_ALL = "analytic analytic+finish mlp mlp+finish one_stage one_stage+finish twist_swing twist_swing+finish"
_TIME = "temporal temporal+finish"
_PRIOR = "temporal_prior temporal_prior+finish"
_SEE_TIME = f"{_TIME} temporal_prior+finish"
_DIVERSITY = "runs/diversity_0.1 runs/diversity_0.3 runs/diversity_1"
_NOISE_VIEWS = (View(_BY_NOISE, ("mpjpe",), across="noise_mm"),)
_OCCLUSION_VIEW = View("Distances in mm, ACCEL in mm/frame²", _OF_OCCLUSION, where={"joints": "all"})
_ESTIMATOR_VIEWS = (View("MPJPE, mm, over the factor of the estimator's errors", ("mpjpe",), across="factor"),)

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
        "--rounds=5 --stride=16 @ analytic mlp one_stage twist_swing temporal",
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
            View("Planted feet, and the depth under the ground", (*FEET, "penetration_mm"), where={"joints": "all"}),
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
            View("Frames of a level", ("level_frames",), across="level", by=("of",), where={"solver": "analytic"}),
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
    *MOTION,
)
"""The analyses, in the order of the page."""

NOT_YET: tuple[tuple[str, str], ...] = (
    ("C, tables 1 and 2", "the images of 3DPW and 3DPW-XOCC"),
    ("E", "collisions on the images of 3DPW-XOCC"),
    ("F", "levels of occlusion on images"),
    ("G", "the heatmap condition, measured"),
    ("H", "speed on a GPU"),
    ("K", "photographs and videos of people"),
)
"""Section of the supplementary, and what of it has not landed."""
WITHOUT_IMAGES = ("C, F, K", "images that the package draws: give --images and --freeze_backbone")
"""The same, where no images were given."""
