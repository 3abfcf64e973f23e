"""Predicted against true scores, with the spread over seeds and the severity bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import figure_style as style
from deptool.scales import Scale

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 10
TITLE = "Predicted against true"
CAPTION = (
    "Each point is a recording or session: its true score across, its mean prediction upwards, with"
    " a bar from the lowest to the highest prediction over seeds and folds. A perfect model has all"
    " points on the dashed diagonal; the flatter the solid line through the points, the more a"
    " model keeps to the middle. In the shaded squares prediction and truth are in the same band."
)


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per recording or session, in points of the scale."""
    names = ("recording_id", "subject_id", "truth", "prediction", "low", "high", "members")
    return data.points.select(*names, "train_mean")


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """Points with bars, diagonal, regression line, constant, and squares of the bands."""
    axes = style.paper_axes(figure, *_labels(data))
    low, high = _range(frame, data)
    for start, end, text in _bands(data.scale, low, high):
        axes.fill_between([start, end], start, end, color=style.paper("band"), lw=0, zorder=0)
        x, side = (high, "right") if end < high else (low, "left")
        look: dict[str, Any] = {"fontsize": 6, "color": style.paper("muted"), "va": "center"}
        axes.text(x, (start + end) / 2, text, ha=side, **look)
    axes.plot([low, high], [low, high], "--", color=style.paper("muted"), label="perfect")
    if data.train_mean is not None:
        axes.axhline(data.train_mean, ls=":", color=style.paper("constant"), label=_constant(data))
    ends = _regression(frame)
    if ends:
        axes.plot(*ends, color=style.paper("model"), label="line through the points")
    bars: dict[str, Any] = {"fmt": "none", "elinewidth": 0.5, "ecolor": style.paper("model")}
    axes.errorbar(frame["truth"], frame["prediction"], yerr=np.array(_bars(frame)), **bars)
    style.paper_points(axes, frame["truth"], frame["prediction"], f"{data.noun}s")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    if data.scale:
        axes.set(xticks=_cuts(data.scale), yticks=_cuts(data.scale))
    style.paper_legend(axes)


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    low, high = _range(frame, data)
    below, above = _bars(frame)
    points = style.points(
        frame["truth"].to_list(),
        frame["prediction"].to_list(),
        f"{data.noun}s",
        error_y={
            **{"type": "data", "array": above, "arrayminus": below, "symmetric": False},
            **{"color": style.page("model"), "thickness": 1, "width": 0},
        },
        text=[style.safe(name) for name in frame["recording_id"]],
        customdata=frame.select("low", "high", "members").rows(),
        hovertemplate="%{text}<br>true %{x:.2f}<br>predicted %{y:.2f}"
        "<br>%{customdata[0]:.2f} to %{customdata[1]:.2f}, %{customdata[2]} predictions"
        "<extra></extra>",
    )
    traces = [style.line([low, high], [low, high], "perfect", "muted", "dash")]
    if data.train_mean is not None:
        traces.append(
            style.line([low, high], [data.train_mean] * 2, _constant(data), "constant", "dot")
        )
    ends = _regression(frame)
    if ends:
        traces.append(style.line(*ends, "line through the points", "model"))
    shapes, notes = [], []
    for start, end, text in _bands(data.scale, low, high):
        corners = {"x0": start, "x1": end, "y0": start, "y1": end}
        shapes.append(
            {"type": "rect", **corners, "line": {"width": 0}, "layer": "below"}
            | {"fillcolor": style.page("band")}
        )
        at_right = end < high
        notes.append(
            {"x": high if at_right else low, "y": (start + end) / 2, "text": text}
            | {"xanchor": "right" if at_right else "left", "showarrow": False}
            | {"font": {"size": 10, "color": style.page("muted")}}
        )
    x, y = _labels(data)
    ticks = {"tickvals": _cuts(data.scale)} if data.scale else {}
    axes = {"range": [low, high], **ticks}
    layout = style.layout(x, y, shapes=shapes, annotations=notes, height=400)
    layout |= {"xaxis": style.axis(x, **axes), "yaxis": style.axis(y, **axes)}
    return style.figure([*traces, points], layout)


def _labels(data: FigureData) -> tuple[str, str]:
    return f"true score ({data.points_of})", "predicted score"


def _constant(data: FigureData) -> str:
    return f"constant (mean of training, {data.train_mean:.1f})"


def _range(frame: pl.DataFrame, data: FigureData) -> tuple[float, float]:
    """From the lowest to the highest of scale, truths and predictions; never of no length."""
    values = [*frame["truth"], *frame["low"], *frame["high"]]
    if data.scale:
        return min(data.scale.low, *values), max(data.scale.high, *values)
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _cuts(scale: Scale) -> list[int]:
    return [*(first for first, _ in scale.bands), scale.high]


def _bands(scale: Scale | None, low: float, high: float) -> list[tuple[float, float, str]]:
    """Where each band starts and ends in the picture, and its name with its cut points."""
    if scale is None:
        return []
    inner = [float(first) for first, _ in scale.bands[1:]]
    if len(inner) == 1 and scale.high - scale.low == 1:
        inner = [0.5]  # yes or no: the corner of each
    return list(zip([low, *inner], [*inner, high], scale.labels(), strict=True))


def _regression(frame: pl.DataFrame) -> tuple[list[float], list[float]] | None:
    """The ends of the least-squares line of prediction on truth; None where truths are equal."""
    from scipy.stats import linregress

    truth, prediction = frame["truth"].to_numpy(), frame["prediction"].to_numpy()
    if truth.min() == truth.max():
        return None
    fit = linregress(truth, prediction)
    ends = [float(truth.min()), float(truth.max())]
    return ends, [float(fit.intercept + fit.slope * x) for x in ends]


def _bars(frame: pl.DataFrame) -> tuple[list[float], list[float]]:
    """How far the lowest and the highest prediction are from the mean."""
    below = (frame["prediction"] - frame["low"]).to_list()
    return below, (frame["high"] - frame["prediction"]).to_list()
