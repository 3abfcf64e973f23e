"""What a model's file says of its ablations: tables of variants, and which of them are compared.

A model that has some gives `ABLATIONS`, a `Grid`; ablate.py trains what it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Variant:
    """One network: its name, what the paper's table calls it, and the settings that make it.

    `words` has one text for each of the table's text columns. Variants of one name are one network.
    """

    name: str
    words: tuple[str, ...]
    settings: Mapping[str, object]


@dataclass(frozen=True)
class Table:
    """One table of the paper; `columns` names its text columns, `variants` its lines, in groups."""

    title: str
    columns: tuple[str, ...]
    variants: tuple[tuple[Variant, ...], ...]


@dataclass(frozen=True)
class Grid:
    """The tables, and the names of the variants that are ranked, sized and taken as classifiers.

    The titles are those of the paper's tables of that kind.
    """

    tables: tuple[Table, ...]
    compared: tuple[str, ...]
    ranks: str = "Ranks"
    sizes: str = "Sizes"
    classes: str = "Classes"

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Every variant once, in the order of the tables."""
        every = [v for table in self.tables for group in table.variants for v in group]
        return tuple({variant.name: variant for variant in every}.values())

    @property
    def varied(self) -> frozenset[str]:
        """The settings that any variant sets."""
        return frozenset(key for variant in self.variants for key in variant.settings)

    def only(self, names: Sequence[str]) -> Grid:
        """The same with these variants alone; groups and tables that lose all are left out."""
        tables = []
        for table in self.tables:
            groups = [tuple(v for v in group if v.name in names) for group in table.variants]
            if kept := tuple(group for group in groups if group):
                tables.append(replace(table, variants=kept))
        compared = tuple(name for name in self.compared if name in names)
        return replace(self, tables=tuple(tables), compared=compared)
