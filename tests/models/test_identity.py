"""A person's own mean."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deptool.models import constant, identity

SETTINGS = identity.Settings()


def predicted(trained: list[tuple[str | None, float]], asked: list[str | None]) -> np.ndarray:
    state = identity.fit(
        np.zeros((len(trained), 0)),
        np.array([score for _, score in trained], float),
        [subject for subject, _ in trained],
        SETTINGS,
        0,
    )
    return identity.apply(state, np.zeros((len(asked), 0)), asked)


def test_by_hand() -> None:
    trained = [("Zoë", 10.0), ("b", 4.0), ("Zoë", 20.0), (None, 30.0)]
    # Zoë: 15. b: 4. All: 64 / 4 = 16, also for those whose name is not known.
    assert predicted(trained, ["b", "Zoë", "c", None]).tolist() == [4, 15, 16, 16]


def test_a_name_that_begins_or_ends_another_is_somebody_else() -> None:
    trained = [("a", 1.0), ("ab", 2.0), ("b", 3.0), ("", 4.0)]
    assert predicted(trained, ["ab", "a", "b", "", "ba"]).tolist() == [2, 1, 3, 4, 2.5]


def test_nobody_known_is_the_constant() -> None:
    assert predicted([(None, 1.0), (None, 3.0)], ["a", None]).tolist() == [2, 2]


@given(st.lists(st.tuples(st.text(max_size=4), st.floats(0, 63, width=16)), min_size=1, max_size=9))
def test_those_seen_get_their_mean_and_the_others_the_constant(
    trained: list[tuple[str, float]],
) -> None:
    names = sorted({name for name, _ in trained})
    own = [np.mean([score for name, score in trained if name == n]) for n in names]
    scores = np.array([score for _, score in trained])
    state = constant.fit(np.zeros((len(scores), 0)), scores, [], constant.Settings(), 0)
    found = predicted(trained, [*names, "somebody else"])
    assert found.tolist() == [*own, float(state["score"])]
