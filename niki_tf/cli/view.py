"""Shows motion: the body, the joints that it was solved from, and how sure each joint is, on one page or live.

Examples:
    niki-tf view output/walk.npz                          in a browser, live; needs pip install "niki-tf[view]"
    niki-tf view output/walk.npz --input=walk.json        with the joints, which can be corrupted and solved anew
    niki-tf view a.npz b.npz --html=side_by_side.html     one page that plays from a file, with the network off
    niki-tf view --input=walk.json --solver=one_stage --solver=temporal --html=answers.html
"""

import functools
import pathlib
import sys

from absl import flags

from niki_tf import body
from niki_tf.cli import body_flag, solve_files
from niki_tf.cli.quiet_start import quiet_start
from niki_tf.inference import Motion
from niki_tf.inference.reading import Person
from niki_tf.player import html, skinned
from niki_tf.player.skinned import Played
from niki_tf.solvers import zoo
from niki_tf.viewer import live, takes

_INPUT = flags.DEFINE_string("input", None, "File of joints or motion that is solved, and whose joints are shown.")
_SOLVER = flags.DEFINE_multi_string("solver", [], "Shipped solver or folder that solves --input; once each.")
_SKELETON = flags.DEFINE_string("skeleton", None, "Joint set of an --input that does not tell it, such as coco_17.")
_HTML = flags.DEFINE_string("html", None, "Write this page instead, which plays from a file with the network off.")
_FPS = flags.DEFINE_float("fps", None, "Frames per second that motion files are brought to.", lower_bound=1e-3)
_FRAMES = flags.DEFINE_integer("frames", None, "Show only so many frames.", lower_bound=1)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address of the live viewer; 0.0.0.0 lets other machines in.")
_PORT = flags.DEFINE_integer("port", 8080, "Port of the live viewer; 0 takes a free one.", lower_bound=0)
flags.adopt_module_key_flags(body_flag)

_DEFAULT, _QUICK = "temporal_prior", "analytic"
_CHOICE = (_DEFAULT, "temporal", "one_stage", "mlp", _QUICK)
"""Solvers that the live viewer offers; those of --solver stand before them."""
_MOST_FRAMES = 3000
"""Of a page: a hundred seconds at 30 a second."""


def main(argv: list[str]) -> None:
    """Reads what is shown, and writes the page or opens the viewer."""
    paths = argv[1:]
    try:
        if not paths and _INPUT.value is None:
            raise ValueError("give motion files (.npz), or --input, or both; got neither.")
        page = html.page_path(_HTML.value) if _HTML.value is not None else None
        for name in _SOLVER.value:
            zoo.check_solver(name)
        if _SOLVER.value and _INPUT.value is None:
            raise ValueError("`solver` solves the joints of --input; got none. Give --input=FILE.")
        data = body_flag.body_data()
        with quiet_start():
            shown = [take for path in paths for take in takes.of_file(path, fps=_FPS.value)]
            shown += _answers(data) if page else []
        if page is None:
            _show(shown, data)
            return
        takes.same_rate(shown)
        _write_page(page, shown, data)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"view: {error}")


def _answers(data: body.BodyData) -> list[Played]:
    """The answers of all solvers to all people of the input."""
    if _INPUT.value is None:
        return []
    names = list(dict.fromkeys(_SOLVER.value)) or [_DEFAULT]
    people = _reader(data, None).people(pathlib.Path(_INPUT.value))
    return [
        takes.of_answer(_reader(data, name).solved(person), person, name=_title(name, person))
        for person in people
        for name in names
    ]


def _show(shown: list[Played], data: body.BodyData) -> None:
    """Opens the live viewer, until Ctrl-C."""
    names = list(dict.fromkeys([*_SOLVER.value, *_CHOICE]))
    reader = functools.cache(lambda name: _reader(data, name))
    people = [] if _INPUT.value is None else _reader(data, None).people(pathlib.Path(_INPUT.value))

    def solve(person: Person, name: str) -> Motion:
        return reader(name).solved(person)

    people = [live.prepared(person, solve, _QUICK) for person in people]
    viewer = live.LiveViewer(shown, people, data, solve=solve, solvers=names, host=_HOST.value, port=_PORT.value)
    print(f"http://{_HOST.value}:{viewer.port}  (Ctrl-C ends it)", flush=True)
    try:
        viewer.wait()
    except KeyboardInterrupt:
        viewer.close()


def _title(name: str, person: Person) -> str:
    return f"{person.name} {name}".strip()


def _reader(data: body.BodyData, model: str | None) -> solve_files.FileSolver:
    options = solve_files.Options(
        model=model, skeleton=_SKELETON.value, frames=_FRAMES.value, fps=_FPS.value, body=body_flag.BODY.value
    )
    return solve_files.FileSolver(options, data)


def _write_page(path: pathlib.Path, shown: list[Played], data: body.BodyData) -> None:
    scene = skinned.scene(shown, data, frames=min(_FRAMES.value or _MOST_FRAMES, _MOST_FRAMES))
    title = ", ".join(take.name for take in shown)
    path.parent.mkdir(parents=True, exist_ok=True)
    html.write_page(path, scene, title=title, notes=_notes(shown, scene["frames"]))
    print(f"Written: {path}  {path.stat().st_size / 1e6:.1f} MB, {scene['frames']} frames")


def _notes(shown: list[Played], frames: int) -> list[str]:
    longest = max(len(take.clip) for take in shown)
    if longest <= frames:
        return []
    return [f"{frames} of {longest} frames are shown: the motions differ in length, or a page holds no more."]
