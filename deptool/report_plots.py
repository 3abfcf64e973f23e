"""The small plots below a report in the terminal, as lines of text."""

from __future__ import annotations

from deptool.bands import by_band
from deptool.report_entries import primary
from deptool.report_table import Report, Row
from deptool.scales import SCALES
from deptool.shrinkage import shrinkage
from deptool.text_plot import scatter, spark

_SIDE = 32  # characters across a scatter, at most
_GAP = 3


def band_lines(report: Report) -> list[str]:
    """One line per run: its mean prediction in each severity band of the truth; first the truth's.

    Runs on one scale stand together. Empty where no run names its scale.
    """
    rows = [row for row in primary(report) if row.scale in SCALES]
    lines: list[str] = []
    for scale in dict.fromkeys(row.scale for row in rows):
        lines += _of_scale([row for row in rows if row.scale == scale], scale)
    return lines


def scatter_lines(report: Report, width: int) -> list[str]:
    """Prediction over truth of each run's first seed, side by side as far as `width` allows."""
    rows = [row for row in primary(report) if row.scored is not None]
    fields = [_scatter(row, min(_SIDE, width - 6)) for row in rows]
    size = max((len(line) for field in fields for line in field), default=1)
    beside = max(1, (width + _GAP) // (size + _GAP))
    lines: list[str] = []
    for start in range(0, len(fields), beside):
        some = fields[start : start + beside]
        lines += [
            (" " * _GAP).join(f"{part:<{size}}" for part in parts).rstrip()
            for parts in zip(*some, strict=True)
        ]
        lines.append("")
    return lines


def _of_scale(rows: list[Row], scale: str) -> list[str]:
    known = SCALES[scale]
    bands = [(row, by_band(row.scored, scale)) for row in rows if row.scored is not None]
    names = ["truth", *(row.model for row, _ in bands)]
    size = max(9, min(max(map(len, names)), 24))
    truths = [band.mean_truth for band in bands[0][1]]
    starts = "".join(f"{first:>6}" for first, _ in known.bands)
    lines = [f"Mean prediction by severity band of the truth ({scale}):"]
    lines.append(f"  {'band from':<{size}}  {' ' * len(known.bands)} {starts}")
    ends = (min([*_known(truths), known.low]), max([*_known(truths), known.low + 1.0]))
    same = all([b.mean_truth for b in found] == truths for _, found in bands)
    if same:
        lines.append(_line("truth", size, spark(truths, *ends), truths, ""))
    for row, found in bands:
        assert row.scored is not None
        means = [band.mean_prediction for band in found]
        slope = shrinkage(row.scored).slope.value
        more = "" if slope is None else f"  slope {slope + 0.0:.2f}"
        lines.append(_line(row.model, size, spark(means, *ends), means, more))
    return lines


def _line(name: str, size: int, blocks: str, values: list[float | None], more: str) -> str:
    shown = " ".join(f"{'–' if v is None else format(v, '.1f'):>5}" for v in values)
    return f"  {_cut(name, size):<{size}}  {blocks}  {shown}{more}"


def _known(values: list[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _scatter(row: Row, width: int) -> list[str]:
    """A field with its name above it."""
    assert row.scored is not None
    first = row.scored.filter(row.scored["seed"] == row.scored["seed"].min())
    truth, prediction = (first[name].to_numpy() for name in ("truth", "prediction"))
    if row.scale in SCALES:
        low, high = float(SCALES[row.scale].low), float(SCALES[row.scale].high)
    else:
        low, high = float(truth.min()), max(float(truth.max()), float(truth.min()) + 1)
    field = scatter(truth, prediction, low, high, width)
    return [_cut(row.model, width), *field]


def _cut(name: str, width: int) -> str:
    """In the middle: at the end is what tells two runs of a model apart."""
    if len(name) <= width:
        return name
    after = width // 2
    return f"{name[: width - after - 1]}…{name[-after:]}"
