"""`deptool synth`: a sound cohort, the same each time, resumable, and it says it is synthetic."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from deptool.check import check_corpus
from deptool.cohort.cues import CUES, MODALITIES
from deptool.cohort.persons import SHAPES, draw_person
from deptool.cohort.settings import SynthSettings
from deptool.cohort.tables import resting_place
from deptool.cohort.truth import CUES_TABLE, HABITS, SEGMENTS
from deptool.corpus import Corpus, create_corpus, open_corpus
from deptool.errors import DataError, InputError, SettingsError
from deptool.functionals import align
from deptool.joint import join
from deptool.label import HEADER, join_labels
from deptool.measured import LANDMARK_COLUMNS
from deptool.metrics import rmse
from deptool.schema import AU_INTENSITY, FRAMES, PREDICTIONS
from deptool.settings import resolve
from deptool.synth import synthesise
from deptool.tables import read_table
from tests.conftest import ROOT, Run, corpus_files

SMALL = SynthSettings(subjects=8, seconds=12, voice=True, drift=0.5)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return synthesise(tmp_path_factory.mktemp("synthetic") / "cohort", SMALL).corpus


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Persons of the default cohort: what is true of it must be true of these."""
    settings = SynthSettings(subjects=24)
    return synthesise(tmp_path_factory.mktemp("synthetic") / "default", settings).corpus


Made = Callable[..., Corpus]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(folder: str = "cohort", **settings: object) -> Corpus:
        small: dict[str, object] = {"subjects": 4, "seconds": 6}
        return synthesise(tmp_path / folder, SynthSettings(**{**small, **settings})).corpus  # type: ignore[arg-type]

    return make


def test_the_same_settings_make_the_same_bytes(cohort: Corpus, tmp_path: Path) -> None:
    again = synthesise(tmp_path / "cohort", SMALL).corpus
    assert corpus_files(again.root) == corpus_files(cohort.root)


def test_another_seed_makes_other_faces(made: Made) -> None:
    one, other = made("one"), made("other", seed=8)
    name = "frames/P0001_1.parquet"
    assert corpus_files(one.root)[name] != corpus_files(other.root)[name]


def test_a_larger_cohort_begins_with_the_same_recordings(cohort: Corpus, tmp_path: Path) -> None:
    larger = synthesise(tmp_path / "more", dataclasses.replace(SMALL, subjects=11)).corpus
    few, many = corpus_files(cohort.root), corpus_files(larger.root)
    shared = [name for name in few if name.split("/")[0] in ("frames", "embeddings")]
    assert len(shared) == 2 * 16
    assert all(few[name] == many[name] for name in shared)
    scores = cohort.labels().join(larger.labels(), on="session_id")
    assert scores["score"].to_list() == scores["score_right"].to_list()


def test_what_is_missing_is_made_again_and_the_rest_is_left(cohort: Corpus, tmp_path: Path) -> None:
    again = synthesise(tmp_path / "cohort", SMALL)
    before = corpus_files(again.corpus.root)
    kept = again.corpus.frames_path("P0001_1")
    stamp = kept.stat().st_mtime_ns
    again.corpus.frames_path("P0002_1").unlink()
    again.corpus.frames_path("P0003_1").write_bytes(b"cut off")
    (again.corpus.root / "embeddings/synthetic-voice/P0004_2.parquet").unlink()
    (again.corpus.root / "frames/.P0009.0123.tmp.parquet").write_bytes(b"killed")
    for name in ("recordings.parquet", "truth/cues.parquet"):
        (again.corpus.root / name).unlink()
    heard: list[tuple[int, int]] = []
    summary = synthesise(again.corpus.root, SMALL, lambda done, of: heard.append((done, of)))
    assert (summary.n_new, summary.n_kept) == (3, 13)
    assert heard == [(k, 16) for k in range(1, 17)]
    assert corpus_files(again.corpus.root) == before
    assert kept.stat().st_mtime_ns == stamp


def test_the_corpus_is_sound(cohort: Corpus, default: Corpus) -> None:
    for corpus in (cohort, default):
        report = check_corpus(corpus.root)
        assert report.problems == ()
        assert report.verdicts() == []
    assert len(report.need_a_look()) <= 0.1 * len(report.recordings)


def test_the_corpus_says_that_it_is_synthetic(cohort: Corpus, made: Made) -> None:
    assert cohort.about["synthetic"] is True
    assert cohort.id_space == "synthetic:7"
    assert "synthetic" in str(cohort.about["note"]).lower()
    assert made("plain").name == "synthetic-plain"
    assert made("my-synthetic-one").name == "my-synthetic-one"
    assert set(cohort.recordings()["feature_set"]) == {"synthetic-1"}


def test_every_person_is_in_one_split_and_half_of_them_train(cohort: Corpus) -> None:
    rows = cohort.recordings().select("subject_id", "split").unique()
    assert rows["subject_id"].is_unique().all()
    assert sorted(rows["split"]) == ["dev"] * 2 + ["test"] * 2 + ["train"] * 4
    assert set(cohort.subjects()["subject_id"]) == set(rows["subject_id"])
    assert cohort.subjects().null_count().sum_horizontal().item() == 0


def test_two_tasks_are_two_recordings_of_one_session(made: Made) -> None:
    corpus = made(tasks=2)
    rows = corpus.recordings()
    assert rows["recording_id"].to_list()[:2] == ["P0001_1_Freeform", "P0001_1_Northwind"]
    assert rows.group_by("session_id").len()["len"].to_list() == [2] * 8
    assert len(corpus.labels()) == 8
    scored, scale = corpus.scored()
    assert (len(scored), scale) == (16, "BDI-II")


def test_tables_hold_all_groups_and_null_where_no_face_was(default: Corpus) -> None:
    table = pl.concat([default.frames(f"P000{k}_1") for k in range(1, 9)])
    assert table.columns == [c.name for c in FRAMES.columns]
    lost = table.filter(pl.col("success") == 0)
    assert len(lost)
    assert set(lost["status"]) <= {"no_face", "low_confidence"}
    measured = [c.name for c in FRAMES.columns if c.nullable]
    assert lost.select(measured).null_count().row(0) == (len(lost),) * len(measured)
    found = table.filter(pl.col("success") == 1)
    assert found.null_count().sum_horizontal().item() == 0
    assert found["confidence"].min() > lost["confidence"].max()  # type: ignore[operator]
    assert all(found[f"{au}_r"].max() > 0.5 for au in AU_INTENSITY)  # type: ignore[operator]


def test_rows_of_another_rate_show_the_same_behaviour(made: Made) -> None:
    slow = made("slow", seconds=30, jitter=0, dropouts=0).frames("P0001_1")
    fast = made("fast", seconds=30, jitter=0, dropouts=0, fps=30).frames("P0001_1")
    assert (len(slow), len(fast)) == (180, 900)
    assert fast["timestamp"][::5].to_numpy() == pytest.approx(slow["timestamp"].to_numpy())
    points = [t.select(LANDMARK_COLUMNS).to_numpy() for t in (slow, fast[::5])]
    # The noise of tracking is off; float32 is right to a thousandth of a px.
    assert points[0] == pytest.approx(points[1], abs=1e-2)


def test_a_larger_picture_shows_a_larger_face(made: Made) -> None:
    small, large = made("small"), made("large", width=1280, height=960)
    widths = [c.frames("P0001_1")["face_w"].mean() for c in (small, large)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.02)  # type: ignore[operator]
    assert large.recordings()["width"].to_list() == [1280] * 8


def test_gaze_down_is_positive_and_eyes_are_unit_vectors(default: Corpus) -> None:
    table = default.frames("P0001_1").filter(pl.col("success") == 1)
    vectors = table.select(f"gaze_0_{a}" for a in "xyz").to_numpy()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)
    assert (vectors[:, 2] < 0).all()  # towards the camera
    down = np.corrcoef(vectors[:, 1], table["gaze_angle_y"].to_numpy())[0, 1]
    assert down > 0.9


def test_truth_holds_what_was_planted(cohort: Corpus) -> None:
    truth = cohort.root / "truth"
    segments = read_table(truth / "segments.parquet", SEGMENTS)
    assert segments.group_by("recording_id").len()["len"].to_list() == [2] * 16  # 12 s by 6
    assert segments["end_s"].max() == 12
    assert segments[f"reliability_{MODALITIES[0]}"].n_unique() > 16
    cues = read_table(truth / "cues.parquet", CUES_TABLE)
    assert len(cues) == 16 * len(CUES)
    of_person = read_table(truth / "habits.parquet", HABITS)
    assert len(of_person) == 8 * len(CUES)
    one = of_person.filter(pl.col("subject_id") == "P0003")["value"].to_list()
    for session in (1, 2):  # a habit is the same in all sessions
        rows = cues.filter(pl.col("recording_id") == f"P0003_{session}")
        assert rows["habit_part"].to_list() == one


def test_the_oracle_is_a_table_of_predictions_and_beats_the_constant(default: Corpus) -> None:
    oracle = read_table(default.root / "truth" / "oracle.parquet", PREDICTIONS)
    scored, _ = default.scored()
    joined = scored.join(oracle, on=["recording_id", "split"])
    assert len(joined) == 48
    assert joined["score"].to_list() == joined["truth"].to_list()
    about = json.loads((default.root / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert about["synthetic"] is True
    assert about["settings"] == default.about["extraction"]
    for scores in about["scores"].values():
        assert scores["oracle"]["rmse"] < 0.6 * scores["constant"]["rmse"]
    gap = rmse(joined["truth"], joined["prediction"])
    assert about["scores"]["all"]["oracle"]["rmse"] == pytest.approx(gap, abs=1e-5)


def test_ridge_closes_half_of_the_gap_to_the_oracle_on_persons_it_never_saw(
    default: Corpus, deptool: Run, tmp_path: Path
) -> None:
    run = tmp_path / "ridge"
    words = ("train", default.root, "--model", "ridge", "--protocol", "group-kfold:4")
    assert deptool(*words, "--out", run).returncode == 0
    found = read_table(run / "predictions.parquet", PREDICTIONS).filter(pl.col("split") == "test")
    ridge = rmse(found["truth"], found["prediction"])
    about = json.loads((default.root / "truth" / "truth.json").read_text(encoding="utf-8"))
    scores = about["scores"]["all"]
    assert ridge < (scores["constant"]["rmse"] + scores["oracle"]["rmse"]) / 2


def test_without_identity_there_is_nothing_of_a_person() -> None:
    settings = SynthSettings(identity=0)
    one, other = draw_person(settings, 1), draw_person(settings, 2)
    swapped = [resting_place(settings, p, np.random.default_rng(5)) for p in (one, other)]
    assert swapped[0].tolist() == swapped[1].tolist()
    assert (np.sqrt(settings.identity) * one.shape).tolist() == [0] * SHAPES


def _rank_1(corpus: Corpus) -> float:
    """Share of second sessions whose nearest first session, by mean aligned face, is the person's.

    The first sessions of all are the gallery, the second ones the probes.
    """
    rows = corpus.recordings().sort("recording_id")
    faces = []
    for name in rows["recording_id"]:
        face = align(corpus.frames(name).select(LANDMARK_COLUMNS).to_numpy().astype(np.float64))[0]
        middle = np.nanmedian(face.real, axis=0) + 1j * np.nanmedian(face.imag, axis=0)
        faces.append(middle)
    first, second = np.array(faces[::2]), np.array(faces[1::2])
    away = np.abs(second[:, None] - first[None]).sum(axis=2)
    return float((away.argmin(axis=1) == np.arange(len(first))).mean())


def test_persons_are_known_by_shape_with_identity_and_by_chance_without(made: Made) -> None:
    assert _rank_1(made("known", subjects=24, identity=0.9)) > 0.8
    # By chance one of 24; five or more hits happen once in 400 cohorts.
    assert _rank_1(made("unknown", subjects=24, identity=0)) <= 5 / 24


def test_the_voice_stream_is_an_embedding_cache(cohort: Corpus, made: Made) -> None:
    path = cohort.root / "embeddings" / "synthetic-voice" / "P0001_1.parquet"
    table = pq.read_table(path)
    assert table.column_names == ["start_s", "end_s", "vector", "valid"]
    about = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    assert about["deptool.encoder"] == "synthetic-voice"
    assert about["deptool.hop_s"] == "1"
    assert about["deptool.identifies_people"] == "true"
    assert table.num_rows == 12
    assert {len(v) for v in table["vector"].to_pylist()} == {int(about["deptool.dimension"])}
    assert not (made("silent").root / "embeddings").exists()


def test_other_settings_are_refused_by_what_differs(made: Made) -> None:
    root = made().root
    before = corpus_files(root)
    with pytest.raises(DataError, match=r"other settings: signal 0.65 \(asked: 0.3\)\n"):
        made(signal=0.3)
    assert corpus_files(root) == before


def test_what_is_not_a_synthetic_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(InputError, match="neither empty nor a corpus"):
        synthesise(tmp_path / "full", SMALL)
    extracted = create_corpus(tmp_path / "extracted", "mediapipe-1", {"fps": 6})
    extracted.frames_path("a").parent.mkdir()
    extracted.frames_path("a").touch()
    with pytest.raises(DataError, match="made as mediapipe-1"):
        synthesise(extracted.root, SMALL)


@pytest.mark.parametrize(
    "word",
    [
        *("subjects=3", "sessions=0", "tasks=3", "seconds=2", "fps=0.5", "width=10", "height=0"),
        *("seed=-1", "signal=1.1", "informative=0", "identity=-0.1", "noise=-1", "marker=2"),
        *("segment_s=0", "drift=nan", "drift_s=0", "score_mean=63", "score_sd=40", "change=-1"),
        *("jitter=inf", "dropouts=-1"),
    ],
)
def test_settings_that_make_no_sense_are_settings_errors(word: str) -> None:
    with pytest.raises(SettingsError, match=f"{word.partition('=')[0]} must be"):
        resolve(SynthSettings, words=[word])


def test_the_command_line_makes_a_cohort_and_says_synthetic(deptool: Run, tmp_path: Path) -> None:
    words = ("synth", tmp_path / "toy", "--subjects", 4, "--seconds", 6, "--set", "jitter=0.2")
    done = deptool(*words)
    assert done.returncode == 0, done.stderr
    assert "a synthetic cohort" in done.stdout
    assert "oracle" in done.stdout
    assert "synthetic" in done.stderr
    extraction = open_corpus(tmp_path / "toy").about["extraction"]
    assert extraction["jitter"] == 0.2  # type: ignore[index]
    again = deptool(*words, "--json")
    assert json.loads(again.stdout)["synthetic"] is True
    assert "0 made, 8 were there already" in again.stderr


def test_one_setting_said_twice_is_a_usage_error(deptool: Run, tmp_path: Path) -> None:
    done = deptool("synth", tmp_path / "toy", "--signal", 0.5, "--set", "signal=0.6")
    assert done.returncode == 2
    assert not (tmp_path / "toy").exists()


def test_help_and_page_give_the_defaults(deptool: Run) -> None:
    text = re.sub(r"[\s│]+", " ", deptool("synth", "--help").stdout)
    page = (ROOT / "docs" / "synth.md").read_text(encoding="utf-8")
    for field in dataclasses.fields(SynthSettings):
        shown = "off" if field.default is False else f"{field.default:g}"
        assert f"| `{field.name}` | {shown} |" in page, field.name
        if f"--{field.name} <" in text and shown != "off":
            assert re.search(rf"--{field.name} <\w+> [^-]*\({shown}\b", text), field.name
    for cue in CUES:
        assert f"| `{cue.name}` | {cue.modality} |" in page


def test_informative_segments_can_be_told_by_speech(default: Corpus) -> None:
    segments = read_table(default.root / "truth" / "segments.parquet", SEGMENTS)
    speech, informative = [], []
    for row in segments.iter_rows(named=True):
        table = default.frames(row["recording_id"], ["timestamp", "AU25_r", "AU26_r"])
        here = table.filter(pl.col("timestamp").is_between(row["start_s"], row["end_s"]))
        speech.append(here["AU26_r"].mean() or 0.0)
        informative.append(row["informative"])
    # Whom sees speech without fail would have an AUC of (1 + marker) / 2 = 0.9.
    assert roc_auc_score(informative, speech) > 0.8


def test_a_stream_is_noisier_where_it_is_less_reliable(made: Made) -> None:
    corpus = made(drift=1, seconds=120, subjects=6)
    segments = read_table(corpus.root / "truth" / "segments.parquet", SEGMENTS)
    trust: dict[str, list[float]] = {"visual": [], "pose": []}
    noise: dict[str, list[float]] = {"visual": [], "pose": []}
    for row in segments.iter_rows(named=True):
        table = corpus.frames(row["recording_id"], ["timestamp", "x_30", "x_33", "pose_Tz"])
        here = table.filter(pl.col("timestamp").is_between(row["start_s"], row["end_s"]))
        # Two points of the nose move alike, so what they do apart is noise.
        for name, column in (("visual", here["x_30"] - here["x_33"]), ("pose", here["pose_Tz"])):
            trust[name].append(row[f"reliability_{name}"])
            noise[name].append(float(column.diff().drop_nulls().std() or 0.0))  # type: ignore[arg-type]
    for name in trust:
        assert np.corrcoef(trust[name], noise[name])[0, 1] < -0.5, name
    assert np.corrcoef(trust["visual"], noise["pose"])[0, 1] > -0.3


def test_run_again_it_keeps_what_labels_had_said(made: Made, tmp_path: Path) -> None:
    corpus = made()
    path = tmp_path / "labels.csv"
    lines = "P0001_1,Q,Q_1,reading,test,BDI-II,63,other,80"
    path.write_text(f"{HEADER},gender,age\n{lines}\n")
    join_labels(corpus, path)
    before = corpus_files(corpus.root)
    made()
    assert corpus_files(corpus.root) == before
    # A recording that is made anew stays the person's whom the labels gave it to.
    for name in ("frames/P0001_1.parquet", "frames/P0002_1.parquet"):
        (corpus.root / name).unlink()
    made()
    assert corpus_files(corpus.root) == before


def test_labels_of_a_cohort_whose_recordings_are_gone_do_not_stay_for_another(made: Made) -> None:
    corpus = made()
    shutil.rmtree(corpus.root / "frames")
    assert corpus_files(made(seed=8).root) == corpus_files(made("fresh", seed=8).root) | {
        "corpus.json": corpus_files(corpus.root)["corpus.json"]  # its name is the folder's
    }


def test_a_folder_of_other_files_is_refused_without_an_option_that_synth_lacks(
    tmp_path: Path,
) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="Choose another folder") as caught:
        synthesise(tmp_path, SMALL)
    assert "--out" not in str(caught.value)


@pytest.fixture
def interrupted(made: Made, tmp_path: Path) -> Corpus:
    """A cohort of one recording only, as Ctrl-C leaves it."""

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesise(tmp_path / "cohort", SynthSettings(subjects=4, seconds=6, voice=True), stop)
    return open_corpus(tmp_path / "cohort")


# What the cohort was begun with, where it is not the default.
AGAIN = "--set subjects=4 --set seconds=6 --set voice=true"


def test_check_says_that_an_interrupted_cohort_is_unfinished(interrupted: Corpus) -> None:
    report = check_corpus(interrupted.root)
    assert [p.where for p in report.problems] == ["recordings.parquet", "labels.parquet"]
    for problem in report.problems:
        assert problem.what == "is not there yet: this synthetic cohort is unfinished"
        assert problem.fix == (
            f"Run deptool synth again with its settings: deptool synth CORPUS {AGAIN}"
        )


def test_training_on_an_interrupted_cohort_says_how_to_go_on_and_that_works(
    interrupted: Corpus, made: Made, deptool: Run
) -> None:
    said = "this synthetic cohort is unfinished: it has no recordings.parquet and no labels.parquet"
    with pytest.raises(DataError, match=said) as caught:
        interrupted.scored()
    command = f"deptool synth {interrupted.root} {AGAIN}"
    assert command in str(caught.value)
    whole = made("whole", voice=True)
    with pytest.raises(DataError, match=said):
        join([whole, interrupted])
    done = deptool("train", interrupted.root, "--model", "ridge")
    assert done.returncode == 7
    assert "unfinished" in done.stderr
    assert deptool(*command.split()[1:]).returncode == 0
    assert len(interrupted.scored()[0]) == 8  # 4 persons of 2 sessions


def test_check_names_synth_where_a_recording_of_a_cohort_is_damaged(made: Made) -> None:
    corpus = made()
    corpus.frames_path("P0001_1").unlink()
    (problem,) = check_corpus(corpus.root).problems
    assert problem.fix == "Run the same deptool synth command again: what is missing is made."
