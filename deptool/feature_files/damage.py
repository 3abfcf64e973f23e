"""What is wrong with a file of features, gathered while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

_SHOWN = 5  # problems of one kind that are named


@dataclass
class Damage:
    """What is wrong with a file, as it is found: lines of another length, cells that are no number.

    Of each kind the first few are kept, and the others counted.
    """

    name: str
    lines: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    n_lines: int = 0
    n_cells: int = 0
    cut_off: bool = False

    def line(self, number: int, n_cells: int, wanted: int, is_last: bool) -> None:
        self.n_lines += 1
        self.cut_off = is_last and n_cells < wanted
        if len(self.lines) < _SHOWN or self.cut_off:
            what = "is cut off: it has" if self.cut_off else "has"
            cells = "1 cell" if n_cells == 1 else f"{n_cells} cells"
            self.lines.append(f"{self.name}, line {number}: {what} {cells}, not {wanted}")

    def cell(self, number: int, column: str, wanted: str = "a number") -> None:
        """What stands in the cell is not repeated: it may be a date or a path."""
        self.n_cells += 1
        if len(self.cells) < _SHOWN:
            where = f"{self.name}, line {number}, column {column}"
            self.cells.append(f"{where}: is not {wanted}")

    def problems(self) -> tuple[str, ...]:
        """Sentences that name the file: the first of each kind, and how many more there are."""
        lines, cells = self.n_lines - len(self.lines), self.n_cells - len(self.cells)
        more = [f"{self.name}: {lines} more lines of another length"] if lines else []
        more += [f"{self.name}: {cells} more cells like that"] if cells else []
        return (*self.lines, *self.cells, *more)
