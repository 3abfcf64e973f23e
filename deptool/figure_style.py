"""How the figures look: one palette for paper and page, and what Plotly needs around a trace.

Colours have names. On paper they are hex codes; on the page they are CSS variables, which the
page's script reads, so that plots follow a light or dark scheme. The palette is that of Okabe and
Ito, "Color Universal Design", 2008, made for readers who are colour-blind; nothing is told by
colour alone.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deptool.plain_text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from numpy.typing import ArrayLike

# Name -> (light, dark).
PALETTE = {
    "page": ("#ffffff", "#14181d"),
    "box": ("#f5f7f9", "#1d232a"),
    "ink": ("#1a1f24", "#e8ebee"),
    "muted": ("#5a6570", "#a3adb8"),
    "grid": ("#dfe4e9", "#353d46"),
    "band": ("#dcebf5", "#1f3a4d"),
    "model": ("#0072b2", "#56b4e9"),
    "constant": ("#b84a00", "#f0a13a"),
    "second": ("#007a5a", "#2fc79b"),
    "third": ("#a8487e", "#e29ac4"),
    "fourth": ("#6b6200", "#e6d94a"),
    "warning": ("#fff3d6", "#43340f"),
}
CURVES = ("model", "second", "third", "fourth")  # colours of several curves, in order
DASHES = (("-", "solid"), ("--", "dash"), (":", "dot"), ("-.", "dashdot"))  # and their dashes

_LONGEST = 24  # letters of an id below an axis

# What a paper's column asks for: small sans-serif letters, thin lines, fonts inside the file.
PAPER: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "text.parse_math": False,  # a subject may be called '$1'
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "deptool",
    "figure.dpi": 100,
    "savefig.dpi": 300,
}


def paper(name: str) -> str:
    """The colour of that name on paper, as a hex code."""
    return PALETTE[name][0]


def page(name: str) -> str:
    """The colour of that name on the page: 'var(--model)'."""
    return f"var(--{name})"


def variables(dark: bool) -> str:
    """The palette as CSS declarations."""
    return "".join(f"--{name}:{colours[dark]};" for name, colours in PALETTE.items())


def safe(text: object) -> str:
    """Text from data, for Plotly: it reads tags and entities, and formulas between dollar signs."""
    return html.escape(str(text), quote=False).replace("$", "&#36;")


def short(text: str) -> str:
    """Text from data below an axis, on paper: cut where it would leave no room for the plot."""
    shown = plain(text).replace("\n", " ")
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def layout(x: str, y: str, **more: Any) -> dict[str, Any]:
    """A Plotly layout with titled axes; `more` is merged in, axes with their defaults."""
    plain = {
        "autosize": True,
        "height": 360,
        "margin": {"l": 52, "r": 14, "t": 28, "b": 46},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": page("ink")},
        # Below the plot, where neither points nor the tool bar are.
        "legend": {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}
        | {"font": {"size": 11}},
        "hoverlabel": {"bgcolor": page("box"), "font": {"color": page("ink")}},
        "hovermode": "closest",
        "dragmode": False,  # a finger on a plot scrolls the page
    }
    return plain | {"xaxis": axis(x), "yaxis": axis(y)} | more


def axis(title: str, **more: Any) -> dict[str, Any]:
    """A Plotly axis."""
    return {
        "title": {"text": title, "standoff": 8},
        "automargin": True,
        "gridcolor": page("grid"),
        "linecolor": page("muted"),
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": page("muted"),
    } | more


def points(x: Sequence[float], y: Sequence[float], name: str, **more: Any) -> dict[str, Any]:
    """A Plotly trace of points in the model's colour."""
    marker = {"color": page("model"), "size": 8, "opacity": 0.75}
    return {
        **{"type": "scatter", "mode": "markers", "x": list(x), "y": list(y)},
        **{"name": name, "marker": marker},
    } | more


def line(
    x: Sequence[float | None],
    y: Sequence[float | None],
    name: str,
    colour: str,
    dash: str = "solid",
    **more: Any,
) -> dict[str, Any]:
    """A Plotly trace of a line."""
    return {
        **{"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "name": name},
        **{"line": {"color": page(colour), "dash": dash, "width": 2}},
        "hoverinfo": "skip",
    } | more


def figure(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> dict[str, Any]:
    """A Plotly figure."""
    return {"data": [dict(trace) for trace in traces], "layout": dict(layout)}


def paper_axes(figure: SubFigure, x: str, y: str) -> Axes:
    """One panel that fills a matplotlib figure."""
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    return axes


def paper_points(axes: Axes, x: ArrayLike, y: ArrayLike, label: str, **more: Any) -> None:
    """Points in the model's colour; `more` is what matplotlib's plot takes."""
    look: dict[str, Any] = {
        "marker": "o",
        "ls": "",
        "ms": 3,
        "mew": 0,
        "alpha": 0.7,
        "color": paper("model"),
    }
    axes.plot(x, y, label=label, **(look | more))


def paper_legend(axes: Axes, columns: int = 2) -> None:
    """A legend above the panel, where it hides no point."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2, handlelength=2
    )
