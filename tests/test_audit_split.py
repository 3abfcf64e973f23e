"""What a split gives away, and `deptool audit-split`."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from deptool.cli.main import app
from deptool.corpus import create_corpus, empty
from deptool.errors import DataError, UsageError
from deptool.schema import RECORDINGS
from deptool.split_audit import audit_split
from deptool.split_predictors import (
    PERSON_TRAIN,
    PERSON_TRAIN_DEV,
    TRAIN_MEAN,
    TRAIN_MEDIAN,
    Item,
    predictors,
)
from fixtures.avec_lists import make_avec_corpus, sessions


def make_corpus(root, *rows, scale="BDI-II"):
    """A corpus without frames: rows of (recording, person or None, session, split, score)."""
    corpus = create_corpus(root / "corpus", "none-1", {})
    same = {"n_frames": 0, "n_success": 0, "n_ambiguous": 0, "coverage": 0.0}
    same |= {"extractor": "none", "feature_set": "none-1", "status": "ok"}
    names = ("recording_id", "subject_id", "session_id", "split")
    about = [same | dict(zip(names, row[:4], strict=True)) for row in rows]
    corpus.write_recordings(pl.DataFrame(about, schema=empty(RECORDINGS).schema))
    scores = {row[2]: row[4] for row in rows if row[4] is not None}
    labels = [{"session_id": s, "scale": scale, "score": v} for s, v in scores.items()]
    corpus.write_labels(pl.DataFrame(labels, schema=empty_labels()))
    return corpus


def empty_labels():
    return {"session_id": pl.String, "scale": pl.String, "score": pl.Float32}


# A is in train (10) and in test (14), B in train (20) and dev (30), C in dev and test, D in test.
# B's dev session has two recordings.
SMALL = (
    *(("a1", "A", "sa1", "train", 10), ("b1", "B", "sb1", "train", 20)),
    *(("b2", "B", "sb2", "dev", 30), ("b3", "B", "sb2", "dev", 30), ("c1", "C", "sc1", "dev", 0)),
    *(("a2", "A", "sa2", "test", 14), ("c2", "C", "sc2", "test", 6), ("d1", "D", "sd1", "test", 9)),
)


def error(audit, predictor, split, unit="recording"):
    keys = {(p.predictor, p.split, p.unit): p for p in audit.predictors}
    found = keys[predictor, split, unit]
    return found.n, found.rmse, found.mae


@pytest.fixture(scope="module", params=["avec2013", "avec2014"])
def avec(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    return request.param, audit_split(make_avec_corpus(root / "corpus", request.param))


# The counts that are published about the official lists.
PERSONS = {"avec2013": (41, 43, 42, 82), "avec2014": (41, 43, 42, 83)}
SHARED = {"avec2013": (27, 10, 13), "avec2014": (26, 10, 12)}
KNOWN = {
    "avec2013": ((31, 50), (10, 50), (19, 50)),
    "avec2014": ((58, 100), (20, 100), (38, 100)),
}


def test_persons_of_the_avec_lists(avec):
    year, audit = avec
    assert [c.split for c in audit.counts] == ["train", "dev", "test", "all"]
    assert tuple(c.persons for c in audit.counts) == PERSONS[year]
    assert [c.sessions for c in audit.counts] == [50, 50, 50, 150]
    tasks = 1 if year == "avec2013" else 2
    assert [c.recordings for c in audit.counts] == [50 * tasks] * 3 + [150 * tasks]


def test_overlaps_of_the_avec_lists(avec):
    year, audit = avec
    assert tuple(p.persons for p in audit.pairs) == SHARED[year]
    assert [p.sessions for p in audit.pairs] == [0, 0, 0]
    assert tuple((k.recordings, k.of_recordings) for k in audit.known) == KNOWN[year]
    assert [(k.split, k.known_from) for k in audit.known] == [
        *(("dev", ("train",)), ("test", ("train",)), ("test", ("train", "dev"))),
    ]
    # 31 of 50 test sessions are of persons in neither train nor dev.
    assert audit.known[2].of_sessions - audit.known[2].sessions == 31


def test_scores_of_the_avec_lists(avec):
    _, audit = avec
    assert [round(c.mean, 1) for c in audit.counts[:3]] == [15.0, 15.7, 14.5]
    assert [c.high for c in audit.counts[:3]] == [44, 45, 43]
    assert round(audit.counts[2].sd, 2) == 11.48
    bands = {(b.split, b.band): b.sessions for b in audit.bands}
    assert [bands["test", band] for band in dict.fromkeys(b.band for b in audit.bands)] == [
        *(25, 10, 8, 7)
    ]
    assert {b.band for b in audit.bands} == {
        *("0 to 13 minimal", "14 to 19 mild", "20 to 28 moderate", "29 to 63 severe")
    }
    assert round(audit.pairs[1].difference, 1) == 6.2


def test_what_constants_and_identity_give_on_the_avec_lists(avec):
    year, audit = avec
    n = 50 if year == "avec2013" else 100

    def shown(predictor, split):
        count, *errors = error(audit, predictor, split)
        assert count == n
        return tuple(round(e, 2) for e in errors)

    assert shown(TRAIN_MEAN, "test") == (11.49, 9.62)
    assert shown(TRAIN_MEDIAN, "test") == (11.58, 9.54)
    assert shown(TRAIN_MEAN, "dev") == (11.94, 10.30)
    assert shown(TRAIN_MEDIAN, "dev") == (12.21, 10.22)
    assert shown(PERSON_TRAIN, "dev") == (8.74, 6.98)
    assert shown(PERSON_TRAIN, "test") == (10.81, 9.02)
    # Both tasks of a session are always in one part, so that sessions give the same numbers.
    units = {p.unit for p in audit.predictors}
    assert units == ({"recording"} if year == "avec2013" else {"recording", "session"})


def test_the_lists_hold_what_they_say():
    for year in PERSONS:
        rows = list(sessions(year))
        assert len({session for _, session, _, _ in rows}) == 150
        assert all(session.startswith(f"{person}_") for person, session, _, _ in rows)
        assert all(0 <= score <= 63 for *_, score in rows)


def test_overlaps_of_a_small_split(tmp_path):
    audit = audit_split(make_corpus(tmp_path, *SMALL))
    found = [(p.one, p.other, p.persons, p.n_pairs, p.difference) for p in audit.pairs]
    # B: |20 - 30|; A: |10 - 14|; C: |0 - 6|.
    assert found == [
        *(("train", "dev", 1, 1, 10), ("train", "test", 1, 1, 4), ("dev", "test", 1, 1, 6)),
    ]
    # Train and dev without B-B: |10 - 30|, |10 - 0|, |20 - 0|.
    assert audit.pairs[0].strangers == pytest.approx(50 / 3)
    # dev: b2 and b3 show B, in one of two sessions. test: a2 in train; c2 also in dev.
    known = [(k.recordings, k.of_recordings, k.sessions, k.of_sessions) for k in audit.known]
    assert known == [(2, 3, 1, 2), (1, 3, 1, 3), (2, 3, 2, 3)]
    assert audit.shared


def test_predictors_of_a_small_split_over_recordings_and_sessions(tmp_path):
    audit = audit_split(make_corpus(tmp_path, *SMALL))
    # Train mean (10 + 20) / 2 = 15; dev errors 15, 15, -15 over recordings, 15, -15 over sessions.
    assert error(audit, TRAIN_MEAN, "dev") == (3, 15, 15)
    assert error(audit, TRAIN_MEAN, "dev", "session") == (2, 15, 15)
    # B's own mean in train is 20: errors 10, 10 and, for C, 15.
    assert error(audit, PERSON_TRAIN, "dev")[2] == pytest.approx(35 / 3)
    assert error(audit, PERSON_TRAIN, "dev", "session") == (2, np.sqrt(325 / 2), 12.5)
    # A: 10 for 14; C and D get 15: errors 4, 9, 6.
    assert error(audit, PERSON_TRAIN, "test")[2] == pytest.approx(19 / 3)
    # With dev, C is known by 0: 6. D gets the mean of train and dev: over recordings
    # (10 + 20 + 30 + 30 + 0) / 5 = 18, error 9; over sessions 60 / 4 = 15, error 6.
    assert error(audit, PERSON_TRAIN_DEV, "test")[2] == pytest.approx((4 + 6 + 9) / 3)
    assert error(audit, PERSON_TRAIN_DEV, "test", "session")[2] == pytest.approx((4 + 6 + 6) / 3)


def test_a_persons_mean_is_over_sessions_and_not_over_recordings():
    train = [Item("A", "s1", 0), Item("A", "s1", 0), Item("A", "s1", 0), Item("A", "s2", 10)]
    found = predictors([{"train": train, "dev": [Item("A", "s3", 5)], "test": []}])
    assert {(p.predictor, p.unit): p.mae for p in found} == {
        # Over recordings the train mean is 2.5 and the median 0; over sessions both are 5.
        **{(TRAIN_MEAN, "recording"): 2.5, (TRAIN_MEDIAN, "recording"): 5},
        **{(TRAIN_MEAN, "session"): 0, (TRAIN_MEDIAN, "session"): 0},
        **{(PERSON_TRAIN, "recording"): 0, (PERSON_TRAIN, "session"): 0},
    }


def test_folds_are_pooled_and_keep_persons_apart(tmp_path):
    audit = audit_split(make_avec_corpus(tmp_path / "corpus", "avec2013"), protocol="group-kfold:5")
    assert audit.n_folds == 5
    assert not audit.shared
    assert [p.persons for p in audit.pairs] == [0, 0, 0]
    # Everybody is tested once; what a person's own mean would be is then only the train mean.
    assert {(p.predictor, p.n) for p in audit.predictors if p.split == "test"} == {
        *((TRAIN_MEAN, 150), (TRAIN_MEDIAN, 150)),
    }
    tests = [c for c in audit.counts if c.split == "test"]
    assert (sum(c.persons for c in tests), sum(c.sessions for c in tests)) == (82, 150)


def test_a_protocol_that_leaves_recordings_out_says_how_many(tmp_path):
    audit = audit_split(make_avec_corpus(tmp_path / "corpus"), protocol="clean")
    # 58 dev and 20 test recordings show a person who is in train.
    assert audit.n_in_no_part == 78
    assert [k.recordings for k in audit.known[:2]] == [0, 0]


def test_without_persons_the_rest_is_told(tmp_path):
    rows = [(r, None, *rest) for r, _, *rest in SMALL]
    audit = audit_split(make_corpus(tmp_path, *rows))
    assert audit.persons_unknown
    assert (audit.pairs, audit.known) == ((), ())
    assert [c.persons for c in audit.counts] == [None] * 4
    assert {p.predictor for p in audit.predictors} == {TRAIN_MEAN, TRAIN_MEDIAN}


def test_without_a_test_part_dev_is_told(tmp_path):
    audit = audit_split(make_corpus(tmp_path, *SMALL[:5]))
    assert {p.split for p in audit.predictors} == {"dev"}
    assert [k.split for k in audit.known] == ["dev"]
    assert (audit.counts[2].recordings, audit.counts[2].mean) == (0, None)


def test_recordings_without_a_score_are_left_out_and_counted(tmp_path):
    audit = audit_split(make_corpus(tmp_path, *SMALL, ("e1", "E", "se1", "test", None)))
    assert audit.n_unscored == 1
    assert audit.counts[2].recordings == 3


def test_what_cannot_be_audited_is_said(tmp_path):
    corpus = make_corpus(tmp_path, *SMALL)
    with pytest.raises(UsageError, match="unknown protocol"):
        audit_split(corpus, protocol="weekly")
    with pytest.raises(DataError, match="no scores on the scale 'PHQ-8'"):
        audit_split(corpus, scale="PHQ-8")
    nobody = corpus.labels().with_columns(session_id=pl.lit("gone_") + pl.col("session_id"))
    corpus.write_labels(nobody)
    with pytest.raises(DataError, match="no recording belongs to a session"):
        audit_split(corpus)


def test_the_verb_prints_tables_and_warns(tmp_path):
    corpus = make_avec_corpus(tmp_path / "corpus")
    done = CliRunner().invoke(app, ["audit-split", str(corpus.root)])
    assert done.exit_code == 0
    for said in ("58 of 100", "29 of 50", "20 to 28 moderate", "31 of 50", " 10.81 ", " 9.02 "):
        assert said in done.stdout, said
    assert "Persons are on two sides." in done.stderr


def test_the_verb_says_that_persons_cannot_be_seen(tmp_path):
    corpus = make_corpus(tmp_path, *((r, None, *rest) for r, _, *rest in SMALL))
    done = CliRunner().invoke(app, ["audit-split", str(corpus.root)])
    assert done.exit_code == 0
    assert "cannot be seen" in done.stderr
    assert "Nobody is on two sides" not in done.stdout


def test_json_is_the_whole_audit(tmp_path):
    corpus = make_corpus(tmp_path, *SMALL)
    done = CliRunner().invoke(app, ["audit-split", str(corpus.root), "--json"])
    assert json.loads(done.stdout) == json.loads(json.dumps(asdict(audit_split(corpus))))
