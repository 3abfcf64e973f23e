"""What every attack keeps to: see deptool/attacks/__init__.py."""

import ast
from pathlib import Path

import numpy as np
import pytest

from deptool import plugins
from deptool.audit_samples import same_recording
from deptool.identification import Sample
from deptool.identification_measures import Run, measure
from tests.attacks.cohorts import cohort, persons, samples

NAMES = plugins.names("attacks")
OF_PERSONS = [n for n in NAMES if not same_recording(plugins.load("attacks", n))]
SEES_FACES = [n for n in OF_PERSONS if n != "metadata"]  # gaps of this cohort are of nobody

pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Nearly all of what varies is the person's."""
    # So many losses of the face that no two recordings have the same gaps.
    return cohort(tmp_path_factory.mktemp("marked") / "synthetic", 0.95, dropouts=8.0)


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    """Nothing is the person's."""
    return cohort(tmp_path_factory.mktemp("alike") / "synthetic", 0.0)


@pytest.fixture(scope="module")
def described(marked, alike):
    """(cohort, attack, session) -> descriptions; made once."""
    found = {}
    for key, corpus in (("marked", marked), ("alike", alike)):
        for session in (1, 2):
            each = samples(corpus, session)
            for name in NAMES:
                describe = plugins.load("attacks", name).describe
                found[key, name, session] = [describe(sample) for sample in each]
    return found


def matched(described, name, key, gallery=1, probes=2):
    """What it finds with seed 0; played once."""
    asked = (key, name, gallery, probes)
    if asked not in described:
        described[asked] = played(described, *asked)
    return described[asked]


def played(described, key, name, gallery=1, probes=2):
    one, other = described[key, name, gallery], described[key, name, probes]
    return plugins.load("attacks", name).match(one, persons(one), other, 0)


def test_it_says_what_it_uses_and_where_it_comes_from(name):
    module = plugins.load("attacks", name)
    text = ast.get_docstring(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
    assert text.splitlines()[0].endswith(".")
    assert module.MATCHERS
    assert module.LOOKS_AT
    assert module.COLUMNS
    assert module.LEAST_ROWS >= 1
    assert hasattr(module, "WHO") == same_recording(module)
    assert any(sign in text for sign in ("19", "20", "WP216", "metadata.py"))  # a year, or a source


def test_it_gives_a_score_for_each_probe_and_person(name, described):
    found = matched(described, name, "marked")
    assert set(found) <= set(plugins.load("attacks", name).MATCHERS)
    for scores in found.values():
        assert scores.shape == (14, 14)
        assert np.isfinite(scores).all()


def test_the_same_recording_is_found(name, described):
    # Gallery and probes are the same samples: nothing can be more alike.
    for scores in matched(described, name, "marked", 1, 1).values():
        assert (scores.argmax(axis=1) == np.arange(14)).mean() >= 0.9


def test_a_person_who_shows_is_found_in_another_session(name, described):
    if name not in SEES_FACES:
        pytest.skip("looks for no person's face")
    best = max(
        measure([Run(scores, np.arange(14))], np.arange(14)).rank_1.value
        for scores in matched(described, name, "marked").values()
    )
    assert best >= 0.6  # chance is 0.07


def test_nobody_is_found_where_nothing_is_the_persons(name, described):
    if name not in OF_PERSONS:
        pytest.skip("looks for the same recording, which is there")
    for scores in matched(described, name, "alike").values():
        found = measure([Run(scores, np.arange(14))], np.arange(14))
        for value, chance in ((found.auc, 0.5), (found.rank_1, 1 / 14)):
            assert value.interval.low <= chance <= value.interval.high


def test_the_same_seed_gives_the_same_numbers(name, described):
    one, other = matched(described, name, "marked"), played(described, "marked", name)
    for matcher, scores in one.items():
        assert np.array_equal(scores, other[matcher])


def test_a_probe_is_matched_as_if_it_were_the_only_one(name, described):
    attack = plugins.load("attacks", name)
    gallery, probes = (described["marked", name, session] for session in (1, 2))
    together = matched(described, name, "marked")
    alone = attack.match(gallery, persons(gallery), probes[3:4], 0)
    for matcher, scores in alone.items():
        np.testing.assert_allclose(scores[0], together[matcher][3], atol=1e-4)


def test_who_is_who_in_the_gallery_decides_and_not_the_order(name, described):
    attack = plugins.load("attacks", name)
    gallery, probes = (described["marked", name, session] for session in (1, 2))
    if name == "sequence-embedding":
        pytest.skip("another order trains another network")
    turned = attack.match(gallery[::-1], persons(gallery)[::-1], probes, 0)
    for matcher, scores in matched(described, name, "marked").items():
        np.testing.assert_allclose(scores, turned[matcher], atol=1e-3)


def test_a_table_of_which_nothing_was_measured_does_no_harm(name, marked):
    import polars as pl

    one = samples(marked, 1)[0]
    lost = one.table.with_columns(pl.lit(0, pl.Int32).alias("success"))
    found = plugins.load("attacks", name).describe(
        Sample(one.person, one.session, one.recording, lost)
    )
    assert found is None or plugins.load("attacks", name).LOOKS_AT == "rows"


def test_a_table_of_a_few_columns_and_rows_is_described_or_not(name, marked):
    one = samples(marked, 1)[0]
    few = one.table.select("frame", "timestamp", "success", "AU12_r", "pose_Rx")
    attack = plugins.load("attacks", name)
    for rows in (1, 2, 9):
        attack.describe(Sample(one.person, one.session, one.recording, few.head(rows)))
    found = attack.describe(Sample(one.person, one.session, one.recording, few))
    assert (found is None) == (attack.LOOKS_AT == "landmarks")
