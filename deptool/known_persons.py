"""Whether a model has met the person of a recording: as a column of a predictions table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MET = "met"
EARLIER = {"test": ("train", "dev"), "dev": ("train",)}  # parts that a model has met before


def with_met(part: pl.DataFrame, every: pl.DataFrame, split: str) -> pl.DataFrame:
    """The rows of a split, with whether their person is in an earlier part of the same fold.

    `every` has the rows of all parts. Null where the person is not known, or where there are no
    rows of an earlier part to tell it by.
    """
    import polars as pl

    earlier = every.filter(pl.col("split").is_in(EARLIER.get(split, ())))
    if earlier.is_empty() or earlier["subject_id"].null_count():
        return part.with_columns(pl.lit(None, pl.Boolean).alias(MET))
    persons = earlier.select("fold", "subject_id").unique().with_columns(pl.lit(True).alias(MET))
    joined = part.join(persons, on=["fold", "subject_id"], how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(pl.col("subject_id").is_not_null()).then(pl.col(MET).fill_null(False)).alias(MET)
    )
