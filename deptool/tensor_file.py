"""The header of a safetensors file, looked at before a tensor of it is read.

Source: the format's description in its README: 8 bytes with the header's length, the header as
JSON, then the numbers. A file may be a stranger's: its header says sizes, which are held against
the file's own before anything of that size is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.errors import SchemaError
from deptool.parquet_limits import shown
from deptool.tables import parse_json

if TYPE_CHECKING:
    from torch import Tensor, nn

HEADER = 32 << 20  # bytes
TENSORS = 100_000
NAME = 300  # letters
_AXES = 8
_ABOUT = "__metadata__"
_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
_BYTES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}


def read_header(path: Path) -> dict[str, str]:
    """The texts in a safetensors file, whose tensors fit into it.

    Raises SchemaError where it is no such file, OSError where it cannot be opened.
    """
    where = str(path)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise no_tensors(where)
        if length > HEADER:
            raise _refused(f"its header has {length} bytes, expected at most {HEADER}", where)
        header = parse_json(file.read(length), where)
    about = header.pop(_ABOUT, {})
    if len(header) > TENSORS:
        raise _refused(f"{len(header)} tensors, expected at most {TENSORS}", where)
    for name, said in header.items():
        if not _fits(name, said, size - 8 - length):
            raise _refused(f"the tensor {shown(name)} does not fit into the file", where)
    if not isinstance(about, dict) or not all(isinstance(text, str) for text in about.values()):
        raise no_tensors(where)
    return about


def no_tensors(where: str) -> SchemaError:
    """The error where a file is not what `runs.write_tensors` wrote."""
    return SchemaError(
        "is not a safetensors file that deptool wrote, or it is cut off",
        where=where,
        fix="Delete it and run the command that wrote it again.",
    )


def fill(network: nn.Module, parameters: Mapping[str, Tensor]) -> None:
    """Give a network its parameters. Raises SchemaError where they are another network's."""
    try:
        network.load_state_dict(parameters)
    except RuntimeError as error:
        own = network.state_dict()
        lacking, others = sorted(own.keys() - parameters), sorted(parameters.keys() - own)
        odd = [n for n in own if n in parameters and own[n].shape != parameters[n].shape]
        found = [f"it lacks {shown(lacking[0])}"] if lacking else []
        found += [f"{shown(others[0])} is not the model's"] if others else []
        found += [f"{shown(odd[0])} has another shape"] if odd else []
        raise misfit("; ".join(found) or "of other types") from error


def misfit(why: str) -> SchemaError:
    """The error where a file of weights has not the parameters of its model."""
    return SchemaError(
        f"holds other parameters than the model has: {why}",
        where="model.safetensors",
        fix="Train again, or use the version of deptool that made the run.",
    )


def _fits(name: str, said: Any, size: int) -> bool:
    """Whether name, type, shape and place of a tensor are sound and agree."""
    if not name or len(name) > NAME or not name.isprintable() or not isinstance(said, dict):
        return False
    about: dict[str, Any] = said
    shape, place, width = (about.get(key) for key in ("shape", "data_offsets", "dtype"))
    if not isinstance(width, str) or width not in _BYTES:
        return False
    for numbers, most in ((shape, _AXES), (place, 2)):
        if not isinstance(numbers, list) or len(numbers) > most:
            return False
        if not all(type(n) is int and 0 <= n <= size for n in numbers):
            return False
    if not isinstance(shape, list) or not isinstance(place, list) or len(place) != 2:
        return False
    return bool(place[1] - place[0] == math.prod(shape) * _BYTES[width])


def _refused(what: str, where: str) -> SchemaError:
    return SchemaError(
        f"is not read: {what}",
        where=where,
        fix="No file of deptool is like this. Ask who sent it, and do not open it otherwise.",
    )
