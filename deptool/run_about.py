"""What run.json says, and its types: a run may be a stranger's, so they are looked at once.

A key may lack, since not every verb needs all; what is there is of its kind.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import TypedDict

from deptool.errors import SchemaError
from deptool.json_types import mismatch
from deptool.scales import SCALES
from deptool.schema import SPLITS

_AGAIN = "Train again with this deptool."
_OPTIONAL = frozenset(("streams", "phases", "n_features", "corpus_notes"))


class Part(TypedDict):
    """A part of a fold: how many recordings and persons; None where persons are not known."""

    recordings: int
    subjects: int | None


class Fold(TypedDict, total=False):
    train: Part
    dev: Part
    test: Part


class _Member(TypedDict):
    seed: int
    fold: int
    train_mean: float


class Member(_Member, total=False):
    """A seed and a fold; the mean training score and the RMSE on dev are in points."""

    epochs: int
    best_epoch: int
    dev_rmse: float | None


class Overlap(TypedDict, total=False):
    """Persons on two sides of the split; see `splits.Overlap`."""

    pairs: dict[str, int]
    recordings: dict[str, int]
    subjects: list[str]


class StreamEncoding(TypedDict):
    identifies_people: bool


class Stream(TypedDict):
    """What a network of recordings takes: `dimension` numbers, `rate` times a second."""

    source: str
    dimension: int
    rate: float
    encoding: StreamEncoding


class Phase(TypedDict):
    name: str
    epochs: int


class About(TypedDict, total=False):
    schema_version: int
    deptool_version: str
    torch_version: str
    status: str
    digest: str
    model: str
    title: str
    doi: str | None
    corpus: str
    feature_set: str
    id_space: str | None
    normalise: str
    normalisation: str
    scale: str
    protocol: str
    device: str
    split_seed: int
    seeds: list[int]
    without: list[str]
    settings: dict[str, object]
    streams: dict[str, Stream]
    phases: list[Phase]
    columns: dict[str, list[str]]
    columns_null: list[str]
    overlap: Overlap
    persons_unknown: bool
    synthetic: bool
    corpus_notes: list[str]
    skipped: dict[str, str]
    folds: list[Fold]
    members: list[Member]
    n_features: int
    n_segments: int | None
    n_segments_dropped: int


def check_about(about: Mapping[str, object], where: str) -> None:
    """Raise SchemaError where run.json, or a model's header, says something of another kind."""
    found = mismatch(dict(about), About, "")
    scale = about.get("scale")
    if found is None and scale is not None and scale not in SCALES:
        found = f"its scale is none of {', '.join(SCALES)}"
    if found:
        raise SchemaError(
            found, where=where, fix="No deptool writes this: ask who sent it, or train again."
        )


def require_about(about: Mapping[str, object], where: str) -> None:
    """Raise SchemaError where a finished run's run.json lacks a key that every run has."""
    lacking = sorted(typing.get_type_hints(About).keys() - _OPTIONAL - about.keys())
    if lacking:
        raise SchemaError(f"lacks {lacking[0]!r}", where=where, fix=_AGAIN)
    for fold in typing.cast(About, about)["folds"]:
        if not set(SPLITS) <= fold.keys():
            raise SchemaError("has a fold without train, dev or test", where=where, fix=_AGAIN)
