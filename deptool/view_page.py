"""The player's page: its template, style and script as one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import resources

# In this order: each uses those before it.
_SCRIPTS = ("data", "traces", "timeline", "face", "numbers", "player")

# Nothing is fetched, sent or framed, and no script runs but the page's own, word for word.
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none';"
    " form-action 'none'"
)


def build_page(texts: Mapping[str, str], head: Mapping[str, object], columns: str) -> str:
    """The whole page as HTML.

    texts: `title`, `badges`, `about` and `footer`, which must be escaped already. head: what the
    script reads as JSON. columns: the packed columns, base64.
    """
    style = _read("player.css")
    script = '"use strict";\n' + "\n".join(_read(f"{name}.js") for name in _SCRIPTS)
    parts = {
        **texts,
        "style": style,
        "script": script,
        "policy": _POLICY.format(script=_digest(script), style=_digest(style)),
        "head": as_script_data(head),
        "columns": columns,
    }
    template = _read("player.html")
    # In one pass, so that what is put in is never taken for a place to put something.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place.group(1)], template)


def as_script_data(value: object) -> str:
    """JSON that can stand in a <script> element: no `<` is left, so nothing in it ends it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _read(name: str) -> str:
    return resources.files("deptool.player").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """How a content security policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
