"""Fit: a line over nearly all of what runs took, by quantile regression, and whether it says more than a
constant does.

Least squares would draw a line through the middle, above which half of the runs lie; a quantile of 0.99
leaves one in a hundred above. What a line is worth is asked of runs that it was not drawn from.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handlers.release import GIB

QUANTILE = 0.99
FOLDS = 5
# Of the loss of a constant, a line must save at least as much to be believed.
LEAST_SKILL = 0.1
MOST_RUNS = 2_000  # a linear programme of that many rows takes a second

_Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """`base + slope × input in GiB`. `skill`: by how much less it errs than a constant, on runs left out of
    it (1: not at all, 0: as much). `reads_skill`: the same with the reads as well; None: they are not known.

    `follows` False: sizes say little, and the line is level.
    """

    base: float
    slope: float
    skill: float
    reads_skill: float | None
    follows: bool

    def of(self, input_bytes: int) -> float:
        return self.base + self.slope * input_bytes / GIB


def fit(sizes: Sequence[int], took: Sequence[float], fragments: Sequence[int | None] = ()) -> Fit:
    """Over what runs took, by their bytes of input; `fragments` are their reads, if known of all."""
    y = np.asarray(took, dtype=np.float64)
    by_bytes = np.asarray(sizes, dtype=np.float64).reshape(-1, 1) / GIB
    known = [each for each in fragments if each is not None]
    by_both = None
    if len(known) == len(y):
        by_both = np.hstack([by_bytes, np.asarray(known, dtype=np.float64).reshape(-1, 1) / 1e6])
    from threadpoolctl import threadpool_limits

    # Small problems by many threads take longer, most of all on a busy machine.
    with threadpool_limits(1):
        return _fit(by_bytes, by_both, y)


def _fit(by_bytes: _Numbers, by_both: _Numbers | None, y: _Numbers) -> Fit:
    skill = _skill(by_bytes, y)
    base, (slope,) = _line(by_bytes, y)
    # What needs less the more it is given is no pipeline but chance.
    follows = skill >= LEAST_SKILL and slope > 0
    if not follows:
        base, slope = float(np.quantile(y, QUANTILE)), 0.0
    return Fit(
        base=base,
        slope=slope,
        skill=skill,
        reads_skill=None if by_both is None else _skill(by_both, y),
        follows=follows,
    )


def _line(x: _Numbers, y: _Numbers) -> tuple[float, tuple[float, ...]]:
    """The quantile's intercept and slopes; a level line where the solver finds none."""
    # Here, since each command of `fleet` would else wait for it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import QuantileRegressor

    # Scaled, since the solver gives up on figures of very different size.
    wide, high = np.maximum(x.max(axis=0), 1e-12), max(float(y.max()), 1e-12)
    for solver in ("highs", "highs-ds", "highs-ipm"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                found = QuantileRegressor(quantile=QUANTILE, alpha=0.0, solver=solver).fit(x / wide, y / high)
        except (ConvergenceWarning, TypeError):  # of a problem without a solution it reads None as one
            continue
        return float(found.intercept_) * high, tuple(float(each) for each in found.coef_ * high / wide)
    return float(np.quantile(y, QUANTILE)), (0.0,) * x.shape[1]


def _skill(x: _Numbers, y: _Numbers) -> float:
    """Cross-validated; every FOLDS-th run, by size, is left out in turn."""
    order = np.argsort(x[:, 0], kind="stable")
    line = constant = 0.0
    for fold in range(FOLDS):
        out = np.zeros(len(y), dtype=bool)
        out[order[fold::FOLDS]] = True
        base, slopes = _line(x[~out], y[~out])
        line += _loss(y[out], base + x[out] @ np.asarray(slopes))
        constant += _loss(y[out], np.full(int(out.sum()), np.quantile(y[~out], QUANTILE)))
    return 0.0 if constant <= 0 else 1 - line / constant


def _loss(y: _Numbers, said: _Numbers) -> float:
    """The quantile's own: to be below costs ninety-nine times what it costs to be above."""
    short = y - said
    return float(np.maximum(QUANTILE * short, (QUANTILE - 1) * short).sum())
