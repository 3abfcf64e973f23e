"""Scores: their distribution, how they change between sessions, how they are recorded."""

import numpy as np
import pytest

from deptool.cohort.persons import Session, deal, draw_sessions
from deptool.cohort.settings import SynthSettings
from deptool.cohort.severity import severity_of
from deptool.errors import SettingsError


def _scores(settings: SynthSettings) -> np.ndarray:
    sessions = draw_sessions(settings, severity_of(settings))
    return np.array([s.score for s in sessions]).reshape(settings.subjects, settings.sessions)


def test_scores_have_the_mean_and_sd_asked_for_and_many_are_low() -> None:
    scores = _scores(SynthSettings(subjects=4000, noise=0))
    # Persons are independent, so the mean has a standard error of 11.5 / sqrt(4000) = 0.18.
    assert scores.mean() == pytest.approx(15, abs=0.6)
    assert scores.std() == pytest.approx(11.5, abs=0.5)
    assert scores.min() == 0
    assert scores.max() <= 63
    assert np.array_equal(scores, np.rint(scores))
    # A normal distribution would have half below its mean; this one leans to the low side.
    assert (scores < 15).mean() > 0.55


def test_sessions_of_a_person_differ_by_as_much_as_was_asked_for() -> None:
    scores = _scores(SynthSettings(subjects=4000, change=5))
    assert np.abs(scores[:, 0] - scores[:, 1]).mean() == pytest.approx(5, abs=0.3)


def test_without_identity_sessions_of_a_person_have_nothing_to_do_with_each_other() -> None:
    scores = _scores(SynthSettings(subjects=4000, identity=0))
    # The standard error of a correlation near 0 is 1 / sqrt(4000) = 0.016.
    assert abs(np.corrcoef(scores.T)[0, 1]) < 0.06


def test_an_impossible_change_is_a_settings_error() -> None:
    settings = SynthSettings(change=60)
    with pytest.raises(SettingsError, match="change must be from"):
        draw_sessions(settings, severity_of(settings))
    settings = SynthSettings(change=1, noise=3)  # noise alone changes labels by 3 * 2 / sqrt(pi)
    with pytest.raises(SettingsError, match="change must be from"):
        draw_sessions(settings, severity_of(settings))


def test_recorded_scores_of_a_true_one_are_a_distribution_on_the_scale() -> None:
    recorded = severity_of(SynthSettings(noise=2)).recorded
    assert recorded.sum(axis=1) == pytest.approx(np.ones(64))
    # Far from the ends, 30 stays 30 with the probability that |N(0, 2)| < 0.5: 0.197.
    assert recorded[30, 30] == pytest.approx(0.1974, abs=1e-3)


def test_persons_are_dealt_half_to_train_and_alike_in_score() -> None:
    sessions = [Session(person, 1, 0.0, float(person % 40)) for person in range(1, 201)]
    dealt = deal(SynthSettings(), sessions)
    counts = {split: list(dealt.values()).count(split) for split in ("train", "dev", "test")}
    assert counts == {"train": 100, "dev": 50, "test": 50}
    means = [np.mean([s.score for s in sessions if dealt[s.person] == split]) for split in counts]
    assert np.ptp(means) < 1  # of scores from 0 to 39; four neighbours differ by 1 at most
