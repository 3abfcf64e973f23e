"""`deptool key`, the key file, and pseudonyms under a key."""

import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deptool.cli.main import app
from deptool.errors import InputError, UsageError
from deptool.key_file import Key, new_key, read_key
from deptool.pseudonyms import Pseudonyms

KEY = Key(bytes(range(32)))


def test_a_new_key_is_random_and_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        one, other = new_key(tmp_path / "one"), new_key(tmp_path / "other")
    finally:
        os.umask(before)
    assert one.secret != other.secret
    assert len(one.secret) == 32
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    assert read_key(tmp_path / "one") == one


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    key = new_key(tmp_path / "k")
    with pytest.raises(UsageError, match="there already"):
        new_key(tmp_path / "k")
    assert read_key(tmp_path / "k") == key


@pytest.mark.parametrize(("sign", "what"), [("corpus.json", "a corpus"), (".git", "a git")])
def test_a_key_in_a_corpus_or_a_checkout_is_refused(tmp_path: Path, sign: str, what: str) -> None:
    (tmp_path / sign).touch()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    place = tmp_path / "deep" / "down" / "k"
    with pytest.raises(UsageError, match=what):
        new_key(place)
    assert not place.exists()


def test_a_key_that_was_copied_into_a_corpus_is_not_read_there(tmp_path: Path) -> None:
    new_key(tmp_path / "k")
    (tmp_path / "corpus.json").touch()
    with pytest.raises(UsageError, match="a corpus"):
        read_key(tmp_path / "k")


def test_a_link_into_a_checkout_does_not_hide_where_the_key_lies(tmp_path: Path) -> None:
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "checkout")
    with pytest.raises(UsageError, match="git checkout"):
        new_key(tmp_path / "elsewhere" / "k")


def test_a_key_that_others_may_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    new_key(tmp_path / "k")
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(UsageError, match="mode 0640") as caught:
        read_key(tmp_path / "k")
    assert caught.value.fix == f"chmod 600 {tmp_path / 'k'}"


def test_a_link_in_a_corpus_to_a_key_outside_is_refused_too(tmp_path: Path) -> None:
    new_key(tmp_path / "k")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "corpus.json").touch()
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "k")
    with pytest.raises(UsageError, match="a corpus"):
        read_key(tmp_path / "corpus" / "link")


def test_a_key_that_cannot_be_written_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
    script += "from deptool.cli.main import main; main()"
    words = [sys.executable, "-c", script, "key", "new", str(tmp_path / "k")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="no such folder"):
        new_key(tmp_path / "nowhere" / "k")


def test_a_key_that_came_by_mail_is_read_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    key = new_key(tmp_path / "k")
    line = (tmp_path / "k").read_bytes()
    (tmp_path / "k").write_bytes(line.replace(b"\n", b"\r\n"))
    assert read_key(tmp_path / "k") == key
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(InputError, match="no key file"):
        read_key(tmp_path / "pipe")


@pytest.mark.parametrize("content", [b"", b"secret", b"\xff" * 80, b"deptool-key-1:" + b"g" * 64])
def test_another_file_is_no_key(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "k").write_bytes(content)
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(InputError, match="no key file"):
        read_key(tmp_path / "k")


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such key file") as caught:
        read_key(tmp_path / "k")
    assert "deptool key new" in str(caught.value.fix)


def test_the_secret_is_in_no_text_of_a_key() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert KEY.secret.hex()[:16] != KEY.id


def test_a_pseudonym_is_the_hmac_of_kind_and_id() -> None:
    # 10 bytes of HMAC-SHA-256 in base 32, which Python's own modules give.
    digest = hmac.new(KEY.secret, b"subject\0P01", hashlib.sha256).digest()
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    bits = "".join(f"{byte:08b}" for byte in digest[:10])
    expected = "".join(letters[int(bits[i : i + 5], 2)] for i in range(0, 80, 5))
    assert Pseudonyms(KEY).of("subject", "P01") == "p" + expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_ids_have_the_same_pseudonym_only_where_they_are_the_same(one: str, other: str) -> None:
    names = Pseudonyms(KEY)
    assert (names.of("session", one) == names.of("session", other)) == (one == other)
    assert names.of("session", one)[1:] != names.of("recording", one)[1:]
    assert names.of("session", one) != Pseudonyms(Key(bytes(32))).of("session", one)


def test_the_verb_makes_a_key_and_says_which_it_is(tmp_path: Path) -> None:
    runner, path = CliRunner(), tmp_path / "k"
    made = runner.invoke(app, ["key", "new", str(path)])
    assert made.exit_code == 0
    secret = path.read_text().strip().partition(":")[2]
    said = runner.invoke(app, ["key", "id", str(path)])
    assert said.stdout.strip() == read_key(path).id
    assert secret not in made.output + said.output
