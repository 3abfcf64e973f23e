"""The documentation: its commands run, its numbers are the code's."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deptool import errors, plugins
from deptool.face.action_units import UNITS, UNSEEN
from deptool.portrait import Person
from fixtures.videos import portrait_video, sways
from tests.conftest import ROOT, Run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

LABELS = "recording_id,subject_id,session_id,task,split,scale,score\n"


def _commands(page: Path) -> Iterator[tuple[list[str], int]]:
    """Words and expected exit code of each `$ deptool …` line of a page's console blocks."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for line in block.splitlines():
            if line.startswith("$ deptool"):
                command, _, remark = line[2:].partition("#")
                code = re.search(r"exits (\d+)", remark)
                yield shlex.split(command)[1:], int(code.group(1)) if code else 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, deptool: Run) -> Path:
    """What a reader of the pages is taken to have: videos, labels, a corpus of them, a run."""
    pytest.importorskip("mediapipe")
    root = tmp_path_factory.mktemp("docs")
    rows = []
    for k, name in enumerate("abcdef"):
        portrait_video(root / "videos" / f"{name}.mp4", sways(4), Person.random(k))
        rows.append(f"{name},P{k},P{k}_1,,{('train', 'dev', 'test')[k // 2]},BDI-II,{5 * k}")
    (root / "usb").mkdir()  # a folder of weights, as carried to a machine without a network
    (root / "labels.csv").write_text(LABELS + "\n".join(rows) + "\n", encoding="utf-8")
    (root / "theirs.csv").write_text("recording_id,truth,prediction\na,3,5\nb,20,17\nc,9,9\n")
    for line in (
        "extract videos",
        "label corpus labels.csv",
        "train --model depressionmlp --out runs/first",
    ):
        done = deptool(*line.split(), cwd=root)
        assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("page", [p for p in PAGES if list(_commands(p))], ids=lambda p: p.stem)
def test_the_commands_of_a_page_run(page: Path, place: Path, deptool: Run, tmp_path: Path) -> None:
    here = tmp_path / "here"
    shutil.copytree(place, here)
    for words, expected in _commands(page):
        if words[:1] == ["demo"]:
            continue  # test_demo.py runs it, and the whole of it takes minutes
        done = deptool(*words, cwd=here)
        assert done.returncode == expected, (words, done.stderr)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+\.\w+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


def test_every_error_is_on_the_page_with_its_exit_code() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for kind in errors.DeptoolError.__subclasses__():
        assert f"| {kind.exit_code} | `{kind.__name__}` |" in text


def test_every_action_unit_is_on_the_page_seen_or_unseen() -> None:
    text = (ROOT / "docs" / "action-units.md").read_text(encoding="utf-8")
    seen, unseen = text.split("## Null")
    for name, unit in UNITS.items():
        assert f"| {name} | " in seen, name
        assert unit.muscle.split(",")[0].split()[0] in seen
    for name, why in UNSEEN.items():
        assert f"| {name} " in unseen
        assert why.rstrip(".") in unseen


def test_every_plug_in_is_named_in_the_docs() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in PAGES)
    for kind in plugins.KINDS:
        for name in plugins.names(kind):
            # Figures are named by the files that they make.
            assert name in text or name.replace("-", "_") in text


def test_nothing_promises_what_cannot_be_kept() -> None:
    word = "anonym" + "ous"
    for path in [*PAGES, *sorted((ROOT / "deptool").rglob("*.py"))]:
        assert word not in path.read_text(encoding="utf-8").lower(), path.name
