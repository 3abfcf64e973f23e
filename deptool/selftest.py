"""What the doctor tries in a process of its own, so that a crash or a hang stays there.

`python -m deptool.selftest NAME WORDS` runs one of `TRIALS` and writes its result as JSON, as the
last line of stdout; `deptool.doctor_trial` starts it and reads that.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

# Decoders by the name of the format; FFmpeg's own for AV1 needs special hardware.
DECODERS = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "vp9": ("vp9", "libvpx-vp9"),
    "av1": ("libdav1d", "libaom-av1", "libgav1"),
}

_LOOKS = 5


def imports(*modules: str) -> dict[str, object]:
    """Import each module, saying its name before, so that a crash can be told from the others."""
    for name in modules:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        importlib.import_module(name)
    return {}


def decoders() -> dict[str, object]:
    """The formats of `DECODERS` that PyAV's FFmpeg cannot decode here."""
    import av

    lacking = [name for name, any_of in DECODERS.items() if not av.codecs_available & {*any_of}]
    return {"lacking": lacking}


def torch() -> dict[str, object]:
    """One step of training on the CPU; and what GPU torch sees."""
    import torch as t

    t.nn.Linear(3, 1)(t.ones(2, 3)).sum().backward()
    gpu = t.cuda.get_device_name(0) if t.cuda.is_available() else None
    return {"version": t.__version__, "cuda_build": t.version.cuda, "gpu": gpu}


def torchvision() -> dict[str, object]:
    """The operator that fails where torchvision was built for another torch."""
    import torch as t

    ops: Any = importlib.import_module("torchvision.ops")
    ops.nms(t.tensor([[0.0, 0.0, 1.0, 1.0]]), t.ones(1), 0.5)
    return {}


def look(extractor: str, weights: str = "") -> dict[str, object]:
    """Let an extractor see a rendered face: how many faces it saw, how long it took, memory."""
    from deptool import plugins
    from deptool.portrait import Motion, render

    module = plugins.load("extractors", extractor)
    picture = render(Motion())
    height, width = picture.shape[:2]
    started = time.perf_counter()
    with module.Extractor(module.Settings(), Path(weights) if weights else None) as eyes:
        eyes.begin()
        seen = [eyes.see([picture], [0.0])[0]]
        loaded = time.perf_counter()
        seen += [eyes.see([picture], [(i + 1) / 6])[0] for i in range(_LOOKS)]
        finished = time.perf_counter()
        faces = [one.faces[0] for one in seen if one.faces]
        points = eyes.measure(faces, width, height).landmarks if faces else []
    return {
        "faces": len(points),
        "pictures": len(seen),
        "load_ms": 1000 * (loaded - started),
        "ms": 1000 * (finished - loaded) / _LOOKS,
        "memory_bytes": _peak_memory(),
    }


def _peak_memory() -> int | None:
    """The most memory that this process ever held; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


TRIALS = {f.__name__: f for f in (imports, decoders, torch, torchvision, look)}


def _write(result: dict[str, object]) -> None:
    sys.stdout.write(f"\n{json.dumps(result)}\n")


def _write_error(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    lines = str(error).strip().splitlines()
    _write({"error": f"{kind.__name__}: {lines[0]}" if lines else kind.__name__})


if __name__ == "__main__":
    sys.excepthook = _write_error
    _write(TRIALS[sys.argv[1]](*sys.argv[2:]))
