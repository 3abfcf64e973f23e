"""Which videos a folder holds, and what their recordings are called."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.errors import InputError
from deptool.sources import copies, find_videos, recording_ids, same_files


def test_videos_are_found_in_sub_folders_by_ending(tmp_path: Path) -> None:
    for name in ("b.MP4", "a/c.mkv", "a/notes.txt", ".hidden.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [p.relative_to(tmp_path).as_posix() for p in find_videos(tmp_path)]
    assert found == ["a/c.mkv", "b.MP4"]


def test_a_folder_without_videos_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no video"):
        find_videos(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_videos(tmp_path / "none")


def test_ids_come_from_the_path_and_are_unique(tmp_path: Path) -> None:
    names = ["s1/take.mp4", "s2/take.mp4", "s2/take.mov", "ä b.mp4", "x/y z.mp4", "x/y_z.mp4"]
    ids = recording_ids(tmp_path, [tmp_path / name for name in names])
    assert {i: p.relative_to(tmp_path).as_posix() for i, p in ids.items()} == {
        "s1__take": "s1/take.mp4",
        "s2__take-mov": "s2/take.mov",
        "s2__take-mp4": "s2/take.mp4",
        "x__y_z-mp4-1": "x/y z.mp4",
        "x__y_z-mp4-2": "x/y_z.mp4",
        "ä_b": "ä b.mp4",
    }


@given(st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=6, unique=True))
def test_every_name_becomes_an_id_that_can_be_a_file(names: list[str]) -> None:
    plain = [n.replace("/", "_").replace(chr(0), "_") for n in names]
    paths = sorted({Path("v") / f"x{name}.mp4" for name in plain})
    ids = recording_ids(Path("v"), paths)
    assert sorted(ids.values()) == paths
    for name in ids:
        assert all(c.isalnum() or c in "-_." for c in name)
        assert len(f"{name}.parquet".encode()) <= 200
    assert len({name.lower() for name in ids}) == len(paths)


def test_linked_folders_are_read_once_and_loops_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.mp4").touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    elsewhere = tmp_path.with_name(tmp_path.name + "-elsewhere")
    elsewhere.mkdir()
    (elsewhere / "y.mp4").touch()
    (tmp_path / "more").symlink_to(elsewhere, target_is_directory=True)
    found = [p.relative_to(tmp_path).as_posix() for p in find_videos(tmp_path)]
    assert found == ["a/x.mp4", "more/y.mp4", "self.mp4"]


def test_what_is_no_file_is_no_video(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it would wait for ever
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "x.mp4").touch()
    assert find_videos(tmp_path) == [tmp_path / "x.mp4"]


def test_a_file_under_two_names_and_a_copy_are_told_apart(tmp_path: Path) -> None:
    for name, text in {"a": "one", "b": "one", "c": "two", "d": ""}.items():
        (tmp_path / f"{name}.mp4").write_text(text)
    (tmp_path / "e.mp4").hardlink_to(tmp_path / "a.mp4")
    (tmp_path / "f.mp4").symlink_to(tmp_path / "c.mp4")
    (tmp_path / "g.mp4").write_text("")  # two empty files are no copies of a video
    paths = find_videos(tmp_path)
    again = {p.stem: q.stem for p, q in same_files(paths).items()}
    assert again == {"e": "a", "f": "c"}
    assert copies({p.stem: p for p in paths if p.stem not in again}) == [("b", "a")]
