"""What a claims file is given: runs of variants on cohorts, and the rules that make verdicts.

Every number is of the test part unless another is named, and every interval is a bootstrap over
persons (bootstrap.py). Seeds are averaged. Verdicts follow two rules. A difference holds where its
whole interval is below zero, does not hold where all of it is above, and is open between. A
threshold is met by the value itself; its interval stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deptool.bootstrap import Estimate, estimates
from deptool.claims import Claim, Verdict
from deptool.errors import DataError, UsageError, suggest
from deptool.parquet_file import read_parquet
from deptool.report_cells import number
from deptool.runs import TRACKS_FILE, Run
from deptool.schema import PREDICTIONS
from deptool.tables import read_table

if TYPE_CHECKING:
    import polars as pl

    from deptool.comparison import Difference
    from deptool.corpus import Corpus
    from deptool.seen import Seen

CONSTANT, ORACLE = "constant", "oracle"  # names beside those of variants
NAMES = {"rmse": "RMSE", "mae": "MAE", "ccc": "CCC", "pcc": "PCC", "r2": "R2", "smape": "SMAPE"}
_LATE = 0.1  # of the epochs, at their end: a network that is best there was still learning


@dataclass(frozen=True)
class Results:
    """Cohorts by name, and the finished run of each variant on each: (cohort, variant) -> Run.

    `cohort` None is the first one in every method. UsageError for a name that there is not.
    """

    corpora: Mapping[str, Corpus]
    runs: Mapping[tuple[str, str], Run]

    def corpus(self, cohort: str | None = None) -> Corpus:
        """The synthetic corpus."""
        return self.corpora[self._cohort(cohort)]

    def run(self, variant: str, cohort: str | None = None) -> Run:
        """The run folder, and what its run.json says; runs.read_model(run.root) has the weights."""
        found = self._cohort(cohort)
        if (found, variant) not in self.runs:
            known = sorted({v for c, v in self.runs if c == found})
            raise UsageError(
                f"no variant named {variant!r}", where=found, fix=suggest(variant, known)
            )
        return self.runs[found, variant]

    def predictions(
        self, variant: str, cohort: str | None = None, split: str = "test"
    ) -> pl.DataFrame:
        """Rows of the predictions table of one split (row = recording x fold x seed).

        `variant` may be 'constant' too, the mean training score, and 'oracle', what can be known of
        the planted cues at best (cohort/truth.py).
        """
        import polars as pl

        if variant in (CONSTANT, ORACLE):
            return self._bound(variant, self._cohort(cohort), split)
        path = self.run(variant, cohort).root / "predictions.parquet"
        return read_table(path, PREDICTIONS).filter(pl.col("split") == split)

    def metric(self, variant: str, name: str = "rmse", cohort: str | None = None) -> Estimate:
        """A metric of the test recordings (bootstrap.METRICS), with its interval."""
        return estimates(self.predictions(variant, cohort), [name])[name]

    def by_seed(self, variant: str, name: str = "rmse", cohort: str | None = None) -> list[float]:
        """The metric of each seed, in their order; NaN where it has none."""
        parts = self.predictions(variant, cohort).sort("seed").partition_by("seed")
        found = (estimates(part, [name], resamples=1)[name].value for part in parts)
        return [float("nan") if value is None else value for value in found]

    def difference(
        self, one: str, other: str, metric: str = "rmse", cohort: str | None = None
    ) -> Difference:
        """RMSE or MAE of `one` less that of `other`, paired over persons: below 0, `one` is better.

        With interval and p (comparison.py).
        """
        from deptool.comparison import compare

        tables = {name: self.predictions(name, cohort) for name in (one, other)}
        return next(d for d in compare(tables) if d.metric == metric)

    def truth(self, name: str, cohort: str | None = None) -> pl.DataFrame:
        """A table of the cohort's truth/: segments, cues, habits, oracle (cohort/truth.py)."""
        return read_parquet(self.corpus(cohort).root / "truth" / f"{name}.parquet")

    def tracks(
        self,
        variant: str,
        kind: str,
        name: str | None = None,
        cohort: str | None = None,
        split: str = "test",
    ) -> pl.DataFrame:
        """What a variant's networks say of times: recording_id, subject_id, session_id, fold, seed,
        name, start_s, end_s, value (row = recording x fold x seed x name x time).

        `kind` as in sequences.Track; `name` None takes all. Raises DataError where there is none.
        """
        import polars as pl

        run = self.run(variant, cohort)
        path = run.root / TRACKS_FILE
        if not path.is_file():
            raise DataError(
                f"holds no {TRACKS_FILE}: the model says nothing of times", where=variant
            )
        persons = self.predictions(variant, cohort, split).select(
            "recording_id", "subject_id", "session_id"
        )
        wanted = (pl.col("kind") == kind) & (pl.col("split") == split)
        if name is not None:
            wanted &= pl.col("name") == name
        found = read_parquet(path).filter(wanted).drop("kind", "split")
        if found.is_empty():
            raise DataError(f"no track of kind {kind!r}, name {name!r}", where=variant)
        found = found.join(persons.unique(), on="recording_id", how="left")
        return found.sort("recording_id", "fold", "seed", "name", "start_s", "end_s")

    def clips(self, variant: str, cohort: str | None = None, split: str = "test") -> Iterator[Seen]:
        """A variant's networks with the clips of one split (seen.py): to ask them for features."""
        from deptool.seen import clips_of

        return clips_of(self.run(variant, cohort), self.corpus(cohort), split)

    def lower_error(
        self,
        one: str,
        other: str,
        text: str,
        source: str,
        metric: str = "rmse",
        cohort: str | None = None,
        why: str = "",
    ) -> Claim:
        """The claim that `one` has a lower RMSE (or MAE) than `other`."""
        found = self.difference(one, other, metric, cohort)
        estimate = Estimate(found.difference, found.interval)
        said = (
            f"{NAMES[metric]} {found.value_one:.2f} against {found.value_other:.2f}, difference"
            f" {_text(estimate)}, p = {found.p:.3f}"
        )
        return Claim(text, source, said, verdict_below(estimate), why)

    def training(self, variant: str, cohort: str | None = None) -> str:
        """How a variant's networks ended their training, in words: for a claim's `why`."""
        members = self.run(variant, cohort).about["members"]
        late = sum(m["best_epoch"] > (1 - _LATE) * m["epochs"] for m in members)
        never = sum(m["best_epoch"] == 1 < m["epochs"] for m in members)
        return (
            f"Of the {len(members)} networks of {variant}, {late} were best in the last tenth of"
            f" their epochs, and {never} in the first one."
        )

    def _bound(self, which: str, cohort: str, split: str) -> pl.DataFrame:
        """Predictions of the constant or the oracle, on the recordings that all variants have."""
        import polars as pl

        first = next(variant for name, variant in self.runs if name == cohort)
        rows = self.predictions(first, cohort, split)
        if which == CONSTANT:
            return rows.with_columns(prediction=pl.col("train_mean"))
        oracle = self.truth("oracle", cohort).select("recording_id", "prediction")
        rows = rows.filter(pl.col("seed") == rows["seed"].min()).drop("prediction")
        return rows.join(oracle, on="recording_id", how="left")

    def _cohort(self, name: str | None) -> str:
        if name is None:
            return next(iter(self.corpora))
        if name not in self.corpora:
            raise UsageError(f"no cohort named {name!r}", fix=suggest(name, list(self.corpora)))
        return name


def lower(found: Estimate, text: str, source: str, words: str, why: str = "") -> Claim:
    """The claim that a difference is below zero; `words` name it: 'share outside the band'."""
    return Claim(text, source, f"{words}: {_text(found)}", verdict_below(found), why)


def at_least(
    found: Estimate, threshold: float, text: str, source: str, words: str, why: str = ""
) -> Claim:
    """The claim that a value reaches a threshold; `words` name it: 'AUC'."""
    said = f"{words} {_text(found)}, at least {threshold:g} asked"
    verdict: Verdict = "holds"
    if found.value is None or found.value < threshold:
        verdict = "does not hold"
    return Claim(text, source, said, verdict, why)


def verdict_below(found: Estimate) -> Verdict:
    """holds: all of the interval is below zero; does not hold: all above; open: zero is in it."""
    if found.interval is None:
        return "open"
    if found.interval.high < 0:
        return "holds"
    return "does not hold" if found.interval.low > 0 else "open"


def _text(found: Estimate) -> str:
    return number("share", found.value, None, found.interval)
