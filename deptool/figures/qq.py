"""Normal quantiles of the errors: whether they are spread like a normal distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deptool import figure_style as style

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 40
TITLE = "Normal quantiles of the errors"
CAPTION = (
    "The errors (predicted minus true) in order, against where as many values of a normal"
    " distribution would lie. On the line they are spread like one, and a mean with a standard"
    " deviation describes them; ends that bend away are errors larger or smaller than that, and"
    " single points far off are recordings to look at."
)
_ENOUGH = 3


def missing(data: FigureData) -> str | None:
    """Two points are always on a line."""
    n = len(data.points)
    return None if n >= _ENOUGH else f"It needs at least {_ENOUGH} {data.noun}s; there are {n}."


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per recording or session, by error: its normal quantile, and where the line is there.

    Quantiles are of Filliben's medians of order statistics, as scipy.stats.probplot has them; the
    line has the mean and the standard deviation (over n - 1) of the errors.
    """
    import polars as pl
    from scipy.stats import probplot

    rows = data.points.sort("error", "recording_id").select("recording_id", "subject_id", "error")
    quantiles, _ = probplot(rows["error"].to_numpy(), fit=False)
    error = pl.col("error")
    rows = rows.with_columns(pl.Series("normal_quantile", quantiles))
    return rows.with_columns(line=error.mean() + pl.col("normal_quantile") * error.std())


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """Points along a line."""
    axes = style.paper_axes(figure, *_labels(data))
    x = frame["normal_quantile"]
    axes.plot(x, frame["line"], "--", color=style.paper("muted"), label="normal distribution")
    style.paper_points(axes, x, frame["error"], f"{data.noun}s")
    style.paper_legend(axes)


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    x = frame["normal_quantile"].to_list()
    points = style.points(
        x,
        frame["error"].to_list(),
        f"{data.noun}s",
        text=[style.safe(name) for name in frame["recording_id"]],
        hovertemplate="%{text}<br>error %{y:.2f}<extra></extra>",
    )
    line = style.line(x, frame["line"].to_list(), "normal distribution", "muted", "dash")
    return style.figure([line, points], style.layout(*_labels(data)))


def _labels(data: FigureData) -> tuple[str, str]:
    return "normal quantile (SD)", f"predicted − true ({data.points_of})"
