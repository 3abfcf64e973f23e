"""Broken files of each kind, read as `fixtures.fuzz` reads them: nothing but our errors comes out.

One process reads some hundred of each kind; `python -m fixtures.fuzz` tries as many as one wants.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deptool.errors import DeptoolError
from fixtures.fuzz import names, target
from fixtures.fuzz_targets import json_file
from fixtures.mutations import mutations

OURS = ("embedding", "encrypted", "frames", "json_file", "model_file", "recordings")
EACH = 120


@pytest.mark.parametrize("name", OURS)
def test_broken_files_give_our_errors(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPTOOL_KEY_FILE", "")  # the target may set it
    module, scratch = target(name), tmp_path / "scratch"
    scratch.mkdir()
    seeds = module.seeds(tmp_path / "sound") if _made(tmp_path / "sound") else []
    for content in seeds:
        module.read(content, scratch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for content in mutations(seeds, EACH):
        try:
            module.read(content, scratch)
        except DeptoolError as error:
            assert len(str(error)) < 2000  # noqa: PT017 - how long it is, whatever it says
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < 500_000  # kB


def _made(folder: Path) -> bool:
    folder.mkdir()
    return True


def test_the_targets_are_those_of_the_folder() -> None:
    assert set(OURS) <= set(names())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["name", "schema_version", "feature_set", "synthetic", "normalise", "release"]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(about=st.dictionaries(KEYS, JSON | st.just(3), max_size=6))
def test_any_json_opens_or_is_refused(tmp_path: Path, about: dict[str, object]) -> None:
    json_file.read(json.dumps(about).encode(), tmp_path)
