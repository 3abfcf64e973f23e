"""`deptool import`: what a user sees, with right and wrong words; Ctrl-C; the page's commands."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from deptool import plugins
from deptool.cli.main import app
from deptool.corpus import open_corpus
from deptool.errors import DataError, InputError, SettingsError, UsageError
from fixtures import feature_files as files
from fixtures.fex_files import fex
from fixtures.openface_rows import measure
from tests.conftest import ROOT, corpus_files

PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.fixture
def source(tmp_path):
    for k in range(3):
        files.openface2(tmp_path / "in" / f"r{k}.csv", measure(1.0, seed=k), ("2d", "aus"))
    return tmp_path / "in"


def run(*words):
    return CliRunner().invoke(app, ["import", *map(str, words)], env={"COLUMNS": "160"})


def test_a_table_on_stdout_and_talk_on_stderr(source, tmp_path):
    done = run("openface", source, "--out", tmp_path / "corpus")
    assert done.exit_code == 0
    assert "corpus: openface-2" in done.stdout
    row = next(line for line in done.stdout.splitlines() if "no split" in line)
    assert [cell.strip() for cell in row.split("│")[1:6]] == ["no split", "3", "?", "0.00", "90"]
    talk = " ".join(done.stderr.split())
    assert "3 imported, 0 were there already, 0 scores joined." in talk
    assert "Models divide landmarks by the recording's largest value (--normalise)." in talk


def test_json_is_the_recordings(source, tmp_path):
    done = run("openface", source, "--out", tmp_path / "corpus", "--json")
    rows = json.loads(done.stdout)
    assert [row["recording_id"] for row in rows] == ["r0", "r1", "r2"]
    assert rows == open_corpus(tmp_path / "corpus").recordings().to_dicts()


def test_damage_is_named_and_the_exit_code_is_4(source, tmp_path):
    files.cut_off(source / "r1.csv")
    (source / "notes.csv").write_text("hello\n")
    done = run("openface", source, "--out", tmp_path / "corpus", "--verbose")
    assert done.exit_code == 4
    talk = " ".join(done.stderr.split())
    assert "3 imported, 1 could not be read, 0 were there already" in talk
    assert "Warning: r1: truncated: r1.csv, line 31: is cut off: it has" in talk
    assert "Warning: notes: unreadable: notes.csv, line 1: is no OpenFace table" in talk
    again = run("openface", source, "--out", tmp_path / "corpus")
    assert "0 imported, 1 could not be read, 3 were there already" in " ".join(again.stderr.split())


def test_settings_come_from_words_and_from_a_file(source, tmp_path):
    (tmp_path / "map.toml").write_text("face = 3\n")
    words = ("openface", source, "--out", tmp_path / "corpus", "--config", tmp_path / "map.toml")
    assert run(*words, "--set", "face=0", "--name", "mine").exit_code == 0
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.about["extraction"] == {"importer": "openface", "face": 0}
    assert corpus.name == "mine"


@pytest.mark.parametrize(
    ("words", "kind", "what"),
    [
        (("openface", "none"), InputError, "none: no such file or folder"),
        (("openface", "empty"), InputError, "empty: holds no CSV files"),
        (("openface", "text"), InputError, "text: could not be read: a.csv, line 1: is no Open"),
        (("openface", "zero"), InputError, "zero: could not be read: a.csv: is empty"),
        (("openfase", "in"), UsageError, "no importer named 'openfase'"),
        (("openface", "in", "--set", "fase=1"), SettingsError, "unknown setting 'fase'"),
        (("openface", "in", "--set", "face"), SettingsError, "not of the form key=value"),
        (("openface", "in", "--config", "no.toml"), SettingsError, "no.toml: cannot be read"),
        (("openface", "in", "--force", "r9"), UsageError, "no recording 'r9' to force"),
        (("openface", "in", "--normalise", "x"), UsageError, "--normalise cannot be 'x'"),
        (("openface3", "in"), SettingsError, "does not say which action units"),
        (("libreface", "in"), InputError, "none of its 3 recordings could be read"),
        (("csv", "in"), SettingsError, "feature_set must be"),
    ],
)
def test_what_is_wrong_is_one_error_with_its_code(source, tmp_path, monkeypatch, words, kind, what):
    monkeypatch.chdir(tmp_path)
    for name, text in {"empty": None, "text": "hello\n", "zero": ""}.items():
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "a.csv").write_text(text)
    error = run(*words).exception
    assert isinstance(error, kind)
    assert what in str(error)
    assert not (tmp_path / "corpus" / "recordings.parquet").exists()


def test_an_underscore_is_a_hyphen(tmp_path):
    fex(tmp_path / "in" / "a.csv", measure(1.0), "1")
    done = run("py_feat", tmp_path / "in", "--out", tmp_path / "corpus", "--set", "fps=30")
    assert done.exit_code == 0
    assert open_corpus(tmp_path / "corpus").about["extraction"]["importer"] == "py-feat"


def test_what_was_imported_can_be_exported_trained_and_checked(source, tmp_path):
    run("openface", source, "--out", tmp_path / "corpus")
    (tmp_path / "labels.csv").write_text(
        "recording_id,subject_id,split,scale,score\n"
        "r0,P0,train,PHQ-8,5\nr1,P1,dev,PHQ-8,9\nr2,P2,test,PHQ-8,2\n"
    )
    for words in (
        ("label", tmp_path / "corpus", tmp_path / "labels.csv"),
        ("check", tmp_path / "corpus"),
    ):
        assert CliRunner().invoke(app, [*map(str, words)]).exit_code == 0
    scored, scale = open_corpus(tmp_path / "corpus").scored()
    assert (len(scored), scale) == (3, "PHQ-8")


# ---- Ctrl-C


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Ten recordings of some MB, so that there is time to interrupt, and their whole import."""
    folder = tmp_path_factory.mktemp("long")
    first = files.openface2(folder / "r0.csv", measure(60.0), ("2d", "aus"))
    for k in range(1, 10):
        shutil.copy(first, folder / f"r{k}.csv")
    whole = folder.with_name(folder.name + "-whole")
    assert run("openface", folder, "--out", whole, "--name", "c").exit_code == 0
    return folder, corpus_files(whole)


@contextlib.contextmanager
def begun(source, out, *words):
    """The command while it runs, in a process group of its own; nothing of it lives on."""
    env = dict(os.environ, PYTHONPATH=str(ROOT), COLUMNS="200", NO_COLOR="1")
    command = [sys.executable, "-m", "deptool.cli.main", "import", "openface", source]
    with subprocess.Popen(
        [*map(str, command), "--out", str(out), *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_import_keeps_what_is_done(long, tmp_path, jobs, how):
    (source, whole), out = long, tmp_path / "out"
    with begun(source, out, "--name", "c", "--jobs", jobs) as process:
        deadline = time.monotonic() + 60
        while not list(out.glob("frames/[!.]*.parquet")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        if how == signal.SIGINT:
            os.killpg(process.pid, how)  # as a terminal does: the whole group
        else:
            os.kill(process.pid, how)
        _, talk = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130, talk
        assert "What is done is kept" in talk
        assert "Traceback" not in talk
    done = len(list(out.glob("frames/[!.]*.parquet")))
    assert 1 <= done < 10
    was = "1 was" if done == 1 else f"{done} were"
    assert f"{was} there already" in run("openface", source, "--out", out).stderr
    assert corpus_files(out) == whole


# ---- the page


def test_the_page_has_every_importer_with_a_link():
    for name in plugins.names("importers"):
        assert re.search(rf"^\| `{name}` \|", PAGE, re.M), name


def commands():
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S):
        for line in block.splitlines():
            assert line.startswith("deptool import ")
            yield line


@pytest.mark.parametrize("line", list(commands()))
def test_the_commands_of_the_page_run(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.openface2(Path("features/a.csv"), measure(1.0))
    files.openface3(Path("faces/face_analysis_a.csv"), measure(1.0))
    files.libreface(Path("libre/a.csv"), measure(1.0))
    fex(Path("fex/a.csv"), measure(1.0), "v2")
    files.plain(Path("mine/a.csv"), measure(1.0))
    Path("map.toml").write_text(re.search(r"```toml\n(.*?)```", PAGE, re.S)[1])
    done = run(*shlex.split(line)[2:])
    assert done.exit_code == 0, done.stderr or done.exception
    out = re.search(r"--out (\S+)", line)
    frames = pl.read_parquet(Path(out[1] if out else "corpus") / "frames" / "*.parquet")
    assert len(frames) > 20


def test_a_labels_file_beside_the_files_is_joined_and_no_recording(source, tmp_path):
    head = "recording_id,subject_id,session_id,task,split,scale,score\n"
    (source / "labels.csv").write_text(f"{head}r0,P1,P1_1,,train,BDI-II,12\n", "utf-8")
    done = run("openface", source, "--out", tmp_path / "c")
    assert (done.exit_code, "Labelled 1 recording" in done.stderr) == (0, True), done.stderr
    assert "joined" not in done.stderr  # of the source's own scores, which it has none of
    corpus = open_corpus(tmp_path / "c")
    assert corpus.labels().rows() == [("P1_1", "BDI-II", 12.0)]
    assert set(corpus.recordings()["recording_id"]) == {"r0", "r1", "r2"}
    # One that cannot be joined is said, and what was imported stays.
    (source / "labels.csv").write_text(f"{head}r0,P1,P1_1,,train,BDI-II,99\n", "utf-8")
    again = run("openface", source, "--out", tmp_path / "c")
    assert isinstance(again.exception, DataError)
    assert "which goes from 0 to 63" in str(again.exception)
    assert "The tables are kept: mend it and give the same command again" in again.stderr
    assert f"deptool label {tmp_path / 'c'} {source / 'labels.csv'}" in again.stderr
    assert corpus.labels()["score"].to_list() == [12.0]


def test_what_an_import_changes_is_said(tmp_path):
    from fixtures.corpora import make_daic_woz

    make_daic_woz(tmp_path / "in", n=4, seconds=1.0)
    words = ("daic-woz", tmp_path / "in", "--out", tmp_path / "c")
    # Four sessions with a PHQ-8 score, from which the binary one follows.
    assert "8 scores joined: 4 PHQ-8, 4 binary." in run(*words).stderr
    (tmp_path / "labels.csv").write_text(
        "recording_id,subject_id,split,scale,score\n402,402,test,PHQ-8,24\n"
    )
    CliRunner().invoke(app, ["label", str(tmp_path / "c"), str(tmp_path / "labels.csv")])
    talk = run(*words).stderr
    assert "Warning: 1 score was another number before and was replaced." in talk
    said = "Warning: 1 recording had another subject, session, task or split and was given the"
    assert said in talk
    again = run(*words, "--normalise", "640").stderr
    assert "replaced" not in again
    assert "Warning: --normalise was session-max before and is 640 now" in again
    shutil.rmtree(tmp_path / "in" / "402_P")
    gone = run(*words).stderr
    assert "3 were there already" in gone
    assert "The corpus also holds 1 recording whose file is not in this source." in gone
    assert "--normalise was" not in gone


def test_without_landmarks_nothing_is_said_of_dividing_them(tmp_path):
    files.openface2(tmp_path / "in" / "a.csv", measure(1.0), ("aus",))
    done = run("openface", tmp_path / "in", "--out", tmp_path / "c")
    assert (done.exit_code, "Models divide" in done.stderr) == (0, False)


def test_a_wrong_unit_of_time_is_a_warning(tmp_path):
    (tmp_path / "in").mkdir()
    rows = "".join(f"{40 * k},1\n" for k in range(20))
    (tmp_path / "in" / "a.csv").write_text(f"t,smile\n{rows}")
    (tmp_path / "map.toml").write_text(
        'feature_set = "toy-1"\ntime = "t"\n[columns]\nAU01_r = "smile"\n'
    )
    words = ("csv", tmp_path / "in", "--out", tmp_path / "c", "--config", tmp_path / "map.toml")
    assert "Warning: a: 0.025 rows per second; is the unit of time" in run(*words).stderr
