"""The figure of an explained recording: tracks over time, deletion curves, maps on a face.

Tracks are drawn as in Fig. 3 of ExpADA (Liao et al., AAAI 2026): a point for each span of time, in
colours and signs by scale or modality, above a strip that is dark where the highest fifth lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import figure_style as style
from deptool.asked_segments import ABOVE
from deptool.guidance_maps import ACTION_UNIT, LANDMARK

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from deptool.deletion import Deleted
    from deptool.explain import Explained

_WIDTH = 7.2  # inches: a page's two columns
_LEFT = 0.75  # for a panel's axis
_TRACK, _CURVES, _MAPS = 1.5, 1.95, 2.55  # inches of height
_LINE, _ACROSS = 0.14, 4  # of a legend; entries beside each other
_POWERS = (-2, 4)  # of ten: beyond, the power is written once
_STRIP = 0.09  # of a track's spans
_SIGNS = ("o", "s", "^", "D", "v", "P", "X")
_MANY = 400  # rows of a track, from which on points would hide each other
_UNITS = {"score": "points", "relevance": "", "time": "weight"}
_UNITS |= {"modality": "weight", "attribution": "points", "key_frame": "share of members"}
_UNITS |= {"prototype": "number"}
_POINTS = ("attribution", "contribution")  # maps in points; a gate and a mask have no unit
_LINES = (  # landmarks that are joined
    *((0, 16), (17, 21), (22, 26), (27, 30), (31, 35)),
)
_LOOPS = ((36, 41), (42, 47), (48, 59), (60, 67))


@dataclass
class _Sheet:
    """A figure that is filled from above, in inches: the same places whatever is drawn in them.

    matplotlib's own layouts are found by a solver, whose last digits change from call to call.
    """

    figure: Figure
    height: float
    at: float = 0.3  # from the top: what is taken

    def axes(self, left: float, width: float, height: float, above: float = 0.0) -> Axes:
        """A panel, so far below what is taken as `above` says; it takes nothing itself."""
        bottom = self.height - self.at - above - height
        box = (left / _WIDTH, bottom / self.height, width / _WIDTH, height / self.height)
        return self.figure.add_axes(box)


def draw(found: Explained) -> Figure:
    """All that was found in one recording, as a matplotlib figure."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    groups = found.tracks.partition_by("kind", maintain_order=True)
    pairs = found.maps.partition_by("map", maintain_order=True) if len(found.maps) else []
    heights = [_track_height(group) for group in groups] + [_MAPS] * len(pairs)
    if found.deleted:
        heights.append(_CURVES + _LINE * _legend_lines(found.deleted))
    with mpl.rc_context(style.PAPER):
        sheet = _Sheet(Figure(figsize=(_WIDTH, sum(heights) + 0.3)), sum(heights) + 0.3)
        times = (min(found.tracks["start_s"]), max(found.tracks["end_s"]))
        for group in groups:
            _tracks(sheet, group, found.spans, times)
            sheet.at += _track_height(group)
        if found.deleted:
            _curves(sheet, found.deleted)
            sheet.at += heights[-1]
        for maps in pairs:
            _maps(sheet, maps)
            sheet.at += _MAPS
        words = "what the network used; no finding about a person"
        words = f"synthetic data; {words}" if found.synthetic else words
        sheet.figure.text(0.5, 1 - 0.15 / sheet.height, words, ha="center", va="center")
    return sheet.figure


def _names(group: pl.DataFrame) -> list[str]:
    return list(dict.fromkeys(group["name"]))


def _track_height(group: pl.DataFrame) -> float:
    names = _names(group)
    return _TRACK + (_STRIP + _LINE / _ACROSS) * len(names)


def _legend_lines(deleted: Sequence[Deleted]) -> int:
    return 1 + max(len(group) for group in _by_chance(deleted))


def _by_chance(deleted: Sequence[Deleted]) -> list[list[Deleted]]:
    """Rankings of the same units together: they share the random curve."""
    groups: dict[bytes, list[Deleted]] = {}
    for each in deleted:
        groups.setdefault(each.random.tobytes(), []).append(each)
    return list(groups.values())


def _tracks(
    sheet: _Sheet, group: pl.DataFrame, spans: pl.DataFrame, times: tuple[float, float]
) -> None:
    """All tracks of one kind, and strips of their spans."""
    kind, names = group["kind"][0], _names(group)
    mine = spans.filter(spans["kind"] == kind)
    legend = _LINE * -(-len(names) // _ACROSS)
    axes = sheet.axes(_LEFT, _WIDTH - _LEFT - 0.15, 0.8, legend + 0.05)
    for k, name in enumerate(names):
        _track(axes, group.filter(group["name"] == name).sort("start_s"), k, name)
    unit = "points" if names == [ABOVE] else _UNITS[kind]
    axes.set_ylabel(f"{kind.replace('_', ' ')}\n({unit})" if unit else kind)
    axes.ticklabel_format(axis="y", scilimits=_POWERS)
    axes.yaxis.get_offset_text().set_x(-0.08)  # beside the legend, not under it
    axes.set_xlim(*times)
    style.paper_legend(axes, columns=_ACROSS)
    if len(mine):
        axes.tick_params(labelbottom=False)
        height = _STRIP * len(names)
        axes = sheet.axes(_LEFT, _WIDTH - _LEFT - 0.15, height, legend + 0.93)
        axes.set_xlim(*times)
        _strip(axes, names, mine)
    axes.set_xlabel("time (s)", labelpad=1)


def _track(axes: Axes, rows: pl.DataFrame, k: int, name: str) -> None:
    colour = style.paper(style.CURVES[k % len(style.CURVES)])
    start, end = rows["start_s"].to_numpy(), rows["end_s"].to_numpy()
    # Where nothing is said the line is broken: a NaN behind what no row follows or overlaps.
    holes = 1 + np.flatnonzero(start[1:] > end[:-1] + 1e-3)
    middle = np.insert((start + end) / 2, holes, np.nan)
    value, low, high = (
        np.insert(rows[c].to_numpy().astype(float), holes, np.nan) for c in ("value", "low", "high")
    )
    many = len(rows) > _MANY
    axes.fill_between(middle, low, high, color=colour, alpha=0.15, lw=0)
    look: dict[str, Any] = {"lw": 0.6} if many else {"marker": _SIGNS[k % 7], "ms": 2.5, "lw": 0.6}
    axes.plot(middle, value, color=colour, label=name, **look)


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


def _curves(sheet: _Sheet, deleted: Sequence[Deleted]) -> None:
    """A deletion curve of each ranking, beside the random ones of as many units."""
    from deptool.deletion import FRACTIONS

    groups = _by_chance(deleted)
    each_width = (_WIDTH - _LEFT - 0.15) / len(groups)
    x = [0.0, *(100 * fraction for fraction in FRACTIONS)]
    legend = _LINE * _legend_lines(deleted)
    for at, mine in enumerate(groups):
        left = _LEFT + at * each_width
        axes = sheet.axes(left, min(each_width - 0.5 * (len(groups) > 1), 4.0), 1.4, legend + 0.05)
        mean, sd = mine[0].random.mean(0), mine[0].random.std(0, ddof=1)
        grey = style.paper("muted")
        low, high = np.maximum(mean - sd, 0), mean + sd
        axes.fill_between(x, [0, *low], [0, *high], color=grey, alpha=0.2, lw=0)
        axes.plot(x, [0, *mean], "--", color=grey, label="random (± SD)")
        for k, one in enumerate(mine):
            colour = style.paper(style.CURVES[k % len(style.CURVES)])
            verdict = "" if one.holds else ": FAILS"
            look: dict[str, Any] = {"marker": _SIGNS[k % 7], "ms": 3, "color": colour}
            axes.plot(x, [0, *one.change], label=f"{one.what}{verdict}", **look)
        axes.ticklabel_format(axis="y", scilimits=_POWERS)
        axes.set_xlabel("deleted (%)")
        axes.set_ylim(bottom=0)
        if at == 0:
            axes.set_ylabel("change of the prediction\n(points)")
        style.paper_legend(axes, columns=1)


def _maps(sheet: _Sheet, maps: pl.DataFrame) -> None:
    """One map: on a face, and as bars for each action unit column."""
    name, targets = maps["map"][0], set(maps["target"])
    if LANDMARK in targets:
        axes = sheet.axes(0.1, 1.9, 1.9, 0.2)
        colours = sheet.axes(2.02, 0.08, 1.5, 0.4)
        _face(axes, colours, maps.filter(maps["target"] == LANDMARK), name)
    if ACTION_UNIT in targets:
        left = 2.85 if LANDMARK in targets else _LEFT
        axes = sheet.axes(left, _WIDTH - left - 0.1, 1.75, 0.2)
        _bars(axes, maps.filter(maps["target"] == ACTION_UNIT), name)


def _face(axes: Axes, colours: Axes, rows: pl.DataFrame, name: str) -> None:
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
    bar = axes.figure.colorbar(dots, cax=colours)
    bar.formatter.set_powerlimits(_POWERS)  # type: ignore[attr-defined]


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
    axes.ticklabel_format(axis="y", scilimits=_POWERS)
    axes.set_xlim(-0.7, len(rows) - 0.3)
    unit = " (points)" if name in _POINTS else ""
    axes.set_title(f"{name} of action units{unit}")
