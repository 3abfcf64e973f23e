"""A file that plainly is another importer's: the error names the one to use."""

import itertools

import pytest

from deptool import plugins
from deptool.errors import InputError
from deptool.feature_files.whose import whose
from deptool.importers import daic_woz, e_daic
from deptool.ingest import import_corpus
from deptool.settings import resolve
from fixtures import feature_files as files
from fixtures.corpora import make_daic_woz, make_e_daic
from fixtures.fex_files import fex
from fixtures.openface_rows import measure

WRITERS = {
    "openface": files.openface2,
    "openface3": files.openface3,
    "openface3 wide": files.openface3_wide,
    "libreface": files.libreface,
    "py-feat": fex,
    "py-feat mp": lambda path, table: fex(path, table, "mp"),
}
WORDS = {"openface3": ("au=none", "fps=30"), "py-feat": ("fps=30",)}
KINDS = ("openface", "openface3", "libreface", "py-feat")


@pytest.mark.parametrize(
    ("written", "kind"),
    [(w, k) for w, k in itertools.product(WRITERS, KINDS) if w.split()[0] != k],
)
def test_the_right_importer_is_named(tmp_path, written, kind):
    WRITERS[written](tmp_path / "in" / "a.csv", measure(0.2))
    settings = resolve(plugins.load("importers", kind).Settings, words=WORDS.get(kind, ()))
    with pytest.raises(InputError, match="looks like") as error:
        import_corpus(kind, tmp_path / "in", tmp_path / "c", settings)
    assert error.value.fix == f"Import it with: deptool import {written.split()[0]}"


@pytest.mark.parametrize("header", [[], ["a", "b"], ["timestamp", "AU01_r"], ["frame", "x_0"]])
def test_what_does_not_plainly_say_is_nobodys(header):
    assert whose(header) is None


def test_the_two_daic_corpora_name_each_other(tmp_path):
    make_daic_woz(tmp_path / "woz", n=1, seconds=0.2)
    make_e_daic(tmp_path / "e", n=1, seconds=0.2)
    with pytest.raises(InputError) as error:
        e_daic.find(tmp_path / "woz", e_daic.Settings())
    assert "DAIC-WOZ's: deptool import daic-woz" in str(error.value.fix)
    with pytest.raises(InputError) as error:
        daic_woz.find(tmp_path / "e", daic_woz.Settings())
    assert "E-DAIC's: deptool import e-daic" in str(error.value.fix)
