"""From a map of columns to expressions in the schema's units."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees
from typing import TYPE_CHECKING

from deptool.errors import SchemaError
from deptool.face.canonical import N_MESH
from deptool.face.landmarks import MESH_OF_68
from deptool.face.wflw import N_POINTS, WFLW_OF_68
from deptool.feature_files.csv_map import Map
from deptool.schema import AU_INTENSITY, AU_PRESENCE, FRAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
_SCHEMES: dict[str, tuple[int, Sequence[int]]] = {
    "68": (68, range(68)),
    "wflw-98": (N_POINTS, WFLW_OF_68.tolist()),
    "mediapipe-478": (N_MESH, MESH_OF_68.tolist()),
}


@dataclass(frozen=True)
class Column:
    """A column of the file and what it is multiplied by; from `present` on it counts as 1."""

    source: str
    by: float = 1.0
    present: float | None = None

    def expression(self) -> pl.Expr:
        import polars as pl

        value = pl.col(self.source)
        if self.present is not None:
            return pl.when(value.is_not_null()).then((value >= self.present).cast(pl.Float32))
        return value * self.by if self.by != 1 else value


def points_of(map: Map, header: Sequence[str], where: str) -> dict[str, Column]:
    """The 68 landmarks in px. Raises SchemaError where the file lacks one of them."""
    if map.x is None or map.y is None:
        return {}
    n, places = _SCHEMES[map.points]
    sides = {"x": map.width or 1, "y": map.height or 1}
    found = {}
    for axis, pattern in (("x", map.x), ("y", map.y)):
        by = float(sides[axis]) if map.coordinates == "relative" else 1.0
        for i, place in enumerate(places):
            name = pattern.replace("{i}", str(place + map.first_point))
            if name not in header:
                what = f"lacks the column {name!r}, one of {n} that {axis} = {pattern!r} names"
                raise SchemaError(what, where=where)
            found[f"{axis}_{i}"] = Column(name, by)
    return found


def columns_of(map: Map, header: Sequence[str], where: str) -> dict[str, Column]:
    """Action units and the columns named one by one. Raises SchemaError where one is missing."""
    found = _units(map, header, where)
    for name, said in map.columns.items():
        source = said.removeprefix("-") if said not in header else said
        if source not in header:
            what = f"lacks the column {source!r}, which columns.{name} names"
            raise SchemaError(what, where=where)
        found[name] = Column(source, _factor(map, name) * (1 if source == said else -1))
    return found


def _units(map: Map, header: Sequence[str], where: str) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for key, pattern, units, ending in (
        ("au_intensity", map.au_intensity, AU_INTENSITY, "r"),
        ("au_presence", map.au_presence, AU_PRESENCE, "c"),
    ):
        if pattern is None:
            continue
        names = {
            unit: pattern.replace("{nn}", unit[2:]).replace("{n}", str(int(unit[2:])))
            for unit in units
        }
        there = {unit: name for unit, name in names.items() if name in header}
        if not there:
            raise SchemaError(f"has no column that {key} = {pattern!r} names", where=where)
        for unit, name in there.items():
            column = (
                Column(name, 5 / map.au_full) if ending == "r" else Column(name, 1, map.au_from)
            )
            found[f"{unit}_{ending}"] = column
    return found


def _factor(map: Map, name: str) -> float:
    """What a value of the file is multiplied by to be in the schema's unit."""
    unit = FRAMES.column(name).unit
    if unit == "mm":
        return _MM[map.length_unit]
    if unit == "rad":
        return 1.0 if map.angle_unit == "rad" else 1 / degrees(1)
    return 1.0
