"""Metrics, ranks, filters, motion and tables, each beside the same in plain Python, one example at a time."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from fuzz_rotations import turns
from fuzz_target import Target, leading
from scipy.spatial.transform import Rotation, Slerp

from niki_tf import data, evaluation, motion
from niki_tf.motion import gap_filling

_RNG = np.random.Generator
_ANY_POINTS = frozenset({"points: a number", "points: one less", "points: one more", "points: transposed"})


def _one_by_one(error: Callable[..., float], inner: int) -> Callable[..., np.ndarray]:
    """A metric of any leading axes, from that of one example; NaN where an example is not finite."""

    def twin(predicted: Any, true: Any) -> np.ndarray:
        predicted, true = (np.asarray(x, np.float64) for x in (predicted, true))
        axes, shape = predicted.shape[: predicted.ndim - inner], predicted.shape[predicted.ndim - inner :]
        pairs = zip(predicted.reshape(-1, *shape), true.reshape(-1, *shape), strict=True)
        errors = [error(p, t) if np.isfinite(p).all() and np.isfinite(t).all() else np.nan for p, t in pairs]
        return np.reshape(errors, axes)

    return twin


def _mpjpe(predicted: np.ndarray, true: np.ndarray) -> float:
    return 1000.0 * sum(np.sqrt(((p - t) ** 2).sum()) for p, t in zip(predicted, true, strict=True)) / len(true)


def _rooted(predicted: np.ndarray, true: np.ndarray) -> float:
    return _mpjpe(predicted - predicted[0], true - true[0])


def _off_a_line(points: np.ndarray) -> np.ndarray:
    """The points; ValueError if they are on a line, about which any turn is as good as another."""
    if np.linalg.svd(points - points.mean(0), compute_uv=False)[1] < 1e-9:
        raise ValueError("on a line")
    return points


def _aligned(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """After the best similarity, by SciPy's best rotation."""
    source, target = predicted - predicted.mean(0), true - true.mean(0)
    turned = source @ Rotation.align_vectors(target, source)[0].as_matrix().T if np.any(source) else source
    spread = (source**2).sum()
    return ((turned * target).sum() / spread if spread else 0.0) * turned + true.mean(0)


def _degrees(predicted: np.ndarray, true: np.ndarray) -> float:
    apart = Rotation.from_matrix(np.swapaxes(predicted, -1, -2) @ true).magnitude()
    return float(np.degrees(apart).mean())


def _two(rng: _RNG) -> dict[str, np.ndarray]:
    shape = [*leading(rng), 14, 3]
    true = 0.5 * rng.normal(size=shape)
    return {"predicted": true + 0.1 * rng.normal(size=shape), "true": true}


def _clips(rng: _RNG) -> dict[str, np.ndarray]:
    shape = [int(rng.integers(3, 9)), 14, 3]
    return {"predicted": rng.normal(size=shape), "true": rng.normal(size=shape)}


def _accel(predicted: Any, true: Any) -> np.ndarray:
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    second = [[p[t - 1] - 2 * p[t] + p[t + 1] for t in range(1, len(p) - 1)] for p in (predicted, true)]
    return np.array([_mpjpe(p, t) for p, t in zip(*second, strict=True)])


def _two_turns(rng: _RNG) -> dict[str, np.ndarray]:
    axes = leading(rng)
    return {"predicted": turns(rng, (*axes, 24)), "true": turns(rng, (*axes, 24))}


def _metric(name: str, make: Callable, twin: Callable, **more: Any) -> Target:
    return Target(f"evaluation.{name}", getattr(evaluation, name), make, twin, spreads=True, **more)


def _of_two(source: Any, target: Any) -> np.ndarray:
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    found = [
        _aligned(s, _off_a_line(t)) if np.isfinite(s).all() and np.isfinite(t).all() else np.full(s.shape, np.nan)
        for s, t in zip(source.reshape(-1, 14, 3), target.reshape(-1, 14, 3), strict=True)
    ]
    return np.reshape(found, source.shape)


def _auroc(positive: Any, negative: Any) -> float:
    pairs = list(itertools.product(np.asarray(positive, float), np.asarray(negative, float)))
    return sum((p > n) + 0.5 * (p == n) for p, n in pairs) / len(pairs)


def _ranks(values: Any) -> np.ndarray:
    values = np.asarray(values, float)
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


def _spearman(first: Any, second: Any) -> np.ndarray:
    first, second = np.asarray(first, float), np.asarray(second, float)
    found = []
    for f, s in zip(first.reshape(-1, first.shape[-1]), second.reshape(-1, first.shape[-1]), strict=True):
        f, s = _ranks(f), _ranks(s)
        found.append(np.corrcoef(f, s)[0, 1] if np.ptp(f) and np.ptp(s) else 0.0)
    return np.reshape(found, first.shape[:-1])


def _scores(rng: _RNG) -> dict[str, np.ndarray]:
    shape = [*leading(rng), 7]
    return {"first": rng.normal(size=shape).round(1), "second": rng.normal(size=shape).round(1)}


METRICS = (
    _metric("mpjpe", _two, _one_by_one(_mpjpe, 2)),
    _metric("pve", _two, _one_by_one(_mpjpe, 2)),
    _metric("root_aligned_mpjpe", _two, _one_by_one(_rooted, 2)),
    _metric("pa_mpjpe", _two, _one_by_one(lambda p, t: _mpjpe(_aligned(p, t), t), 2), tolerance=1e-4),
    _metric("rotation_error_deg", _two_turns, _one_by_one(_degrees, 3)),
    _metric("accel_error", _clips, _accel),
    Target(
        "evaluation.root_aligned",
        evaluation.root_aligned,
        lambda rng: {"points": rng.normal(size=[*leading(rng), 14, 3])},
        lambda points: np.asarray(points, float) - np.asarray(points, float)[..., :1, :],
        spreads=True,
    ),
    Target(
        "evaluation.similarity_aligned",
        evaluation.similarity_aligned,
        lambda rng: dict(zip(("source", "target"), _two(rng).values(), strict=True)),
        _of_two,
        spreads=True,
        tolerance=1e-4,
    ),
    Target(
        "evaluation.auroc",
        evaluation.auroc,
        lambda rng: {"positive": rng.normal(size=[5]).round(1), "negative": rng.normal(size=[8]).round(1)},
        _auroc,
        lenient=frozenset({"one less", "one more"}),
    ),
    Target("evaluation.rank_correlation", evaluation.rank_correlation, _scores, _spearman),
)


def _euro(points: Any, fps: float, min_cutoff: float, beta: float) -> np.ndarray:
    """Number by number."""
    points = np.asarray(points, np.float64)
    columns = points.reshape(len(points), -1)
    answer = np.array(columns)
    for column in range(columns.shape[1]):
        last, speed = columns[0, column], 0.0
        for frame in range(1, len(columns)):
            speed += ((columns[frame, column] - last) * fps - speed) / (1.0 + fps / (2.0 * np.pi))
            cutoff = min_cutoff + beta * abs(speed)
            last += (columns[frame, column] - last) / (1.0 + fps / (2.0 * np.pi * cutoff))
            answer[frame, column] = last
    return answer.reshape(points.shape)


def _polynomial(points: Any, fps: float, window: int, order: int) -> np.ndarray:
    """A polynomial fitted around every frame; that of the first and last window at the ends."""
    points = np.asarray(points, np.float64)
    columns, length = points.reshape(len(points), -1), len(points)
    window = min(window, length - 1 + length % 2)
    order, half = min(order, window - 1), window // 2
    middle = np.clip(np.arange(length), half, length - 1 - half)
    answer = np.empty_like(columns)
    for frame in range(length):
        times = np.arange(middle[frame] - half, middle[frame] + half + 1)
        fitted = np.polynomial.polynomial.polyfit(times - frame, columns[times], order)
        answer[frame] = fitted[0]
    return answer.reshape(points.shape)


def _motion_of(rng: _RNG, *ending: int) -> np.ndarray:
    return np.cumsum(0.05 * rng.normal(size=[int(rng.integers(3, 20)), *ending]), 0)


FILTERS = (
    Target(
        "evaluation.one_euro",
        evaluation.one_euro,
        lambda rng: {"points": _motion_of(rng, 3), "fps": 30.0, "min_cutoff": 1.5, "beta": 0.25},
        _euro,
        lenient=_ANY_POINTS - {"points: a number"},
    ),
    Target(
        "evaluation.savitzky_golay",
        evaluation.savitzky_golay,
        lambda rng: {"points": _motion_of(rng, 3), "fps": 30.0, "window": 5, "order": 2},
        _polynomial,
        lenient=_ANY_POINTS - {"points: a number"},
    ),
)


def _lines(joints: Any, joint_sigma: Any) -> tuple[np.ndarray, np.ndarray]:
    """Joint by joint; the trunk is there in all frames."""
    joints, sigma = np.asarray(joints, np.float64), np.asarray(joint_sigma, np.float64)
    there, frames = sigma < 10.0, np.arange(len(joints))
    filled, grown = np.array(joints), np.array(sigma)
    for joint in range(joints.shape[1]):
        known = frames[there[:, joint]]
        for axis in range(3):
            filled[:, joint, axis] = np.interp(frames, known, joints[known, joint, axis])
        for frame in frames[~there[:, joint]]:
            away = np.abs(known - frame).min()
            ends = [known[known < frame].max(), known[known > frame].min()]
            grown[frame, joint] = np.hypot(max(sigma[ends, joint]), 0.012 * away)
    return filled, grown


def _gappy(rng: _RNG) -> dict[str, np.ndarray]:
    frames = int(rng.integers(4, 9))
    sigma = rng.uniform(0.0, 0.05, [frames, 29])
    sigma[1:-1, 20] = np.where(rng.random(frames - 2) < 0.6, 10.0, sigma[1:-1, 20])
    return {"joints": rng.normal(size=[frames, 29, 3]), "joint_sigma": sigma}


def _slerped(local: Any, known: Any) -> np.ndarray:
    local, known = np.asarray(local, np.float64), np.asarray(known, bool)
    frames = np.arange(len(local))
    there = frames[known]
    clipped = np.clip(frames, there[0], there[-1])
    return np.stack(
        [Slerp(there, Rotation.from_matrix(local[there, k]))(clipped).as_matrix() for k in range(local.shape[1])], 1
    )


def _some_turns(rng: _RNG) -> dict[str, np.ndarray]:
    frames = int(rng.integers(3, 8))
    known = rng.random(frames) < 0.5
    known[[0, -1]] = True
    vectors = np.cumsum(0.2 * rng.normal(size=[frames, 4, 3]), 0)
    return {"local": Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(frames, 4, 3, 3), "known": known}


def _clip(**fields: Any) -> dict[str, Any]:
    clip = motion.Clip(**fields)
    return {"poses": clip.poses, "trans": clip.trans, "betas": clip.betas, "fps": clip.fps}


def _fields(rng: _RNG) -> dict[str, Any]:
    frames = int(rng.integers(1, 9))
    poses, trans = 0.5 * rng.normal(size=[frames, 24, 3]), rng.normal(size=[frames, 3])
    return {"poses": poses, "trans": trans, "betas": rng.normal(size=[10]), "fps": 25.0}


def _resampled(fps: float) -> np.ndarray:
    return motion.resample(_WALK, fps).trans


_WALK = motion.Clip(poses=np.zeros([40, 24, 3]), trans=np.random.default_rng(0).normal(size=[40, 3]), fps=40.0)
MOTION = (
    Target(
        "motion.gap_filling.interpolate_joints",
        gap_filling.interpolate_joints,
        _gappy,
        _lines,
        lenient=frozenset({"joint_sigma: NaN", "joints: NaN"}),
        loose=frozenset({"joint_sigma: NaN", "joints: NaN"}),  # absent, perhaps in the first frame or of the trunk
    ),
    Target(
        "motion.gap_filling.slerp_rotations",
        gap_filling.slerp_rotations,
        _some_turns,
        _slerped,
        turns=lambda answer: answer,
    ),
    Target(
        "motion.Clip",
        _clip,
        _fields,
        lambda **fields: {name: np.asarray(value, np.float32) for name, value in fields.items()},
        lenient=frozenset({"betas: one less", "betas: one more"}),
    ),
    Target(
        "motion.resample",
        _resampled,
        lambda rng: {"fps": float(rng.uniform(3.0, 39.0))},
        lambda fps: _interpolated(fps),
    ),
)


def _interpolated(fps: float) -> np.ndarray:
    ratio = 40.0 / fps
    if abs(ratio - round(ratio)) < 1e-3 * round(ratio):
        return _WALK.trans[:: round(ratio)]
    places = np.arange(int(39 / ratio + 1e-6) + 1) * ratio
    return np.stack([np.interp(places, np.arange(40), _WALK.trans[:, axis]) for axis in range(3)], -1)


def _settings(kind: type, names: tuple[str, ...]) -> Target:
    return Target(
        f"data.{kind.__name__}",
        lambda **fields: {name: getattr(kind(**fields), name) for name in fields},
        lambda rng: {name: float(rng.random()) for name in names},
        lambda **fields: fields,
    )


SETTINGS = (
    _settings(data.Augmentation, ("natural", "exchange", "mirror", "perturb", "reverse", "beta_limit", "bone_jitter")),
    _settings(
        data.Corruption, ("noise", "sigma_given", "absent", "estimator", "occluded", "twist_noise", "twist_given")
    ),
)


def _rows(rng: _RNG) -> dict[str, Any]:
    solvers = [f"solver {number}" for number in range(int(rng.integers(1, 5)))]
    return {"rows": [{"solver": name, "mpjpe": float(rng.normal())} for name in solvers], "decimals": 2}


TABLES = (
    Target(
        "evaluation.markdown_table",
        evaluation.markdown_table,
        _rows,
        lambda rows, decimals: "\n".join(
            ["| solver | mpjpe |", "|---|---|", *(f"| {r['solver']} | {r['mpjpe']:.{decimals}f} |" for r in rows)]
        ),
        lenient=frozenset({"decimals: 0"}),
    ),
    Target(
        "evaluation.text_table",
        lambda rows, decimals: [
            line.rsplit(None, 1) for line in evaluation.text_table(rows, decimals=decimals).splitlines()
        ],
        _rows,
        lambda rows, decimals: [["solver", "mpjpe"], *([r["solver"], f"{r['mpjpe']:.{decimals}f}"] for r in rows)],
    ),
)
