"""The small tables of a release: recordings, labels and persons under their pseudonyms."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.errors import UsageError
from deptool.key_file import require_outside
from deptool.private_file import no_folder, write_private
from deptool.pseudonyms import Pseudonyms
from deptool.release_about import AGE_STEP, AGED

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Links:
    """id -> pseudonym of recordings, sessions and persons: what must never lie in a release."""

    recording: Mapping[str, str] = field(repr=False)
    session: Mapping[str, str] = field(repr=False)
    subject: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], pseudonyms: Pseudonyms) -> Links:
        """Of all ids in these rows of a recordings table. Raises DataError as `Pseudonyms`."""

        def ids(name: str) -> list[str]:
            return sorted({row[name] for row in rows if row[name] is not None})

        return cls(
            pseudonyms.table("recording", ids("recording_id")),
            pseudonyms.table("session", ids("session_id")),
            pseudonyms.table("subject", ids("subject_id")),
        )

    def write(self, path: Path) -> None:
        """A CSV with the columns kind, id, pseudonym, for its owner alone.

        Raises UsageError where a file is there already, InputError where it cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("kind", "id", "pseudonym"))
        for kind in ("recording", "session", "subject"):
            writer.writerows((kind, *pair) for pair in sorted(getattr(self, kind).items()))
        write_private(
            path, text.getvalue(), there="is there already", fix="Name another file for --links."
        )


def require_place(path: Path, out: Path) -> None:
    """Raise where a link table cannot be written: before the work, and not after it.

    UsageError where it would lie in the release, in a corpus or in a checkout, or is there already;
    InputError where its folder is not there.
    """
    require_outside(path, "a link table")
    if path.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            "a link table must not lie in a corpus, and this is the release itself",
            where=str(path),
            fix="Name a file outside.",
        )
    if path.exists():
        raise UsageError("is there already", where=str(path), fix="Name another file for --links.")
    if not path.parent.is_dir():
        raise no_folder(path)


def recording_row(
    row: Mapping[str, Any],
    table: pl.DataFrame,
    links: Links,
    feature_set: str,
    step: float | None = None,
) -> dict[str, Any]:
    """The row of a released recording: what its table holds, and nothing of the source's file.

    `step`: how far its rows lie apart, in s, where the level says it.
    """
    n, good = len(table), int((table["success"] == 1).sum())
    if step is None:
        step = float(table["timestamp"].diff().median() or 0) if n > 1 else 0.0  # type: ignore[arg-type]
    length = float(table["timestamp"][-1]) + step if n else 0.0
    return {
        "recording_id": links.recording[row["recording_id"]],
        "subject_id": links.subject.get(row["subject_id"]),
        "session_id": links.session.get(row["session_id"]),
        "task": row["task"],
        "split": row["split"],
        "width": None,
        "height": None,
        "fps_source": None,
        "fps": float(f"{1 / step:.3g}") if step else None,
        "duration_s": length,
        "n_frames": n,
        "n_success": good,
        "n_ambiguous": int((table["status"] == "ambiguous").sum()),
        "coverage": good / n if n else 0.0,
        "extractor": row["extractor"],
        "feature_set": feature_set,
        "status": "ok",
        "reason": None,
    }


def labels_of(labels: pl.DataFrame, links: Links) -> pl.DataFrame:
    """Scores of the sessions that are released."""
    import polars as pl

    kept = labels.filter(pl.col("session_id").is_in(list(links.session)))
    return kept.with_columns(pl.col("session_id").replace_strict(dict(links.session)))


def attributes(persons: pl.DataFrame, links: Links) -> pl.DataFrame:
    """Gender, and age to the nearest 10 years, 90 for all above; of persons who are released."""
    import polars as pl

    kept = persons.filter(pl.col("subject_id").is_in(list(links.subject)))
    age = ((pl.col("age") / AGE_STEP).round() * AGE_STEP).clip(upper_bound=AGED)
    return kept.with_columns(
        pl.col("subject_id").replace_strict(dict(links.subject)), age.cast(pl.Float32)
    )
