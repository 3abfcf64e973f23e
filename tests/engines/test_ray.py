"""The engine ray: a cluster that is not there."""

import socket
from pathlib import Path

import pytest

from deptool.errors import InputError
from deptool.extract import ExtractSettings, extract
from fixtures.videos import portrait_video, sways

pytest.importorskip("mediapipe")
pytest.importorskip("ray")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_at_which_nobody_answers_is_an_error_at_once(tmp_path: Path, form: str) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # bound, and nobody listens
        settings = ExtractSettings(engine="ray", address=form.format(port))
        with pytest.raises(InputError, match="no Ray cluster can be reached there"):
            extract(tmp_path / "v", tmp_path / "c", settings)
