"""What a stranger's file or a killed process must not read, write or leave behind."""

from __future__ import annotations

import contextlib
import copy
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from deptool import plugins
from deptool.cli.main import app
from deptool.corpus import Corpus, create_corpus
from deptool.csv_file import read_csv
from deptool.embeddings import is_cache_name
from deptool.errors import DataError, DeptoolError, InputError, SchemaError, SettingsError
from deptool.explain import find_corpus
from deptool.feature_files.csv_map import Map
from deptool.feature_files.file_names import about, pattern
from deptool.importers import Rows
from deptool.ingest import import_corpus
from deptool.ingest_frames import to_frames
from deptool.interrupts import ctrl_c_waits
from deptool.labels_beside import join_beside
from deptool.models.mpdrm import Settings as Mpdrm
from deptool.naming import by_reason, naming, told
from deptool.runs import slug
from deptool.settings import read_toml, resolve
from deptool.sources import find_files
from deptool.streams import open_streams
from deptool.tables import replacing, write_json, write_text
from deptool.windows import require_rate
from fixtures import openface_rows
from fixtures.fuzz import names, target
from fixtures.hostile import broken
from fixtures.openface_rows import measure
from fixtures.runs import make_run
from fixtures.tables import make_tables_corpus
from tests.conftest import ROOT

OUTSIDE = ("/etc", "../other", "~/other", "$HOME/other", "a\0b", "sub/../../other", "other")
ours = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", OUTSIDE)
@pytest.mark.parametrize("kind", ["avec2014", "daic-woz", "d-vlog", "lmvd"])
def test_a_settings_file_names_no_folder(kind: str, value: str) -> None:
    cls = plugins.load("importers", kind).Settings
    with pytest.raises(SettingsError, match=r"labels = .* names a file or folder") as found:
        resolve(cls, {"labels": value}, words=["order=xyxy"] * (kind == "d-vlog"), where="map.toml")
    assert found.value.where == "map.toml"
    assert "--set labels=" in str(found.value.fix)


def test_the_user_may_name_one() -> None:
    cls = plugins.load("importers", "avec2014").Settings
    assert resolve(cls, words=["labels=/somewhere/else"]).labels == Path("/somewhere/else")


def test_every_setting_that_is_a_path_is_one_by_its_type() -> None:
    # What is a path without the type Path would pass the door above; these are all there are.
    known = {"labels", "features"}
    for kind in ("importers", "models", "encoders", "extractors", "levels", "attacks"):
        for name in plugins.names(kind):
            cls = getattr(plugins.load(kind, name), "Settings", None)
            fields = cls.__dataclass_fields__.values() if cls else ()
            assert {f.name for f in fields if "Path" in str(f.type)} <= known, name


@pytest.mark.parametrize("source", ["../secret", "/etc", "a/b", "..", " ", ".hidden", "a\0b:all"])
def test_a_stream_is_of_a_cache_of_the_corpus(source: str, tmp_path: Path) -> None:
    corpus = make_tables_corpus(tmp_path / "toy", n_subjects=1, seconds=2.0)
    wanted = plugins.load("models", "mpdrm").streams(Mpdrm(features=source))
    with pytest.raises(SettingsError, match="no name of embeddings"):
        open_streams(corpus, corpus.recordings(), wanted)
    assert not is_cache_name(source.partition(":")[0])


def test_a_run_of_somebody_else_leads_to_no_other_corpus(tmp_path: Path) -> None:
    create_corpus(tmp_path / "secret", "toy-1", {}, name="../secret")
    (tmp_path / "here").mkdir()
    make_run(tmp_path / "run", corpus="../secret", n=2)
    with pytest.raises(DeptoolError, match="no folder here is that corpus"):
        find_corpus(tmp_path / "run", tmp_path / "here")


@pytest.mark.parametrize(
    ("name", "plain"),
    [("..", "-"), ("../x", "-x"), ("a/../b", "a-..-b"), (".ssh", "ssh"), ("a b", "a-b"), ("", "-")],
)
def test_a_corpuss_name_is_no_way_to_another_folder(name: str, plain: str) -> None:
    assert slug(name) == plain
    assert len(slug("é" * 400).encode()) <= 150


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000, "a = " + "1" * 5000, "a = 0x" + "f" * 5000, "\0", "a = 1e999", "x" * 99],
)
def test_a_settings_file_that_is_none_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError):
        resolve(Map, read_toml(tmp_path / "x.toml"), where="map")


def test_a_pipe_or_device_is_not_opened(tmp_path: Path) -> None:
    # Opening the pipe would wait for a writer, and the device never ends.
    os.mkfifo(tmp_path / "labels.csv")
    for path in (tmp_path / "labels.csv", Path("/dev/zero")):
        with pytest.raises(InputError, match="no plain file"):
            read_csv(path, (), ())
        with pytest.raises(SettingsError, match="no plain file"):
            read_toml(path)
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"no files named \*\.csv"):
        find_files(tmp_path, {".csv"}, "files named *.csv")
    with pytest.raises(InputError, match="no such file"):
        find_files(tmp_path / "labels.csv", {".csv"}, "CSV files")
    assert join_beside(create_corpus(tmp_path / "c", "toy-1", {}), tmp_path) == (None, None)


@pytest.mark.parametrize("separator", ["\n", '"', "\0", "é", "1", ".", "-", "ab"])
def test_a_map_has_a_separator_that_can_part_numbers(separator: str) -> None:
    with pytest.raises(ValueError, match="separator"):
        Map(feature_set="toy-1", time="t", columns={"pose_Rx": "p"}, separator=separator)


@pytest.mark.parametrize("text", ["(?P<subject>(a+)+)$", "(?P<subject>(a|aa)*)$"])
def test_an_expression_that_may_never_end_is_refused(text: str) -> None:
    # On 'aaaa…b' the first takes twice as long for every further letter.
    with pytest.raises(ValueError, match="names"):
        pattern(text, ("subject",))


def test_an_expression_for_names_of_files_is_taken() -> None:
    said = r"(?:visits/)?(?P<subject>P\d{3,4})_(?P<session>\d+)(?:_(?P<task>read|talk|[a-z]+))?"
    assert about(said, "visits/P001_2_talk") == {"subject": "P001", "session": "2", "task": "talk"}
    assert pattern(said, ("subject", "session", "task"))


# --- tables that ask for more than they are ----------------------------------------------------


@pytest.mark.parametrize(("last", "said"), [(1e12, "the date"), (9e6, "leaps")])
def test_a_clock_that_leaps_makes_no_table(last: float, said: str) -> None:
    # 9e6 s at 6 rows a second would be 54 million rows out of these three.
    table = pl.DataFrame({"timestamp": [0.0, 0.1, last], "frame": [1, 2, 2_000_000_000]})
    with pytest.raises(SchemaError, match=said):
        to_frames(Rows(table.with_columns(AU01_r=1.0)), "a.csv")


def test_a_clock_that_leaps_is_not_resampled(tmp_path: Path) -> None:
    import numpy as np

    corpus = make_tables_corpus(tmp_path / "toy", n_subjects=1, seconds=2.0)
    row = {"recording_id": "s000_0", "fps": 6.0}
    with pytest.raises(DataError, match="3 rows are spread over 9e"):
        require_rate(corpus, row, np.array([0.0, 0.1, 9e6]), 6.0)


def test_a_frame_number_makes_no_rows() -> None:
    table = pl.DataFrame({"timestamp": [0.0, 0.1], "frame": [-5.0, 2e9], "AU01_r": [1.0, 2.0]})
    frames, _ = to_frames(Rows(table))
    assert frames["frame"].to_list() == [1, 2]  # a number below 0: they are counted anew


# --- fuzzing, a little of it in every run ------------------------------------------------------


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, list[bytes], Path]]:
    """Each target of text files with its seeds, and a folder to read in."""
    found = {}
    for name in ("importers", "labels_csv", "results_csv", "settings_toml"):
        module = target(name)
        sound, scratch = tmp_path_factory.mktemp("sound"), tmp_path_factory.mktemp("scratch")
        found[name] = (module, module.seeds(sound), scratch)
    return found


@pytest.mark.parametrize("name", ["importers", "labels_csv", "results_csv", "settings_toml"])
@ours
@given(at=st.integers(0, 2**20), seed=st.integers(0, 2**32))
def test_a_broken_file_is_read_or_an_error_of_ours(
    places: dict[str, tuple[Any, list[bytes], Path]], name: str, at: int, seed: int
) -> None:
    # The target itself checks that nothing but a table is written, and how large it is.
    module, seeds, scratch = places[name]
    sound, head = seeds[at % len(seeds)], getattr(module, "HEAD", 0)
    content = sound[:head] + broken(sound[head:], random.Random(seed))
    with contextlib.suppress(DeptoolError):
        module.read(content, scratch)


@pytest.mark.parametrize("name", ["labels_csv", "results_csv", "settings_toml"])
def test_the_seeds_of_a_target_are_read(
    places: dict[str, tuple[Any, list[bytes], Path]], name: str
) -> None:
    # What is refused before it is broken tests nothing.
    module, seeds, scratch = places[name]
    assert name in names()
    for content in seeds:
        module.read(content, scratch)


def test_names_that_lead_out_of_a_folder_stay_in_it(tmp_path: Path) -> None:
    # Subjects and sessions of a hostile file are words in a table; nothing is written beside --out.
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    table = measure(2.0, seed=1).with_columns(who=pl.lit("../../../escaped"))
    openface_rows.write(source / "..%2f..%2fa.csv", table.drop("who"))
    table.select("timestamp", "AU01_r", "who").write_csv(source / "b.csv")
    before = {p for p in tmp_path.rglob("*") if out not in p.parents}
    words = ["feature_set=toy-1", "time=timestamp", "subject=who", "columns={}"]
    cls = plugins.load("importers", "csv").Settings
    layer = {"columns": {"AU01_r": "AU01_r"}}
    chosen = resolve(cls, layer, words=words[:3])
    import_corpus("csv", source / "b.csv", out, chosen)
    import_corpus("openface", source / "..%2f..%2fa.csv", tmp_path / "out2")
    after = {p for p in tmp_path.rglob("*") if out not in p.parents}
    new = {p.relative_to(tmp_path).parts[0] for p in after - before}
    assert new <= {"out", "out2"}
    assert not (tmp_path.parent / "escaped").exists()


# --- what is told on stderr -----------------------------------------------------------------------


def shown(*words: object) -> tuple[str, str]:
    """stderr of a command line, without and with --verbose."""
    runner = CliRunner()
    quiet = runner.invoke(app, [str(w) for w in words])
    loud = runner.invoke(app, [str(w) for w in (*words, "--verbose")])
    return tuple(" ".join(done.stderr.split()) for done in (quiet, loud))  # type: ignore[return-value]


def test_import_names_recordings_only_where_asked(tmp_path: Path) -> None:
    for name in ("anna", "bert"):
        openface_rows.write(tmp_path / "in" / f"{name}.csv", measure(2.0, seed=1))
    (tmp_path / "in" / "carl.csv").write_text("hello\n", encoding="utf-8")
    quiet, loud = shown("import", "openface", tmp_path / "in", "--out", tmp_path / "c")
    assert not re.search("anna|bert|carl", quiet)
    assert "1 unreadable: why stands in recordings.parquet" in quiet
    assert "carl: unreadable: carl.csv, line 1: is no OpenFace table" in loud


def test_label_and_train_name_persons_only_where_asked(tmp_path: Path) -> None:
    corpus = make_tables_corpus(tmp_path / "toy", n_subjects=4, sessions=2, seconds=2.0)
    rows = [
        f"s{s:03d}_{v},s{s:03d},{('train', 'test')[v]},BDI-II,{9 + s}"
        for s in range(4)
        for v in range(2)
    ]
    head = "session_id,subject_id,split,scale,score"
    (tmp_path / "labels.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    quiet, loud = shown("label", corpus.root, tmp_path / "labels.csv")
    assert "4 subjects are in more than one split. Metrics" in quiet
    assert "s000" not in quiet
    assert "in more than one split: s000, s001" in loud


def test_a_sentence_is_short_unless_ids_are_asked_for() -> None:
    said = naming("2 are lost", "a b", "; so be it")
    assert said == "2 are lost: a b; so be it"
    assert told(said, verbose=False) == "2 are lost; so be it"
    assert told(said, verbose=True) == said
    assert told("plain", verbose=False) == "plain"
    assert by_reason(["x", "y", "x"]) == ["2: x", "1: y"]
    assert copy.deepcopy(said).short == said.short  # as a worker's result is sent


# --- temporary files ---------------------------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("umask", "usual"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_temporary_file_is_its_owners_and_the_final_one_as_the_umask_says(
    umask: int, usual: int, tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "a.json") as temporary:
            temporary.write_text("{}")
            during = mode(temporary)
    finally:
        os.umask(before)
    assert (during, mode(tmp_path / "a.json")) == (0o600, usual)


def test_a_file_that_was_closed_to_others_stays_so(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one")
    (tmp_path / "a.txt").chmod(0o600)
    write_text(tmp_path / "a.txt", "two")
    assert mode(tmp_path / "a.txt") == 0o600


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_temporary_file_is_gone_whatever_happens(
    error: type[BaseException], tmp_path: Path
) -> None:
    def fail() -> None:
        with replacing(tmp_path / "a.json") as temporary:
            temporary.write_text("{}")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


_SLOW = """
import sys, time
from pathlib import Path
from deptool.interrupts import sigterm_ends_in_order
from deptool.tables import replacing

sigterm_ends_in_order()
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_sigterm_leaves_no_temporary_file(tmp_path: Path) -> None:
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    words = [sys.executable, "-c", _SLOW, str(tmp_path / "a.json")]
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_sigterm_waits_while_a_process_starts() -> None:
    from deptool.interrupts import sigterm_ends_in_order

    before = signal.getsignal(signal.SIGTERM)
    done = False

    def start() -> None:
        nonlocal done
        with ctrl_c_waits():
            signal.raise_signal(signal.SIGTERM)
            done = True

    try:
        sigterm_ends_in_order()
        with pytest.raises(SystemExit) as found:
            start()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done
    assert found.value.code == 143


def test_a_killed_embed_leaves_nothing_behind(tmp_path: Path) -> None:
    # Workers are ended in the midst of what they write; the parent takes that away.
    corpus: Corpus = make_tables_corpus(tmp_path / "toy", n_subjects=6, seconds=300.0)
    folder = corpus.root / "embeddings/behaviour"
    words = [sys.executable, "-m", "deptool.cli.main", "embed", "--corpus", str(corpus.root)]
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    with subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
        until = time.monotonic() + 60
        while not list(folder.glob("[!.]*.parquet")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
    assert code in (143, 0)  # 0 where it was quicker than we
    assert [p.name for p in folder.glob(".*.tmp*")] == []


def test_json_of_a_corpus_is_not_wider_than_before(tmp_path: Path) -> None:
    corpus = create_corpus(tmp_path / "c", "toy-1", {})
    (corpus.root / "corpus.json").chmod(0o640)
    write_json(corpus.root / "corpus.json", dict(corpus.about))
    assert mode(corpus.root / "corpus.json") == 0o640
