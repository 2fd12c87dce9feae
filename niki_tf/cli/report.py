"""Runs all analyses of the paper that are here and writes one page that shows them: tables, figures, commands.

Examples:
    niki-tf report --motion=DIR --output=output/report --quick    few clips: a page in minutes
    niki-tf report --motion=DIR --output=output/report            all clips: hours; run again, it goes on

Each analysis is one command, run as it stands under its tables, with its .json, .csv and figure in a folder of its own
below --output. What is finished is not run again, unless its command, the weights, the motion or a package changed. The
page is written from time to time with what there is so far.
The page, report.html, needs no network; its player of motion needs `niki-tf get_assets three` once.
"""

import os
import sys
import threading
import time

import tqdm
from absl import flags

from niki_tf import files, report
from niki_tf.cli.report_child import Commands

_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion in AMASS's layout.", required=True)
_OUTPUT = flags.DEFINE_string("output", "output/report", "Folder for the page and what analyses write.")
_QUICK = flags.DEFINE_bool("quick", default=False, help="Few clips and few solvers, to see the page.")

_AT_ONCE = 2
"""Analyses at a time, each of which keeps one core busy for much of its time: making graphs, meshes, tables."""

_BETWEEN_PAGES = 120.0
"""Seconds at least from one page of what there is so far to the next."""


def main(argv: list[str]) -> None:
    """Runs what is not finished, writes the page; exits with 1 if an analysis failed."""
    if argv[1:]:
        sys.exit(f"report takes flags only; got {' '.join(argv[1:])}.")
    try:
        setting = report.Setting(_MOTION.value, files.output_folder(_OUTPUT.value), _QUICK.value)
        for analysis in report.ANALYSES:
            setting.command(analysis)
    except (ValueError, OSError) as error:
        sys.exit(f"report: {error}")
    run, at_once = Commands(), min(_AT_ONCE, os.cpu_count() or 1)
    writing, written = threading.Lock(), time.monotonic()
    with tqdm.tqdm(total=len(report.ANALYSES), unit="analysis") as bar:

        def done(analysis: report.Analysis) -> None:
            nonlocal written
            bar.set_postfix_str(analysis.name, refresh=False)
            bar.update()
            with writing:
                if time.monotonic() - written > _BETWEEN_PAGES:
                    report.write_page(report.found_so_far(report.ANALYSES, setting), setting)
                    written = time.monotonic()

        results = report.run_all(report.ANALYSES, setting, run=run, at_once=at_once, done=done, stop=run.stop)
    page = report.write_page(results, setting)
    failed = [result for result in results if result.reason and not result.is_untrained]
    for result in failed:
        print(f"report: {result.analysis.name} failed: {result.reason}", file=sys.stderr)
    print(f"Written: {page}")
    if failed:
        sys.exit(1)
