"""Recordings for tests of models that work on whole recordings: lively faces have low scores."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deptool.face.pose_68 import canonical_68
from deptool.schema import FRAMES
from fixtures.tables import make_frames

Floats = NDArray[np.float64]
Groups = dict[str, Floats]

COLUMNS = {group: [c.name for c in FRAMES.group(group)] for group in FRAMES.optional}
PERSONS, SESSIONS, SECONDS, FPS = 12, 2, 20.0, 6.0


@cache
def recordings() -> list[tuple[Floats, Groups, float, str]]:
    """times (row,), group -> (row, column), score, subject; what is not measured is NaN."""
    generator = np.random.default_rng(0)
    found = []
    for person in range(PERSONS):
        face = 20 * canonical_68()[:, :2].T + generator.normal(0, 4, (2, 68)) + 240  # px
        for session in range(SESSIONS):
            liveliness = (person + 0.3 * session) / PERSONS
            table = make_frames(face, liveliness, SECONDS, FPS, generator)
            times = table["timestamp"].to_numpy()
            groups = {
                group: table.select(pl.col(COLUMNS[group]).cast(pl.Float64)).to_numpy()
                for group in ("landmarks", "action_units")
            }
            wave = np.sin(2 * np.pi * (0.5 * times[:, None] + generator.random(6)))
            groups["head_pose"] = (0.05 + 0.2 * liveliness) * wave
            groups["gaze"] = 0.3 * generator.normal(0, 1, (len(times), 8))
            for name in ("head_pose", "gaze"):
                groups[name][np.isnan(groups["landmarks"][:, 0])] = np.nan
            found.append((times, groups, 50 * (1 - liveliness), f"s{person:02d}"))
    return found


def features(
    model: ModuleType, columns: dict[str, list[str]] | None = None
) -> tuple[Floats, Floats, list[str | None]]:
    """x (recording, feature), score (recording,) and subjects, as the model is given them."""
    columns = COLUMNS if columns is None else columns
    used = {g: columns[g] for g in (*model.NEEDS, *model.USES) if g in columns}
    rows = []
    for times, groups, _, _ in recordings():
        values = {g: groups[g][:, [COLUMNS[g].index(c) for c in used[g]]] for g in used}
        found = model.describe(times, values, used, model.Settings()) if used else {}
        assert found is not None
        rows.append(list(found.values()))
    x = np.array(rows, np.float64).reshape(len(rows), -1)
    return x, np.array([r[2] for r in recordings()]), [r[3] for r in recordings()]
