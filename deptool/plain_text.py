"""Text that a terminal shows as it is: what would steer it is taken out of names and cells.

A name in a table may hold an escape sequence, which moves the cursor, colours the screen or sets
the window's title, or a letter that turns the direction of the line.
"""

from __future__ import annotations

import re

# C0 and C1 control letters but for tab and newline, line and paragraph separators, and what turns
# the direction of writing (Unicode TR 36, bidirectional text spoofing).
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def steady(json_text: str) -> str:
    """JSON with such letters written as \\uXXXX, which means the same."""
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def plain(text: str) -> str:
    """The text with a sign (U+FFFD) in place of each letter that would steer a terminal."""
    return STEERING.sub("\ufffd", text)
