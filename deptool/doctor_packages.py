"""The doctor's checks of Python and of packages: their versions, and whether they work together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deptool.doctor_trial import Check, Status, pip_install, run_trial

# Extras that nobody needs who only uses deptool.
_DEVELOPERS = ("dev", "docs")

# What a failed import says, and what mends it.
_CURES = {
    "libGL.so": "Install the system's OpenGL library; on Debian and Ubuntu: apt-get install libgl1",
    "libgthread": "Install the system's GLib; on Debian and Ubuntu: apt-get install libglib2.0-0",
    "_ARRAY_API": "pip install 'numpy<2'",
    "multiarray failed": "pip install 'numpy<2'",
    "numpy.dtype size changed": "pip install --force-reinstall --no-deps numpy",
}

# The module of a package whose name is another. torch has a check of its own; face-alignment
# imports torch.
_MODULES = {"opencv-python": "cv2", "scikit-image": "skimage", "scikit-learn": "sklearn"}
_IMPORTED_ELSEWHERE = ("torch", "face-alignment")

# torchvision 0.(n + 15) belongs to torch 2.n.
_TORCHVISION_AHEAD = 15


def requirements(extra: str = "") -> list[Requirement]:
    """What deptool's own installed metadata ask for: the core, or what an extra adds to it."""
    found = [Requirement(text) for text in requires("deptool") or []]
    core = [r for r in found if not r.marker or r.marker.evaluate({"extra": ""})]
    if not extra:
        return core
    return [r for r in found if r not in core and r.marker and r.marker.evaluate({"extra": extra})]


def extras() -> list[str]:
    """The extras that users may want."""
    return [e for e in metadata("deptool").get_all("Provides-Extra") or [] if e not in _DEVELOPERS]


def in_use(extra: str) -> bool:
    """Whether something is installed that this extra adds, and the core does not need."""
    always = {canonicalize_name(r.name) for r in requirements()}
    own = [r for r in requirements(extra) if canonicalize_name(r.name) not in always]
    return any(installed(r.name) for r in own)


def bounded(found: Iterable[Requirement]) -> list[str]:
    """Words for pip, within the bounds of the core and of every extra in use."""
    used = [r for e in ("", *filter(in_use, extras())) for r in requirements(e)]
    words = []
    for requirement in found:
        bounds = requirement.specifier
        for other in used:
            if canonicalize_name(other.name) == canonicalize_name(requirement.name):
                bounds &= other.specifier
        words.append(f"{requirement.name}{bounds}")
    return words


def installed(name: str) -> str | None:
    """A package's version; None where it is not installed. It is not imported."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def python(now: tuple[int, int] = sys.version_info[:2]) -> Check:
    """deptool runs on 3.11 and later; mediapipe 0.10.21 has wheels up to 3.12."""
    text = ".".join(map(str, now))
    if now in ((3, 11), (3, 12)):
        return Check("python", "ok", text)
    status: Status = "problem" if now < (3, 11) else "warning"
    fix = "Make an environment with Python 3.11 or 3.12."
    return Check("python", status, f"{text}, for which mediapipe 0.10.21 has no wheel", fix)


def core() -> Check:
    """The packages that deptool always needs: there, and of a version that it was made for."""
    needed = requirements()
    lacking = [r for r in needed if installed(r.name) is None]
    others = [r for r in needed if r not in lacking and not _fits(r)]
    if not lacking and not others:
        return Check("core packages", "ok", f"all {len(needed)} are there, of versions that fit")
    words = [f"{r.name} is missing" for r in lacking] + [_misfit(r) for r in others]
    status: Status = "problem" if lacking else "warning"
    return Check("core packages", status, "; ".join(words), pip_install(*bounded(lacking + others)))


def optional(default: str) -> Iterator[Check]:
    """Each extra of which something is installed; `default` is the one of the default extractor."""
    unused = []
    for extra in extras():
        added = requirements(extra)
        name = f"extra {extra}"
        if not in_use(extra):
            unused.append(extra)
        elif wrong := [r for r in added if not _fits(r)]:
            status: Status = "problem" if extra == default else "warning"
            words = "; ".join(_misfit(r) for r in wrong)
            yield Check(name, status, words, pip_install(*bounded(added)))
        else:
            words = ", ".join(f"{r.name} {installed(r.name)}" for r in added)
            yield Check(name, "ok", words)
    if unused:
        yield Check("extras not in use", "ok", ", ".join(unused))


def together() -> Check:
    """What the packages in use ask of each other, as `pip check` would say."""
    roots = [r.name for extra in ("", *extras()) for r in requirements(extra)]
    wrong = [(n, r) for n, r in _walk([*roots, "torchvision"]) if n != "deptool" and not _fits(r)]
    if not wrong:
        return Check("packages together", "ok", "each has what it asks of the others")
    words = "; ".join(f"{name} {installed(name)}: {_misfit(r)}" for name, r in wrong)
    fix = pip_install(*bounded(r for _, r in wrong))
    return Check("packages together", "warning", words, fix)


def arrow_with_numpy() -> Check:
    """pyarrow 26 and later cannot be imported with numpy 1, and their metadata do not say so."""
    arrow, numpy = installed("pyarrow"), installed("numpy")
    text = f"pyarrow {arrow}, numpy {numpy}"
    if arrow and numpy and Version(arrow).major >= 26 and Version(numpy).major < 2:
        fix = pip_install("pyarrow<26")
        return Check("pyarrow with numpy", "problem", f"{text}: pyarrow 26 needs numpy 2", fix)
    return Check("pyarrow with numpy", "ok", text)


def importable() -> Iterator[Check]:
    """Import the core's packages in another process; a crash of one does not hide the next."""
    modules = {
        _MODULES.get(r.name, r.name.replace("-", "_")): r
        for r in requirements()
        if r.name not in _IMPORTED_ELSEWHERE and installed(r.name)
    }
    left = list(modules)
    n_wrong = 0
    while left and (error := (outcome := run_trial("imports", *left)).error):
        name = next((line for line in reversed(outcome.reached) if line in left), left[0])
        left = left[left.index(name) + 1 :]
        n_wrong += 1
        cure = next((cure for sign, cure in _CURES.items() if sign in error), None)
        package = modules[name].name
        again = pip_install("--force-reinstall", "--no-deps", f"{package}=={installed(package)}")
        yield Check(f"import {name}", "problem", error, cure or again)
    good = len(modules) - n_wrong
    yield Check("imports", "ok", f"{good} of {len(modules)} core packages can be imported")


def torch() -> Check:
    """One step of training, in another process; and what torch computes on."""
    bounds = [r for r in requirements() if r.name == "torch"]
    if installed("torch") is None:
        return Check("torch", "problem", "is not installed", pip_install(*bounded(bounds)))
    outcome = run_trial("torch")
    if outcome.error:
        fix = pip_install("--force-reinstall", *bounded(bounds))
        return Check("torch", "problem", f"{installed('torch')}: {outcome.error}", fix)
    about = outcome.result
    on = about["gpu"] or "no GPU in use, so models train on the CPU"
    build = f"built for CUDA {about['cuda_build']}" if about["cuda_build"] else "built for the CPU"
    return Check("torch", "ok", f"{about['version']}, {build}; {on}")


def torchvision() -> Check:
    """torchvision must come in the same build as torch; only py-feat and timm need it."""
    there = installed("torchvision")
    if there is None:
        return Check("torchvision", "ok", "not installed; only py-feat needs it")
    outcome = run_trial("torchvision")
    if outcome.error is None:
        return Check("torchvision", "ok", f"{there} works with torch {installed('torch')}")
    torch = Version(installed("torch") or "0")
    build = "CPU" if torch.local == "cpu" else "same"
    wanted = f"torchvision==0.{torch.minor + _TORCHVISION_AHEAD}.*"
    return Check(
        "torchvision",
        "warning",
        f"{there} does not fit torch {torch}: {outcome.error}",
        f"Install its {build} build from where that of torch came:"
        f" {pip_install('--force-reinstall', '--no-deps', wanted)}",
    )


def _fits(requirement: Requirement) -> bool:
    there = installed(requirement.name)
    return there is not None and requirement.specifier.contains(there, prereleases=True)


def _misfit(requirement: Requirement) -> str:
    there = installed(requirement.name)
    if there is None:
        return f"{requirement.name} is missing"
    return f"{requirement.name} {there} is not {requirement.specifier}"


def _walk(names: list[str]) -> Iterator[tuple[str, Requirement]]:
    """Every requirement of these packages, of what they require, and so on: (whose, what)."""
    left, seen = list(names), set()
    while left:
        name = canonicalize_name(left.pop())
        if name in seen or installed(name) is None:
            continue
        seen.add(name)
        for requirement in map(Requirement, requires(name) or []):
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                yield name, requirement
                left.append(requirement.name)
