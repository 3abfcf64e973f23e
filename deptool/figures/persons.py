"""Errors per person: whether a model is wrong about some people and right about others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deptool import figure_style as style

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 60
TITLE = "Errors per person"
CAPTION = (
    "The mean absolute error of each person over their recordings or sessions, largest first; the"
    " diamonds are the errors of the constant predictor for the same persons. Few high bars mean"
    " that the model fails for some people; bars above their diamonds, that the constant would have"
    " served these people better."
)
_NAMED = 20  # persons whose ids fit below the bars


def missing(data: FigureData) -> str | None:
    """Where the predictions do not say who is in a recording."""
    lacking = data.points["subject_id"].null_count()
    if not lacking:
        return None
    return f"The predictions do not say who is in {lacking} of {len(data.points)} {data.noun}s."


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per person, largest mean absolute error first; points of the scale."""
    import polars as pl

    off = (pl.col("train_mean") - pl.col("truth")).abs()
    rows = data.points.group_by("subject_id", maintain_order=True).agg(
        pl.len().alias(f"{data.noun}s"),
        pl.col("truth").mean().alias("mean_truth"),
        pl.col("error").abs().mean().alias("mae"),
        pl.col("error").mean().alias("mean_error"),
        off.mean().alias("constant_mae"),
    )
    return rows.sort("mae", "subject_id", descending=[True, False])


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """A bar for each person, with ids below where there are few."""
    axes = style.paper_axes(figure, *_labels(frame, data))
    places = range(1, len(frame) + 1)
    axes.bar(places, frame["mae"], color=style.paper("model"), alpha=0.7, label="model")
    if not frame["constant_mae"].null_count():
        size = 4 if len(frame) <= _NAMED else 2
        look: dict[str, Any] = {"marker": "D", "ms": size, "mfc": "none", "mew": 0.8, "alpha": 1}
        look["color"] = style.paper("constant")
        style.paper_points(axes, places, frame["constant_mae"], "constant", **look)
    axes.axhline(_mean(frame), ls="--", color=style.paper("ink"), lw=0.9, label=_mean_text(frame))
    axes.set_xlim(0.3, len(frame) + 0.7)
    if len(frame) <= _NAMED:
        axes.set_xticks(
            places, labels=[style.short(name) for name in frame["subject_id"]], rotation=90
        )
    style.paper_legend(axes, columns=3)


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    x, y = _labels(frame, data)
    places = list(range(1, len(frame) + 1))
    names = [style.safe(name) for name in frame["subject_id"]]
    bars: dict[str, Any] = {
        **{"type": "bar", "x": places, "y": frame["mae"].to_list(), "name": "model"},
        **{"marker": {"color": style.page("model"), "opacity": 0.75}, "text": names},
        "textposition": "none",
        "customdata": frame.select("mean_error", f"{data.noun}s", "mean_truth").rows(),
        "hovertemplate": "%{text}<br>mean absolute error %{y:.2f}, mean error %{customdata[0]:.2f}"
        f"<br>{data.noun}s: %{{customdata[1]}}, true score %{{customdata[2]:.2f}}<extra></extra>",
    }
    traces = [bars]
    if not frame["constant_mae"].null_count():
        marker = {"symbol": "diamond-open", "size": 9, "color": style.page("constant")}
        marker["line"] = {"width": 2}
        diamonds = style.points(places, frame["constant_mae"].to_list(), "constant", marker=marker)
        traces.append(diamonds | {"hovertemplate": "constant %{y:.2f}<extra></extra>"})
    ends = [0.4, len(frame) + 0.6]
    traces.append(style.line(ends, [_mean(frame)] * 2, _mean_text(frame), "ink", "dash"))
    across: dict[str, Any] = {"range": ends, "showgrid": False}
    if len(frame) <= _NAMED:
        across |= {"tickvals": places, "ticktext": names, "tickangle": -90}
        across["tickfont"] = {"size": 10}
    layout = style.layout(x, y)
    layout |= {"xaxis": style.axis(x, **across), "yaxis": style.axis(y, rangemode="tozero")}
    return style.figure(traces, layout)


def _labels(frame: pl.DataFrame, data: FigureData) -> tuple[str, str]:
    return f"{len(frame)} person{'s' * (len(frame) != 1)}", f"absolute error ({data.points_of})"


def _mean(frame: pl.DataFrame) -> float:
    return float(str(frame["mae"].mean()))


def _mean_text(frame: pl.DataFrame) -> str:
    return f"mean over persons {_mean(frame):.1f}"
