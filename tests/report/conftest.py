"""Analyses that take no time: a stub in the place of the programs."""

import json

import numpy as np
import pytest

from niki_tf import io, motion, report

NOISE = [
    {"solver": solver, "noise_mm": level, "frames": 8, "mpjpe": error + 0.04 * level}
    for solver, error in (("analytic", 9.25), ("one_stage", 5.5), ("mlp", 7.125))
    for level in (0, 30)
]


@pytest.fixture
def analyses():
    """The analysis of noise and two others."""
    named = {analysis.name: analysis for analysis in report.ANALYSES}
    return [named[name] for name in ("noise", "round_trip", "collisions")]


@pytest.fixture
def setting(tmp_path):
    clip = motion.Clip(poses=np.zeros([3, 24, 3]), trans=np.zeros([3, 3]))
    io.save_clip(tmp_path / "motion" / "a.npz", clip)
    return report.Setting(str(tmp_path / "motion"), tmp_path / "out", quick=True)


@pytest.fixture
def of_images(setting, tmp_path):
    """The setting with two sets of images, a network and a model that gives poses."""
    for name in ("plain set", "xocc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "images-00000.tfrecord").write_bytes(b"some")
    for name in ("network", "parts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.keras").write_bytes(name.encode())
    sets = str(tmp_path / "plain set"), str(tmp_path / "xocc")
    images = report.Images(sets, str(tmp_path / "network"), ("one_stage+finish",), (str(tmp_path / "parts"),))
    return setting._replace(images=images)


class Stub:
    """Runs nothing: writes rows, and keeps the commands."""

    def __init__(self):
        self.commands, self.fails = [], {}

    def __call__(self, command, folder):
        self.commands.append(command)
        name = command[-1].split("/")[-1]
        (folder / "printed.txt").write_text(f"Tables & <more>; written: {folder}/{name}.json\n")
        if name in self.fails:
            return self.fails[name]()
        (folder / f"{name}.json").write_text(json.dumps(NOISE))
        (folder / f"{name}.png").write_bytes(b"a picture")
        return ""

    @property
    def names(self):
        return [command[-1].split("/")[-1] for command in self.commands]


@pytest.fixture
def stub():
    return Stub()
