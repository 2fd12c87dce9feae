"""The analyses of images, which need sets of them and a network."""

from collections.abc import Sequence

from niki_tf.report.analysis import IMAGE_FIGURES, Analysis, Images, View

_BODY_VIEWS = (
    View("MPJPE, mm, of each picture", ("mpjpe",), across="solver", by=("picture",)),
    View("PA-MPJPE, mm, of each picture", ("pa_mpjpe",), across="solver", by=("picture",)),
)
_RULE = (
    "Pictures are drawn from the set by seed 0, whatever they show: clips, then a frame of each. Bodies stand where "
    "the network sees joint 0."
)
_BASELINE = "bodies_part_attention"

IMAGES: tuple[Analysis, ...] = (
    Analysis(
        "images",
        "Images",
        "Solvers behind one network of images, as tables 1 and 2 of section C.2 have it, here on images that the "
        "package draws: `analytic` behind the network is HybrIK, models that give poses by themselves come first. In "
        "the paper, on 3DPW-XOCC, MPJPE, PA-MPJPE, PVE and ACCEL: HybrIK 148.3, 98.7, 164.5 and 108.6; PARE 114.2, "
        "67.7, 133.0 and 90.7; NIKI frame-based 110.7, 60.5, 128.6 and 74.4, temporal 88.9, 52.1, 98.0 and 17.3; on "
        "3DPW NIKI frame-based 71.3, 40.6, 86.6 and 15.1, temporal 71.2, 40.5, 86.3 and 12.3.",
        (View("Distances in mm, ACCEL in mm/frame²", ("mpjpe", "pa_mpjpe", "pve", "accel"), by=("images", "solver")),),
        "--protocol=images {sets} {backbone} {image_solvers} --solver=analytic {solvers}",
        "--protocol=images {sets} {backbone} {image_solvers} --solver=analytic {solvers} --stride=8",
        of_images=True,
    ),
    Analysis(
        "image_occlusion",
        "Occlusion sensitivity of images",
        "A square of 40/224 of the picture, of the value that the network takes as 0, hides one place after the other; "
        "colours are the error, warmer ones a larger one, bicubic between the places, on one scale for all methods "
        "(section F, figures 7 and 8). Pictures are drawn from the first set by seed 0, whatever they show. Solvers "
        "that see time need more than one picture and are left out.",
        (
            View(
                "MPJPE, mm: pictures as they are, mean over the places of the square, the worst place",
                ("whole_mm", "mpjpe", "worst_mm"),
                where={"joint": "all"},
            ),
            View("The worst place of each joint, mm", ("worst_mm",), across="solver", by=("joint",)),
        ),
        "--figure=occlusion --count=6 {first_set} {backbone} {image_solvers} --solver=analytic {solvers}",
        "--figure=occlusion --count=2 {first_set} {backbone} {image_solvers} --solver=analytic {solvers}",
        IMAGE_FIGURES,
        of_images=True,
    ),
    Analysis(
        _BASELINE,
        "Bodies beside a baseline in the manner of PARE",
        f"Over the picture in its camera, and from the side, on the last set (section K, figure 9). {_RULE}",
        _BODY_VIEWS,
        "--figure=bodies --count=12 {last_set} {backbone} {image_solvers} {solvers}",
        "--figure=bodies --count=3 {last_set} {backbone} {image_solvers} {solvers}",
        IMAGE_FIGURES,
        of_images=True,
    ),
    Analysis(
        "bodies_analytic",
        "Bodies beside HybrIK",
        f"The same pictures (section K, figure 10); `analytic` behind the network is HybrIK. {_RULE}",
        _BODY_VIEWS,
        "--figure=bodies --count=12 {last_set} {backbone} --solver=analytic {solvers}",
        "--figure=bodies --count=3 {last_set} {backbone} --solver=analytic {solvers}",
        IMAGE_FIGURES,
        of_images=True,
    ),
)
"""In the order of the page."""


def analyses_of_images(images: Images) -> Sequence[Analysis]:
    """Those of `IMAGES` for which everything was given."""
    return [analysis for analysis in IMAGES if images.image_solvers or analysis.name != _BASELINE]
