"""`export`: the tables of a corpus as CSV files, for people who go back to other tools.

One recording at a time is in memory. A recording that cannot be exported does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.corpus import Corpus
from deptool.errors import DataError, DeptoolError, InputError, UsageError, suggest
from deptool.export_formats import FORMATS, Choices, Sheet, warnings_of
from deptool.label import COLUMNS as LABEL_COLUMNS
from deptool.tables import read_json, replacing, write_json

if TYPE_CHECKING:
    import polars as pl

MARKER = "export.json"  # what makes a folder one that `export` may write over

PRIVACY = (
    "These files identify people as the corpus does: landmarks, head motion and action units are"
    " personal data. Share them only as the consent of the people in them allows."
)

_FEW = 1000  # recordings among which the nearest name is looked for

OnProgress = Callable[[int, int], None]  # recordings done, of


@dataclass(frozen=True)
class ExportSummary:
    """What an export did.

    `left_out`: column of the frames table, or action unit of py-feat's -> recordings in which no
    row has a value for it, whose files are without it. `as_presence`: action unit -> recordings
    whose file has its presence, 0 or 1, in place of an intensity. `warnings` are sentences on what
    the values mean in that layout.
    """

    out: Path
    form: str
    written: tuple[str, ...]
    failed: dict[str, DeptoolError]
    left_out: dict[str, tuple[str, ...]]
    as_presence: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]
    n_bytes: int


def export_corpus(
    corpus: Corpus,
    form: str,
    out: Path,
    *,
    recordings: Sequence[str] = (),
    choices: Choices | None = None,
    on_progress: OnProgress = lambda _done, _of: None,
) -> ExportSummary:
    """Write the recordings (all, unless some are named) to `out` in a format of `FORMATS`.

    Files of an earlier export there are written over. Raises UsageError for an unknown format,
    InputError for a corpus without recordings and for an `out` that holds something else or cannot
    be written, DataError where it holds an export of another corpus, or in another format.
    A recording that is unknown, or has no frames table or a broken one, is in the summary's
    `failed`.
    """
    if form not in FORMATS:
        raise UsageError(f"no format named {form!r}", fix=suggest(form, list(FORMATS)))
    choices = choices or Choices()
    table = corpus.recordings()
    if table.is_empty():
        raise InputError("has no recordings to export yet", where=str(corpus.root))
    known = list(table["recording_id"])
    names = list(dict.fromkeys(recordings)) or known
    _claim(out, corpus, form)
    written: list[str] = []
    failed: dict[str, DeptoolError] = {}
    left_out: dict[str, list[str]] = {}
    as_presence: dict[str, list[str]] = {}
    columns: set[str] = set()
    n_bytes = 0
    for done, name in enumerate(names, start=1):
        try:
            sheet = _sheet(corpus, name, known, form, choices)
        except DeptoolError as error:
            failed[name] = error
        else:
            n_bytes += _write(out / FORMATS[form].folder / f"{name}.csv", sheet.table)
            written.append(name)
            columns |= set(sheet.table.columns)
            _note(left_out, sheet.left_out, name)
            _note(as_presence, sheet.as_presence, name)
        on_progress(done, len(names))
    told: tuple[str, ...] = ()
    if form == "csv":
        of_corpus, told = _about(corpus, names)
        n_bytes += sum(_write(out / name, part) for name, part in of_corpus.items())
    return ExportSummary(
        out=out,
        form=form,
        written=tuple(written),
        failed=failed,
        left_out={key: tuple(value) for key, value in left_out.items()},
        as_presence={key: tuple(value) for key, value in as_presence.items()},
        warnings=(*warnings_of(form, columns, corpus.feature_set, choices), *told),
        n_bytes=n_bytes,
    )


def _claim(out: Path, corpus: Corpus, form: str) -> None:
    """Make `out` this export's folder, or refuse it: nothing but an export is written over."""
    about = {"format": form, "corpus": corpus.name, "feature_set": corpus.feature_set}
    if out.exists() and not out.is_dir():
        raise InputError("is a file, not a folder", where=str(out))
    marker = out / MARKER
    if marker.is_file():
        before = read_json(marker)
        other = {key: before.get(key) for key in about if before.get(key) != about[key]}
        if other:
            words = ", ".join(
                f"{key} {value!r}, not {about[key]!r}" for key, value in other.items()
            )
            raise DataError(
                f"holds another export: {words}", where=str(out), fix="Choose another --out."
            )
    elif out.is_dir() and any(not path.name.startswith(".") for path in out.iterdir()):
        raise InputError(
            f"holds files that deptool export did not write: there is no {MARKER}",
            where=str(out),
            fix="Choose an empty or a new folder with --out.",
        )
    write_json(marker, {"made_by": "deptool export", **about, "note": PRIVACY})


def _sheet(corpus: Corpus, name: str, known: Sequence[str], form: str, choices: Choices) -> Sheet:
    """One recording in that format. Raises InputError or SchemaError where it cannot be had."""
    if name not in known:
        near = suggest(name, list(known)) if len(known) <= _FEW else None
        raise InputError("is not in the corpus", where=name, fix=near)
    if not corpus.frames_path(name).is_file():
        raise InputError("has no frames table", where=name, fix="deptool check says why.")
    return FORMATS[form].sheet(corpus.frames(name), name, choices)


def _write(path: Path, table: pl.DataFrame) -> int:
    """Write a CSV whose floats are the shortest texts that read back as the same float32."""
    with replacing(path) as temporary:
        table.write_csv(temporary)
    return path.stat().st_size


def _note(noted: dict[str, list[str]], columns: Sequence[str], name: str) -> None:
    for column in columns:
        noted.setdefault(column, []).append(name)


def _about(corpus: Corpus, names: Sequence[str]) -> tuple[dict[str, pl.DataFrame], tuple[str, ...]]:
    """recordings.csv and labels.csv of these recordings, and what to say of them.

    labels.csv is what `deptool label` reads: a row per recording and scale, and one without a
    score for a recording that has none. A recording of which neither person nor score is known has
    nothing to say there.
    """
    import polars as pl

    recordings = corpus.recordings().filter(pl.col("recording_id").is_in(list(names)))
    scores = corpus.labels()
    labels = (
        recordings.join(scores, on="session_id", how="left", maintain_order="left_right")
        .filter(pl.col("subject_id").is_not_null() | pl.col("score").is_not_null())
        .select(LABEL_COLUMNS)
    )
    nobody = labels.filter(pl.col("subject_id").is_null())["recording_id"].n_unique()
    told: tuple[str, ...] = ()
    if nobody:
        told = (
            f"labels.csv has no subject_id for {nobody} recordings, since the corpus does not say"
            " who is in them; deptool label wants one in every row.",
        )
    return {"recordings.csv": recordings, "labels.csv": labels}, told
