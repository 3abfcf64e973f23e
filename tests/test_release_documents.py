"""What lies beside the tables of a release: complete, the same each time, and telling of nobody."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from deptool.corpus import Corpus, open_corpus
from deptool.embeddings import Encoding, find_encoding, read_embedding
from deptool.errors import SchemaError, UsageError
from deptool.release_documents import look_at, write_documents
from deptool.schema import FRAMES
from deptool.tables import read_json, write_table
from fixtures.releases import make_raw, make_release, make_releases
from tests.conftest import corpus_files

DOCUMENTS = {
    *("README.md", "licences.md", "croissant.json", "ro-crate-metadata.json"),
    *(f"data_dictionary.{kind}" for kind in ("csv", "md")),
    *(f"{name}.{kind}" for name in ("quality", "processing_record") for kind in ("json", "md")),
}
LEVELS = ("shape", "dynamics", "summary")
NAME = "<script>|x\n# y"
TITLE = "<script>|x # y"  # a corpus's name has no line break

# What corpus.json of a release by another deptool could say, of weights that have terms.
ENTRY: dict[str, Any] = {
    "level": "shape",
    "settings": {},
    "common": {},
    "k_same": None,
    "key_id": "0123456789abcdef",
    "deptool_version": "0.0.7",
    "feature_set_before": "py-feat-1",
    "extraction": {"extractor": "py-feat", "fps": 6.0},
    "steps": [
        {"name": "a|b", "what": "<b>first</b>", "parameters": {"k": 5}},
        {"name": "second", "what": "Then this.", "parameters": {}},
    ],
    "left_out": {"tables of other faces": 40},
    "kept_attributes": [],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    """A raw corpus and a release at every level, with their documents."""
    corpora = make_releases(tmp_path_factory.mktemp("made"))
    for corpus in corpora.values():
        write_documents(corpus)
    return corpora


@pytest.fixture
def own(tmp_path: Path) -> Corpus:
    """A small corpus to change."""
    return make_raw(tmp_path / "own", n_subjects=2, seconds=4.0)


def dictionary(corpus: Corpus) -> list[dict[str, str]]:
    with (corpus.root / "data_dictionary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def texts(corpus: Corpus) -> dict[str, str]:
    return {name: (corpus.root / name).read_text(encoding="utf-8") for name in DOCUMENTS}


def rounding_of(corpus: Corpus) -> dict[str, str]:
    return {e["column"]: e["rounded_to"] for e in dictionary(corpus) if e["table"] == "frames"}


def test_what_is_rounded_beside_the_frames_is_told(made: dict[str, Corpus]) -> None:
    """`summary` keeps attributes here: age in tens, and vectors in two digits."""
    lines = {(e["table"], e["column"]): e for e in dictionary(made["summary"])}
    age, gender = lines["subjects", "age"], lines["subjects", "gender"]
    assert (age["rounded_to"], age["note"]) == ("10", "90.0 is that, or above")
    assert (gender["rounded_to"], gender["note"]) == ("", "")
    vectors = [e for (table, _), e in lines.items() if table == "embeddings summary"]
    for entry in vectors:
        of_vector = entry["column"].startswith("vector")
        assert entry["rounded_to"] == ("0.01" if of_vector else "")
        assert ("0 also where" in entry["note"]) == of_vector
    raw = {(e["table"], e["column"]): e for e in dictionary(made["raw"])}
    assert raw["subjects", "age"]["rounded_to"] == ""


def test_the_record_says_what_is_left_of_persons(made: dict[str, Corpus]) -> None:
    kept, not_kept = (
        (made[level].root / "processing_record.md").read_text(encoding="utf-8")
        for level in ("summary", "dynamics")
    )
    assert "| Gender and age | gender and age, as the steps say |" in kept
    assert "| Gender and age | not in the release |" in not_kept
    for text in (kept, not_kept):
        assert "| Scores, splits, names of tasks | as they were, where there are some |" in text


def column_notes(corpus: Corpus) -> dict[str, str]:
    return {e["column"]: e["note"] for e in dictionary(corpus) if e["table"] == "frames"}


@pytest.mark.parametrize("level", LEVELS)
def test_every_document_is_there_and_the_last_lists_the_others(
    made: dict[str, Corpus], level: str, tmp_path: Path
) -> None:
    again = make_release(made["raw"], tmp_path / level, level)
    written = write_documents(again)
    assert {path.name for path in written} == DOCUMENTS
    assert written[-1].name == "ro-crate-metadata.json"


def test_the_same_corpus_gives_the_same_bytes_wherever_it_lies(
    made: dict[str, Corpus], tmp_path: Path
) -> None:
    before = corpus_files(made["summary"].root)
    again = make_release(made["raw"], tmp_path / "summary", "summary", keep_attributes=True)
    write_documents(again)
    write_documents(again)  # over what is there already
    assert corpus_files(again.root) == before


def test_no_document_names_a_place_of_this_machine_or_a_day(made: dict[str, Corpus]) -> None:
    for corpus in made.values():
        for name, text in texts(corpus).items():
            assert str(corpus.root.parent) not in text, name
            assert not re.search(r"\b20\d\d-\d\d", text), name


def test_documents_name_nobody_but_the_list_of_files_does_its_files(
    made: dict[str, Corpus],
) -> None:
    for corpus in made.values():
        table = corpus.recordings()
        ids = {*table["recording_id"], *table["subject_id"], *table["session_id"]}
        for name, text in texts(corpus).items():
            if name != "ro-crate-metadata.json":
                assert not [id for id in ids if id in text], name


def test_nothing_promises_what_cannot_be_kept(made: dict[str, Corpus]) -> None:
    for corpus in made.values():
        assert not [n for n, text in texts(corpus).items() if "anonym" + "ous" in text.lower()]


@pytest.mark.parametrize("level", ["raw", *LEVELS])
def test_the_dictionary_has_the_columns_that_are_there_and_no_others(
    made: dict[str, Corpus], level: str
) -> None:
    root = made[level].root
    expected = set()
    for path in root.rglob("*.parquet"):
        place = path.relative_to(root)
        table = place.parts[0].removesuffix(".parquet")
        names = pq.read_schema(path).names
        expected |= {(table, name) for name in names if place.parts[0] != "embeddings"}
    found = [(e["table"], e["column"]) for e in dictionary(made[level])]
    assert set(found) - {f for f in found if f[0].startswith("embeddings")} == expected
    assert len(set(found)) == len(found)


def test_a_dictionary_entry_says_unit_range_missing_code_and_convention(
    made: dict[str, Corpus],
) -> None:
    entry = next(e for e in dictionary(made["dynamics"]) if e["column"] == "AU12_r")
    assert entry["unit"] == "0-5"
    assert entry["range"] == "0 to 5"
    assert entry["missing"] == "null"
    assert entry["convention"].startswith("FACS")
    assert "OpenFace 2" in entry["source"]
    frame = next(e for e in dictionary(made["dynamics"]) if e["column"] == "frame")
    assert frame["missing"] == "never missing"


def test_what_values_are_rounded_to_is_what_the_values_are_multiples_of(
    made: dict[str, Corpus],
) -> None:
    said = rounding_of(made["shape"])
    assert (said["x_0"], said["AU12_r"], said["AU12_c"], said["success"]) == ("0.5", "0.1", "", "")
    name = made["shape"].recordings()["recording_id"][0]
    table = made["shape"].frames(name)
    for column in ("x_0", "AU12_r"):
        steps = table[column].drop_nulls().cast(pl.Float64) / float(said[column])
        assert len(steps)
        assert ((steps - steps.round()).abs() < 1e-3).all()
    assert set(rounding_of(made["raw"]).values()) == {""}


def test_empty_columns_and_what_a_release_did_to_a_column_are_noted(
    made: dict[str, Corpus],
) -> None:
    raw, shape = column_notes(made["raw"]), column_notes(made["shape"])
    assert raw["AU28_c"] == shape["face_x"] == "no value in any row"  # see fixtures/tables.py
    assert raw["face_x"] == raw["AU12_r"] == shape["AU12_r"] == ""
    assert shape["timestamp"] == "counted anew in the recording"
    assert column_notes(made["summary"])["timestamp"] == "where the window begins"
    landmark = next(e for e in dictionary(made["shape"]) if e["column"] == "y_67")
    assert "in a square of 512 px" in landmark["convention"]


def test_the_numbers_of_a_summary_are_named_one_by_one(made: dict[str, Corpus]) -> None:
    folder = made["summary"].root / "embeddings" / "summary"
    encoding = find_encoding(folder)
    assert isinstance(encoding, Encoding)
    entries = [e for e in dictionary(made["summary"]) if e["column"].startswith("vector")]
    assert [e["column"] for e in entries] == [f"vector[{i}]" for i in range(encoding.dimension)]
    # One more number than the frames table tells: the mean of AU12_r, found by its value.
    at = next(
        i for i, e in enumerate(entries) if e["meaning"].startswith("mean in the window of AU12_r:")
    )
    name = made["summary"].recordings()["recording_id"][0]
    means = made["summary"].frames(name)["AU12_r"]
    vectors = read_embedding(folder / f"{name}.parquet").vectors[:, at]
    assert [round(float(v), 1) for v in vectors] == [round(m, 1) for m in means]
    share = next(e for e in entries if e["meaning"].startswith("share"))
    assert (share["unit"], share["range"]) == ("1", "0 to 1")


def test_a_table_with_a_group_that_others_lack_is_said(own: Corpus) -> None:
    name = own.recordings()["recording_id"][0]
    gaze = [c.name for c in FRAMES.group("gaze")]
    table = own.frames(name).with_columns(pl.lit(0.0, pl.Float32).alias(c) for c in gaze)
    write_table(own.frames_path(name), FRAMES, table)
    write_documents(own)
    assert column_notes(own)["gaze_0_x"] == "not in every file"


def test_quality_counts_and_leaves_out_what_was_taken_out(made: dict[str, Corpus]) -> None:
    raw = read_json(made["raw"].root / "quality.json")
    found: Any = read_json(made["shape"].root / "quality.json")
    assert found["counts"] == {
        **{"recordings": 6, "sessions": 6, "persons": 6, "recordings without a person": 0}
    }
    # Of every four subjects two are in train, one in dev and one in test: 6 are 4, 1 and 1.
    assert found["recordings_by_split"] == {"dev": 1, "test": 1, "train": 4}
    assert (
        found["recordings_by_coverage"]["0.9 to 1"] + found["recordings_by_coverage"]["0.7 to 0.9"]
        == 6
    )
    assert {"face_px", "several_faces"} <= {m["name"] for m in raw["measures"]}  # type: ignore[attr-defined]
    assert not {"face_px", "several_faces", "outside"} & {m["name"] for m in found["measures"]}
    assert found["problems"] == []


def test_the_rate_of_a_summary_is_no_fault(made: dict[str, Corpus]) -> None:
    found: Any = read_json(made["summary"].root / "quality.json")
    fps = next(m for m in found["measures"] if m["name"] == "fps")
    assert fps["p50"] == pytest.approx(1 / 5, abs=1e-3)  # one row per window of 5 s
    assert fps["n_marked"] == 0


def test_quantiles_of_few_recordings_are_not_told(own: Corpus) -> None:
    write_documents(own)
    found: Any = read_json(own.root / "quality.json")
    coverage = next(m for m in found["measures"] if m["name"] == "coverage")
    assert (coverage["n"], coverage["p10"], coverage["p50"], coverage["p90"]) == (
        2,
        None,
        None,
        None,
    )


def test_a_broken_table_is_an_error_and_nothing_is_written(own: Corpus) -> None:
    own.frames_path("s000_0").write_bytes(b"no table")
    with pytest.raises(SchemaError):
        write_documents(own)
    assert not (own.root / "README.md").exists()


def test_the_record_has_every_step_in_order_with_its_numbers(made: dict[str, Corpus]) -> None:
    for level in LEVELS:
        about: Any = made[level].about["release"]
        record: Any = read_json(made[level].root / "processing_record.json")
        assert record["release"]["steps"] == about["steps"]
        assert record["release"]["left_out"] == about["left_out"]
        assert record["tool"]["version"] == about["deptool_version"]
        text = (made[level].root / "processing_record.md").read_text(encoding="utf-8")
        places = [text.index(f"| {n} | {s['name']} |") for n, s in enumerate(about["steps"], 1)]
        assert places == sorted(places)
        assert "pseudonymised data stay personal data" in text


def test_weights_and_their_licences_are_those_of_the_extractor_before(own: Corpus) -> None:
    write_documents(own.with_about({"release": ENTRY, "licence": "Terms of the study"}))
    record: Any = read_json(own.root / "processing_record.json")
    assert record["extraction"]["extractor"] == "py-feat"
    assert record["extraction"]["settings"] == {"extractor": "py-feat", "fps": 6.0}
    assert len(record["extraction"]["weights"]) == 4  # see extractors/py_feat.py
    text = (own.root / "licences.md").read_text(encoding="utf-8")
    assert "non-commercial research" in text
    assert "| these tables | Terms of the study |" in text


def test_features_of_others_and_a_licence_that_is_not_stated_are_said(
    made: dict[str, Corpus],
) -> None:
    text = (made["shape"].root / "licences.md").read_text(encoding="utf-8")
    assert "| these tables | not stated: ask whoever released it |" in text
    assert "not made by an extractor of deptool" in text


def test_a_corpus_that_is_no_release_gets_documents_that_say_less(made: dict[str, Corpus]) -> None:
    found = texts(made["raw"])
    assert "release" not in read_json(made["raw"].root / "processing_record.json")
    assert "at the level" not in found["README.md"]
    assert "This is a release at the level shape" in texts(made["shape"])["README.md"]
    assert "pixels dropped" in found["processing_record.md"]


def test_the_readme_names_documents_that_are_there_and_the_audit_if_it_is(own: Corpus) -> None:
    own = own.with_about({"release": ENTRY})
    write_documents(own)
    text = (own.root / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^- `([^`]+)`", text, re.M)
    assert all((own.root / name).is_file() for name in named)
    assert "was not measured" in text
    (own.root / "audit.json").write_text("{}")
    write_documents(own)
    text = (own.root / "README.md").read_text(encoding="utf-8")
    assert "- `audit.json`: how well" in text
    assert "was not measured" not in text


def test_the_lines_of_the_readme_read_the_tables(
    made: dict[str, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (made["dynamics"].root / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.S)[0]
    monkeypatch.chdir(made["dynamics"].root)
    found: dict[str, Any] = {}
    exec(code, found)
    assert len(found["recordings"]) == 6
    assert "AU12_r" in found["frames"].columns


def test_a_synthetic_corpus_is_said_to_be(own: Corpus) -> None:
    write_documents(own.with_about({"synthetic": True}))
    for name in ("README.md", "quality.md", "processing_record.md"):
        assert "no person was recorded" in (own.root / name).read_text(encoding="utf-8")
    croissant: Any = read_json(own.root / "croissant.json")
    assert croissant["rai:personalSensitiveInformation"] == ["None: no person was recorded."]


def test_a_hostile_name_breaks_no_page(own: Corpus) -> None:
    more = {"name": TITLE, "licence": NAME, "release": {**ENTRY, "level": NAME}}
    write_documents(open_corpus(own.with_about(more).root))
    for name, text in texts(own).items():
        if name.endswith(".md"):
            # A `<` that is not escaped begins HTML; tables have as many cells in every line.
            assert not re.search(r"(?<!\\)<(script|b)", text), name
            assert "\n# y" not in text, name
            for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
                cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
                assert len(cells) == 1, name
        elif "cr" in name:  # Croissant and RO-Crate, which web pages embed
            assert "<" not in text, name
    assert read_json(own.root / "croissant.json")["name"] == TITLE


@pytest.mark.parametrize(
    "wrong", [{"release": 3}, {"release": {**ENTRY, "steps": [{"name": "x"}]}}]
)
def test_an_entry_that_no_release_wrote_is_an_error(own: Corpus, wrong: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="cannot be read"):
        write_documents(own.with_about(wrong))


def test_what_was_found_before_the_tables_are_encrypted_is_told_after(own: Corpus) -> None:
    write_documents(own)
    before = texts(own)
    findings = look_at(own)
    table = own.root / "recordings.parquet"
    table.write_bytes(b"PARE, and what only its key opens")
    write_documents(own, findings)
    after = texts(own)
    for name in ("data_dictionary.csv", "quality.json", "licences.md"):
        assert after[name] == before[name]
    assert '"encrypted": true' in after["processing_record.json"]
    assert "The tables are encrypted" in after["README.md"]
    assert "read_parquet" not in after["README.md"]
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    assert sha256 in after["croissant.json"]
    assert sha256 in after["ro-crate-metadata.json"]


@pytest.mark.parametrize("day", ["2026", "31.01.2026", "2026-02-30", "20260131"])
def test_what_is_no_day_is_refused(own: Corpus, day: str) -> None:
    with pytest.raises(UsageError, match="is no day"):
        write_documents(own, published=day)
