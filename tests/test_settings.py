"""Settings: layers, words, types, and what is refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from deptool.errors import SettingsError
from deptool.settings import read_toml, resolve


@dataclass(frozen=True)
class Settings:
    epochs: int = 10
    rate: float = 0.1
    name: str = "a"
    balanced: bool = False
    limit: int | None = None
    kind: Literal["one", "two"] = "one"

    def __post_init__(self):
        if self.epochs < 1:
            raise ValueError("epochs must be at least 1")


def test_later_layers_and_words_win():
    found = resolve(Settings, {"epochs": 20, "name": "b"}, {"epochs": 30}, words=["epochs=40"])
    assert found == Settings(epochs=40, name="b")
    assert resolve(Settings) == Settings()


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        *(("epochs=3", "epochs", 3), ("rate=1e-3", "rate", 0.001), ("rate=2", "rate", 2.0)),
        *(("name=x=y", "name", "x=y"), ("balanced=True", "balanced", True)),
        *(("limit=5", "limit", 5), ("limit=none", "limit", None), ("kind=two", "kind", "two")),
    ],
)
def test_words_become_the_declared_type(word, name, value):
    found = getattr(resolve(Settings, words=[word]), name)
    assert (found, type(found)) == (value, type(value))


def test_dashes_and_spaces_in_words_are_tolerated():
    @dataclass(frozen=True)
    class Other:
        batch_size: int = 1

    assert resolve(Other, words=["batch-size = 8"]).batch_size == 8


def test_a_whole_number_is_a_float_but_not_the_other_way_round():
    assert resolve(Settings, {"rate": 1}).rate == 1.0
    with pytest.raises(SettingsError, match=r"epochs must be a whole number, not 1\.5"):
        resolve(Settings, {"epochs": 1.5})
    with pytest.raises(SettingsError, match="epochs must be a whole number, not true"):
        resolve(Settings, {"epochs": True})


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("epoch=3", r"unknown setting 'epoch'\nDid you mean 'epochs'"),
        ("epochs=x", 'epochs must be a whole number, not "x"'),
        ("balanced=maybe", "balanced must be true or false"),
        ("limit=x", "limit must be a whole number or none"),
        ("kind=three", "kind cannot be 'three'\nKnown: one, two"),
        ("epochs=0", "epochs must be at least 1"),
        ("epochs", "not of the form key=value"),
    ],
)
def test_what_is_wrong_is_said_and_never_dropped(word, said):
    with pytest.raises(SettingsError, match=said):
        resolve(Settings, words=[word])


def test_the_source_is_named():
    with pytest.raises(SettingsError, match=r"^mine\.toml: unknown setting"):
        resolve(Settings, {"x": 1}, where="mine.toml")


def test_toml_files(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 3\nname = "x"\n')
    assert resolve(Settings, read_toml(path)) == Settings(epochs=3, name="x")
    path.write_text("epochs =")
    with pytest.raises(SettingsError, match=r"mine\.toml: is not valid TOML"):
        read_toml(path)
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="is not valid TOML"):
        read_toml(path)
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read"):
        read_toml(tmp_path / "none.toml")


@dataclass(frozen=True)
class Places:
    folder: Path | None = None


def test_a_path_may_be_a_path_or_said_in_words() -> None:
    assert resolve(Places, {"folder": Path("usb")}).folder == Path("usb")
    assert resolve(Places, words=("folder=usb/disk",)).folder == Path("usb/disk")
    assert resolve(Places, words=("folder=none",)).folder is None
