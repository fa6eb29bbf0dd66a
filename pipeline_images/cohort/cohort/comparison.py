"""How far samples are apart: Bray-Curtis, principal coordinates, and which lie far from all others."""

from dataclasses import dataclass

import numpy as np

from cohort.samples import Numbers

AXES = 2
LEAST_FOR_PCOA = 3  # two samples have one distance, no plane
LEAST_FOR_OUTLIERS = 5  # with fewer, which one is odd is a matter of taste
# Iglewicz and Hoaglin (1993): 3.5 robust standard deviations. Samples very like each other have next to none,
# so that much at least must be between an outlier's distance and the usual one.
ROBUST_DEVIATIONS, LEAST_DIFFERENCE = 3.5, 0.1
MAD_TO_DEVIATION = 1.4826
# A sample with three others near it is one of a group, or the end of a gradient: not one that went wrong.
GROUP = 3
_NOTHING = 1e-9  # eigenvalues below this share of the largest are rounding


def bray_curtis(shares: Numbers) -> Numbers:
    """Between 0, the same, and 1, nothing in common. Of shares: how many reads a sample has plays no part."""
    count = len(shares)
    made = np.zeros((count, count))
    for row in range(count):
        # Rows sum to 1, so what two do not share is 1 less what they do.
        made[row] = 1 - np.minimum(shares[row], shares).sum(axis=1)
    np.fill_diagonal(made, 0)
    made = np.clip((made + made.T) / 2, 0, 1)
    made[made < _NOTHING] = 0
    return made


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The first principal coordinates of each sample, and the share of the variation that each axis shows."""

    points: Numbers  # one row a sample, two columns
    explained: tuple[float, float]


def principal_coordinates(distances: Numbers) -> Plane | None:
    """Gower's (1966). None: fewer than three samples, or all the same."""
    count = len(distances)
    if count < LEAST_FOR_PCOA or not distances.any():
        return None
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    values, vectors = values[::-1], vectors[:, ::-1]
    # Bray-Curtis is no Euclidean distance: what has a negative eigenvalue cannot be drawn.
    positive = np.where(values > _NOTHING * values[0], values, 0)
    axes = vectors[:, :AXES] * np.sqrt(positive[:AXES])
    # Which way an axis points means nothing; it must not change from one machine to the next.
    turn = np.sign(axes[np.abs(axes).argmax(axis=0), range(AXES)])
    total = float(positive.sum())
    return Plane(
        points=axes * np.where(turn == 0, 1, turn),
        explained=(float(positive[0]) / total, float(positive[1]) / total),
    )


def to_others(distances: Numbers) -> Numbers:
    """For each sample, the median of its distances to the others; 0 for one alone."""
    count = len(distances)
    if count == 1:
        return np.zeros(1)
    others = distances[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    made: Numbers = np.median(others, axis=1)
    return made


def outliers(distances: Numbers) -> tuple[int, ...]:
    """The samples whose distance to the others is far above what is usual here, and that are in no group."""
    if len(distances) < LEAST_FOR_OUTLIERS:
        return ()
    medians = to_others(distances)
    usual = float(np.median(medians))
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(medians - usual)))
    limit = usual + max(LEAST_DIFFERENCE, ROBUST_DEVIATIONS * spread)
    # The nearest of all is the sample itself.
    alone = np.sort(distances, axis=1)[:, GROUP] > LEAST_DIFFERENCE
    return tuple(int(number) for number in np.flatnonzero((medians > limit) & alone))
