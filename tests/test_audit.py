"""`deptool audit`: who is found again in a corpus and in a release of it."""

import json
import math
import re
import tempfile
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from deptool.attribute_inference import SHUFFLES, areas, determinations, infer
from deptool.audit import audit_corpus
from deptool.audit_html import to_html, write_audit
from deptool.audit_limits import broken, parse_limit
from deptool.audit_notes import notes, warnings
from deptool.audit_pairs import halves, pair
from deptool.audit_result import Inference
from deptool.audit_sheets import sheets
from deptool.audit_utility import require_utility
from deptool.audit_words import findings, odd_controls, summary
from deptool.bootstrap import Estimate, Interval
from deptool.cli.main import app
from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError, InputError, SchemaError, UsageError
from deptool.identification import Outcome
from deptool.key_file import new_key
from deptool.release import release_corpus, settings_of
from deptool.tables import write_json
from tests.attacks.cohorts import PERSONS, cohort, samples

EVIL = "<script>alert(1)</script>"
FACES = ("static-shape", "dynamics-summary", "sequence-embedding")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A cohort whose persons show, its release at level shape, and the key."""
    root = tmp_path_factory.mktemp("audit")
    cohort(root / "synthetic", 0.95, dropouts=4.0)
    key = new_key(root / "key")
    release_corpus(root / "synthetic", root / "shape", settings_of("shape"), key, audited=False)
    return root


@pytest.fixture(scope="module")
def key(place):
    from deptool.key_file import read_key

    return read_key(place / "key")


@pytest.fixture(scope="module")
def both(place, key):
    """The audit of the release beside the raw corpus, with all there is."""
    return audit_corpus(place / "shape", place / "synthetic", key)


@pytest.fixture(scope="module")
def quick(place):
    """The audit of the raw corpus by its metadata alone."""
    return audit_corpus(place / "synthetic", utility="none", attacks=["metadata"])


def one(audit, attack, side, matcher="nearest"):
    found = [o for o in audit.of(side) if (o.attack, o.matcher) == (attack, matcher)]
    assert len(found) == 1
    return found[0]


def copy(place, root, rows=None, **about) -> Corpus:
    """The raw corpus again with another recordings table or corpus.json; frames are linked."""
    raw = open_corpus(place / "synthetic")
    root.mkdir()
    (root / "frames").symlink_to(raw.root / "frames")
    write_json(root / "corpus.json", {**raw.about, **about})
    made = open_corpus(root)
    made.write_recordings(raw.recordings() if rows is None else rows)
    return made


def test_the_raw_side_finds_nearly_everyone(both):
    assert max(one(both, "static-shape", "raw", m).rank_1.value for m in ("nearest", "LDA")) > 0.9
    assert one(both, "sequence-embedding", "raw").rank_1.value > 0.6


def test_the_shape_level_takes_the_static_attack_and_leaves_the_dynamics(both):
    for matcher in ("nearest", "LDA"):
        static = one(both, "static-shape", "released", matcher).rank_1
        assert static.interval.low <= 2 / PERSONS
        assert static.value < 0.5
    assert one(both, "dynamics-summary", "released", "LDA").rank_1.value > 0.5


def test_a_known_video_is_found_in_the_release(both):
    found = one(both, "known-video", "released")
    assert found.rank_1.value == 1
    assert (found.n_candidates, found.n_persons) == (2 * PERSONS, PERSONS)
    assert not [o for o in both.of("raw") if o.attack.startswith("known")]


def test_the_control_is_at_chance(both):
    # By chance each probe's rank is uniform: SD 0.289 (1 / sqrt 12) of one, less of their mean.
    # Four SDs are allowed; rank-1 is 6 of 14 or more in one of 2,000 shuffles.
    for outcome in both.of("control"):
        deviation = 0.289 / math.sqrt(PERSONS * outcome.n_shuffles)
        assert outcome.auc.value == pytest.approx(0.5, abs=4 * deviation)
        assert outcome.rank_1.value < 0.4
        assert outcome.n_shuffles >= 1
        assert outcome.worst == ()


def test_utility_and_attributes_stand_beside(both):
    assert {(u.side, u.model) for u in both.utilities} == {
        (side, model) for side in ("raw", "released") for model in ("ridge", "constant")
    }
    assert all(u.n == 2 * PERSONS for u in both.utilities)
    # 14 persons are too few for attributes, and that is said.
    assert {i.why for i in both.inferences if i.attribute == "age"} == {
        "age is known of 14 persons, and less than 20 say nothing"
    }


def test_persons_of_a_release_are_named_by_their_pseudonyms_alone(both):
    raw = {f"P{n:04d}" for n in range(PERSONS + 1)}
    for outcome in both.of("released"):
        assert not raw & {name for name, _ in outcome.worst}


def test_what_goes_with_a_release_names_nobody(both, tmp_path):
    write_audit(both, tmp_path)
    for name in ("audit.json", "audit.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert not re.search(r"\bP00\d\d", text)
        assert not any(who in text for o in both.of("released") for who, _ in o.worst)
        assert "the raw corpus" in text
        assert "synthetic-" not in text


def test_the_same_seed_gives_the_same_audit(place, key):
    one, other = (
        audit_corpus(
            *(place / "shape", place / "synthetic", key),
            **{"utility": "none", "attacks": ["metadata", "known-metadata"], "seed": 5},
        )
        for _ in range(2)
    )
    assert one == other


def test_nothing_is_left_in_the_temporary_folder(place, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    audit = audit_corpus(place / "synthetic", attacks=["metadata"], utility="constant")
    assert audit.utilities
    assert list(tmp_path.iterdir()) == []


def test_without_the_key_raw_stands_beside_and_that_is_said(place):
    audit = audit_corpus(
        place / "shape", place / "synthetic", utility="none", attacks=["metadata", "known-video"]
    )
    assert one(audit, "metadata", "raw").rank_1.value is not None
    assert "--key-file" in one(audit, "known-video", "released").why
    assert any("not linked: whether they are the same" in note for note in audit.notes)
    assert "not asked for" in audit.inference_why


@pytest.mark.parametrize(("level", "words"), [("dynamics", []), ("summary", ["window_s=3"])])
def test_other_levels_are_attacked_or_it_is_said_why_not(place, key, tmp_path, level, words):
    release_corpus(
        place / "synthetic", tmp_path / level, settings_of(level, words), key, audited=False
    )
    names = ["static-shape", "dynamics-summary", "known-video"]
    audit = audit_corpus(tmp_path / level, place / "synthetic", key, utility="none", attacks=names)
    assert "landmarks" in one(audit, "static-shape", "released").why
    assert one(audit, "static-shape", "released").why == "released tables have no landmarks"
    assert one(audit, "dynamics-summary", "released").rank_1.value > 2 / PERSONS
    assert one(audit, "known-video", "released").rank_1.value == 1


def test_windows_that_are_too_few_are_the_reason_and_no_columns(place, key, tmp_path):
    # 30 s in windows of 10 s are 3 rows, and the sequence attack needs 8.
    settings = settings_of("summary", ["window_s=10"])
    release_corpus(place / "synthetic", tmp_path / "few", settings, key, audited=False)
    audit = audit_corpus(tmp_path / "few", utility="none", attacks=["sequence-embedding"])
    why = one(audit, "sequence-embedding", "released").why
    assert why.startswith("a recording needs 8 rows with action units")
    assert why.endswith("none has so many")


def test_one_session_a_person_is_cut_into_halves(place, tmp_path):
    rows = open_corpus(place / "synthetic").recordings()
    first = rows.filter(pl.col("session_id").str.ends_with("_1"))
    copy(place, tmp_path / "one", first)
    audit = audit_corpus(tmp_path / "one", utility="none", attacks=["static-shape"])
    assert "halves" in audit.pairing
    assert "favours the attacker" in audit.pairing
    assert one(audit, "static-shape", "raw").rank_1.value > 0.8
    assert one(audit, "static-shape", "raw").n_probes == PERSONS


def test_halves_do_not_touch_and_begin_at_zero(place):
    sample = samples(open_corpus(place / "synthetic"), 1)[0]
    parts = halves(sample)
    # 30 s at 6 rows a second, the last at 29.83 s; the gap is 2.98 s, so 13.42 s each: 81 rows.
    assert [len(part.table) for part in parts] == [81, 81]
    assert [part.table["timestamp"][0] for part in parts] == [0, 0]
    assert not set(parts[0].table["frame"]) & set(parts[1].table["frame"])
    assert parts[0].recording["n_frames"] == 81
    assert parts[0].recording["duration_s"] == pytest.approx(80 / 6, abs=1e-3)


def test_the_first_session_is_the_gallery():
    rows = [
        {"recording_id": f"{p}{s}{t}", "subject_id": p, "session_id": f"{p}{s}"}
        for p in "ab"
        for s in "21"
        for t in "xy"
    ]
    found = pair(rows)
    assert found.gallery == {"a1x", "a1y", "b1x", "b1y"}
    assert found.probes == {"a2x", "a2y", "b2x", "b2y"}
    # By another name of the sessions, as of a release in its raw corpus.
    turned = pair(rows, {"a1": "9", "a2": "3", "b1": "1", "b2": "2"})
    assert turned.gallery == {"a2x", "a2y", "b1x", "b1y"}
    assert pair([row for row in rows if row["session_id"] != "b2"]).halves is False
    assert pair([*rows, *({**r, "subject_id": c} for r in rows[:1] for c in "cdef")]).halves


def test_persons_who_are_not_known_are_refused(place, tmp_path):
    rows = open_corpus(place / "synthetic").recordings()
    copy(place, tmp_path / "who", rows.with_columns(pl.lit(None, pl.String).alias("subject_id")))
    with pytest.raises(DataError, match="does not say who"):
        audit_corpus(tmp_path / "who")
    copy(place, tmp_path / "one", rows.with_columns(pl.lit("P1").alias("subject_id")))
    with pytest.raises(DataError, match="of one person"):
        audit_corpus(tmp_path / "one")
    copy(place, tmp_path / "none", rows.with_columns(n_success=pl.lit(0, pl.Int64)))
    with pytest.raises(DataError, match="no recording has a row with a measured face"):
        audit_corpus(tmp_path / "none")


def test_why_there_is_no_audit_can_be_read_alone(place, tmp_path):
    # As the release verb says it: "There is no audit: " and what was wrong.
    rows = open_corpus(place / "synthetic").recordings()
    one = pl.lit("P1").alias("subject_id")
    copy(place, tmp_path / "one", rows.head(1).with_columns(one))
    copy(place, tmp_path / "two", rows.head(2).with_columns(one))
    with pytest.raises(DataError) as found:
        audit_corpus(tmp_path / "one")
    assert found.value.what.startswith("the only recording with measured rows")
    with pytest.raises(DataError) as found:
        audit_corpus(tmp_path / "two")
    assert found.value.what.startswith("all 2 recordings with measured rows")


def test_what_is_no_corpus_or_has_lost_its_tables_is_refused(place, tmp_path):
    with pytest.raises(InputError):
        audit_corpus(tmp_path)
    made = copy(place, tmp_path / "lost")
    (made.root / "frames").unlink()
    with pytest.raises(InputError, match="no such table"):
        audit_corpus(made.root, utility="none", attacks=["metadata"])
    copy(place, tmp_path / "odd", release={"level": 3})
    with pytest.raises(SchemaError, match="release"):
        audit_corpus(tmp_path / "odd")


def test_a_wrong_key_and_the_wrong_order_are_refused(place, key, tmp_path):
    with pytest.raises(DataError, match="another key"):
        audit_corpus(place / "shape", place / "synthetic", new_key(tmp_path / "key"))
    with pytest.raises(UsageError, match="no release"):
        audit_corpus(place / "synthetic", place / "shape", key)
    with pytest.raises(UsageError, match="release itself"):
        audit_corpus(place / "shape", place / "shape", key)
    with pytest.raises(UsageError, match="links a release"):
        audit_corpus(place / "shape", None, key)
    with pytest.raises(UsageError, match="no attack named"):
        audit_corpus(place / "shape", attacks=["telepathy"])


def test_a_release_of_another_corpus_is_refused(place, key, tmp_path):
    rows = open_corpus(place / "synthetic").recordings()
    other = rows.with_columns(pl.col("recording_id") + "x")
    copy(place, tmp_path / "other", other)
    with pytest.raises(DataError, match="no recording of the release"):
        audit_corpus(place / "shape", tmp_path / "other", key)


def test_a_release_of_which_some_recordings_link_is_doubted(place, key, tmp_path):
    # Another corpus with ids such as demo-001: by accident 8 of 28 are the same.
    rows = open_corpus(place / "synthetic").recordings()
    copy(place, tmp_path / "toy", rows.head(8))
    words = ["audit", str(place / "shape"), "--against", str(tmp_path / "toy"), "--key-file"]
    words += [str(place / "key"), "--attack", "known-video", "--utility", "none"]
    page = tmp_path / "audit.html"
    shown = CliRunner().invoke(app, [*words, "--html", str(page)])
    assert shown.exit_code == 0, shown.output
    said = "Only 8 of the release's 28 recordings are in the raw corpus"
    assert said in shown.stdout
    assert shown.stdout.index(said) < shown.stdout.index("Who holds the video")
    assert said in page.read_text(encoding="utf-8").replace("&#x27;", "'")
    held = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert said in held["warnings"][0]


def test_a_corpus_that_has_grown_since_links_all(place, key, tmp_path):
    rows = open_corpus(place / "synthetic").recordings()
    small = copy(place, tmp_path / "small", rows.head(20), synthetic=False)
    release_corpus(small.root, tmp_path / "out", settings_of("shape"), key, audited=False)
    audit = audit_corpus(
        *(tmp_path / "out", place / "synthetic", key), utility="none", attacks=["known-video"]
    )
    assert audit.warnings == ()


@pytest.mark.parametrize("linked", [True, False])
def test_a_raw_corpus_of_other_features_is_refused(place, key, tmp_path, linked):
    copy(place, tmp_path / "toy", feature_set="mediapipe-1")
    with pytest.raises(DataError, match=r"feature set .*, and --against names one of mediapipe-1"):
        audit_corpus(
            *(place / "shape", tmp_path / "toy", key if linked else None),
            **{"utility": "none", "attacks": ["metadata"]},
        )


def test_names_from_data_are_harmless_on_the_page(place, tmp_path):
    rows = open_corpus(place / "synthetic").recordings()
    rows = rows.with_columns(pl.lit(EVIL).add(pl.col("subject_id")).alias("subject_id"))
    copy(place, tmp_path / "evil", rows, name=f"demo{EVIL}")
    audit = audit_corpus(tmp_path / "evil", utility="none", attacks=["static-shape"])
    assert any(name.startswith(EVIL) for name, _ in one(audit, "static-shape", "raw").worst)
    text = to_html(audit)
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;P0001" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;P0001" not in to_html(audit.without_ids())
    assert text.count("<script") == text.count("</script>") == 1
    shown = CliRunner().invoke(app, ["audit", str(tmp_path / "evil"), "--attack", "metadata"])
    assert shown.exit_code == 0


def test_the_page_holds_curves_and_asks_for_nothing(both):
    text = to_html(both)
    played = {(o.attack, o.matcher) for o in both.outcomes if o.cmc}
    assert text.count("<svg") == len(played) == 8
    assert "default-src 'none'" in text
    assert not re.search(r"<(script|img|link|iframe)[^>]*\b(src|href)=", text)
    assert to_html(both) == text
    assert "A failed attack proves nothing" in text


def test_an_attack_that_was_not_played_has_its_reason_on_the_page(both):
    why = Outcome("static-shape", "LDA", "released", why="there is <nothing>")
    text = to_html(replace(both, outcomes=(why,), inferences=(), utilities=()))
    assert "there is &lt;nothing&gt;" in text
    assert "No attack could be played" in text


def outcome(attack, side, share, low, **more):
    """One that finds a share of 8 probes among 8, with an interval from `low` to 1."""
    interval = None if low is None else Interval(low, 1.0, 8, "person")
    told = {"chance_1": 0.125, "rank_1": Estimate(share, interval), "n_persons": 8} | more
    return Outcome(attack, "nearest", side, 8, 8, **told)


def test_what_is_found_is_said_beside_guessing_and_only_where_it_is_more(both):
    found = outcome("metadata", "released", 0.5, 0.2)
    known = outcome("known-metadata", "released", 1.0, 0.6)
    said = findings(replace(both, outcomes=(found, known), warnings=()))
    assert said == [
        "On the released side metadata (nearest) finds 50 % [20, 100] of 8 probes among 8 persons"
        " at rank 1; guessing finds 12.5 %.",
        "Who knows the length and the gaps of a recording finds it in the release: known-metadata"
        " finds 100 % [60, 100] of 8 recordings among 8; guessing finds 12.5 %.",
    ]
    for low in (0.1, 0.0, None):
        found = outcome("metadata", "released", 0.125, low)
        known = outcome("known-metadata", "released", 0.125, low)
        one, other = findings(replace(both, outcomes=(found, known), warnings=()))
        assert "no attack was shown to find persons beyond guessing" in one
        assert "guessing finds 12.5 %" in one
        assert "was not shown to find it beyond guessing" in other
        assert "guessing finds 12.5 %" in other


def test_an_attack_that_works_is_stronger_than_a_higher_number_that_does_not(both):
    found = outcome("metadata", "released", 0.4, 0.1), outcome("static-shape", "released", 0.3, 0.2)
    said = findings(replace(both, outcomes=found, warnings=()))
    assert "static-shape (nearest) finds 30 %" in said[0]


def test_one_of_a_thing_is_said_as_one(quick):
    few = replace(outcome("metadata", "raw", 1.0, None), n_probes=1, n_candidates=2, chance_1=0.5)
    audit = replace(quick, outcomes=(few,), n_recordings=1, n_persons=2)
    assert "of 1 probe among 2 persons" in findings(audit)[0]
    assert summary(audit).startswith("1 recording of 2 persons")
    corpus = Corpus(None, {"name": "x", "feature_set": "y"})
    said = " ".join(notes_of(audit, corpus))
    assert "at 2 persons chance is 50 %, at 200 it is 0.5 %" in said
    assert "who is in them: 1 recording." in said


def notes_of(audit, corpus):
    from deptool import audit_notes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_notes, "_caches", lambda _corpus: [])
        return notes(audit, corpus, False, 1, 0)


def test_the_page_of_some_may_not_lie_with_what_is_shared(place):
    words = ["audit", str(place / "shape"), "--attack", "metadata", "--utility", "none"]
    for folder in ("shape", "shape/frames", "synthetic"):
        file = place / folder / "audit.html"
        done = CliRunner().invoke(app, [*words, "--html", str(file)])
        assert isinstance(done.exception, UsageError), done.output
        assert "must not lie in a corpus" in done.exception.what
        assert done.stdout == ""
        assert not file.exists()


def test_an_interrupted_audit_says_so(place, monkeypatch):
    def interrupted(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("deptool.audit.audit_corpus", interrupted)
    done = CliRunner().invoke(app, ["audit", str(place / "synthetic")])
    assert done.exit_code == 130
    assert "Interrupted. Nothing was written." in done.stderr


def test_a_model_that_is_none_is_refused_before_any_work(tmp_path):
    with pytest.raises(UsageError, match="no model named 'foo'"):
        audit_corpus(tmp_path / "nothing", utility="foo")
    with pytest.raises(UsageError, match="no model"):
        require_utility("ridgee")
    require_utility("none")
    require_utility("ridge")


def test_the_constant_is_shown_once_and_the_same_on_both_sides(place, key, tmp_path):
    # No two persons have one score, so that persons are dealt to folds alike under any names.
    labels = open_corpus(place / "synthetic").labels().sort("session_id")
    place_of = pl.int_range(pl.len(), dtype=pl.Int64).cast(labels["score"].dtype)
    raw = copy(place, tmp_path / "raw", synthetic=False)
    raw.write_labels(labels.with_columns(place_of.alias("score")))
    release_corpus(raw.root, tmp_path / "out", settings_of("shape"), key, audited=False)
    audit = audit_corpus(
        tmp_path / "out", raw.root, key, utility="constant", attacks=["known-metadata"]
    )
    one, other = audit.utilities
    assert (one.side, one.model, other.side, other.model) == (
        *("raw", "constant"),
        *("released", "constant"),
    )
    assert one.rmse.interval == other.rmse.interval


def test_only_persons_who_are_found_beyond_guessing_are_named(both, quick):
    named = [o for o in both.outcomes if o.worst]
    assert named
    for o in named:
        assert o.works
        assert all(share > o.chance_1 for _, share in o.worst)
        assert o.n_easy >= len(o.worst)
    assert all(not o.worst for o in both.outcomes if not o.works)
    easy = outcome("metadata", "raw", 0.9, 0.6, worst=(("P1", 1.0), ("P2", 0.5)), n_easy=7)
    (table,) = [
        s
        for s in sheets(replace(quick, outcomes=(easy,)))
        if s.title == "Persons who are found most easily"
    ]
    assert table.lines[0].cells[3] == "P1, P2 and 5 more"


def test_a_reason_is_that_of_a_side(both):
    why = "released tables have no landmarks"
    each = (
        outcome("static-shape", "raw", 1.0, 0.6),
        Outcome("static-shape", "nearest", "released", why=why),
    )
    table = sheets(replace(both, outcomes=each))[0]
    assert [text for _, text in table.footnotes] == [f"Not played on the released side: {why}."]


def test_a_legend_says_what_is_in_brackets_and_why_some_are_missing(quick):
    def legend(o):
        return sheets(replace(quick, outcomes=(o,)))[0].caption

    assert "In brackets" in legend(outcome("metadata", "raw", 0.5, 0.2))
    assert "Clopper" not in legend(outcome("metadata", "raw", 0.5, 0.2))
    assert "Clopper and Pearson" in legend(outcome("metadata", "raw", 1.0, 0.6))
    narrow = Estimate(0.998, Interval(0.996, 0.999, 30, "person"))
    assert "narrower" in legend(replace(outcome("metadata", "raw", 0, 0), rank_1=narrow))
    assert "narrower" not in legend(outcome("metadata", "raw", 0.5, 0.2))
    tied = legend(outcome("metadata", "raw", 0.125, None))
    assert "In brackets" not in tied
    assert "every resample" in tied
    few = outcome("metadata", "raw", 1.0, None)
    few = replace(few, rank_1=Estimate(1.0, Interval(0.2, 1.0, 2, "person")))
    assert "In brackets" not in legend(few)
    assert "fewer than 5 persons" in legend(few)


@pytest.mark.parametrize(
    ("text", "name"),
    [("rank1>0.2", None), ("static_shape.auc >= 0.5", "static-shape"), ("eer<0.1", None)],
)
def test_limits_are_read(text, name):
    assert parse_limit(text).attack == name


@pytest.mark.parametrize(
    "text",
    ["rank1", "rank2>0.1", "rank1>x", "rank1>1.5", "rank1>nan", "telepathy.auc>0.6", "rank1=1"],
)
def test_nonsense_is_no_limit(text):
    with pytest.raises(UsageError):
        parse_limit(text)


def test_limits_are_held_against_the_released_side(both):
    # On the raw side the shape finds nearly all, on the released side it does not.
    assert broken(both, [parse_limit("static-shape.rank1>0.6")]) == []
    found = broken(both, [parse_limit("dynamics-summary.rank1>0.01")])
    assert "dynamics-summary (nearest) has rank1" in found[0].what
    assert "released side" in found[0].what


@pytest.mark.parametrize(
    ("text", "share", "advice"),
    [
        ("rank1>0.2", 0.5, "stronger level"),
        ("eer<0.3", 0.1, "stronger level"),
        ("eer<=0.3", 0.1, "stronger level"),
        ("rank1<0.2", 0.1, "higher rank1 is more risk"),
        ("eer>=0.3", 0.4, "turn the sign: eer<=0.3"),
    ],
)
def test_the_advice_on_a_broken_limit_is_true_for_either_sign(both, text, share, advice):
    found = outcome("metadata", "released", share, 0.0, eer=Estimate(share))
    (error,) = broken(replace(both, outcomes=(found,)), [parse_limit(text)])
    assert advice in error.fix


def test_the_help_and_the_errors_know_of_low_errors():
    with pytest.raises(UsageError) as found:
        parse_limit("eer=0.3")
    assert "eer<0.3" in found.value.fix
    assert "NAME<NUMBER" in found.value.what
    shown = CliRunner().invoke(app, ["audit", "--help"], env={"COLUMNS": "200"})
    assert "eer<0.3" in shown.stdout


def test_a_limit_on_all_is_not_one_on_known_videos(both):
    names = {error.what.split()[0] for error in broken(both, [parse_limit("rank1>0")])}
    assert names <= {*FACES, "metadata"}
    assert "known-video" in broken(both, [parse_limit("known-video.rank1>0.5")])[0].what


def test_a_limit_that_nothing_was_held_against_is_no_pass(quick):
    for text in ("static-shape.rank1>0.5", "known-video.rank1>0.5"):
        assert "nothing was measured" in broken(quick, [parse_limit(text)])[0].what


def test_a_control_that_is_off_chance_is_said(quick):
    good = one(quick, "metadata", "control")
    odd = replace(good, chance_1=0.99)
    assert odd_controls(replace(quick, outcomes=(good,))) == []
    few = replace(odd, rank_1=Estimate(0.5, Interval(0.2, 0.7, 4, "person")))
    assert odd_controls(replace(quick, outcomes=(few,))) == []
    audit = replace(quick, outcomes=(odd,))
    (said,) = warnings(audit, None)
    assert said.startswith("Do not trust metadata (nearest): its control finds")
    assert said in to_html(replace(audit, warnings=(said,)))
    assert findings(replace(audit, warnings=(said,)))[0] == said
    told = Estimate(0.8, Interval(0.6, 0.9, 30, "person"))
    inferred = Inference("gender", "control", "AUC", told, 0.5, 30, None, 5)
    assert "gender" in odd_controls(replace(quick, outcomes=(), inferences=(inferred,)))[0]


def test_the_command_shows_all_and_exits_with_7_on_a_broken_limit(place, tmp_path):
    words = ["audit", str(place / "synthetic"), "--attack", "static-shape", "--utility", "none"]
    page = tmp_path / "audit.html"
    done = CliRunner().invoke(app, [*words, "--html", str(page), "--seed", "1"])
    assert done.exit_code == 0
    for text in (
        "Found at rank 1",
        "found most easily",
        "A failed attack proves nothing",
        "synthetic",
    ):
        assert text in done.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    done = CliRunner().invoke(app, [*words, "--json", "--fail-if", "rank1>0.2"])
    assert isinstance(done.exception, DataError)
    assert done.exception.exit_code == 7
    found = json.loads(done.stdout)
    assert found["judged"] == "raw"
    assert found["outcomes"][0]["rank_1"]["value"] > 0.2


def test_the_command_links_with_the_key(place):
    done = CliRunner().invoke(
        app,
        [
            *("audit", str(place / "shape"), "--against", str(place / "synthetic")),
            *("--key-file", str(place / "key"), "--attack", "known-metadata"),
            *("--utility", "none", "--json"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["outcomes"][0]["rank_1"]["value"] > 0.5


def test_attributes_that_are_in_the_vectors_are_inferred():
    rng = np.random.default_rng(0)
    names = [f"p{i}" for i in range(80)]
    female = rng.random(80) < 0.5
    age = rng.uniform(20, 60, 80)
    vectors = rng.standard_normal((80, 30))
    vectors[:, 0] += 3 * female
    vectors[:, 1] += age / 5
    known = pl.DataFrame(
        {"subject_id": names, "gender": np.where(female, "female", "male"), "age": age}
    )
    gender, old = infer("raw", dict(zip(names, vectors, strict=True)), known, 0)
    assert gender.value.interval.low > 0.6
    assert old.value.interval.low > 0.05
    shuffled = dict(zip(names, rng.permutation(vectors), strict=True))
    gender, old = infer("raw", shuffled, known, 0)
    assert gender.value.interval.low <= 0.5 <= gender.value.interval.high
    assert old.value.value < 0.1


def test_attributes_have_a_control():
    # As above, gender stands in the vectors; shuffled among persons it does not.
    rng = np.random.default_rng(0)
    names = [f"p{i}" for i in range(60)]
    female = rng.random(60) < 0.5
    vectors = rng.standard_normal((60, 10))
    vectors[:, 0] += 3 * female
    known = pl.DataFrame(
        {
            "subject_id": names,
            "gender": np.where(female, "female", "male"),
            "age": rng.uniform(20, 60, 60),
        }
    )
    persons = dict(zip(names, vectors, strict=True))
    gender, age = infer("control", persons, known, 0)
    assert (gender.side, gender.n_shuffles) == ("control", SHUFFLES)
    assert gender.value.interval.low <= 0.5
    assert gender.value.value < 0.65 < infer("raw", persons, known, 0)[0].value.value
    assert age.value.value < 0.1


def test_an_area_and_a_determination_are_those_of_scikit_learn():
    from sklearn.metrics import r2_score, roc_auc_score

    rng = np.random.default_rng(2)
    truth, score = rng.random(40), rng.random(40).round(1)
    found = areas(truth > 0.4, score)
    assert found[0] == pytest.approx(roc_auc_score(truth > 0.4, score))
    found = determinations(truth, score)
    assert found[0] == pytest.approx(r2_score(truth, score))
    assert found[1:].min() < found[0] < found[1:].max()
