"""Errors by severity band: where a model predicts too high or too low."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import figure_style as style

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 20
TITLE = "Errors by severity band"
CAPTION = (
    "Predicted minus true score of each recording or session, by the band of its true score: above"
    " zero the model predicts too high. A box spans the middle half, its line is the median; bands"
    " with fewer than five have points alone. The diamonds are the mean errors of the constant"
    " predictor: a model that is no better than it falls from left to right like they do."
)
_ENOUGH = 5  # points of a box
_ALL = "all"


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per recording or session, with the band of its truth; all in one without a scale."""
    import polars as pl

    scale = data.scale
    place = {name: i for i, (_, name) in enumerate(scale.bands)} if scale else {}
    bands = [place[scale.band(y)] if scale else 0 for y in data.points["truth"]]
    names = scale.labels() if scale else (_ALL,)
    return data.points.select(
        pl.Series("band", [names[i] for i in bands], pl.String),
        *("recording_id", "subject_id", "truth", "prediction", "error"),
        constant_error=pl.col("train_mean") - pl.col("truth"),
    )


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """Boxes and points side by side, one column for each band."""
    axes = style.paper_axes(figure, *_labels(data))
    axes.axhline(0, ls="--", color=style.paper("muted"), lw=0.8)
    groups = _groups(frame, data)
    for i, (_, rows) in enumerate(groups):
        errors = rows["error"].to_numpy()
        if len(errors) >= _ENOUGH:
            axes.boxplot(
                *([errors],),
                positions=[i],
                widths=0.5,
                showfliers=False,
                medianprops={"color": style.paper("ink")},
            )
        label = f"{data.noun}s" if i == 0 else "_"  # matplotlib leaves that out of a legend
        style.paper_points(axes, i + _spread(len(errors)), errors, label)
    marks = _constants(groups)
    if marks:
        look: dict[str, Any] = {"marker": "D", "ms": 4, "mfc": "none", "mew": 1, "alpha": 1}
        look["color"] = style.paper("constant")
        style.paper_points(axes, list(marks), list(marks.values()), "constant, mean", **look)
    axes.set(xticks=range(len(groups)), xlim=(-0.6, len(groups) - 0.4))
    axes.set_xticklabels([_tick(name, len(rows), "\n") for name, rows in groups])
    style.paper_legend(axes)


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    x, y = _labels(data)
    groups = _groups(frame, data)
    traces: list[dict[str, Any]] = []
    for i, (_, rows) in enumerate(groups):
        boxed = {"boxpoints": False, "hoverinfo": "skip", "showlegend": False}
        if len(rows) >= _ENOUGH:
            colours = {"line": {"color": style.page("muted")}, "fillcolor": "rgba(0,0,0,0)"}
            place = {"x": [i] * len(rows), "y": rows["error"].to_list(), "width": 0.6}
            traces.append({"type": "box", **place, **colours, **boxed})
        traces.append(
            style.points(
                (i + _spread(len(rows))).tolist(),
                rows["error"].to_list(),
                f"{data.noun}s",
                text=[style.safe(name) for name in rows["recording_id"]],
                customdata=rows.select("truth", "prediction").rows(),
                hovertemplate="%{text}<br>true %{customdata[0]:.2f}, predicted %{customdata[1]:.2f}"
                "<br>error %{y:.2f}<extra></extra>",
                showlegend=i == 0,
            )
        )
    marks = _constants(groups)
    diamond: dict[str, Any] = {
        "symbol": "diamond-open",
        "size": 11,
        "color": style.page("constant"),
    }
    diamond["line"] = {"width": 2}
    traces.append(
        style.points(list(marks), list(marks.values()), "constant, mean error", marker=diamond)
        | {"hovertemplate": "constant: mean error %{y:.2f}<extra></extra>"}
    )
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
    zero |= {"line": {"color": style.page("muted"), "dash": "dash", "width": 1}}
    ticks = [_tick(style.safe(name), len(rows), "<br>") for name, rows in groups]
    across = {"tickvals": list(range(len(groups))), "ticktext": ticks, "showgrid": False}
    across["range"] = [-0.6, len(groups) - 0.4]
    layout = style.layout(x, y, shapes=[zero])
    return style.figure(traces, layout | {"xaxis": style.axis(x, **across)})


def _labels(data: FigureData) -> tuple[str, str]:
    return "band of the true score", f"predicted − true ({data.points_of})"


def _groups(frame: pl.DataFrame, data: FigureData) -> list[tuple[str, pl.DataFrame]]:
    names = data.scale.labels() if data.scale else (_ALL,)
    return [(name, frame.filter(frame["band"] == name)) for name in names]


def _constants(groups: list[tuple[str, pl.DataFrame]]) -> dict[int, float]:
    """Column -> mean error of the constant predictor, where it is known."""
    means = {i: rows["constant_error"].mean() for i, (_, rows) in enumerate(groups)}
    return {i: float(str(mean)) for i, mean in means.items() if mean is not None}


def _spread(n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Small shifts to the side, so that equal errors do not hide each other; always the same."""
    return 0.32 * ((np.arange(n) * 0.618034) % 1 - 0.5)


def _tick(name: str, n: int, new_line: str) -> str:
    """'14 to 19' over 'mild' over how many there are."""
    found = re.fullmatch(r"(\d+)(?: to (\d+))? (.+)", name)
    if found is None:
        return f"{name}{new_line}N = {n}"
    first, last, word = found.groups()
    points = f"{first}–{last}" if last else first
    return new_line.join([points, *word.split(), f"N = {n}"])
