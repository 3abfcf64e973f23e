"""Run the parts that are named, or all of them and write docs/benchmarks.md."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from deptool.tables import write_text

PARTS = (
    *("speed", "floor", "growth", "scaling", "tables", "importing", "members", "video_models"),
    *("encoders", "face_alignment", "releases"),
)
NOTES = Path(__file__).with_name("notes.md")
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Written by `python -m benchmarks`, which measures again what stands here. Ratios within one run can
be compared; seconds belong to the machine and the moment.
"""


def main(parts: list[str]) -> None:
    """Measure, print, and write the page if every part was measured."""
    sections = []
    for part in parts or PARTS:
        section = importlib.import_module(f"benchmarks.{part}").measure().markdown()
        print(section, flush=True)
        sections.append(section)
    if not parts:
        write_text(
            PAGE, "\n".join([HEAD, _machine(), *sections, NOTES.read_text(encoding="utf-8")])
        )


def _machine() -> str:
    packages = ", ".join(
        f"{p} {version(p)}" for p in ("mediapipe", "av", "polars", "pyarrow", "torch")
    )
    return f"This run: {os.cpu_count()} cores, Python {platform.python_version()}, {packages}.\n"


if __name__ == "__main__":
    main(sys.argv[1:])
