"""`doctor`: what works here, what does not, and for each problem the one line that mends it.

Packages are looked up in their metadata; what has to be imported is imported in a process of its
own, so that no broken package takes the doctor along.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import deptool
from deptool import doctor_machine
from deptool import doctor_packages as packages
from deptool.doctor_trial import Check, Outcome, Status, pip_install, run_trial
from deptool.listing import SEE_DOCTOR, PlugIn, list_plug_ins
from deptool.weights import WRONG
from deptool.weights_survey import survey

# That of `deptool.extract.ExtractSettings`, which is not imported: it needs numpy.
DEFAULT_EXTRACTOR = "mediapipe"


@dataclass(frozen=True)
class Diagnosis:
    """Versions by name, and the checks in order."""

    versions: dict[str, str]
    checks: tuple[Check, ...]

    @property
    def default_job_runs(self) -> bool:
        """Whether extract with the default extractor, and train, can run here."""
        return all(check.status != "problem" for check in self.checks)


def examine(
    folder: Path = Path(),
    weights: Path | None = None,
    on_check: Callable[[str], object] = lambda what: None,
) -> Diagnosis:
    """Look at everything; `on_check` hears what is looked at next.

    `folder` is where the user wants to work, `weights` a folder of weights.
    """
    try:
        requires("deptool")
    except PackageNotFoundError:
        fix = "In the checkout: pip install -e '.[mediapipe]'"
        check = Check("deptool", "problem", "is not installed, so nothing is known of it", fix)
        return Diagnosis(versions(), (check,))
    return Diagnosis(versions(), tuple(_checks(folder, weights, on_check)))


def versions() -> dict[str, str]:
    """deptool, Python, the system, and each package that deptool can use, from metadata alone."""
    about = {
        "deptool": deptool.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    try:
        names = {r.name for e in ("", *packages.extras()) for r in packages.requirements(e)}
    except PackageNotFoundError:
        names = set()
    there = {name: packages.installed(name) for name in sorted(names | {"torchvision"})}
    return about | {name: version or "not installed" for name, version in there.items()}


def plug_in_runs(plug_in: PlugIn) -> Check:
    """Whether an extractor or an encoder has what it needs, by its own word."""
    name = f"{plug_in.kind.removesuffix('s')} {plug_in.name}"
    if plug_in.ready:
        return Check(name, "ok", "has what it needs")
    status: Status = "problem" if plug_in.name == DEFAULT_EXTRACTOR else "warning"
    fix = plug_in.fix or f"See: deptool list {plug_in.kind}"
    if fix == SEE_DOCTOR:
        fix = "Mend what is wrong with the packages, above."
    return Check(name, status, plug_in.why or "", fix)


def sees(outcome: Outcome) -> Check:
    """Whether the default extractor saw the face in each picture of `selftest.look`, how fast."""
    name = f"{DEFAULT_EXTRACTOR} at work"
    fix = pip_install(
        "--force-reinstall", *packages.bounded(packages.requirements(DEFAULT_EXTRACTOR))
    )
    if outcome.error:
        return Check(name, "problem", outcome.error, fix)
    about = outcome.result
    if about["faces"] < about["pictures"]:
        detail = f"saw a face in {about['faces']} of {about['pictures']} pictures of one"
        return Check(name, "problem", detail, fix)
    speed = f"{about['ms']:.0f} ms a picture, {about['load_ms'] / 1000:.1f} s to load"
    return Check(name, "ok", f"sees the face of a test picture: {speed}")


def weights_are_whole(weights: Path | None) -> Check:
    """The files of weights that are there; a missing one is its plug-in's matter."""
    found = survey(weights=weights)
    wrong = [f for f in found if f.status in WRONG]
    there = [f for f in found if f.status != "missing"]
    if wrong:
        names = ", ".join(f"{f.path.name} ({f.status})" for f in wrong)
        return Check("weights", "warning", names, "Where to get them again: deptool weights")
    return Check("weights", "ok", f"{len(there)} of {len(found)} files are there, none is wrong")


def _checks(
    folder: Path, weights: Path | None, on_check: Callable[[str], object]
) -> Iterator[Check]:
    on_check("packages")
    yield packages.python()
    yield packages.core()
    yield from packages.optional(DEFAULT_EXTRACTOR)
    yield packages.together()
    yield packages.arrow_with_numpy()
    on_check("imports")
    yield from packages.importable()
    on_check("torch")
    yield packages.torch()
    yield packages.torchvision()
    on_check("video decoders")
    yield doctor_machine.decoders()
    on_check("extractors")
    trial_bytes = None
    for plug_in in list_plug_ins(("extractors",), weights):
        yield plug_in_runs(plug_in)
        if plug_in.name == DEFAULT_EXTRACTOR and plug_in.ready:
            outcome = run_trial("look", DEFAULT_EXTRACTOR, str(weights or ""))
            trial_bytes = outcome.result.get("memory_bytes")
            yield sees(outcome)
    if packages.in_use("encoders"):
        on_check("encoders")
        yield from map(plug_in_runs, list_plug_ins(("encoders",), weights))
    on_check("weights")
    with contextlib.suppress(ImportError):  # said above, of the extractor
        yield weights_are_whole(weights)
    on_check("machine")
    yield doctor_machine.cores()
    yield doctor_machine.memory(trial_bytes)
    yield doctor_machine.folder(folder)
