"""Rows to files and back; files are whole or absent."""

import csv
import json

import pytest

from niki_tf import evaluation

ROWS = [
    {"solver": "analytic", "noise_mm": 0, "mpjpe": 0.25},
    {"solver": "analytic", "noise_mm": 10, "mpjpe": 21.0},
    {"solver": "saved/a, b", "noise_mm": 0, "mpjpe": 8.5},
    {"solver": "saved/a, b", "noise_mm": 10, "mpjpe": 12.125},
]


def test_json_comes_back_as_it_was(tmp_path):
    evaluation.write_json(ROWS, tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text()) == ROWS


def test_csv_comes_back_as_it_was(tmp_path):
    evaluation.write_csv(ROWS, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        back = list(csv.DictReader(file))
    assert [(row["solver"], int(row["noise_mm"]), float(row["mpjpe"])) for row in back] == [
        tuple(row.values()) for row in ROWS
    ]


def test_json_refuses_what_json_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        evaluation.write_json([{"mpjpe": float("nan")}], tmp_path / "rows.json")
    assert not list(tmp_path.iterdir())


def test_text_table_is_aligned():
    assert evaluation.text_table(ROWS[1:3]).splitlines() == [
        "solver      noise_mm  mpjpe",
        "analytic          10   21.0",
        "saved/a, b         0    8.5",
    ]


def test_pivot_keeps_the_order():
    assert evaluation.pivot(ROWS, index="solver", column="noise_mm", value="mpjpe") == [
        {"solver": "analytic", "0": 0.25, "10": 21.0},
        {"solver": "saved/a, b", "0": 8.5, "10": 12.125},
    ]
