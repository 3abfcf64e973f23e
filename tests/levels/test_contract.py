"""What every level of a release keeps to: sound tables, less in them, nothing of the source."""

import numpy as np
import polars as pl
import pytest

from deptool import plugins
from deptool.embeddings import write_embedding
from deptool.levels import shape
from deptool.measured import LANDMARK_COLUMNS
from deptool.reduction import Common, Step, reduced, released_form, shared
from deptool.schema import FRAMES
from deptool.validate import check
from tests.test_export import make_frames

LEVELS = plugins.names("levels")


def load(name):
    level = plugins.load("levels", name)
    return level, level.Settings()


def real_looking(n=240, seed=0, fps=6.0, groups=("gaze", "head_pose", "landmarks", "action_units")):
    """Frames with some unmeasured rows, a face that is a face, and a clock that starts late."""
    generator = np.random.default_rng(seed)
    table = make_frames(n, seed, groups, unmeasured=(3, 4, 50))
    face = shape.template() * 90 + np.array([300, 220])
    motion = generator.normal(0, 1, (n, 68, 2)).cumsum(axis=0) * 0.05
    points = face + motion + generator.normal(0, 0.3, (n, 68, 2))
    columns = {
        f"{axis}_{i}": points[:, i, k].astype(np.float32)
        for k, axis in enumerate("xy")
        for i in range(68)
        if "landmarks" in groups
    }
    table = table.with_columns(
        timestamp=pl.Series((5 + np.arange(n) / fps).astype(np.float32)),
        n_faces=pl.Series(np.full(n, 3)),
    ).cast(dict.fromkeys(("frame", "success", "n_faces"), pl.Int32))
    return table.with_columns(
        pl.when(pl.col("success") == 1).then(pl.Series(name, values)).alias(name)
        for name, values in columns.items()
    )


@pytest.mark.parametrize("name", LEVELS)
def test_what_is_left_keeps_the_schema(name) -> None:
    level, settings = load(name)
    table, _ = reduced(real_looking(), level, settings, Common())
    check(table, FRAMES, name)
    groups = {c.group for c in FRAMES.columns if c.name in table.columns} - {"base"}
    assert groups == set(level.GROUPS)
    assert table["timestamp"].is_sorted()


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("group", ["gaze", "head_pose", "landmarks", "action_units"])
def test_a_corpus_that_lacks_a_group_can_be_released(name, group) -> None:
    level, settings = load(name)
    groups = [g for g in ("gaze", "head_pose", "landmarks", "action_units") if g != group]
    table, given = reduced(real_looking(groups=groups), level, settings, Common())
    check(table, FRAMES, name)
    assert group not in {FRAMES.column(c).group for c in table.columns}
    if hasattr(level, "vectors"):
        assert np.isfinite(level.vectors(given, settings).vectors).all()


@pytest.mark.parametrize("name", LEVELS)
def test_clock_box_and_other_faces_are_gone(name) -> None:
    level, settings = load(name)
    table, _ = reduced(real_looking(), level, settings, Common())
    assert table["timestamp"][0] == 0
    assert table["frame"].to_list() == list(range(1, len(table) + 1))
    assert table["n_faces"].max() <= 1
    assert all(table[f"face_{side}"].null_count() == len(table) for side in "xywh")


@pytest.mark.parametrize("name", LEVELS)
def test_size_place_and_start_of_the_recording_do_not_matter(name) -> None:
    """A face twice as large, elsewhere in the picture, filmed from further away, later."""
    level, settings = load(name)
    table = real_looking()
    other = table.with_columns(
        *(pl.col(c) * 2 + (100 if c[0] == "x" else 40) for c in LANDMARK_COLUMNS),
        *(pl.col(f"pose_T{axis}") + 250 for axis in "xyz"),
        pl.col("timestamp") + 60,
        pl.col("frame") + 360,
        pl.col("face_x") + 7,
    )
    one, _ = reduced(table, level, settings, Common())
    two, _ = reduced(other, level, settings, Common())
    numbers = [c for c in one.columns if c != "status"]
    gap = np.abs(one.select(numbers).to_numpy() - two.select(numbers).to_numpy())
    # A value on the border between two steps may fall on either side: float32 has 24 bits.
    assert (gap > 1e-4).mean() < 0.001


@pytest.mark.parametrize("name", LEVELS)
def test_every_number_is_a_multiple_of_its_step(name) -> None:
    level, settings = load(name)
    common = Common(au=0.5, angle_rad=0.1, place_mm=20, gaze=0.25)
    if name == "shape":
        settings = level.Settings(landmark_px=4)
    table, _ = reduced(real_looking(), level, settings, common)
    steps = {"AU01_r": 0.5, "pose_Rx": 0.1, "gaze_angle_y": 0.1, "pose_Tz": 20, "gaze_0_x": 0.25}
    steps |= {"x_3": 4, "y_60": 4} if "landmarks" in level.GROUPS else {}
    for column, step in steps.items():
        found = table[column].drop_nulls().cast(pl.Float64).to_numpy() / step
        assert len(found)
        assert np.abs(found - found.round()).max() < 1e-4, column


def test_fewer_rows_a_second_where_asked_and_never_more() -> None:
    table = real_looking(n=240, fps=6.0)  # 40 s
    slow = shared(table, Common(fps=2.0))
    assert len(slow) == 80  # 40 s; the last row, at 39.83 s, lies nearest to 40 s, which is over
    assert slow["timestamp"].diff().median() == pytest.approx(0.5)
    assert len(shared(table, Common(fps=30.0))) == 240
    assert len(shared(table, Common(trim_s=15.0))) == 180  # 30 s of 40
    assert len(shared(table, Common(fps=2.0, trim_s=15.0))) == 60
    assert len(shared(table, Common(trim_s=40.0))) == 240
    assert len(shared(table, Common(trim_s=41.0))) == 0  # no single row stands for a recording


@pytest.mark.parametrize("name", LEVELS)
def test_nothing_of_the_sources_own_clock_is_left_but_its_rate(name) -> None:
    """Of 29.97 rows a second whose times jitter as a camera's do every time is a whole 1/30 s."""
    level, settings = load(name)
    settings = level.Settings(window_s=2) if name == "summary" else settings
    jitter = np.random.default_rng(0).uniform(-2e-3, 2e-3, 240)
    clock = pl.Series((77.7 + np.arange(240) / 29.97 + jitter).astype(np.float32))
    table, _ = reduced(real_looking().with_columns(timestamp=clock), level, settings, Common())
    multiples = table["timestamp"].to_numpy().astype(np.float64) * 30
    assert np.abs(multiples - multiples.round()).max() < 1e-3
    if name != "summary":
        assert len(table) >= 238  # where a row falls between two multiples, one may be lost


@pytest.mark.parametrize("name", LEVELS)
def test_steps_are_told_in_words_with_their_numbers(name) -> None:
    level, settings = load(name)
    steps = level.steps(settings)
    assert steps
    assert all(isinstance(s, Step) and s.name and s.what.endswith(".") for s in steps)


@pytest.mark.parametrize("name", LEVELS)
def test_whoever_holds_the_video_gets_the_same_table(name) -> None:
    level, settings = load(name)
    entry = {"level": name, "settings": vars(settings), "common": vars(Common(au=0.2))}
    table, _ = reduced(real_looking(), level, settings, Common(au=0.2))
    assert released_form(real_looking(), entry).equals(table)


@pytest.mark.parametrize("name", LEVELS)
def test_a_recording_of_one_row_does_not_break_it(name) -> None:
    level, settings = load(name)
    table, given = reduced(real_looking(n=1), level, settings, Common())
    check(table, FRAMES, name)
    assert len(table) == (0 if name == "summary" else 1)  # a summary is never a single frame
    if hasattr(level, "vectors"):
        assert len(level.vectors(given, settings).start) == len(table)


def test_a_summary_holds_whole_windows_alone() -> None:
    """Of 10.17 s the last frame would else be a window of its own, and stand in the release."""
    level, settings = load("summary")
    table = real_looking(n=61, fps=6.0)
    means, given = reduced(table, level, settings, Common())
    assert means["timestamp"].to_list() == [0]
    assert level.vectors(given, settings).start.tolist() == [0]
    # At its end a recording may lack half a row, since clocks differ.
    assert len(reduced(table[:60], level, settings, Common())[0]) == 1
    assert len(reduced(table[:58], level, settings, Common())[0]) == 0


def test_a_window_is_as_well_measured_as_its_length_says_and_not_as_its_rows_say() -> None:
    """A source that wrote no row where the face was lost: 29 of 60 rows are less than half."""
    level, settings = load("summary")
    table = real_looking(n=120, fps=6.0).with_columns(success=pl.lit(1, pl.Int32))
    for n_rows, success in ((29, 0), (31, 1)):
        first = np.arange(60) * n_rows % 60 < n_rows  # so many of the first 60, evenly
        first[0] = True
        kept = table.filter(pl.Series(np.concatenate([first, np.ones(60, bool)])))
        n = int(first.sum())
        means, given = reduced(kept, level, settings, Common())
        assert (n >= 30) == bool(success)
        assert means["success"].to_list() == [success, 1], n
        assert level.vectors(given, settings).valid.tolist() == [bool(success), True]


def test_shape_moves_landmarks_on_the_canonical_face() -> None:
    """Two persons at rest have one face, and a smile stays the same smile."""
    level = plugins.load("levels", "shape")
    settings = level.Settings(landmark_px=0.01)
    table = real_looking()
    wide = table.with_columns(
        *(pl.col(f"x_{i}") + 6 for i in range(54, 60)),  # another mouth, at every time
    )
    one, _ = reduced(table, level, settings, Common())
    two, _ = reduced(wide, level, settings, Common())
    for found in (one, two):
        medians = found.select(pl.col(LANDMARK_COLUMNS).median()).to_numpy()[0]
        expected = shape.template() * shape.EYES + np.array(shape.MIDDLE)
        assert np.abs(medians - expected.T.ravel()).max() < 0.02
    # The points of the other mouth move as they did: its shape is gone, its motion is not.
    gap = one["x_56"].cast(pl.Float64) - two["x_56"].cast(pl.Float64)
    assert gap.drop_nulls().abs().max() < 0.2


def test_summary_has_means_spread_and_shares_of_each_window(tmp_path) -> None:
    level, settings = load("summary")
    table = real_looking(n=120, fps=6.0)  # 20 s: two windows of 10 s
    intensity = np.where(np.arange(120) < 60, 1.0, 3.0).astype(np.float32)
    presence = (np.arange(120) % 4 == 0).astype(np.float32)  # a quarter of the rows
    good = pl.col("success") == 1
    table = table.with_columns(
        AU12_r=pl.when(good).then(pl.Series(intensity)),
        AU12_c=pl.when(good).then(pl.Series(presence)),
    )
    means, given = reduced(table, level, settings, Common())
    assert means["AU12_r"].to_list() == [1.0, 3.0]
    assert means["AU12_c"].null_count() == 2
    found = level.vectors(given, settings)
    about = found.encoding
    assert found.start.tolist() == [0, 10]
    at = about.parts["mean"][0] + about.columns["values"].index("AU12_r")
    assert found.vectors[:, at].tolist() == [1.0, 3.0]
    at = about.parts["sd"][0] + about.columns["values"].index("AU12_r")
    assert found.vectors[:, at].tolist() == [0.0, 0.0]
    at = about.parts["share"][0] + about.columns["presences"].index("AU12_c")
    # 15 of 60 rows; of the first 60, rows 3, 4 and 50 are not measured, and 4 is a fourth one.
    assert found.vectors[:, at].tolist() == pytest.approx([14 / 57, 15 / 60], abs=0.005)
    write_embedding(tmp_path / "v.parquet", found)


def test_a_window_that_was_hardly_measured_is_empty() -> None:
    level, settings = load("summary")
    table = real_looking(n=120, fps=6.0)
    lost = pl.Series(np.arange(120) < 40)  # of the first 60 rows 40 are lost
    table = table.with_columns(
        success=pl.when(lost).then(0).otherwise(pl.col("success")).cast(pl.Int32)
    )
    means, given = reduced(table, level, settings, Common())
    assert means["success"].to_list() == [0, 1]
    assert means["AU12_r"].null_count() == 1
    assert level.vectors(given, settings).valid.tolist() == [False, True]
