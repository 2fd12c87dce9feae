"""The entry point `niki-tf COMMAND`, which the scripts in tools/ share."""

import contextlib
import functools
import importlib
import sys
import types
from collections.abc import Iterable

from absl import app, flags

from niki_tf import files
from niki_tf.cli import flag_files, flag_order, stopping
from niki_tf.cli.quiet_start import quiet_start

COMMANDS = {
    "solve": "joints or a motion in; poses, a table of errors and a picture out",
    "evaluate": "measure solvers by a protocol: noise, occlusion, error score, round trip",
    "view": "show motion, its joints and how sure they are, on one page or live",
    "report": "run all analyses of the paper and write one page that shows them",
    "train": "train a solver on motion files, or on motion that the package makes",
    "prepare_images": "make a set of images of people, drawn or real, with what is true of them",
    "train_images": "train a network of images on such sets",
    "image_figures": "draw how methods fare on such sets: occlusion sensitivity maps, bodies over crops",
    "export": "write a solver as a SavedModel and as LiteRT files",
    "client": "send a motion to TensorFlow Serving and write the poses",
    "check_motion": "check motion files: feet, limbs, jumps, the ground, clips that two folders share",
    "make_xocc": "cut and cover frames of a video as 3DPW-XOCC does",
    "get_assets": "fetch files that are not carried along: networks for pictures, clips",
    "convert_checkpoint": "turn a published PyTorch checkpoint into a solver",
    "fit_pose_prior": "fit the pose prior of map_fit to motion",
    "fit_motion_prior": "train the prior of motion behind the temporal solver",
    "fit_embedding": "make the error embedding of an invertible solver standard normal",
    "fit_expected_error": "fit what solvers expect of their own error",
    "fit_joint_completion": "train the guess of joints that a joint set does not tell",
}
"""The commands, each a module of this room with a function `main`, and what they do."""

_OWN = {
    "report": "output",
    "train": "workdir",
    "prepare_images": "output",
    "train_images": "workdir",
    "fit_pose_prior": "workdir",
    "fit_motion_prior": "workdir",
    "fit_embedding": "workdir",
    "fit_joint_completion": "workdir",
}
"""Commands that need a folder for themselves, and the flag that names it; `solve` asks for its own if need be."""
_HELP = ("--help", "-help", "-h", "--h")
_WIDTH = 118


def main() -> None:
    """Runs the command that the first argument names."""
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command in _HELP:
        lines = "\n".join(f"  {name:19} {what}" for name, what in COMMANDS.items())
        print(f"niki-tf COMMAND [--flag=value ...]; niki-tf COMMAND --help tells the flags.\n\n{lines}")
        return
    if command not in COMMANDS:
        sys.exit(f"niki-tf: there is no command {command!r}; the commands are {', '.join(COMMANDS)}.")
    run(command, [f"niki-tf {command}", *sys.argv[2:]])


def run(command: str, argv: list[str] | None = None) -> None:
    """Runs the module `command` of this room.

    Args:
        command: a key of `COMMANDS`.
        argv: the program's name and its arguments; those of the process if None.
    """
    argv = sys.argv if argv is None else argv
    with stopping.answered(command):
        with quiet_start():
            module = importlib.import_module(f"niki_tf.cli.{command}")
        app.call_after_init(lambda: flag_order.tell(argv))  # what is wrong with a flag file has ended the program
        if any(argument in _HELP for argument in argv[1:]):
            print(help_text(module))
            return
        app.run(functools.partial(_run, command, module), argv, flags_parser=flag_files.parse)


def _run(command: str, module: types.ModuleType, argv: list[str]) -> None:
    """The command, alone in its own folder; what the disk or the network refuses is one line."""
    with contextlib.ExitStack() as held:
        try:
            if folder := own_folder(command):
                held.enter_context(files.sole_use(folder, name=_OWN[command]))
        except (ValueError, OSError) as error:
            sys.exit(f"{command}: {error}")
        try:
            module.main(argv)
        except OSError as error:
            sys.exit(f"{command}: {error}")


def own_folder(command: str) -> str | None:
    """The folder that no other run may write to while this one does; of several workers the chief has it."""
    if command not in _OWN:
        return None
    if command == "train" and flags.FLAGS.strategy == "multi_worker":
        from niki_tf.training import cluster

        if not cluster.read_cluster().is_chief:
            return None
    return flags.FLAGS[_OWN[command]].value


def help_text(module: types.ModuleType) -> str:
    """What the module says of itself, and a line for each of its flags."""
    return f"{(module.__doc__ or '').strip()}\n\n" + "\n".join(_flag_lines(module))


def _flag_lines(module: types.ModuleType) -> Iterable[str]:
    for flag in sorted(flags.FLAGS.get_key_flags_for_module(module), key=lambda flag: flag.name):
        if flag.boolean:
            start = f"  --[no]{flag.name}"
        else:
            start = f"  --{flag.name}" + (
                "" if flag.default in (None, []) else f"={str(flag.default_as_str).strip(chr(39))}"
            )
        line = f"{start}  {' '.join(str(flag.help).split())}"
        yield line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
