"""A pipe, a folder or a device in place of a table: named at once, and never waited for."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from deptool.corpus import open_corpus
from deptool.errors import SchemaError
from deptool.tables import read_json
from fixtures.tables import make_tables_corpus
from tests.conftest import ROOT

TABLES = (
    *("recordings.parquet", "labels.parquet", "subjects.parquet"),
    *("frames/s000_0.parquet", "frames/more.parquet", "tracks/s000_0.parquet"),
)
KINDS = {
    "pipe": os.mkfifo,
    "folder": os.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_tables_corpus(tmp_path_factory.mktemp("made") / "c", n_subjects=1, seconds=2)


@pytest.mark.parametrize("kind", KINDS)
def test_check_names_what_is_no_file(made, tmp_path, kind):
    # In a process of its own: one that waits for a pipe cannot be ended otherwise.
    shutil.copytree(made.root, tmp_path / "c")
    for name in TABLES:
        path = tmp_path / "c" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        KINDS[kind](path)
    done = subprocess.run(
        [sys.executable, "-m", "deptool.cli.main", "check", str(tmp_path / "c"), "--json"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 5, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert {problem["where"] for problem in json.loads(done.stdout)["problems"]} == set(TABLES)


def test_a_verb_that_needs_the_table_says_what_it_is(made, tmp_path):
    shutil.copytree(made.root, tmp_path / "c")
    (tmp_path / "c" / "recordings.parquet").unlink()
    os.mkfifo(tmp_path / "c" / "recordings.parquet")
    with pytest.raises(SchemaError, match=r"recordings\.parquet: is no file but a folder, a pipe"):
        open_corpus(tmp_path / "c").recordings()


def test_json_is_not_read_from_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(SchemaError, match="cannot be read as JSON"):
        read_json(tmp_path / "run.json")
