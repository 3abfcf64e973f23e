"""What is planted: shares of variance, informative segments, reliabilities, the oracle."""

import numpy as np
import pytest

from deptool.cohort import oracle
from deptool.cohort.cues import CUES, MODALITIES
from deptool.cohort.latent import Latent, draw_latent, segment_borders
from deptool.cohort.persons import Take, draw_person, draw_sessions, takes_of
from deptool.cohort.settings import SynthSettings
from deptool.cohort.severity import severity_of

VISUAL = [i for i, cue in enumerate(CUES) if cue.modality == "visual"]


def _planted(settings: SynthSettings) -> tuple[list[Take], list[Latent]]:
    severity = severity_of(settings)
    takes = takes_of(settings, draw_sessions(settings, severity))
    persons = {n: draw_person(settings, n) for n in range(1, settings.subjects + 1)}
    return takes, [draw_latent(settings, severity, persons[t.session.person], t) for t in takes]


def _truth(takes: list[Take]) -> np.ndarray:
    return np.array([take.session.severity for take in takes])


@pytest.mark.parametrize("signal", [0.2, 0.65])
def test_severity_explains_the_share_of_the_cues_variance_that_was_set(signal: float) -> None:
    takes, latents = _planted(
        SynthSettings(subjects=1500, sessions=1, seconds=12, signal=signal, noise=0)
    )
    values, truth = np.array([each.value for each in latents]), _truth(takes)
    found = [np.corrcoef(values[:, k], truth)[0, 1] for k in range(len(CUES))]
    # The standard error of a share R2 is about 2 R (1 - R2) / sqrt(1500) < 0.02; ten of them.
    assert np.square(found) == pytest.approx(np.full(len(CUES), signal), abs=0.07)
    assert np.mean(np.square(found)) == pytest.approx(signal, abs=0.03)
    assert np.sign(found).tolist() == [cue.sign for cue in CUES]
    assert values.std(axis=0) == pytest.approx(np.ones(len(CUES)), abs=0.08)


def test_identity_is_the_habits_share_of_what_severity_leaves() -> None:
    takes, latents = _planted(SynthSettings(subjects=1500, seconds=12, signal=0.5, identity=0.6))
    rest = np.array([each.value - each.severity_part for each in latents])
    first, second = rest[::2], rest[1::2]  # two sessions of each person
    shared = [np.corrcoef(first[:, k], second[:, k])[0, 1] for k in range(len(CUES))]
    assert np.mean(shared) == pytest.approx(0.6, abs=0.03)
    assert rest.var(axis=0).mean() == pytest.approx(0.5, abs=0.03)
    assert takes[0].session.person == takes[1].session.person


def test_only_informative_segments_show_the_severity_and_the_variance_is_the_same() -> None:
    settings = SynthSettings(subjects=1500, sessions=1, seconds=24, informative=0.5, signal=0.6)
    takes, latents = _planted(settings)
    truth = _truth(takes)
    informative = np.array([each.informative for each in latents])
    shown = np.array([each.shown[:, 3] for each in latents])  # (recording, segment): brow lowering
    assert (informative.sum(axis=1) == 2).all()  # half of four
    repeated = np.repeat(truth[:, None], 4, axis=1)
    assert np.corrcoef(shown[informative], repeated[informative])[0, 1] > 0.7  # sqrt(0.6) = 0.77
    assert abs(np.corrcoef(shown[~informative], repeated[~informative])[0, 1]) < 0.06
    assert shown[informative].std() == pytest.approx(shown[~informative].std(), rel=0.06)


def test_speech_marks_informative_segments_as_surely_as_was_set() -> None:
    _, latents = _planted(
        SynthSettings(subjects=500, sessions=1, seconds=60, informative=0.5, marker=0.8)
    )
    informative = np.concatenate([each.informative for each in latents])
    speaks = np.concatenate([each.speaks for each in latents])
    # (1 + 0.8) / 2 in informative ones and (1 - 0.8) / 2 in others: an AUC of 0.9 for whom sees it.
    assert speaks[informative].mean() == pytest.approx(0.9, abs=0.03)
    assert speaks[~informative].mean() == pytest.approx(0.1, abs=0.03)


def test_the_last_segment_ends_with_the_recording() -> None:
    borders = segment_borders(SynthSettings(seconds=20, segment_s=6))
    assert borders == pytest.approx([0, 6, 12, 18, 20])
    assert segment_borders(SynthSettings(seconds=12, segment_s=6)) == pytest.approx([0, 6, 12])


def test_reliability_is_one_throughout_unless_it_drifts() -> None:
    _, latents = _planted(SynthSettings(subjects=4))
    assert all((each.reliability == 1).all() for each in latents)


def test_reliabilities_drift_slowly_and_one_modality_apart_from_the_other() -> None:
    _, latents = _planted(SynthSettings(subjects=60, seconds=120, drift=1, drift_s=10))
    curves = np.concatenate([each.reliability for each in latents])
    assert curves.min() >= 0
    assert curves.max() <= 1
    assert curves.std(axis=0) == pytest.approx(np.full(len(MODALITIES), 0.32), abs=0.05)
    assert np.abs(np.corrcoef(curves.T) - np.eye(len(MODALITIES))).max() < 0.1
    assert np.abs(np.diff(latents[0].reliability, axis=0)).max() < 0.1  # in a quarter of a second


def test_a_modalitys_cues_follow_its_reliability() -> None:
    settings = SynthSettings(
        subjects=1500, sessions=1, seconds=12, drift=1, drift_s=40, informative=1, signal=0.7
    )
    takes, latents = _planted(settings)
    z = severity_of(settings).z(_truth(takes))
    shown = np.array([each.shown[0, VISUAL[3]] for each in latents])
    trust = np.array([each.segment_reliability()[0, 0] for each in latents])
    low, high = trust < 0.3, trust > 0.9
    assert np.corrcoef(shown[high], z[high])[0, 1] > 0.7  # at most sqrt(0.7) = 0.84
    assert np.corrcoef(shown[low], z[low])[0, 1] < 0.3  # at most 0.3 * 0.84


def test_the_oracle_is_the_mean_of_the_posterior_that_sampling_finds() -> None:
    settings = SynthSettings(signal=0.5, noise=0)
    severity = severity_of(settings)
    rng = np.random.default_rng(3)
    scores = severity.draw(rng.standard_normal(400_000))
    # Of n independent cues of one variance their mean says all, so those of 0.8 each (turned by
    # their signs) leave the scores of draws whose mean cue is 0.8; it has an nth of the variance.
    n = sum(cue.modality != "audio" for cue in CUES)
    mean = np.sqrt(0.5) * severity.z(scores) + np.sqrt(0.5 / n) * rng.standard_normal(len(scores))
    near = np.abs(mean - 0.8) < 0.01
    said = oracle.predict(settings, severity, np.array([[0.8 * cue.sign for cue in CUES]]))
    assert said[0] == pytest.approx(scores[near].mean(), abs=0.3)


def test_cues_without_noise_tell_the_score() -> None:
    settings = SynthSettings(subjects=50, seconds=6, signal=1, noise=0, informative=1)
    takes, latents = _planted(settings)
    said = oracle.predict(
        settings, severity_of(settings), np.array([each.value for each in latents])
    )
    assert said == pytest.approx(np.array([take.session.score for take in takes]), abs=1e-6)


def test_cues_without_signal_leave_the_oracle_the_mean() -> None:
    settings = SynthSettings(subjects=10, seconds=6, signal=0)
    _, latents = _planted(settings)
    severity = severity_of(settings)
    said = oracle.predict(settings, severity, np.array([each.value for each in latents]))
    assert said == pytest.approx(np.full(20, float((severity.p * severity.expected).sum())))


def test_who_knows_the_habits_too_errs_less() -> None:
    settings = SynthSettings(subjects=400, seconds=6, signal=0.4, identity=0.8)
    takes, latents = _planted(settings)
    severity, truth = severity_of(settings), np.array([t.session.score for t in takes])
    cues, habits = (
        np.array([getattr(each, name) for each in latents]) for name in ("value", "habit_part")
    )
    plain = oracle.predict(settings, severity, cues) - truth
    knowing = oracle.predict_knowing_habits(settings, severity, cues, habits) - truth
    assert np.square(knowing).mean() < 0.7 * np.square(plain).mean()
