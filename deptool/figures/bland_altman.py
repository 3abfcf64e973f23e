"""Bland-Altman plot: how far predicted and true scores agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deptool import figure_style as style

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 30
TITLE = "Bland–Altman"
CAPTION = (
    "The mean of predicted and true score across, their difference upwards (Bland and Altman,"
    " Lancet 327, 1986). The solid line is the mean difference; between the dashed lines, 1.96"
    " standard deviations around it, about 95 % of the differences are expected. Points that rise"
    " or fall together show errors that depend on severity."
)
LIMIT = 1.96


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per recording or session; `bias`, `lower` and `upper` are the same in all rows.

    The limits are null for a single row: one difference has no spread.
    """
    import polars as pl

    error = pl.col("error")
    return data.points.select(
        "recording_id",
        "subject_id",
        mean=(pl.col("truth") + pl.col("prediction")) / 2,
        difference=error,
        bias=error.mean(),
        lower=error.mean() - LIMIT * error.std(),
        upper=error.mean() + LIMIT * error.std(),
    )


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """Points, the mean difference, and the limits of agreement."""
    axes = style.paper_axes(figure, *_labels(data))
    axes.axhline(0, color=style.paper("muted"), lw=0.5)
    for value, text, dash in _lines(frame):
        axes.axhline(value, ls="--" if dash else "-", color=style.paper("ink"), lw=0.9, label=text)
    style.paper_points(axes, frame["mean"], frame["difference"], f"{data.noun}s")
    style.paper_legend(axes)


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    low, high = float(str(frame["mean"].min())), float(str(frame["mean"].max()))
    room = 0.05 * (high - low) or 1.0
    ends = [low - room, high + room]
    lines = [
        style.line(ends, [value, value], text, "ink", "dash" if dash else "solid")
        for value, text, dash in _lines(frame)
    ]
    points = style.points(
        frame["mean"].to_list(),
        frame["difference"].to_list(),
        f"{data.noun}s",
        text=[style.safe(name) for name in frame["recording_id"]],
        hovertemplate="%{text}<br>mean %{x:.2f}<br>difference %{y:.2f}<extra></extra>",
    )
    x, y = _labels(data)
    zero = {"zeroline": True, "zerolinecolor": style.page("muted")}
    layout = style.layout(x, y)
    layout |= {"xaxis": style.axis(x, range=ends), "yaxis": style.axis(y, **zero)}
    return style.figure([*lines, points], layout)


def _labels(data: FigureData) -> tuple[str, str]:
    return "(predicted + true) / 2", f"predicted − true ({data.points_of})"


def _lines(frame: pl.DataFrame) -> list[tuple[float, str, bool]]:
    """Value, text and whether it is dashed, for each line that has a value."""
    first = frame.row(0, named=True)
    texts = {"bias": "mean difference", "upper": "upper limit", "lower": "lower limit"}
    return [
        (first[name], f"{text} {first[name]:+.1f}".replace("-", "−"), name != "bias")
        for name, text in texts.items()
        if first[name] is not None
    ]
