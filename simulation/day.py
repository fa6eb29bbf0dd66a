"""A sequencer's day: runs end, most of them in the morning, and each one's samples are uploaded in turn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handlers.release import GIB

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Day:
    """`samples_a_run` come one behind the other, `upload_s` apart (1 GiB at 1 Gbit/s); so many of the runs
    end in the morning hours. Sizes are log-normal, in classes of equal share.
    """

    samples: int
    samples_a_run: int = 96
    upload_s: float = 8.6
    in_the_morning: float = 0.6
    morning_s: tuple[float, float] = (5 * 3600, 10 * 3600)
    median_bytes: float = 1.0 * GIB
    spread: float = 0.5
    classes: int = 5

    def arrivals(self, chance: np.random.Generator) -> NDArray[np.float64]:
        """Moments of the uploads in order, in seconds from midnight."""
        runs = -(-self.samples // self.samples_a_run)
        morning = chance.random(runs) < self.in_the_morning
        begun = np.where(
            morning, chance.uniform(*self.morning_s, size=runs), chance.uniform(0, DAY_S, size=runs)
        )
        offsets = self.upload_s * np.arange(self.samples_a_run)
        return np.sort((begun[:, None] + offsets[None, :]).reshape(-1)[: self.samples])

    def sizes(self) -> list[float]:
        """Bytes, of each class its middle quantile."""
        from statistics import NormalDist

        middle = [(number + 0.5) / self.classes for number in range(self.classes)]
        return [self.median_bytes * float(np.exp(self.spread * NormalDist().inv_cdf(q))) for q in middle]
