"""The report as one HTML file: what is in it, and what a browser makes of it."""

import json
import re
import shutil
from html import escape

import pytest
from typer.testing import CliRunner

from deptool import plugins
from deptool.cli.main import app
from deptool.figure_data import of_file, of_runs
from deptool.html_about import SYNTHETIC, leakage
from deptool.html_table import sort_key
from deptool.report import report_file, report_runs
from deptool.report_html import script_json, to_html
from deptool.report_published import with_published
from deptool.report_table import Line, Sheet, said_once
from fixtures.runs import make_run

EVIL = "<script>alert(1)</script>"
OVERLAP = {
    "pairs": {"train-test": 2},
    "recordings": {"test": 4},
    "subjects": ["p00", "p01"],
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A network with two seeds, a ridge without a history, a constant, and one of evil names."""
    root = tmp_path_factory.mktemp("html") / "runs"
    make_run(root / "network", overlap=OVERLAP)
    make_run(root / "ridge", model="ridge", seeds=1, slope=0.9, epochs=0)
    make_run(root / "constant", model="constant", seeds=1, slope=0.0, epochs=0)
    make_run(
        *(root / "evil",),
        **{"model": EVIL, "corpus": f"demo{EVIL}", "prefix": EVIL, "seeds": 1, "n": 8},
        skipped={f"r{EVIL}": EVIL},
        corpus_notes=[EVIL],
    )
    return root


def page_of(runs, published=None):
    report = report_runs(runs)
    if published:
        report = with_published(report, published)
    return to_html(report, of_runs(runs, {row.run for row in report.rows}))


@pytest.fixture(scope="module")
def text(runs):
    return page_of(runs, "avec2014")


def test_the_same_runs_give_the_same_page_and_no_path(runs, text):
    assert page_of(runs, "avec2014") == text
    assert str(runs) not in text
    assert runs.parent.name not in text


def test_it_holds_one_copy_of_plotly_and_asks_for_nothing(text):
    assert text.count("* plotly.js v") == 1
    assert "default-src 'none'" in text
    assert not re.search(r"<(script|img|link|iframe)[^>]*\b(src|href)=", text)


def test_names_from_data_are_harmless(text):
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    # Inside JSON too, where it would end the element: one </script> for each <script that opens.
    ours = text.replace(
        text[text.index("/**\n* plotly.js") : text.index("</script>\n<script>")], ""
    )
    assert ours.count("<script") == ours.count("</script>")


def test_json_cannot_end_its_script_element():
    said = script_json({"text": "</script><!-- & \u2028"})
    assert not set(said) & set("<>&\u2028")
    assert json.loads(said) == {"text": "</script><!-- & \u2028"}


def test_what_must_be_known_is_said_first(text):
    top = text[text.index("Read this first") : text.index('id="metrics"')]
    assert "4 test recordings show a person who is in train or dev (run network)." in top
    assert "Fewer than 30 recordings or sessions" in top
    assert "Does not beat ridge regression" in top
    assert SYNTHETIC not in text


def test_synthetic_data_are_called_so(tmp_path):
    make_run(tmp_path / "a", synthetic=True)
    text = page_of(tmp_path)
    assert SYNTHETIC in text
    assert "a: gmlp, test, all recordings, N = 24, synthetic data" in text
    assert "personal data" not in text[: text.index('id="metrics"')]


def test_the_page_says_that_it_holds_ids_and_scores(text):
    top = text[: text.index('id="metrics"')]
    assert "This page is personal data. Ids of recordings and persons, and their true" in top
    assert "share it as you would share these." in top


def test_a_page_of_one_good_run_warns_of_nothing(tmp_path):
    make_run(tmp_path / "a", n=60)
    assert 'aria-labelledby="doubts" hidden' in page_of(tmp_path)


def test_every_line_of_the_tables_and_every_run_is_there(text):
    for word in ("train mean (constant)", "Published results on avec2014", "DepressionMLP (Niu)"):
        assert word in text
    assert text.count('<details class="run"') == 4
    assert text.count('role="img"') == text.count('type="application/json"')


def test_what_was_run_is_told(text):
    what = text[text.index('id="what"') :]
    for word in ("Setting learning_rate", "0.001", "No person is on two sides", "official"):
        assert word in what
    assert "train and test 2" in what


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"persons_unknown": True}, "does not say who"),
        ({}, "Nothing is known"),
        ({"overlap": {"pairs": {"train-dev": 0}}}, "No person is on two sides"),
    ],
)
def test_the_leakage_statement(about, said):
    assert said in leakage(about)


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        *(("5.10 ± 0.2", 5.1), ("5.10 [3.9, 6.2]", 5.1), ("-0.04", -0.04), ("−0.04", -0.04)),
        *(("40", 40), ("< 0.001", 0.001), ("–", None), ("", None), ("mild", None)),
    ],
)
def test_cells_are_sorted_by_the_number_they_start_with(cell, key):
    assert sort_key(cell) == key


def test_anybodys_predictions_have_a_page_without_curves_or_bands(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("recording_id,truth,prediction\na,3,5\nb,20,17\nc,9,9\n")
    text = to_html(report_file(path), of_file(path))
    assert text.count("Not drawn.") == 3  # ROC needs a scale, persons their ids, curves a history
    assert "Give --train-mean" in text[: text.index('id="metrics"')]


def test_what_all_rows_share_is_said_once_above_them(tmp_path):
    for name in ("a", "b"):
        make_run(tmp_path / name, model=f"m{name}")
    text = page_of(tmp_path)
    table = text[text.index('id="metrics"') : text.index("</table>")]
    assert re.findall(r'<button type="button">([^<]+)', table) == (
        ["model", "N", "RMSE", "MAE", "CCC", "PCC"]
    )
    shared = "corpus demo, scale BDI-II, protocol official, split test, over all recordings."
    assert f"In all rows: {shared}" in table


def test_what_differs_keeps_its_column():
    lines = [Line(["a", "x", "same", "–", "1"]), Line(["b", "y", "same", "–", "2"])]
    found = said_once(Sheet("How.", ["model", "p", "q", "r", "N"], 4, [lines]))
    assert (found.header, found.n_text) == (["model", "p", "N"], 2)
    assert [line.cells for line in found.lines] == [["a", "x", "1"], ["b", "y", "2"]]
    assert found.caption == "How. In all rows: q same."  # an empty column has nothing to say
    alone = Sheet("How.", ["model", "p", "N"], 2, [[Line(["a", "x", "1"])]])
    assert said_once(alone) is alone


def test_the_page_says_whose_auc_the_roc_figure_shows(text):
    several = "its AUC in the ROC figure is another than the table's mean of the seeds' AUCs."
    assert text.count(escape(several)) == 1  # of four runs one has two seeds


def test_the_verb_writes_the_page(runs, tmp_path):
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["report", str(runs), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    piped = CliRunner().invoke(app, ["report", str(runs), "--format", "html"])
    assert piped.stdout == out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on the path")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, file):
    """Opens the page; at the end there was no complaint, and no request but for the file."""
    pages, complaints, requests = [], [], []

    def opened(width=1200, **context):
        page = browser.new_page(viewport={"width": width, "height": 800}, **context)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector(".js-plotly-plot .main-svg")
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
    assert set(requests) == {file.as_uri()}


def expect(locator):
    """Waits for what is asked of it: the page's policy forbids the driver to wait in the page."""
    from playwright.sync_api import expect

    return expect(locator)


DRAWN = """plots => plots.filter(plot => {
  const box = plot.querySelector('.main-svg').getBoundingClientRect();
  const inner = plot.querySelector('.nsewdrag').getBoundingClientRect();
  return box.width > 100 && box.height > 100 && plot.querySelector('.xtitle, .ytitle')
    && inner.width > box.width / 2;  // no legend or label takes the room of the points
}).length"""


def test_each_plot_is_drawn_when_its_run_is_opened(opened):
    page = opened()
    kinds = len(plugins.names("figures"))
    names = page.locator("details.run > summary").all_inner_texts()
    assert "constant" in names[-1]  # by name, but that a constant comes last
    assert page.locator(".js-plotly-plot").count() == kinds
    for run in page.locator("details.run").all()[1:]:
        run.locator("> summary").click()
    n_missing = page.locator("p.missing").count()
    assert n_missing == 2  # curves of ridge and of the constant
    expect(page.locator(".js-plotly-plot")).to_have_count(4 * kinds - 2)
    assert page.eval_on_selector_all(".js-plotly-plot", DRAWN) == 4 * kinds - 2


def test_tables_are_sorted_by_click_and_by_key(opened):
    page = opened()
    table = page.locator('table[aria-label^="Published"]')
    heads = table.locator("thead th")
    at = [head.inner_text().strip() for head in heads.all()].index("RMSE")
    names = f"rows => rows.map(row => row.cells[{at}].textContent)"
    as_it_was = table.locator("tbody tr").evaluate_all(names)
    button = heads.nth(at).locator("button")
    button.click()
    assert heads.nth(at).get_attribute("aria-sort") == "ascending"
    found = table.locator("tbody tr").evaluate_all(names)
    numbers = [float(cell) for cell in found if cell != "–"]
    assert numbers == sorted(numbers)
    assert found[-1] == "–"  # what has no number comes last, in both orders
    button.focus()
    page.keyboard.press("Enter")
    assert heads.nth(at).get_attribute("aria-sort") == "descending"
    found = table.locator("tbody tr").evaluate_all(names)
    assert [float(c) for c in found if c != "–"] == sorted(numbers, reverse=True)
    assert found[-1] == "–"
    page.keyboard.press("Space")
    assert heads.nth(at).get_attribute("aria-sort") == "none"
    assert table.locator("tbody tr").evaluate_all(names) == as_it_was


def test_the_keyboard_reaches_the_results_the_tables_and_the_runs(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("details.run > summary").last.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.run").last.get_attribute("open") is not None


def test_no_metrics_table_is_wider_than_a_laptop(opened):
    page = opened(width=1200)
    boxes = page.locator("section[aria-labelledby=metrics] .wide")
    wide = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth)"
    assert boxes.count() > 3
    # What is published has its own columns for modality and place, and may scroll.
    found = boxes.evaluate_all(f"{wide}.map(box => box.getAttribute('aria-label'))")
    assert [name for name in found if not name.startswith("Published")] == []


def test_names_stay_in_sight_while_a_table_scrolls(opened):
    page = opened(width=400)
    box = page.locator(".wide").first
    box.evaluate("box => { box.scrollLeft = 200; }")
    inside = "(cell) => cell.getBoundingClientRect().left - cell.closest('.wide')"
    inside += ".getBoundingClientRect().left"
    assert box.locator("tbody th").first.evaluate(inside) == pytest.approx(0, abs=1)
    assert box.locator("tbody td").first.evaluate(inside) < 0


def test_legends_are_below_the_axes_and_the_tool_bar_waits_for_the_mouse(opened):
    for width in (1200, 400):
        page = opened(width=width)
        plots = page.locator(".js-plotly-plot:has(.legend)")
        assert plots.count() > 3
        for plot in plots.all():
            legend = plot.locator(".legend").bounding_box()
            title = plot.locator(".xtitle, .x2title").last.bounding_box()
            assert legend["y"] >= title["y"] + title["height"] - 1
        page.mouse.move(0, 0)
        expect(page.locator(".modebar-group").first).to_have_css("opacity", "0")


def test_no_button_uploads_a_chart(opened):
    page = opened()
    assert page.locator(".modebar-btn").count() > 0
    assert page.get_by_role("button", name="Share", exact=False).count() == 0
    names = page.locator(".modebar-btn").evaluate_all("b => b.map(e => e.dataset.title)")
    assert not [name for name in names if re.search("share|cloud|studio", name, re.IGNORECASE)]


@pytest.mark.parametrize("width", [360, 320])
def test_a_phone_scrolls_tables_and_not_the_page(opened, width):
    page = opened(width=width)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    expect(page.locator(".js-plotly-plot")).to_have_count(4 * len(plugins.names("figures")) - 2)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.eval_on_selector_all(".js-plotly-plot", DRAWN) == page.locator(".plot").count()


def test_the_page_and_its_plots_follow_the_scheme(opened):
    page = opened(color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    title = page.locator(".js-plotly-plot .xtitle").first
    letters = title.evaluate("title => getComputedStyle(title).fill")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    expect(title).not_to_have_css("fill", letters)
    assert page.evaluate(ground) != "rgb(255, 255, 255)"


def test_on_paper_everything_is_open_and_light_and_afterwards_as_it_was(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("details.run:not([open])")).to_have_count(0)
    kinds = len(plugins.names("figures"))
    assert page.locator(".js-plotly-plot").count() == 4 * kinds - 2
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="dark")
    expect(page.locator("details.run:not([open])")).to_have_count(3)
