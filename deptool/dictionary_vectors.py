"""What the numbers of an embedding cache's vectors are, as its encoding names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deptool.embeddings import Encoding
from deptool.schema import FRAMES
from deptool.schema_docs import extent

Line = tuple[str, str, str, str, str]  # column, type, unit, range, meaning

# Parts of the level `summary`: what each is, and whether it has the unit and the range of its
# column. See levels/summary.py.
_PARTS = {
    "mean": "mean in the window of {}",
    "sd": "standard deviation in the window of {}",
    "p10": "10th percentile in the window of {}",
    "p90": "90th percentile in the window of {}",
    "change": "mean absolute change per second of {}",
    "share": "share of the window's measured rows with {}",
}
_LIKE_COLUMN = ("mean", "p10", "p90")


def vector_columns(encoding: Encoding) -> Iterator[Line]:
    """One line per number where its column is known, else one per part, else one for all."""
    if not encoding.parts:
        yield f"vector[0:{encoding.dimension}]", "float32", "", "", "as the encoder has it"
    for part, (first, after) in encoding.parts.items():
        names = _names(encoding, part, after - first)
        if names:
            for at, name in enumerate(names, first):
                yield _number(at, part, name)
        else:
            yield f"vector[{first}:{after}]", "float32", "", "", f"part {part}"


def _names(encoding: Encoding, part: str, size: int) -> Sequence[str]:
    """The columns that a part of a summary was made of, in order; empty where they are not told."""
    if part not in _PARTS:
        return ()
    found = encoding.columns.get("presences" if part == "share" else "values", ())
    known = {column.name for column in FRAMES.columns}
    return found if len(found) == size and known.issuperset(found) else ()


def _number(at: int, part: str, name: str) -> Line:
    column = FRAMES.column(name)
    unit, range = column.unit, extent(column)
    if part == "share":
        unit, range = "1", "0 to 1"
    elif part not in _LIKE_COLUMN:
        unit, range = f"{unit} per s" if part == "change" else unit, "from 0"
    return f"vector[{at}]", "float32", unit, range, _PARTS[part].format(f"{name}: {column.meaning}")
