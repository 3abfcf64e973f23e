"""The extractor py-feat without py-feat: its conversions, and what it says is missing.

Its code under py-feat's own is tested in test_py_feat_real.py.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deptool.errors import MissingExtraError
from deptool.extractors import py_feat
from deptool.extractors.py_feat import LEFT_OUT, SEEN, Extractor, Settings
from deptool.face.canonical import canonical_face
from deptool.face.landmarks import MESH_OF_68
from deptool.schema import AU_INTENSITY, AU_PRESENCE


def _rows(n: int, **values: float) -> dict[str, Any]:
    """A table as py-feat v2 gives it, n faces: everything 0 but `values`, and identities 7."""
    names = [f"mesh_{axis}_{i}" for axis in "xyz" for i in range(478)]
    names += [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    names += ["Pitch", "Roll", "Yaw", "X", "Y", "Z", "gaze_pitch", "gaze_yaw", "happiness"]
    names += [*SEEN, *LEFT_OUT]
    table = {name: np.full(n, values.get(name, 0.0)) for name in names}
    for name in ("Identity", *(f"Identity_{i}" for i in range(1, 513)), "IdentityScore"):
        table[name] = np.full(n, 7.0)
    return table


@pytest.mark.parametrize(("detector", "n_points"), [("v1", 68), ("v2", 478)])
def test_no_identity_and_nothing_unasked_passes(detector: str, n_points: int) -> None:
    # Identities are 7 in the table; what passes is points and action units, all of them 0.
    passed = py_feat.wanted(_rows(3), detector)
    assert passed.shape == (3, 2 * n_points + len(SEEN))
    assert not passed.any()


def test_no_column_but_those_wanted_is_read() -> None:
    read: set[str] = set()

    class Watched(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            read.add(name)
            return super().__getitem__(name)

    for detector in ("v1", "v2"):
        py_feat.wanted(Watched(_rows(1)), detector)
    assert {name.partition("_")[0] for name in read} == {"x", "y", "mesh", *SEEN}


def test_faces_go_to_their_pictures() -> None:
    # Two faces, none (one row of NaN), one: rows 0 and 1, 2, 3 of the table.
    boxes = [np.array([[0, 0, 10, 20], [5, 5, 6, 7]]), np.full((1, 4), np.nan), np.ones((1, 4))]
    scores = [np.array([0.9, 0.8]), np.zeros(1), np.array([0.7])]
    values = np.repeat(np.arange(4.0)[:, None], 136 + len(SEEN), axis=1)
    looks = py_feat.looks_of(boxes, scores, values, "v1")
    assert [len(look.faces) for look in looks] == [2, 0, 1]
    assert looks[0].faces[0].box == pytest.approx([0, 0, 10, 20])
    assert looks[0].faces[1].box == pytest.approx([5, 5, 1, 2])
    assert [face.confidence for face in looks[0].faces] == [0.9, 0.8]
    assert looks[2].faces[0].points == pytest.approx(np.full((68, 2), 3.0))
    assert looks[1].confidence == 0.0


def test_the_meshs_68_points_are_those_of_the_other_extractors() -> None:
    # Mesh point i lies at (i, 1000 + i); landmark 0 is mesh point 127, the face's left end.
    rows = _rows(1) | {f"mesh_x_{i}": [float(i)] for i in range(478)}
    rows |= {f"mesh_y_{i}": [1000.0 + i] for i in range(478)}
    values = py_feat.wanted(rows, "v2")
    face = py_feat.looks_of([np.ones((1, 4))], [np.ones(1)], values, "v2")[0].faces[0]
    assert face.points[0] == pytest.approx([127, 1127])
    assert face.points[:, 0] == pytest.approx(MESH_OF_68)


def _values(**units: float) -> np.ndarray:
    return np.array([[units.get(name, 0.0) for name in SEEN]])


def test_presence_alone_by_default() -> None:
    columns = py_feat.columns(_values(AU12=0.5, AU04=0.49), "presence")
    assert columns["AU12_c"] == pytest.approx([1.0])
    assert columns["AU04_c"] == pytest.approx([0.0])
    assert all(columns[f"{name}_r"] is None for name in AU_INTENSITY)


def test_times_five_only_when_asked_and_only_under_another_name() -> None:
    columns = py_feat.columns(_values(AU12=0.3), "times5")
    assert columns["AU12_r"] == pytest.approx([1.5])
    assert columns["AU12_c"] == pytest.approx([0.0])
    names = {py_feat.feature_set(Settings(d, au_scale=s)) for d in ("v1", "v2") for s in _SCALES}
    assert names == {"py-feat-v1-1", "py-feat-v2-1", "py-feat-v1x5-1", "py-feat-v2x5-1"}


_SCALES = ("presence", "times5")


@pytest.mark.parametrize("scale", _SCALES)
def test_blinks_are_null_and_every_column_is_there(scale: str) -> None:
    columns = py_feat.columns(_values(), scale)
    assert columns["AU45_r"] is None
    assert columns["AU45_c"] is None
    assert set(columns) == {f"{a}_r" for a in AU_INTENSITY} | {f"{a}_c" for a in AU_PRESENCE}


def test_pose_is_in_the_houses_signs_and_gaze_is_not_claimed() -> None:
    # The canonical face at 10 px per cm in the middle of the picture, turned by 20 degrees
    # clockwise, (x, y) -> (x cos - y sin, x sin + y cos): roll 20 degrees, pitch and yaw none.
    turn = np.radians(20)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = 10 * canonical_face()[MESH_OF_68, :2] @ rotation.T + [320, 240]
    face = py_feat.Face(np.ones(4), 1.0, points, np.zeros(len(SEEN)))
    measures = Extractor(Settings()).measure([face], 640, 480)
    assert np.degrees(measures.head_pose[0, 3:]) == pytest.approx([0, 0, 20], abs=1)
    # 10 px per cm at the guessed 500 px of focal length: 50 cm away.
    assert measures.head_pose[0, :3] == pytest.approx([0, 0, 500], abs=15)
    assert measures.gaze is None
    assert measures.landmarks[0] == pytest.approx(points)


def test_no_faces_are_no_rows() -> None:
    measures = Extractor(Settings()).measure([], 640, 480)
    assert measures.landmarks.shape == (0, 68, 2)
    assert measures.head_pose.shape == (0, 6)
    assert measures.au.shape == (0, len(SEEN))


Installed = dict[str, str]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the front of the path, for `_install`; py-feat itself is forgotten meanwhile."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in [n for n in sys.modules if n.partition(".")[0] == "feat"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def _install(folder: Path, init: str = "raise AssertionError", **versions: str) -> None:
    for name, version in versions.items():
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")
    (folder / "feat").mkdir()
    (folder / "feat" / "__init__.py").write_text(init, encoding="utf-8")
    importlib.invalidate_caches()


def test_a_missing_package_is_said(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "feat", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'deptool\[py-feat\]'"):
        py_feat.require(Settings(), None)


def test_an_old_release_is_said(installed: Path) -> None:
    _install(installed, py_feat="2.1.4")
    with pytest.raises(MissingExtraError, match=r"py-feat 2\.1\.4 is too old"):
        py_feat.require(Settings(), None)


@pytest.mark.parametrize(
    ("torch", "torchvision"), [("2.13.0+cpu", "0.28.0"), ("2.13.0", "0.28.0+cpu")]
)
def test_builds_that_do_not_match_are_said(installed: Path, torch: str, torchvision: str) -> None:
    _install(installed, py_feat="2.1.5", torch=torch, torchvision=torchvision)
    with pytest.raises(MissingExtraError, match="not of the same build") as caught:
        py_feat.require(Settings(), None)
    assert "torchvision and torchcodec" in str(caught.value)


@pytest.mark.parametrize(
    ("detector", "file"),
    [("v2", "face_multitask_v28.safetensors"), ("v1", "mobilefacenet_model_best.pth.tar")],
)
def test_missing_weights_are_said_by_detector(installed: Path, detector: Any, file: str) -> None:
    _install(installed, py_feat="2.1.10", torch="2.13.0+cpu", torchvision="0.28.0+cpu")
    _place(installed, 0)
    with pytest.raises(MissingExtraError, match=file.replace(".", r"\.")):
        py_feat.require(Settings(detector), installed)
    _place(installed, 1, 2, 3)
    py_feat.require(Settings(detector), installed)


def _place(folder: Path, *which: int) -> None:
    """Put files that are nothing where these weights belong."""
    for i in which:
        home, _, file = py_feat.WEIGHTS[i].file.partition("/snapshots/*/")
        repository = folder / "huggingface" / "hub" / home
        for part in ("refs", "snapshots/main"):
            (repository / part).mkdir(parents=True)
        (repository / "refs" / "main").write_text("main", encoding="utf-8")
        (repository / "snapshots" / "main" / file).write_bytes(b"")


def test_an_import_that_fails_is_one_clear_line(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What py-feat does at import: one thread for all, then torchvision's first line.
    init = (
        "import os\n"
        "os.environ.setdefault('OMP_NUM_THREADS', '1')\n"
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    _install(installed, init, py_feat="2.1.5", torch="2.13.0", torchvision="0.28.0")
    _place(installed, 0, 1)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with pytest.raises(MissingExtraError, match=r"operator torchvision::nms does not exist"):
        Extractor(Settings(), installed).__enter__()
    assert "OMP_NUM_THREADS" not in os.environ


def test_importing_the_extractor_changes_nothing() -> None:
    code = (
        "import os, sys, deptool.extractors.py_feat\n"
        "print(*sorted({'torch', 'feat', 'huggingface_hub'} & set(sys.modules)))\n"
        "print('OMP_NUM_THREADS' in os.environ)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
