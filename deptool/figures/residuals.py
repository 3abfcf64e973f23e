"""Errors by severity band: where a model predicts too high or too low."""

from __future__ import annotations

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
        axes.plot(
            *(i + _spread(len(errors)), errors, "o"),
            **{"ms": 3, "mew": 0, "alpha": 0.6, "color": style.paper("model")},
            label=f"{data.noun}s" if i == 0 else None,
        )
    marks = _constants(groups)
    if marks:
        axes.plot(
            *(list(marks), list(marks.values()), "D"),
            **{"ms": 4, "mfc": "none", "color": style.paper("constant"), "label": "constant, mean"},
        )
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
    diamond = {"symbol": "diamond-open", "size": 11, "color": style.page("constant")}
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
    points, _, word = name.rpartition(" ") if name[:1].isdigit() else ("", "", name)
    if " to " in name:
        first, to, rest = name.split(" ", 3)[0], "–", name.split(" ", 3)[2:]
        points, word = f"{first}{to}{rest[0]}", " ".join(rest[1:])
    return new_line.join([part for part in (points, word.replace(" ", new_line)) if part] + [f"N = {n}"])
