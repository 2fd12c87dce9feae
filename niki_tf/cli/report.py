"""Runs all analyses of the paper that are here and writes one page that shows them: tables, figures, commands.

Examples:
    niki-tf report --motion=DIR --output=output/report --quick    few clips: a page in minutes
    niki-tf report --motion=DIR --output=output/report            all clips: hours; run again, it goes on
    niki-tf report --motion=DIR --images=SET --images=XOCC_SET --freeze_backbone=DIR --solver=DIR    with images

Each analysis is one command, run as it stands under its tables, with its .json, .csv and figure in a folder of its own
below --output. What is finished is not run again, unless its command, the weights, the motion or a package changed. The
page is written from time to time with what there is so far.
With --images, sets that prepare_images has drawn, the first as they are, the last with hidden parts, and a network of
images, --freeze_backbone, the page has what solvers behind it make of them, beside `analytic` and --image_solver.
The page, report.html, needs no network; its player of motion needs `niki-tf get_assets three` once.
"""

import os
import pathlib
import sys
import threading
import time

import tqdm
from absl import flags

from niki_tf import files, report
from niki_tf.cli import frozen_backbone, image_solver_flag
from niki_tf.cli.report_child import Commands
from niki_tf.data.image_sets import ImageSet
from niki_tf.solvers import zoo

_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout.", required=True)
_OUTPUT = flags.DEFINE_string("output", "output/report", "Folder for the page and what analyses write.")
_QUICK = flags.DEFINE_bool("quick", default=False, help="Few clips and few solvers, to see the page.")
_SOLVER = flags.DEFINE_multi_string("solver", [], "NAME or FOLDER[+finish] behind --freeze_backbone; once a solver.")
flags.adopt_module_key_flags(frozen_backbone)
flags.adopt_module_key_flags(image_solver_flag)

_AT_ONCE = 2
"""Analyses at a time, each of which keeps one core busy for much of its time: making graphs, meshes, tables."""

_BETWEEN_PAGES = 120.0
"""Seconds at least from one page of what there is so far to the next."""


def main(argv: list[str]) -> None:
    """Runs what is not finished, writes the page; exits with 1 if an analysis failed."""
    if argv[1:]:
        sys.exit(f"report takes flags only; got {' '.join(argv[1:])}.")
    try:
        images = _images()
        analyses = [*report.ANALYSES, *(report.analyses_of_images(images) if images else [])]
        setting = report.Setting(_MOTION.value, files.output_folder(_OUTPUT.value), _QUICK.value, images)
        for analysis in analyses:
            setting.command(analysis)
    except (ValueError, OSError) as error:
        sys.exit(f"report: {error}")
    run, at_once = Commands(), min(_AT_ONCE, os.cpu_count() or 1)
    writing, written = threading.Lock(), time.monotonic()
    with tqdm.tqdm(total=len(analyses), unit="analysis") as bar:

        def done(analysis: report.Analysis) -> None:
            nonlocal written
            bar.set_postfix_str(analysis.name, refresh=False)
            bar.update()
            with writing:
                if time.monotonic() - written > _BETWEEN_PAGES:
                    report.write_page(report.found_so_far(analyses, setting), setting)
                    written = time.monotonic()

        results = report.run_all(analyses, setting, run=run, at_once=at_once, done=done, stop=run.stop)
    page = report.write_page(results, setting)
    failed = [result for result in results if result.reason and not result.is_untrained]
    for result in failed:
        print(f"report: {result.analysis.name} failed: {result.reason}", file=sys.stderr)
    print(f"Written: {page}")
    if failed:
        sys.exit(1)


def _images() -> report.Images | None:
    """What was given for the analyses of images, if it was.

    Raises:
        ValueError: a part of it is missing, a set is not whole, or a folder holds no weights.
    """
    sets, backbone, image_solvers = flags.FLAGS.images, flags.FLAGS.freeze_backbone, flags.FLAGS.image_solver
    if not (sets or backbone or image_solvers or _SOLVER.value):
        return None
    frozen_backbone.check_given()
    for folder in sets:
        ImageSet(folder)
    for name in _SOLVER.value:
        zoo.check_solver(name)
    for flag, folder in (("freeze_backbone", backbone), *(("image_solver", folder) for folder in image_solvers)):
        if not pathlib.Path(folder, "model.keras").is_file():
            raise ValueError(f"`{flag}` must be a folder that holds model.keras; {folder} holds none. Is it trained?")
    return report.Images(tuple(sets), backbone, tuple(_SOLVER.value), tuple(image_solvers))
