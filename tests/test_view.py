"""The player's page: what it holds, and in a browser, where there is one, what it shows."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.corpus import Corpus, open_corpus
from deptool.errors import InputError, UsageError
from deptool.models.depressionmlp import Settings
from deptool.schema import FRAME_STATUS, FRAMES
from deptool.tables import write_json, write_table
from deptool.train import train
from deptool.view import default_name, pack_table, view
from deptool.view_columns import Packed, pack, step_of
from deptool.view_page import as_script_data
from deptool.view_rows import STATUSES, table_rows
from fixtures.tables import make_tables_corpus
from tests.conftest import Run as Cli

LOOK = {"x": 0.6, "y": 0.0, "z": -0.8}
LOUD = "</script><script>alert(1)</script>"


def with_head(table: pl.DataFrame) -> pl.DataFrame:
    """A frames table of the fixture with head pose and gaze, which it has not."""
    seen = pl.col("success") == 1
    turn = ((pl.int_range(pl.len()) % 100) / 50).cast(pl.Float32)
    pose = {f"pose_T{a}": pl.lit(100.0) for a in "xyz"} | {f"pose_R{a}": turn for a in "xyz"}
    gaze = {f"gaze_{eye}_{a}": pl.lit(v) for eye in "01" for a, v in LOOK.items()}
    gaze |= {"gaze_angle_x": turn / 2, "gaze_angle_y": -turn / 3}
    new = [
        pl.when(seen).then(value).cast(pl.Float32).alias(name)
        for name, value in {**pose, **gaze}.items()
    ]
    return table.with_columns(new)


def rewrite(corpus: Corpus, name: str, table: pl.DataFrame) -> None:
    write_table(corpus.frames_path(name), FRAMES, table)


def describe(corpus: Corpus, name: str, **values: object) -> None:
    """Change what recordings.parquet says of one recording."""
    mine = pl.col("recording_id") == name
    new = [
        pl.when(mine).then(pl.lit(value)).otherwise(pl.col(key)).alias(key)
        for key, value in values.items()
    ]
    corpus.write_recordings(corpus.recordings().with_columns(new))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 recordings of 8 s at 6 rows per second: 48 rows. s000_0 has head pose and gaze too."""
    corpus = make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=4, seconds=8.0)
    rewrite(corpus, "s000_0", with_head(corpus.frames("s000_0")))
    return corpus


@pytest.fixture
def own(corpus: Corpus, tmp_path: Path) -> Corpus:
    """A copy that a test may change."""
    shutil.copytree(corpus.root, tmp_path / "own")
    return open_corpus(tmp_path / "own")


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two members, seeds 0 and 1."""
    out = tmp_path_factory.mktemp("r") / "run"
    return train(corpus, "depressionmlp", Settings(epochs=2), seeds=[0, 1], out=out).root


def text_of(path: Path, corpus: Corpus, name: str = "s000_0", **choices: Any) -> str:
    view(corpus, name, out=path, **choices)
    return path.read_text(encoding="utf-8")


def head_of(text: str) -> dict[str, Any]:
    """What the page's script reads as JSON."""
    found = re.search(r'<script type="application/json" id="head">(.*?)</script>', text, re.S)
    assert found
    head: dict[str, Any] = json.loads(found.group(1))
    return head


# --- columns ------------------------------------------------------------------------------


def unpack(packed: Packed) -> list[float]:
    """The values again, slowly: NaN for 0, else so many steps more or less than the one before."""
    rows = len(packed.content) // packed.planes
    values, number = [], 0
    for row in range(rows):
        folded = sum(packed.content[p * rows + row] << (8 * p) for p in range(packed.planes))
        number += (folded - 1) // 2 if folded % 2 else -(folded // 2)
        values.append(number * packed.step if folded else np.nan)
    return values


VALUES = st.one_of(
    st.just(np.nan), st.floats(-(2.0**100), 2.0**100, width=32), st.floats(-5, 5, width=32)
)


@given(st.lists(VALUES, max_size=40), st.sampled_from([1 / 16, 0.1, 0.001, 1.0]))
def test_a_column_comes_back_rounded_and_nulls_stay_nulls(values: list[float], step: float) -> None:
    column = np.array(values, np.float64)
    packed = pack(column, step)
    back = np.array(unpack(packed))
    assert np.isnan(back).tolist() == np.isnan(column).tolist()
    there = ~np.isnan(column)
    off = np.abs(back - column)[there]
    # Half a step, and what a double cannot tell of large numbers.
    assert (off <= packed.step * 0.5001 + 1e-12 * np.abs(column[there])).all()
    if not there.any() or np.abs(column[there]).max() < 1e9:
        assert packed.step == step


def test_a_column_is_told_by_its_steps() -> None:
    # Of 1/16 px: 8, 9, null, 7. From 0: 8 up (2·8 + 1), 1 up (3), null (0), 2 down (2·2).
    packed = pack(np.array([0.5, 0.5625, np.nan, 0.4375]), step_of("px"))
    assert (packed.planes, list(packed.content)) == (1, [17, 3, 0, 4])


def test_large_steps_take_more_bytes_lowest_first() -> None:
    # 300 up is 601 = 2·256 + 89; then 0 up is 1.
    packed = pack(np.array([300.0, 300.0]), 1.0)
    assert (packed.planes, list(packed.content)) == (2, [89, 1, 2, 0])


def test_columns_without_a_value_are_left_out(corpus: Corpus) -> None:
    packed = pack_table(corpus.frames("s000_0"))
    gone = {"AU28_c", "AU45_c"}
    assert set(corpus.frames("s000_0").columns) - set(packed) == gone
    assert packed["x_0"].step == 1 / 16


def test_every_status_has_words() -> None:
    assert set(STATUSES) == set(FRAME_STATUS)


def test_twenty_minutes_are_under_15_mb(own: Corpus, tmp_path: Path) -> None:
    # 36,000 rows at 30 a second, with landmarks that tremble by 0.3 px and action units of noise.
    from fixtures.tables import make_frames

    generator = np.random.default_rng(0)
    face = generator.normal(300, 40, (2, 68))
    rewrite(own, "s000_0", with_head(make_frames(face, 0.5, 1200.0, 30.0, generator)))
    assert len(own.frames("s000_0")) == 36_000
    assert view(own, "s000_0", out=tmp_path / "v.html").n_bytes < 15e6


# --- the page as text ---------------------------------------------------------------------


def test_the_same_table_gives_the_same_bytes(corpus: Corpus, run: Path, tmp_path: Path) -> None:
    first = text_of(tmp_path / "a.html", corpus, run=run)
    assert text_of(tmp_path / "b.html", corpus, run=run) == first


def test_the_page_names_no_address_and_no_place(corpus: Corpus, run: Path, tmp_path: Path) -> None:
    text = text_of(tmp_path / "v.html", corpus, run=run)
    assert "http://" not in text
    assert "https://" not in text
    assert str(tmp_path.parent) not in text
    assert str(run.parent) not in text
    assert "default-src 'none'" in text
    assert "unsafe-inline" not in text


def test_the_columns_of_the_page_are_those_of_the_table(corpus: Corpus, tmp_path: Path) -> None:
    text = text_of(tmp_path / "v.html", corpus)
    head = head_of(text)
    packed = pack_table(corpus.frames("s000_0"))
    found = re.search(r'id="columns">([^<]*)<', text)
    assert found
    assert zlib.decompress(b64decode(found.group(1))) == b"".join(
        p.content for p in packed.values()
    )
    assert [c["name"] for c in head["columns"]] == list(packed)
    assert head["n_rows"] == 48


def test_rows_of_the_time_line_are_what_the_table_has_values_of(corpus: Corpus) -> None:
    every = ["status", "confidence", "row", "pose", "gaze", "place", "box", "au"]
    assert [row.id for row in table_rows(corpus.frames("s000_0"))] == every
    bare = ["status", "confidence", "row", "box", "au"]
    assert [row.id for row in table_rows(corpus.frames("s000_1"))] == bare


def test_presence_stands_in_where_there_is_no_intensity(corpus: Corpus) -> None:
    null = pl.lit(None, pl.Float32)
    table = corpus.frames("s000_0").with_columns(AU12_r=null, AU15_r=null, AU15_c=null)
    (units,) = [row for row in table_rows(table) if row.id == "au"]
    by_name = {series["name"]: series for series in units.series}
    assert (by_name["AU12"]["column"], by_name["AU12"]["high"]) == ("AU12_c", 1)
    assert (by_name["AU01"]["column"], by_name["AU01"]["presence"]) == ("AU01_r", "AU01_c")
    assert "AU15" not in by_name


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (("landmarks",), "Not in this table: landmarks."),
        (("gaze", "head_pose"), "Not in this table: head pose and gaze."),
        (("action_units",), "Not in this table: action units."),
    ],
)
def test_groups_that_lack_are_named(
    own: Corpus, tmp_path: Path, gone: tuple[str, ...], said: str
) -> None:
    table = own.frames("s000_0").drop([c.name for g in gone for c in FRAMES.group(g)])
    rewrite(own, "s000_0", table)
    text = text_of(tmp_path / "v.html", own)
    assert said in text
    assert not {c["name"] for c in head_of(text)["columns"]} - set(table.columns)


def test_columns_that_were_never_measured_are_named(corpus: Corpus, tmp_path: Path) -> None:
    text = text_of(tmp_path / "v.html", corpus)
    assert "Of the action units, never measured here: AU28_c and AU45_c." in text


def test_synthetic_is_said(own: Corpus, tmp_path: Path) -> None:
    assert "Synthetic" not in text_of(tmp_path / "v.html", own)
    write_json(own.root / "corpus.json", {**own.about, "synthetic": True})
    text = text_of(tmp_path / "v.html", open_corpus(own.root))
    assert "Synthetic: made by a program." in text
    assert "No person is in it" in text
    assert "personal data" not in text


def test_the_page_names_the_questionnaires_score_where_it_holds_it(
    corpus: Corpus, run: Path, tmp_path: Path
) -> None:
    plain = text_of(tmp_path / "a.html", corpus)
    assert "This file is personal data" in plain
    assert "person, session, task and split." in plain
    assert "score of the questionnaire" not in plain
    scored = text_of(tmp_path / "b.html", corpus, run=run)
    assert "points of BDI-II that it predicts, and beside them stands the score of the" in scored
    assert "questionnaire, the person&#x27;s own." in scored


def test_a_part_says_that_it_is_one(corpus: Corpus, tmp_path: Path) -> None:
    # Rows at 2, 2 1/6, … up to but not with 3 s: six.
    text = text_of(tmp_path / "v.html", corpus, start_s=2.0, end_s=3.0)
    assert head_of(text)["n_rows"] == 6
    assert "only 2.0 to 2.8 s of 7.8 s" in text


def test_json_in_a_script_cannot_end_it() -> None:
    text = as_script_data({"a": LOUD, "b": "<!--<script>"})
    assert "<" not in text
    assert json.loads(text) == {"a": LOUD, "b": "<!--<script>"}


# --- what is refused ----------------------------------------------------------------------


def test_a_wrong_id_offers_the_nearest(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no recording 's000_9'") as caught:
        view(corpus, "s000_9", out=tmp_path / "v.html")
    assert "Did you mean 's000_" in str(caught.value.fix)


def test_a_recording_without_rows_says_why(own: Corpus, tmp_path: Path) -> None:
    describe(own, "s001_1", n_frames=0, status="unreadable", reason="cut off")
    with pytest.raises(InputError, match=r"no rows to show.*unreadable: cut off"):
        view(own, "s001_1", out=tmp_path / "v.html")


def test_a_name_of_another_kind_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write a page to 'v\.parquet'"):
        view(corpus, "s000_0", out=tmp_path / "v.parquet")
    assert not list(tmp_path.iterdir())


def test_times_without_a_row_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no row from 50 s on\n") as caught:
        view(corpus, "s000_0", out=tmp_path / "v.html", start_s=50.0)
    assert caught.value.fix == "The recording's rows go from 0 to 7.833 s."
    with pytest.raises(UsageError, match=r"no row before 0 s\n"):
        view(corpus, "s000_0", out=tmp_path / "v.html", end_s=0.0)
    with pytest.raises(UsageError, match=r"no row from 50 s up to 60 s\n"):
        view(corpus, "s000_0", out=tmp_path / "v.html", start_s=50.0, end_s=60.0)


def test_the_name_of_a_page_stays_in_the_folder() -> None:
    assert default_name("../../a b").name == str(default_name("../../a b"))


# --- the command line ---------------------------------------------------------------------


def test_the_verb_writes_says_where_and_says_what_it_replaced(
    corpus: Corpus, run: Path, tmp_path: Path, deptool: Cli
) -> None:
    done = deptool("view", corpus.root, "s000_0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Written: s000_0.html (48 rows, ")
    again = deptool("view", corpus.root, "s000_0", "--run", run, "--json", cwd=tmp_path)
    assert again.stderr.startswith("Replaced: s000_0.html")
    assert "was in the run's training data" in again.stderr
    assert "score of the questionnaire, the person's own" in again.stderr
    assert json.loads(again.stdout)["part"] == "train"
    wrong = deptool("view", corpus.root, "s000_7", cwd=tmp_path)
    assert wrong.returncode == 4


# --- in a browser -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not chromium:
        pytest.skip("no chromium on this machine to look at the page with")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, args=flags)
        yield found
        found.close()


class Shown:
    """A page in the browser, and what must not have happened in it."""

    def __init__(self, browser: Any, path: Path, width: int = 1280) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(dialog.message))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("#player:not([hidden])")

    def value(self, name: str) -> str:
        """The number of a column that the page shows."""
        text: str = self.page.text_content(f'#numbers [data-column="{name}"]')
        return text.replace("−", "-")

    def get(self, script: str) -> Any:
        return self.page.evaluate(script)

    def until(self, script: str) -> None:
        """Wait until it is true; wait_for_function would evaluate it in the page, which refuses."""
        look = f"if ({script}) {{ clearInterval(timer); done(); }}"
        self.get(
            f"() => new Promise((done) => {{ const timer = setInterval(() => {{ {look} }}, 9) }})"
        )

    def colours(self, canvas: str) -> int:
        """How many colours a canvas has."""
        return int(
            self.get(
                f"""() => {{
                    const canvas = document.querySelector('{canvas}');
                    const {{ width, height }} = canvas;
                    const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
                    return new Set(new Uint32Array(data.buffer)).size;
                }}"""
            )
        )


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Write a page, open it; afterwards nothing must have gone wrong or been fetched."""
    opened: list[Shown] = []

    def open_it(corpus: Corpus, name: str = "s000_0", width: int = 1280, **choices: Any) -> Shown:
        path = tmp_path / f"{len(opened)}.html"
        view(corpus, name, out=path, **choices)
        opened.append(Shown(browser, path, width))
        return opened[-1]

    yield open_it
    for number, shown in enumerate(opened):
        assert shown.troubles == []
        assert shown.requests == [(tmp_path / f"{number}.html").as_uri()]
        shown.page.close()


def test_the_numbers_are_those_of_the_table(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    table = corpus.frames("s000_0")
    measured = table["success"].to_list()
    degrees = 180 / np.pi
    for row in (0, 1, 30, measured.index(0), 47):
        shown.get(f"player.seekRow({row})")
        for name, factor, off in (
            ("AU12_r", 1, 0.0051),
            ("confidence", 1, 0.00051),
            # Rounded to 0.001 rad, then shown with one decimal.
            ("pose_Ry", degrees, 0.0005 * degrees + 0.051),
            ("gaze_angle_y", degrees, 0.0005 * degrees + 0.051),
            ("face_w", 1, 0.0625 / 2 + 0.051),
        ):
            expected = table[name][row]
            text = shown.value(name)
            assert (text == "–") == (expected is None), name
            if expected is not None:
                assert float(text) == pytest.approx(expected * factor, abs=off), name
        assert shown.value("frame") == str(row + 1)


def test_every_column_can_be_read(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    shown.get("player.seekRow(7)")
    shown.page.click("summary")
    shown.page.wait_for_selector("#values dl")
    cells = shown.get(
        "Object.fromEntries([...document.querySelectorAll('#values dl > div')].map((line) =>"
        " [line.firstChild.firstChild.textContent, line.lastChild.textContent]))"
    )
    table = corpus.frames("s000_0")
    assert set(cells) == set(pack_table(table))
    for i in (0, 36, 67):
        value = float(cells[f"x_{i}"].replace("−", "-"))
        assert value == pytest.approx(table[f"x_{i}"][7], abs=1 / 32 + 1e-4)


def test_keys_move_by_rows_seconds_and_ends(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    rows = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Shift+ArrowRight", "End", "Home"):
        shown.page.keyboard.press(key)
        rows.append(shown.get("player.row"))
    # One second is six rows.
    assert rows == [1, 2, 1, 7, 47, 0]


def test_playing_follows_the_clock_and_stops_at_the_end(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    shown.page.keyboard.press("Space")
    shown.until("player.time > 0.3")
    shown.page.keyboard.press("Space")
    assert not shown.get("player.playing")
    stood = shown.get("player.time")
    shown.page.wait_for_timeout(60)
    assert shown.get("player.time") == stood
    shown.get("player.seek(7.7)")
    shown.page.click("#play")
    shown.until("!player.playing")
    assert shown.get("player.row") == 47


def test_the_mouse_scrubs_and_zooms(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    box = shown.page.locator('canvas[data-row="confidence"]').bounding_box()
    y = box["y"] + box["height"] / 2
    shown.page.mouse.move(box["x"] + box["width"] / 4, y)
    shown.page.mouse.down()
    # A quarter of 8 s.
    assert shown.get("player.time") == pytest.approx(2.0, abs=0.05)
    shown.page.mouse.move(box["x"] + box["width"] / 2, y)
    assert shown.get("player.time") == pytest.approx(4.0, abs=0.05)
    shown.page.mouse.up()
    shown.page.mouse.move(box["x"], y)
    assert shown.get("player.row") == 24
    shown.page.click("#closer")
    assert shown.get("[player.timeline.first, player.timeline.last]") == pytest.approx(
        [2, 6], abs=0.1
    )
    shown.page.keyboard.press("0")
    assert shown.get("player.timeline.last") == pytest.approx(8.0, abs=0.01)


def test_what_is_shown_can_be_moved_away_from_the_cursor(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    shown.page.click("#closer")
    box = shown.page.locator("canvas.overview").bounding_box()
    shown.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 8)
    shown.page.mouse.down()
    shown.page.mouse.up()
    # Half of 8 s is shown, now the second half; the cursor stays at 0, unseen.
    assert shown.get("player.timeline.first") == pytest.approx(4.0, abs=0.01)
    assert shown.get("[player.time, player.timeline.cursor.hidden]") == [0, True]
    shown.page.keyboard.press("ArrowRight")
    assert shown.get("[player.timeline.first, player.timeline.cursor.hidden]") == [0, False]


def test_face_and_traces_are_drawn(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    for canvas in ("#face", *(f'canvas[data-row="{r}"]' for r in ("confidence", "pose", "au"))):
        assert shown.colours(canvas) > 3, canvas
    before = shown.get("document.getElementById('face').toDataURL()")
    shown.page.keyboard.press("ArrowRight")
    assert shown.get("document.getElementById('face').toDataURL()") != before


def test_landmarks_lie_where_the_table_has_them(corpus: Corpus, open_page: Any) -> None:
    # Followed, their mean is at (1/2, 0.53) of the canvas, and a usual face takes 62 % of it.
    shown = open_page(corpus, "s000_1")
    table = corpus.frames("s000_1")
    row = table["success"].to_list().index(1, 9)
    shown.get(f"player.seekRow({row})")
    every = np.stack([table.select(f"{a}_{i}" for i in range(68)).to_numpy() for a in "xy"], -1)
    usual = np.nanmedian(np.ptp(every[:, :, 1], axis=1))
    width, height = shown.get("[player.face.width, player.face.height]")
    points = (every[row] - every[row].mean(axis=0)) * 0.62 * min(width, height) / usual
    xs, ys = (points + np.array([[width / 2, 0.53 * height]])).round().astype(int).T
    reds = np.array(
        shown.get(
            "() => { const { pen, width, height } = player.face;"
            " const { data } = pen.getImageData(0, 0, width, height);"
            " return [...data].filter((_, i) => i % 4 === 0) }"
        )
    ).reshape(height, width)[ys, xs]
    assert reds.max() < 150  # the page is white there, the points are nearly black


def test_an_action_unit_is_drawn_as_a_line_on_demand(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    button = shown.page.locator('button[data-series="AU26"]')
    was = button.get_attribute("aria-pressed") == "true"
    button.click()
    chosen = "player.timeline.tracks.find((t) => t.lines).lines.row.series.map((s) => s.name)"
    assert ("AU26" in shown.get(chosen)) != was


@pytest.mark.parametrize("gone", [("landmarks",), FRAMES.optional], ids=["landmarks", "all"])
def test_a_table_that_lacks_groups_still_plays(
    own: Corpus, open_page: Any, gone: tuple[str, ...]
) -> None:
    table = own.frames("s000_0").drop([c.name for g in gone for c in FRAMES.group(g)])
    table = table.with_columns(pl.lit(None, pl.Float32).alias(f"face_{k}") for k in "xywh")
    rewrite(own, "s000_0", table)
    shown = open_page(own)
    shown.page.keyboard.press("ArrowRight")
    assert shown.get("player.row") == 1
    assert shown.colours("#face") > 3  # an oval with pose and gaze, or words


def test_rows_that_are_missing_are_said(own: Corpus, open_page: Any) -> None:
    # Rows 12 to 35 are left out: from row 11 (1.83 s) to row 36 (6 s) 4.2 s.
    table = own.frames("s000_0")
    rewrite(own, "s000_0", table.filter(~pl.int_range(pl.len()).is_between(12, 35)))
    shown = open_page(own)
    shown.get("player.seek(4)")
    assert shown.get("player.row") == -1
    assert shown.get("player.face.shown[1]") == "No rows for 4.2 s"
    assert shown.value("AU12_r") == "–"
    shown.get("player.seek(6)")
    assert shown.get("player.row") == 12


def test_scores_of_segments_stand_on_the_time_line(
    corpus: Corpus, run: Path, open_page: Any
) -> None:
    from deptool.segment_scores import segment_scores

    shown = open_page(corpus, run=run)
    scores = segment_scores(corpus, run, "s000_0")
    # At 2 s the segments from 0 to 3 s and from 1.5 to 4.5 s overlap.
    assert scores["start_s"][:2].to_list() == pytest.approx([0.0, 1.5])
    shown.get("player.seek(2)")
    said = shown.page.text_content('#numbers .steps [data-column="mean of 2 networks"]')
    assert said == " and ".join(f"{v:.1f}" for v in scores["score"][:2])
    assert shown.colours('canvas[data-row="scores"]') > 3
    assert "was in the run's training data" in shown.page.text_content(".about")


def test_what_comes_from_data_is_never_taken_for_html(own: Corpus, open_page: Any) -> None:
    name = "&lt;img src=x onerror=alert(1)&gt;"  # no id can have the signs themselves
    old = own.frames_path("s000_0")
    old.rename(own.frames_path(name))
    describe(own, "s000_0", recording_id=name, task=LOUD, status="truncated", reason=LOUD)
    write_json(own.root / "corpus.json", {**own.about, "name": LOUD, "deidentification": [LOUD]})
    shown = open_page(open_corpus(own.root), name)
    assert shown.page.text_content("h1") == name
    assert LOUD in shown.page.text_content(".badges")
    assert shown.page.locator("img").count() == 0
    assert shown.page.locator("script").count() == 3


def test_a_phone_shows_all_of_it(corpus: Corpus, run: Path, open_page: Any) -> None:
    shown = open_page(corpus, width=360, run=run)
    assert shown.get("document.documentElement.scrollWidth") == 360
    assert shown.colours('canvas[data-row="au"]') > 3


def test_every_control_has_a_name(corpus: Corpus, open_page: Any) -> None:
    shown = open_page(corpus)
    names = shown.get(
        "[...document.querySelectorAll('button, select, [role=slider], canvas[role]')].map((e) =>"
        " e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent)"
    )
    assert all(name.strip() for name in names)
    assert shown.get("document.querySelector('[role=slider]').getAttribute('aria-valuetext')") == (
        "0:00.00 of 0:08.0, row 1 of 48"
    )


def test_a_browser_that_cannot_unpack_says_so(browser: Any, corpus: Corpus, tmp_path: Path) -> None:
    view(corpus, "s000_0", out=tmp_path / "v.html")
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto((tmp_path / "v.html").as_uri())
    page.wait_for_selector("#trouble:not([hidden])")
    assert "cannot unpack" in page.text_content("#trouble")
    assert page.is_visible(".about")
    page.close()
