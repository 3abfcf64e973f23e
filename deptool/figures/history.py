"""Training curves: loss on train and error on dev, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deptool import figure_style as style

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 70
TITLE = "Training curves"
CAPTION = (
    "Above the loss on the training part, below the RMSE on dev, at each epoch: thin for each seed"
    " and fold, thick for their median over those that were still trained. A point marks the epoch"
    " that was kept, the one with the lowest RMSE on dev. Loss that falls while the RMSE on dev"
    " rises is overfitting."
)
_PANELS = (("train_loss", "training loss"), ("dev_rmse", "RMSE on dev"))


def missing(data: FigureData) -> str | None:
    """Where nothing was trained epoch by epoch, or nothing is known of it."""
    if data.history is None or data.history.is_empty():
        return "There is no history of epochs: the model was fitted at once, or is not known."
    return None


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per seed, fold and epoch; `kept` is 1 at the epoch whose weights were kept."""
    import polars as pl

    assert data.history is not None  # else it is missing
    member = ["seed", "fold"]
    best = pl.col("epoch").filter(pl.col("is_best") == 1).max().over(member)
    kept = (pl.col("epoch") == best).fill_null(False).cast(pl.Int32)
    rows = data.history.sort(*member, "epoch").with_columns(kept=kept)
    return rows.select(*member, "epoch", "train_loss", "dev_rmse", "kept")


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """Two panels over the same epochs."""
    panels = figure.subplots(2, sharex=True)
    for axes, (column, title) in zip(panels, _PANELS, strict=True):
        for rows in _members(frame, column):
            axes.plot(rows["epoch"], rows[column], lw=0.5, alpha=0.4, color=style.paper("model"))
        middle = _median(frame, column)
        axes.plot(middle["epoch"], middle[column], color=style.paper("ink"), lw=1.4, label="median")
        axes.set_ylabel(title)
    kept = _kept(frame)
    look = {"ms": 3.5, "mew": 0, "color": style.paper("constant"), "label": "epoch kept"}
    panels[1].plot(kept["epoch"], kept["dev_rmse"], "o", **look)
    panels[1].set_xlabel("epoch")
    panels[1].xaxis.get_major_locator().set_params(integer=True)
    style.paper_legend(panels[1])


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    traces = []
    for column, y in (("train_loss", "y2"), ("dev_rmse", "y")):
        for rows in _members(frame, column):
            name = f"seed {rows['seed'][0]}, fold {rows['fold'][0]}"
            thin = {"line": {"color": style.page("model"), "width": 1}, "opacity": 0.5}
            values = rows["epoch"].to_list(), rows[column].to_list()
            hover = f"{name}<br>epoch %{{x}}: %{{y:.2f}}<extra></extra>"
            more = {"hoverinfo": "all", "hovertemplate": hover, "showlegend": False, "yaxis": y}
            traces.append(style.line(*values, name, "model") | thin | more)
        middle = _median(frame, column)
        values = middle["epoch"].to_list(), middle[column].to_list()
        more = {"yaxis": y, "showlegend": y == "y"}
        traces.append(style.line(*values, "median", "ink") | more | {"legendgroup": "median"})
    kept = _kept(frame)
    marker = {"size": 8, "color": style.page("constant")}
    dots = style.points(
        kept["epoch"].to_list(), kept["dev_rmse"].to_list(), "epoch kept", marker=marker
    )
    hover = "kept: epoch %{x}, RMSE %{y:.2f}<extra></extra>"
    traces.append(dots | {"hovertemplate": hover})
    (_, above), (_, below) = _PANELS
    layout = style.layout("epoch", below, height=420)
    layout["yaxis"] |= {"domain": [0, 0.46]}
    layout["yaxis2"] = style.axis(above, domain=[0.54, 1], anchor="x")
    return style.figure(traces, layout)


def _members(frame: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    """The rows of each seed and fold that have a value."""
    return frame.drop_nulls(column).partition_by("seed", "fold", maintain_order=True)


def _median(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    import polars as pl

    return frame.drop_nulls(column).group_by("epoch").agg(pl.col(column).median()).sort("epoch")


def _kept(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(frame["kept"] == 1).drop_nulls("dev_rmse")
