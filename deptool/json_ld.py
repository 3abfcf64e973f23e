"""Writing JSON-LD: no sign in it can end a script element, in which web pages embed it."""

from __future__ import annotations

import json

# Only strings can hold these, and in strings of JSON an escape means the same.
_SIGNS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def json_ld_text(value: object) -> str:
    """JSON, indented, keys in the order given."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    for sign, escape in _SIGNS.items():
        text = text.replace(sign, escape)
    return text + "\n"
