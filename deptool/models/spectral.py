"""Spectral vectors: low frequencies of action units, head pose and gaze over a whole recording.

Song, Jaiswal, Shen, Valstar: "Spectral Representation of Behaviour Primitives for Depression
Analysis", IEEE Transactions on Affective Computing 13(2), 2022. Written from its abstract and from
what the authors' published feature code does; the paper's text was not at hand.

From each primitive's time series its median is taken. The recording is cut, equally at both ends,
to whole periods of `period_s` (there: 256 frames of 1/30 s), and transformed as a whole. Of its
spectrum the frequencies k / `period_s` are kept, which every recording has, whatever its length:
their amplitude and phase are the spectral vector. Motion that does not repeat with the period fades
in it with the root of the recording's length: so in the authors' code, and so here.

Departures from the paper
- The regressor is ridge regression, its penalty chosen over held-out persons; in the paper a neural
  network reads spectral vectors, and a convolutional one spectral heatmaps. With some thousand
  features of some fifty recordings the linear one has few ways to go wrong. There are no heatmaps.
- A linear model cannot read an angle that jumps from pi to -pi: the phase enters as its cosine and
  its sine.
- k runs from 1 to `frequencies`. The authors' code takes 0 too, which is how far the mean lies from
  the median, and half the rate of the rows, which differs between corpora.
- The transform is a sum over measured rows at their own times. So a gap is as if filled with the
  median, and 6 and 30 rows a second give the same frequencies. Those from half the rate of the
  rows on cannot be told and have no value: at 6 rows a second 25 of 80 are left.
- Primitives are all intensities of action units, presences of units without one, head pose, and
  both gaze vectors: with OpenFace's columns 30, the authors' code has 29.
- Features are not selected: the penalty does that work.
- The paper predicts from each interview task and fuses; here every recording is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from deptool import regress
from deptool.regress import Floats, State, Subjects

TITLE = "Spectral Representation of Behaviour Primitives for Depression Analysis"
DOI = "10.1109/TAFFC.2020.2970712"
NEEDS = ()
USES = ("action_units", "head_pose", "gaze")


@dataclass(frozen=True)
class Settings:
    """`frequencies` and `period_s` are the authors' (80; 256 frames); the rest choose a penalty."""

    frequencies: int = 80
    period_s: float = 256 / 30
    alpha_min: float = 10.0
    alpha_max: float = 1e6
    alphas: int = 16
    folds: int = 5  # of the persons in train

    def __post_init__(self) -> None:
        if self.frequencies < 1:
            raise ValueError(f"frequencies must be at least 1, not {self.frequencies}")
        if not (self.period_s > 0 and math.isfinite(self.period_s)):
            raise ValueError(f"period_s must be above 0, not {self.period_s}")
        regress.check_ladder(self, "alpha_min", "alpha_max", "alphas")
        regress.check_folds(self.folds)


def describe(
    times: Floats,
    groups: Mapping[str, Floats],
    columns: Mapping[str, Sequence[str]],
    settings: Settings,
) -> dict[str, float] | None:
    """times (row,) in s, groups: group -> (row, column) -> amplitude and phase by frequency.

    None where the recording is shorter than one period, or less than half a period was measured.
    """
    if len(times) < 2:
        return None
    names, series = primitives(groups, columns)
    step = float(np.median(np.diff(times)))
    rows, since = cut(times, step, settings.period_s)
    measured = (~np.isnan(series[rows])).any(axis=1)
    if measured.sum() * step < settings.period_s / 2:
        return None
    k = np.arange(1, settings.frequencies + 1)
    spectrum = transform(series[rows], since, k / settings.period_s)
    spectrum[k / settings.period_s > (0.5 - 1e-6) / step] = complex(np.nan, np.nan)
    amplitude = np.abs(spectrum)
    parts = {"amplitude": amplitude}
    for name, part in (("cos", spectrum.real), ("sin", spectrum.imag)):
        parts[name] = np.divide(part, amplitude, out=np.zeros_like(part), where=amplitude != 0)
    return {
        f"{name}.{part}_{n}": float(value)
        for part, values in parts.items()
        for name, column in zip(names, values.T, strict=True)
        for n, value in zip(k, column, strict=True)
    }


def primitives(
    groups: Mapping[str, Floats], columns: Mapping[str, Sequence[str]]
) -> tuple[list[str], Floats]:
    """The names of the series, and the series (row, primitive)."""
    names = [name for group in groups for name in columns[group]]
    values = np.concatenate([groups[group] for group in groups], axis=1)
    twice = {name.replace("_r", "_c") for name in names if name.endswith("_r")}
    keep = [n not in twice and not n.startswith("gaze_angle") for n in names]
    return [n for n, k in zip(names, keep, strict=True) if k], values[:, keep].astype(np.float64)


def cut(times: Floats, step: float, period: float) -> tuple[slice, Floats]:
    """The rows of the middle of a recording that are whole periods, and their times from its start.

    times (row,) and period in s; `step` is how long a row lasts.
    """
    length = times[-1] - times[0] + step
    whole = np.floor(length / period + 1e-3) * period
    begin = times[0] + max(length - whole, 0) / 2
    # Half a step of room: a row belongs to the time around its stamp.
    first, last = np.searchsorted(times, [begin - step / 2, begin + whole - step / 2])
    return slice(int(first), int(last)), times[first:last] - begin


def transform(series: Floats, times: Floats, frequencies: Floats) -> Floats:
    """series (row, primitive) at times (row,) in s -> complex amplitudes (frequency, primitive).

    Their median is taken from the series; the mean is over what was measured of each, NaN where
    that is nothing.
    """
    known = ~np.isnan(series)
    n = known.sum(axis=0)
    spectrum = np.full((len(frequencies), series.shape[1]), complex(np.nan, np.nan))
    some = n > 0
    centred = series[:, some] - np.nanmedian(series[:, some], axis=0)
    centred[~known[:, some]] = 0.0
    angle = 2 * np.pi * frequencies[:, None] * times
    with threadpool_limits(1):  # sums would depend on how many cores there are
        spectrum[:, some] = (np.cos(angle) @ centred - 1j * (np.sin(angle) @ centred)) / n[some]
    return spectrum


def fit(x: Floats, score: Floats, subject: Subjects, settings: Settings, seed: int) -> State:
    """x (recording, feature), score, subject (recording,) -> coefficients; `seed` deals folds."""
    alphas = regress.ladder(settings.alpha_min, settings.alpha_max, settings.alphas)[::-1]
    return regress.fit_ridge(x, score, subject, alphas=alphas, folds=settings.folds, seed=seed)


def apply(state: State, x: Floats, subject: Subjects) -> Floats:
    """x (recording, feature) -> score (recording,)."""
    return regress.apply_ridge(state, x)
