"""The scores of a cohort: a scaled beta distribution over 0..63, and how a person's scores move.

Axes: score (0..63). A person's true scores are joined by a Gaussian copula: a normal variable of
the person's own and one of the session give a quantile of the distribution. What is recorded is the
true score with noise, rounded, and kept on the scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.settings import SCALE, SynthSettings
from deptool.errors import SettingsError
from deptool.scales import SCALES

Floats = NDArray[np.float64]

HIGHEST = SCALES[SCALE].high
GRID: Floats = np.arange(HIGHEST + 1, dtype=np.float64)

_NODES = 80  # of the Gauss-Hermite quadrature over a person's own severity
_CLOSEST = 1 - 1e-9  # correlation of sessions


@dataclass(frozen=True)
class Severity:
    """p (score): the probabilities of true scores; `noise` (points) is that of recorded ones."""

    p: Floats
    noise: float

    @cached_property
    def mean(self) -> float:
        return float((self.p * GRID).sum())

    @cached_property
    def sd(self) -> float:
        return float(np.sqrt((self.p * np.square(GRID - self.mean)).sum()))

    def z(self, score: Floats) -> Floats:
        """True scores in standard deviations from the mean of the distribution."""
        standard: Floats = (score - self.mean) / self.sd
        return standard

    @cached_property
    def recorded(self) -> Floats:
        """(true score, recorded score): probability of each recorded score."""
        from scipy.stats import norm

        if not self.noise:
            return np.eye(len(GRID))
        below = norm.cdf(self._edges[None, :] - GRID[:, None], scale=self.noise)
        return np.diff(below, axis=1)

    @cached_property
    def expected(self) -> Floats:
        """(true score): the mean recorded score."""
        expected: Floats = (self.recorded * GRID).sum(axis=1)
        return expected

    def draw(self, normal: Floats) -> Floats:
        """True scores of standard normal variables: quantiles of the distribution."""
        found: Floats = np.searchsorted(self._steps, normal).astype(np.float64)
        return found

    def change(self, tie: float) -> float:
        """Mean absolute difference of two recorded scores of a person, at that correlation."""
        from scipy.special import roots_hermitenorm
        from scipy.stats import norm

        nodes, weights = roots_hermitenorm(_NODES)
        steps = np.concatenate([[-np.inf], self._steps, [np.inf]])
        own = np.sqrt(tie) * nodes[:, None]
        of_person = np.diff(norm.cdf((steps - own) / np.sqrt(1 - tie)), axis=1) @ self.recorded
        gaps = np.abs(GRID[:, None] - GRID[None, :])
        means = np.einsum("ni,ij,nj->n", of_person, gaps, of_person)
        return float((weights * means).sum() / weights.sum())

    def tie(self, change: float) -> float:
        """The correlation of sessions at which recorded scores change by that much on average.

        Raises SettingsError where the noise alone changes them more, or where scores that have
        nothing to do with each other change less.
        """
        least, most = self.change(_CLOSEST), self.change(0.0)
        if not least <= change <= most:
            raise SettingsError(
                f"change must be from {least:.2g} to {most:.3g} points at this noise and these"
                f" scores, not {change:g}",
                where="synth",
                fix="The noise of the labels alone makes for the least; scores that have nothing to"
                " do with each other for the most.",
            )
        return _bisect(lambda tie: self.change(tie) - change, 0.0, _CLOSEST)

    @cached_property
    def _edges(self) -> Floats:
        """Borders between rounded scores; beyond the ends of the scale everything is the end."""
        return np.concatenate([[-np.inf], GRID[1:] - 0.5, [np.inf]])

    @cached_property
    def _steps(self) -> Floats:
        """Standard normal values between one score and the next."""
        from scipy.stats import norm

        found: Floats = norm.ppf(np.cumsum(self.p)[:-1].clip(max=1.0))
        return found


def severity_of(settings: SynthSettings) -> Severity:
    """The distribution of mean and SD `score_mean` and `score_sd`, rounded to whole scores."""
    from scipy.stats import beta

    share = settings.score_mean / HIGHEST
    total = share * (1 - share) / (settings.score_sd / HIGHEST) ** 2 - 1
    # Whole scores from 0 to the highest are cells of one width, the end ones half as wide.
    edges = np.concatenate([[0.0], (GRID[1:] - 0.5) / HIGHEST, [1.0]])
    return Severity(np.diff(beta.cdf(edges, share * total, (1 - share) * total)), settings.noise)


def _bisect(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling f crosses zero."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) > 0 else (low, middle)
    return (low + high) / 2
