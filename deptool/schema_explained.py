"""The tables that `deptool explain` writes; schema.py gathers them with all others."""

from __future__ import annotations

from deptool.columns import Column, Table

# What a network itself says of times; see deptool.sequences.Track.
TRACK_KINDS = ("relevance", "modality", "time", "key_frame", "prototype")

_RECORDING = Column("recording_id", "string", "recording")
_LOW = Column("low", "float32", "the lowest of the members that were asked")
_HIGH = Column("high", "float32", "the highest of them")

EXPLAINED_TRACKS = Table(
    "explained_tracks",
    "One row per time of one recording and track, over the members of a run that were asked",
    (
        _RECORDING,
        Column(
            *("kind", "string", "what a track is: weights, scores or attributions"),
            choices=(*TRACK_KINDS, "score", "attribution"),
        ),
        Column("name", "string", "which one: a scale, a modality, a part of the vectors"),
        Column("start_s", "float32", "from when", "s", 0),
        Column("end_s", "float32", "to when", "s", 0),
        Column("value", "float32", "mean over members; a prototype: the first member's"),
        _LOW,
        _HIGH,
    ),
)

EXPLAINED_MAPS = Table(
    "explained_maps",
    "One row per landmark or action unit, map, and segment of one recording; rows without times are"
    " the mean over its segments",
    (
        _RECORDING,
        Column("map", "string", "which map: see docs/explain.md"),
        Column(
            *("target", "string", "what a value is of"),
            choices=("landmark", "action_unit"),
        ),
        Column("name", "string", "the landmark's number, 0 to 67, or the action unit's column"),
        Column("start_s", "float32", "from when", "s", 0, nullable=True),
        Column("end_s", "float32", "to when", "s", 0, nullable=True),
        Column("value", "float32", "mean over members"),
        _LOW,
        _HIGH,
    ),
)
