"""`reproduce`: a paper's claims, tested on synthetic cohorts whose truth is known.

A claims file (deptool/claims) names cohorts, variants and claims. The cohorts are made, every
variant is trained on every cohort that its tables name, as `train.train` does, and the file's
`claims` is asked. All of it goes on where it was interrupted, and nothing is made twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deptool import claims, plugins, splits
from deptool.ablations import Grid, Variant
from deptool.corpus import Corpus, open_corpus
from deptool.errors import SettingsError
from deptool.machine import usable_cores
from deptool.reproduce_work import Job, News, run_job, work_off
from deptool.results import Results
from deptool.runs import open_run
from deptool.settings import resolve
from deptool.synth import synthesise
from deptool.tables import read_json, write_json

if TYPE_CHECKING:
    from deptool.claims import Claim, PaperTable
    from deptool.cohort.settings import SynthSettings

MADE_FILE = "made.json"

OnRecording = Callable[[str, int, int], None]  # a cohort, recordings that are there, of how many
OnPlan = Callable[[Sequence[Job]], None]  # what is to be trained
OnNews = Callable[[News], None]


@dataclass(frozen=True)
class Plan:
    """What a claims file asks for, with what the caller asked for.

    `shared` are the settings of all variants that are not the model's defaults, `settings` those of
    each variant.
    """

    name: str
    module: ModuleType
    model: ModuleType
    cohorts: Mapping[str, SynthSettings]
    tables: tuple[PaperTable, ...]
    shared: Mapping[str, object]
    settings: Mapping[str, Any]
    protocol: str
    seeds: tuple[int, ...]
    root: Path

    def pairs(self) -> list[tuple[str, Variant]]:
        """Every cohort with every variant of a table that is of it, each once, in order."""
        found = {}
        for cohort in self.cohorts:
            here = [t for t in self.tables if not t.cohorts or cohort in t.cohorts]
            for variant in Grid(tuple(here), ()).variants:
                found[cohort, variant.name] = variant
        return [(cohort, variant) for (cohort, _), variant in found.items()]


@dataclass(frozen=True)
class Reproduction:
    """A plan that was carried out: results, claims, and on what it was made, how long it took."""

    plan: Plan
    results: Results
    claims: Sequence[Claim]
    made: Mapping[str, object]


def plan(
    name: str,
    root: Path,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    persons: int | None = None,
) -> Plan:
    """What a claims file asks for; `seeds`, `epochs` and `persons` None are the file's.

    Raises UsageError where there is no such file, SettingsError for numbers that make no sense.
    """
    module = plugins.load("claims", name)
    model = plugins.load("models", module.MODEL)
    shared = {**module.SETTINGS, **({} if epochs is None else {"epochs": epochs})}
    tables = tuple(module.TABLES)
    count = getattr(module, "SEEDS", claims.SEEDS) if seeds is None else seeds
    where = f"settings of {module.MODEL}"
    return Plan(
        name=module.__name__.rsplit(".", 1)[1].replace("_", "-"),
        module=module,
        model=model,
        cohorts={n: _sized(settings, persons) for n, settings in module.COHORTS.items()},
        tables=tables,
        shared=shared,
        settings={
            v.name: resolve(model.Settings, shared, v.settings, where=f"{where}, {v.name}")
            for v in Grid(tables, ()).variants
        },
        protocol=getattr(module, "PROTOCOL", claims.PROTOCOL),
        seeds=tuple(range(count)),
        root=root,
    )


def _sized(settings: SynthSettings, persons: int | None) -> SynthSettings:
    try:
        return settings if persons is None else replace(settings, subjects=persons)
    except ValueError as error:
        raise SettingsError(str(error), where="--persons") from error


def reproduce(
    plan: Plan,
    jobs: int = 1,
    on_recording: OnRecording = lambda _cohort, _done, _of: None,
    on_plan: OnPlan = lambda _jobs: None,
    on_news: OnNews = lambda _news: None,
) -> Reproduction:
    """Make the cohorts, train the variants on the CPU, `jobs` at a time, and judge the claims.

    With one job all is done in this process, otherwise in worker processes of one thread each.
    Raises what `synthesise` and `train` raise: where the folder holds cohorts or runs of other
    settings, another one must be chosen.
    """
    with _timing(plan, jobs) as timing:
        corpora = {
            name: _cohort(plan, name, settings, on_recording, timing)
            for name, settings in plan.cohorts.items()
        }
        todo = _jobs(plan, corpora)
        for job in todo:
            if job.done:  # of these settings, or this says what differs
                run_job(job, lambda _news: None)
        left = [job for job in todo if not job.done]
        on_plan(left)
        if left:
            timing.counts = True
            work_off(left, jobs, on_news)
    runs = {(job.cohort, job.variant): open_run(job.out) for job in todo}
    results = Results(corpora, runs)
    return Reproduction(plan, results, plan.module.claims(results), read_made(plan.root))


def _cohort(
    plan: Plan, name: str, settings: SynthSettings, on_recording: OnRecording, timing: _Timing
) -> Corpus:
    place = plan.root / "cohorts" / f"synthetic-{name}"

    def tell(done: int, of: int) -> None:
        on_recording(name, done, of)

    summary = synthesise(place, settings, tell)
    timing.counts |= bool(summary.n_new)
    return open_corpus(place)


def _jobs(plan: Plan, corpora: Mapping[str, Corpus]) -> list[Job]:
    """A run for each variant and cohort; whether it is done already."""
    found = []
    for cohort, variant in plan.pairs():
        recordings, _ = corpora[cohort].scored(None)
        folds = splits.make_folds(recordings, plan.protocol)
        settings = plan.settings[variant.name]
        job = Job(
            cohort=cohort,
            variant=variant.name,
            corpus=corpora[cohort].root,
            model=plan.module.MODEL,
            settings=settings,
            protocol=plan.protocol,
            seeds=plan.seeds,
            out=plan.root / "runs" / cohort / variant.name,
            epochs=len(folds) * len(plan.seeds) * _epochs(plan.model, settings),
        )
        found.append(job)
    return found


def _epochs(model: ModuleType, settings: Any) -> int:
    """How many epochs a member is trained for at most."""
    if hasattr(model, "phases"):
        return sum(phase.epochs for phase in model.phases(settings))
    return int(getattr(settings, "epochs", 1))


class _Timing:
    """Whether anything was made in this call, so that its time counts."""

    counts = False


@contextlib.contextmanager
def _timing(plan: Plan, jobs: int) -> Iterator[_Timing]:
    """Adds the time of this call to what made.json says, also where it is interrupted."""
    timing, since = _Timing(), time.monotonic()
    try:
        yield timing
    finally:
        if timing.counts:
            before = read_made(plan.root)
            took = float(str(before.get("seconds", 0))) + time.monotonic() - since
            write_json(plan.root / MADE_FILE, _made(jobs, took))


def _made(jobs: int, seconds: float) -> dict[str, object]:
    """On what and how long: of no use to a result, and printed beside it."""
    import platform

    import torch

    import deptool

    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(seconds, 1),
        "cores": usable_cores(),
        "jobs": jobs,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "deptool": deptool.__version__,
    }


def read_made(root: Path) -> dict[str, object]:
    """What made.json says; nothing where nothing was made yet."""
    path = root / MADE_FILE
    return read_json(path) if path.is_file() else {}
