"""Pseudonyms: HMAC-SHA-256 of an id under a secret key, 80 bits of it in base 32.

An unkeyed hash of a short id can be reversed by hashing all ids; without the key this cannot. The
kinds of ids have names of their own, so that a session called like a person has another pseudonym.
With the key they can be made again, which links a release to its corpus: under GDPR Art. 4(5) the
data stay personal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from deptool.errors import DataError
from deptool.key_file import Key

Kind = Literal["recording", "session", "subject"]

_BYTES = 10  # 80 bits: two of 10,000 ids are alike with a probability of 4e-17
_LETTER = {"recording": "r", "session": "s", "subject": "p"}


@dataclass(frozen=True)
class Pseudonyms:
    """Pseudonyms under one key."""

    key: Key

    def of(self, kind: Kind, id: str) -> str:
        """The pseudonym of one id: a letter for its kind and 16 of a-z and 2-7."""
        found = hmac.new(self.key.secret, f"{kind}\0{id}".encode(), hashlib.sha256).digest()
        return _LETTER[kind] + base64.b32encode(found[:_BYTES]).decode().lower()

    def table(self, kind: Kind, ids: Iterable[str]) -> dict[str, str]:
        """id -> pseudonym. Raises DataError where two ids have the same one."""
        found = {id: self.of(kind, id) for id in ids}
        if len(set(found.values())) < len(found):
            raise DataError(
                f"two {kind}s have the same pseudonym under this key", fix="Make another key."
            )
        return found
