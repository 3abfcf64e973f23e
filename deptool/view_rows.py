"""The rows of the player's time line: one list, from which tracks and numbers are both drawn.

A row is plain data, so another one (say, what a model looked at) is one more `Row` in the list; its
kind says how deptool/player/traces.js draws it.

=======  =====================================================================================
kind     series, as dicts
=======  =====================================================================================
line     name, column, digits; optionally label and factor (what values are multiplied by)
heat     name, label, column, digits; optionally high of its own, and presence (a column)
span     name, column of whole numbers, names and shares of what each number stands for
steps    name, digits, and lists start, end (s), value, low, high: one entry per span of time
number   as line; shown as a number only, without a track
=======  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from deptool.scales import SCALES
from deptool.schema import AU_NAMES, AU_PRESENCE

if TYPE_CHECKING:
    import polars as pl

    from deptool.segment_scores import RunFacts

# What a row's status means, best first.
STATUS_WORDS = {
    "ok": "measured",
    "ambiguous": "measured, but it is unclear whose face it is",
    "low_confidence": "perhaps a face, too unsure to be measured",
    "too_small": "a face too small to be measured",
    "no_face": "no face found",
    "decode_error": "the picture could not be decoded",
}
STATUSES = tuple(STATUS_WORDS)

_DEGREES = 180 / math.pi
_CHOSEN = 3  # action units drawn as lines to begin with


@dataclass(frozen=True)
class Row:
    """One row: what it is called, its unit, how it is drawn, and its series (see above).

    low, high: the limits of its axis; found in the values where None. bands: at, name of lines to
    draw across; marks: at, dash of lines for single values. chosen: names of the series that are
    drawn as lines too.
    """

    id: str
    title: str
    kind: str
    series: Sequence[dict[str, Any]]
    unit: str = ""
    low: float | None = None
    high: float | None = None
    note: str | None = None
    bands: Sequence[dict[str, Any]] | None = None
    marks: Sequence[dict[str, Any]] | None = None
    chosen: Sequence[str] | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


def table_rows(table: pl.DataFrame) -> list[Row]:
    """The rows for what a frames table has values of; columns without any are left out."""
    there = {c for c in table.columns if table[c].null_count() < len(table)}
    rows = [
        _status(table),
        Row("confidence", "Confidence", "line", [_line("confidence", digits=3)], low=0, high=1),
        Row(
            *("row", "Picture", "number"),
            [
                _line("frame", "number", digits=0),
                _line("timestamp", "time (s)", digits=3),
                _line("n_faces", "faces seen", digits=0),
            ],
        ),
        Row("pose", "Head turn", "line", _angles(_TURNS, there), unit="°"),
        Row("gaze", "Gaze", "line", _angles(_LOOKS, there), unit="°"),
        Row("place", "Head place", "number", _plain(_PLACE, there, 1), unit="mm"),
        Row("box", "Face box", "number", _plain(_BOX, there, 1), unit="px"),
        _action_units(table, there),
    ]
    return [row for row in rows if row.series]


def score_row(scores: pl.DataFrame, facts: RunFacts, recording_score: float) -> Row:
    """What a run says of each segment: columns of `deptool.segment_scores.segment_scores`.

    `recording_score` is the run's score of the whole recording, in points of its scale.
    """
    bands = [{"at": first, "name": name} for first, name in SCALES[facts.scale].bands[1:]]
    marks = [{"at": recording_score, "dash": False}]
    note = f"— mean of all segments {recording_score:.1f}"
    if facts.truth is not None:
        marks.append({"at": facts.truth, "dash": True})
        note += f"; - - questionnaire {facts.truth:g}"
    seen = [*scores["high"], *scores["low"], *(mark["at"] for mark in marks)]
    scale = SCALES[facts.scale]
    room = max(0.1 * (max(seen) - min(seen)), (scale.high - scale.low) / 20)
    low, high = math.floor(min(seen) - room), math.ceil(max(seen) + room)
    columns = {"start": "start_s", "end": "end_s", "value": "score", "low": "low", "high": "high"}
    series = {key: [round(v, 3) for v in scores[name]] for key, name in columns.items()}
    members = "one network" if facts.n_members == 1 else f"mean of {facts.n_members} networks"
    return Row(
        *("scores", "Segment scores", "steps"),
        [{"name": members, "digits": 1, **series}],
        unit=f"{facts.scale} points",
        low=low,
        high=high,
        note=note,
        bands=[band for band in bands if low < band["at"] < high],
        marks=marks,
    )


_TURNS = (
    ("pitch", "pose_Rx", "down"),
    ("yaw", "pose_Ry", "left"),
    ("roll", "pose_Rz", "clockwise"),
)
_LOOKS = (("sideways", "gaze_angle_x", "right"), ("up and down", "gaze_angle_y", "down"))
_PLACE = (("right", "pose_Tx"), ("down", "pose_Ty"), ("away", "pose_Tz"))
_BOX = (("left edge", "face_x"), ("top edge", "face_y"), ("width", "face_w"), ("height", "face_h"))


def _line(column: str, name: str | None = None, *, digits: int) -> dict[str, Any]:
    return {"name": name or column, "column": column, "digits": digits}


def _plain(
    names: Sequence[tuple[str, str]], there: Collection[str], digits: int
) -> list[dict[str, Any]]:
    return [_line(column, name, digits=digits) for name, column in names if column in there]


def _angles(names: Sequence[tuple[str, str, str]], there: Collection[str]) -> list[dict[str, Any]]:
    return [
        {
            **_line(column, name, digits=1),
            "factor": _DEGREES,
            "label": f"{column}, positive to the {way} of the picture"
            if way in ("left", "right")
            else f"{column}, positive {way}",
        }
        for name, column, way in names
        if column in there
    ]


def _status(table: pl.DataFrame) -> Row:
    shares = []
    for status in STATUSES:
        n = int((table["status"] == status).sum())
        percent = 100 * n / len(table)
        shares.append(("<0.1 %" if percent < 0.1 else f"{percent:.1f} %") if n else "")
    series = {"name": "status", "column": "status", "names": STATUSES, "shares": shares}
    return Row("status", "Status", "span", [series])


def _action_units(table: pl.DataFrame, there: Collection[str]) -> Row:
    """Intensities, and presence where that is all there is; the liveliest are chosen."""
    series: list[dict[str, Any]] = []
    spread: dict[str, float] = {}
    for unit in AU_PRESENCE:
        intensity, presence = f"{unit}_r", f"{unit}_c"
        if intensity in there:
            one = {**_line(intensity, unit, digits=2), "label": AU_NAMES[unit]}
            if presence in there:
                one["presence"] = presence
        elif presence in there:
            one = {
                **_line(presence, unit, digits=0),
                "label": f"{AU_NAMES[unit]}, 0 or 1",
                "high": 1,
            }
        else:
            continue
        deviation: Any = table[one["column"]].std()
        spread[unit] = (deviation or 0.0) / one.get("high", 5)
        series.append(one)
    liveliest = sorted(spread, key=lambda unit: -spread[unit])[:_CHOSEN]
    chosen = [one["name"] for one in series if one["name"] in liveliest]
    note = "● present, by the table's 0 or 1"
    return Row("au", "Action units", "heat", series, "0–5", 0, 5, note=note, chosen=chosen)
