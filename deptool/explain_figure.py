"""The figure of an explained recording: tracks over time, deletion curves, maps on a face.

Tracks are drawn as in Fig. 3 of ExpADA (Liao et al., AAAI 2026): a point for each span of time, in
colours and signs by scale or modality, above a strip that is dark where the highest fifth lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import figure_style as style
from deptool.asked_segments import ABOVE
from deptool.guidance_maps import ACTION_UNIT, LANDMARK

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from deptool.deletion import Deleted
    from deptool.explain import Explained

_WIDTH = 7.2  # inches: a page's two columns
_TRACK, _CURVES, _MAPS = 1.35, 2.3, 2.6  # inches of height
_SIGNS = ("o", "s", "^", "D", "v", "P", "X")
_MANY = 400  # rows of a track, from which on points would hide each other
_UNITS = {"score": "points", "relevance": "as the model has it", "time": "weight"}
_UNITS |= {"modality": "weight", "attribution": "points", "key_frame": "share of members"}
_UNITS |= {"prototype": "number"}
_POINTS = ("attribution", "contribution")  # maps in points; a gate and a mask have no unit
_LINES = (  # landmarks that are joined
    *((0, 16), (17, 21), (22, 26), (27, 30), (31, 35)),
)
_LOOPS = ((36, 41), (42, 47), (48, 59), (60, 67))


def draw(found: Explained) -> Figure:
    """All that was found in one recording, as a matplotlib figure."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    groups = found.tracks.partition_by("kind", maintain_order=True)
    pairs = found.maps.partition_by("map", maintain_order=True) if len(found.maps) else []
    heights = [_TRACK] * len(groups) + [_CURVES] * bool(found.deleted) + [_MAPS] * len(pairs)
    with mpl.rc_context(style.PAPER):
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.3), layout="constrained")
        panels = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        first, last = float(found.tracks["start_s"].min()), float(found.tracks["end_s"].max())  # type: ignore[arg-type]
        for panel, group in zip(panels, groups, strict=False):
            _tracks(panel, group, found.spans, (first, last))
        if found.deleted:
            _curves(panels[len(groups)], found.deleted)
        for panel, maps in zip(panels[len(heights) - len(pairs) :], pairs, strict=True):
            _maps(panel, maps)
        words = "what the network used; no finding about a person"
        figure.suptitle(f"synthetic data; {words}" if found.synthetic else words, fontsize=7)
    return figure


def _tracks(
    panel: SubFigure, group: pl.DataFrame, spans: pl.DataFrame, limits: tuple[float, float]
) -> None:
    """All tracks of one kind, and strips of their spans."""
    kind = group["kind"][0]
    names = list(dict.fromkeys(group["name"]))
    mine = spans.filter(spans["kind"] == kind)
    ratios = {"height_ratios": [1, 0.09 * len(names)]} if len(mine) else None
    count = 2 if len(mine) else 1
    found = panel.subplots(count, 1, sharex=True, gridspec_kw=ratios, squeeze=False)[:, 0]
    above, strip = found[0], (found[1] if count == 2 else None)
    for k, name in enumerate(names):
        rows = group.filter(group["name"] == name).sort("start_s")
        _track(above, rows, k, name)
    unit = "points" if names == [ABOVE] else _UNITS[kind]
    above.set_ylabel(f"{kind.replace('_', ' ')}\n({unit})")
    above.set_xlim(*limits)
    style.paper_legend(above, columns=6)
    if strip is not None:
        _strip(strip, names, mine)
    (strip if strip is not None else above).set_xlabel("time (s)")


def _track(axes: Axes, rows: pl.DataFrame, k: int, name: str) -> None:
    colour = style.paper(style.CURVES[k % len(style.CURVES)])
    middle = (rows["start_s"] + rows["end_s"]).to_numpy() / 2
    many = len(rows) > _MANY
    axes.fill_between(middle, rows["low"], rows["high"], color=colour, alpha=0.15, lw=0)
    look: dict[str, Any] = {"lw": 0.6} if many else {"marker": _SIGNS[k % 7], "ms": 2.5, "lw": 0.6}
    axes.plot(middle, rows["value"], color=colour, label=name, **look)


def _strip(axes: Axes, names: list[str], spans: pl.DataFrame) -> None:
    """Where the spans lie, a line for each track: full for high, hollow for what lowers."""
    for row in spans.iter_rows(named=True):
        k = names.index(row["name"])
        colour = style.paper(style.CURVES[k % len(style.CURVES)])
        fill = "none" if row["direction"] == "lowers" else colour
        width = row["end_s"] - row["start_s"]
        axes.barh(k, width, 0.7, row["start_s"], facecolor=fill, edgecolor=colour, lw=0.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_ylabel("spans", rotation=0, ha="right", va="center")


def _curves(panel: SubFigure, deleted: Sequence[Deleted]) -> None:
    """A deletion curve of each ranking, beside the random ones of as many units."""
    from deptool.deletion import FRACTIONS

    sizes = list(dict.fromkeys(each.random.tobytes() for each in deleted))
    axes = np.atleast_1d(panel.subplots(1, len(sizes)))
    x = [0.0, *(100 * fraction for fraction in FRACTIONS)]
    for at, (each, size) in enumerate(zip(axes, sizes, strict=True)):
        mine = [d for d in deleted if d.random.tobytes() == size]
        mean, sd = mine[0].random.mean(0), mine[0].random.std(0, ddof=1)
        grey = style.paper("muted")
        low, high = np.maximum(mean - sd, 0), mean + sd
        each.fill_between(x, [0, *low], [0, *high], color=grey, alpha=0.2, lw=0)
        each.plot(x, [0, *mean], "--", color=grey, label="random (± SD)")
        for k, one in enumerate(mine):
            colour = style.paper(style.CURVES[k % len(style.CURVES)])
            verdict = "" if one.holds else " — fails"
            look: dict[str, Any] = {"marker": _SIGNS[k % 7], "ms": 3, "color": colour}
            each.plot(x, [0, *one.change], label=f"{one.what}{verdict}", **look)
        each.set_xlabel("deleted (%)")
        each.set_ylim(bottom=0)
        if at == 0:
            each.set_ylabel("change of the prediction (points)")
        style.paper_legend(each, columns=1)


def _maps(panel: SubFigure, maps: pl.DataFrame) -> None:
    """One map: on a face, and as bars for each action unit column."""
    name = maps["map"][0]
    targets = [t for t in (LANDMARK, ACTION_UNIT) if t in set(maps["target"])]
    widths = {LANDMARK: 1.0, ACTION_UNIT: 2.2}
    ratios = {"width_ratios": [widths[t] for t in targets]}
    axes = np.atleast_1d(panel.subplots(1, len(targets), gridspec_kw=ratios))
    for each, target in zip(axes, targets, strict=True):
        rows = maps.filter(maps["target"] == target)
        if target == LANDMARK:
            _face(panel, each, rows, name)
        else:
            _bars(each, rows, name)


def _face(panel: SubFigure, axes: Axes, rows: pl.DataFrame, name: str) -> None:
    from deptool.face.pose_68 import canonical_68

    face = canonical_68()[:, :2]
    for first, last in (*_LINES, *_LOOPS):
        points = list(range(first, last + 1)) + [first] * ((first, last) in _LOOPS)
        axes.plot(*face[points].T, color=style.paper("grid"), lw=0.7, zorder=0)
    value = np.zeros(len(face))
    value[[int(n) for n in rows["name"]]] = rows["value"].to_numpy()
    signed = name in _POINTS
    reach = float(np.abs(value).max()) or 1.0
    limits: dict[str, Any] = {"cmap": "viridis"}
    if signed:
        limits = {"vmin": -reach, "vmax": reach, "cmap": "PuOr_r"}
    dots = axes.scatter(
        face[:, 0], face[:, 1], c=value, s=13, lw=0.3, edgecolors=style.paper("muted"), **limits
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_axis_off()
    axes.set_title(f"{name} of landmarks")
    panel.colorbar(dots, ax=axes, shrink=0.8, pad=0.02)


def _bars(axes: Axes, rows: pl.DataFrame, name: str) -> None:
    """Bars from zero where there is one, else points: a gate or a mask begins nowhere."""
    value, low, high = (rows[c].to_numpy() for c in ("value", "low", "high"))
    places = np.arange(len(rows))
    reach = np.stack([value - low, high - value]).clip(0)
    ink, colour = style.paper("ink"), style.paper("model")
    if name in _POINTS:
        axes.bar(places, value, color=colour, alpha=0.75)
    else:
        axes.plot(places, value, "o", ms=3.5, color=colour)
        axes.grid(axis="y", lw=0.4, color=style.paper("grid"))
    axes.errorbar(places, value, reach, fmt="none", ecolor=ink, elinewidth=0.5)
    axes.set_xticks(places, labels=rows["name"].to_list(), rotation=90, fontsize=5)
    axes.set_xlim(-0.7, len(rows) - 0.3)
    unit = " (points)" if name in _POINTS else ""
    axes.set_title(f"{name} of action units{unit}")
