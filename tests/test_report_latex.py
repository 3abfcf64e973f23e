"""The LaTeX of reports: that it compiles, that nothing runs off the page, that nothing is lost."""

import re
import shutil
import subprocess

import pytest

from deptool.published import CORPORA
from deptool.report import report_runs
from deptool.report_formats import to_latex
from deptool.report_latex import LINES, escaped, latex
from deptool.report_published import with_published
from deptool.report_table import Line, Sheet
from fixtures.runs import make_run

DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
Before.
%s
After.
\end{document}
"""


def sheet_of(names, n=1, **more):
    header = ("model", "note & sign", "RMSE", "R²")
    lines = [Line((name, f"n_{i}", "5.10 ± 0.20", "-0.1"), ("†", "a")) for i, name in names]
    return Sheet("Errors ± 5 %; N ≥ 3.", header, 2, [lines] * n, **more)


@pytest.fixture
def compiled(tmp_path):
    """Compiles texts in an article; returns the log and the number of pages."""
    if shutil.which("pdflatex") is None:
        pytest.skip("there is no pdflatex on the path")

    def compiled(text):
        # Nothing of the places where a user's TeX keeps what it makes.
        (tmp_path / "t.tex").write_text(text, encoding="utf-8")
        (tmp_path / "doc.tex").write_text(DOCUMENT % r"\input{t.tex}", encoding="utf-8")
        words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "doc.tex"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False, timeout=120)
        log = (tmp_path / "doc.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-3000:]
        pages = re.search(r"Output written on doc.pdf \((\d+) page", log)
        assert pages
        return log, int(pages[1])

    return compiled


@pytest.mark.parametrize("corpus", CORPORA)
def test_runs_and_published_rows_compile_and_fit_the_page(tmp_path, compiled, corpus):
    overlap = {"pairs": {}, "recordings": {"test": 3}, "subjects": []}
    make_run(tmp_path / "runs" / "a", seeds=3, overlap=overlap, protocol="group-kfold:5")
    make_run(tmp_path / "runs" / "b", model="a_model_of_a_rather_long_name", corpus="d_é_vlog")
    make_run(tmp_path / "runs" / "c", model="ridge", seeds=1, slope=0.9)
    text = to_latex(with_published(report_runs(tmp_path / "runs"), corpus))
    log, _ = compiled(text)
    assert "Overfull" not in log
    assert "too large" not in log  # a float that does not fit the page


def test_every_letter_and_sign_compiles(compiled):
    letters = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)]))
    signs = "•±−×≤≥†‡§¶√²–—…’‘“”µ°→· 语Ж😀\t\u0301"
    log, _ = compiled(latex([sheet_of([(0, letters[:60]), (1, letters[60:]), (2, signs)])]))
    assert "Missing character" not in log


@pytest.mark.parametrize(
    "name", ["[x] run", "*", "~", "\\", "{", "%", "$x_1$", "\\input{/etc/hosts}"]
)
def test_a_name_is_no_command(compiled, name):
    compiled(latex([sheet_of([(0, name)], n=3, title=name, footnotes=[("†", name)])]))


def test_long_tables_are_parted_and_no_line_is_lost(compiled):
    names = [(i, f"model {i}") for i in range(50)]
    text = latex([sheet_of(names, n=2)])
    # 100 lines in 4 parts of 25, the header in each.
    assert text.count(r"\begin{table}") == -(-100 // LINES) == 4
    assert text.count(r"note \& sign") == 4
    for i, name in names:
        assert text.count(f"{name}\\textsuperscript") == 2, i
    log, pages = compiled(text)
    assert "too large" not in log
    assert pages >= 2


def test_many_footnotes_follow_the_table_as_text(compiled):
    notes = [(str(i), "A caveat that is as long as caveats are. " * 4) for i in range(40)]
    text = latex([sheet_of([(0, "a")], footnotes=notes, title="Published_results")])
    assert text.index(r"\end{table}") < text.index(r"\paragraph{Notes: Published\_results.}")
    log, pages = compiled(text)
    assert pages >= 2
    assert "Overfull" not in log


def test_letters_that_pdflatex_does_not_know_are_told_by_number():
    assert escaped("Ж é −1 •") == r"[U+0416] é $-$1 \textbullet{}"


def test_what_all_lines_share_is_in_the_caption_alone():
    header = ("model", "split", "N")
    lines = [Line((name, "test", "10")) for name in "ab"]
    text = latex([Sheet("Errors.", header, 2, [lines])])
    assert "In all rows: split test." in text
    assert "model & N" in text
    assert "a & $10$" in text
