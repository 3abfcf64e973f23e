"""ROC curves: how well the predicted score tells the severity bands apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deptool import figure_style as style

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import SubFigure

    from deptool.figure_data import FigureData

ORDER = 50
TITLE = "ROC at the cut points of the scale"
CAPTION = (
    "One curve for each cut point: those with a true score from there on against those below. The"
    " first, thick curve has two classes, the lowest band and all others; together the curves are"
    " those of all bands. Further to the upper left is better, the dashed diagonal is guessing. AUC"
    " is the area below a curve: how often the more severe of two has the higher prediction. The"
    " marks show where one is that sorts by the cut point itself."
)


def missing(data: FigureData) -> str | None:
    """Where no cut point has truths on both sides."""
    if data.scale is None:
        return "The predictions name no scale, and so there are no cut points."
    truths = data.points["truth"]
    low, high = float(str(truths.min())), float(str(truths.max()))
    if any(low < cut <= high for cut, _ in data.scale.bands[1:]):
        return None
    one = data.scale.labels()[[name for _, name in data.scale.bands].index(data.scale.band(low))]
    return f"All true scores are in one band ({one}): there are no two classes to tell apart."


def numbers(data: FigureData) -> pl.DataFrame:
    """One row per point of a curve; one with nulls for a cut point without truths on both sides.

    `threshold` is in points: who is predicted at least that counts as positive; null where nobody
    is. The rates at the cut point itself are the same in all rows of its curve.
    """
    import polars as pl
    from sklearn.metrics import roc_auc_score, roc_curve

    assert data.scale is not None  # else it is missing
    truth, prediction = (data.points[name].to_numpy() for name in ("truth", "prediction"))
    tables = []
    for cut, band in data.scale.bands[1:]:
        above = truth >= cut
        n_above = int(above.sum())
        about = {"cut": cut, "band": band, "n_from": n_above, "n_below": len(above) - n_above}
        curve: dict[str, Any] = {name: [None] for name in _CURVE}
        if 0 < n_above < len(above):
            false, true, thresholds = roc_curve(above, prediction, drop_intermediate=False)
            called = prediction >= cut
            about["auc"] = roc_auc_score(above, prediction)
            about["false_positive_at_cut"] = float(called[~above].mean())
            about["true_positive_at_cut"] = float(called[above].mean())
            curve = {"threshold": [None, *thresholds[1:]]}
            curve |= {"false_positive_rate": false, "true_positive_rate": true}
        table = pl.DataFrame(curve, schema=dict.fromkeys(_CURVE, pl.Float64))
        constant = [pl.lit(about.get(name), kind).alias(name) for name, kind in _about().items()]
        tables.append(table.select(*constant, *_CURVE))
    return pl.concat(tables)


def draw(figure: SubFigure, frame: pl.DataFrame, data: FigureData) -> None:
    """Curves in a square, with the point of the cut itself on each."""
    axes = style.paper_axes(figure, *_LABELS)
    axes.plot([0, 1], [0, 1], "--", color=style.paper("muted"), lw=0.7)
    for i, (text, rows) in enumerate(_curves(frame)):
        colour = style.paper(style.CURVES[i])
        x, y = (rows[name].drop_nulls() for name in _CURVE[1:])
        width, dash = (1.0 if i else 1.8), style.DASHES[i][0]
        axes.plot(x, y, color=colour, ls=dash, lw=width, label=text)
        at = rows["false_positive_at_cut"][0], rows["true_positive_at_cut"][0]
        if at[0] is not None:
            axes.plot(*([value] for value in at), "o", ms=4, color=colour)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    style.paper_legend(axes, columns=1)


def trace(frame: pl.DataFrame, data: FigureData) -> dict[str, Any]:
    """The same for Plotly."""
    traces = [style.line([0, 1], [0, 1], "guessing", "muted", "dash", showlegend=False)]
    for i, (text, rows) in enumerate(_curves(frame)):
        x, y = (rows[name].drop_nulls().to_list() for name in _CURVE[1:])
        line: dict[str, Any] = {"color": style.page(style.CURVES[i]), "dash": style.DASHES[i][1]}
        line["width"] = 2 if i else 4
        curve = style.line(x or [None], y or [None], style.safe(text), style.CURVES[i])
        more: dict[str, Any] = {
            "line": line,
            "legendgroup": str(i),
            "customdata": rows["threshold"].to_list(),
        }
        hover = "from %{customdata:.2f}<br>false %{x:.2f}, true %{y:.2f}<extra></extra>"
        traces.append(curve | more | {"hoverinfo": "all", "hovertemplate": hover})
        at = rows["false_positive_at_cut"][0], rows["true_positive_at_cut"][0]
        if at[0] is not None:
            cut = rows["cut"][0]
            marker = {"size": 10, "color": style.page(style.CURVES[i])}
            more = {"marker": marker, "legendgroup": str(i), "showlegend": False}
            hover = f"sorted at {cut}: false %{{x:.2f}}, true %{{y:.2f}}<extra></extra>"
            traces.append(style.points([at[0]], [at[1]], text, hovertemplate=hover) | more)
    layout = style.layout(*_LABELS, height=420)
    layout["legend"] |= {"orientation": "v"}
    for name, title in zip(("xaxis", "yaxis"), _LABELS, strict=True):
        layout[name] = style.axis(title, range=[-0.02, 1.02])
    return style.figure(traces, layout)


_CURVE = ("threshold", "false_positive_rate", "true_positive_rate")
_LABELS = ("false positive rate (1 − specificity)", "true positive rate (sensitivity)")


def _about() -> dict[str, Any]:
    """The columns that are the same in all rows of a curve, and their types."""
    import polars as pl

    rates = ("auc", "false_positive_at_cut", "true_positive_at_cut")
    return {
        **{"cut": pl.Int32, "band": pl.String, "n_from": pl.Int32, "n_below": pl.Int32},
        **dict.fromkeys(rates, pl.Float64),
    }


def _curves(frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """What the legend says of each cut point, with its rows."""
    found = []
    for (cut,), rows in frame.partition_by("cut", as_dict=True, maintain_order=True).items():
        first = rows.row(0, named=True)
        n = first["n_from"] + first["n_below"]
        auc = first["auc"]
        said = "no curve" if auc is None else f"AUC {auc:.2f}"  # none or all of them are there
        found.append((f"from {cut} ({first['band']}), {first['n_from']} of {n}: {said}", rows))
    return found
