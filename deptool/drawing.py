"""The figures of a run, in order, and their files: SVG, PDF and PNG for a paper, CSV beside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.figure_style import PAPER
from deptool.tables import replacing, write_text

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from deptool.figure_data import FigureData

COLUMN = 3.5  # inches: the column of a two-column page
HEIGHT = 3.2
FORMATS = ("svg", "pdf", "png")
# Without these a file says when, and by which version, it was made.
_UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Drawing:
    """One figure of one run: its module, its numbers, or why there are none (`why`)."""

    name: str
    module: ModuleType
    data: FigureData
    frame: pl.DataFrame | None
    why: str | None = None

    @property
    def title(self) -> str:
        return str(self.module.TITLE)

    @property
    def caption(self) -> str:
        return str(self.module.CAPTION)

    def trace(self) -> dict[str, Any]:
        """The Plotly figure, colours by name."""
        found: dict[str, Any] = self.module.trace(self.frame, self.data)
        return found

    def paper(self) -> Figure:
        """The matplotlib figure, as wide as a column."""
        import matplotlib as mpl
        from matplotlib.figure import Figure

        with mpl.rc_context(PAPER):
            figure = Figure(figsize=(COLUMN, HEIGHT), layout="constrained")
            self.module.draw(figure, self.frame, self.data)
            if self.data.synthetic:
                figure.suptitle("synthetic data", fontsize=7)
        return figure


def drawings(data: FigureData) -> list[Drawing]:
    """Every figure of `figures/`, in the order that they give."""
    names = plugins.names("figures")
    modules = sorted(
        ((name, plugins.load("figures", name)) for name in names), key=lambda m: m[1].ORDER
    )
    return [_drawing(name, module, data) for name, module in modules]


def write_figures(
    found: Sequence[FigureData],
    folder: Path,
    on_done: Callable[[int, int], None] = lambda _done, _of: None,
    only: Collection[str] | None = None,
) -> dict[str, str]:
    """Write `folder`/<run>/<figure>.svg, .pdf, .png and .csv; returns what is missing, and why.

    Keys are 'run/figure'. The same runs give the same bytes. `on_done` hears how many figures of
    how many are written. Raises InputError where a file cannot be written.
    """
    every = [d for data in found for d in drawings(data) if only is None or d.name in only]
    missing = {f"{d.data.run}/{d.name}": d.why for d in every if d.why}
    drawn = [d for d in every if not d.why]
    for i, drawing in enumerate(drawn, start=1):
        write_figure(drawing, folder / drawing.data.folder)
        on_done(i, len(drawn))
    return missing


def write_figure(drawing: Drawing, folder: Path) -> None:
    """Write one figure in all formats, and its numbers."""
    assert drawing.frame is not None  # else it is missing
    stem = drawing.name.replace("-", "_")
    save(drawing.paper(), folder, stem)
    write_text(folder / f"{stem}.csv", drawing.frame.write_csv())


def save(figure: Figure, folder: Path, stem: str) -> None:
    """Write a figure in all formats; the same figure gives the same bytes."""
    import matplotlib as mpl

    for format in FORMATS:
        with replacing(folder / f"{stem}.{format}") as path, mpl.rc_context(PAPER):
            figure.savefig(path, format=format, metadata=_UNDATED[format])


def _drawing(name: str, module: ModuleType, data: FigureData) -> Drawing:
    why: str | None = module.missing(data) if hasattr(module, "missing") else None
    return Drawing(name, module, data, None if why else module.numbers(data), why)
