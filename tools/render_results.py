"""Writes the tables of README.md, docs/*.md and the models' cards from the recorded results.

Examples:
    python tools/render_results.py           writes every block `<!-- results: ... -->` anew, and what cards and
                                             SHA256SUMS say of the weights beside them
    python tools/render_results.py --check   tells which blocks, cards or sums differ, or records are of other weights
                                             than those in the folder, and exits with 1 if there are any; writes nothing

Results are recorded by tools/evaluate.py --record=NAME; niki_tf/evaluation/results.py tells what a block may ask for.
"""

import pathlib
import sys

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf.evaluation import cards, records, results

_CHECK = flags.DEFINE_bool("check", default=False, help="Write nothing; exit with 1 if a block differs or weights do.")
_ROOT = pathlib.Path(__file__).resolve().parent.parent


def main(argv: list[str]) -> None:
    """Renders or checks all blocks, and checks that records are of the weights beside them."""
    if argv[1:]:
        sys.exit(f"render_results.py takes flags only; got {' '.join(argv[1:])}.")
    try:
        messages = records.stale_weights(_ROOT) + cards.update_cards(_ROOT, check=_CHECK.value)
        messages += results.update_documents(_ROOT, check=_CHECK.value)
    except ValueError as error:
        sys.exit(f"render_results.py: {error}")
    print("\n".join(messages) or "all blocks, cards and sums say what is so")
    if _CHECK.value and messages:
        sys.exit(1)


if __name__ == "__main__":
    app.run(main)
