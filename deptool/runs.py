"""A run folder: run.json, history.parquet, predictions.parquet, model.safetensors, checkpoints/.

`model.safetensors` holds every member (one seed and fold) under the prefix `seed0.fold0.`; its
one metadata entry, `deptool`, is JSON with all that a prediction needs: model, settings, feature
set, columns by group, normalisation, scale, and each member's mean training score. One entry
alone, because safetensors writes several in no fixed order. Nothing here is ever pickled.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.errors import InputError, SchemaError, SettingsError
from deptool.parquet_limits import shown
from deptool.run_about import check_about
from deptool.schema import SCHEMA_VERSION
from deptool.tables import parse_json, read_json, replacing, write_json
from deptool.tensor_file import no_tensors, read_header

if TYPE_CHECKING:
    from torch import Tensor

MARKER = "run.json"
TRACKS_FILE = "tracks.parquet"  # what members said of times, where the model says it
SUBJECTS_FILE = "subjects.parquet"  # of the persons of the run, where the corpus knows of them
_KEY = "deptool"
_HEADER = {
    **dict.fromkeys(("model", "corpus", "feature_set", "scale", "normalise"), str),
    **{"settings": dict, "columns": dict, "members": list},
}
_LONGEST = 150  # bytes of a name; a file's may have 255
_COMPARED = (
    *("model", "feature_set", "normalise", "scale", "protocol", "split_seed", "without", "seeds"),
    "settings",
)


@dataclass(frozen=True)
class Run:
    """A run folder and what its run.json says."""

    root: Path
    about: Mapping[str, Any]

    @property
    def done(self) -> bool:
        return self.about.get("status") == "done"

    @property
    def model_path(self) -> Path:
        return self.root / "model.safetensors"

    def checkpoint_path(self, seed: int, fold: int) -> Path:
        return self.root / "checkpoints" / f"seed{seed}-fold{fold}.safetensors"

    def write(self) -> None:
        """Write run.json."""
        write_json(self.root / MARKER, dict(self.about))

    def drop_checkpoints(self) -> None:
        shutil.rmtree(self.root / "checkpoints", ignore_errors=True)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, object]) -> None:
    """Write named tensors and a JSON header, atomically."""
    from safetensors.torch import save

    plain = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
    with replacing(path) as temporary:
        # Not save_file: it makes another file in place of this one.
        temporary.write_bytes(save(plain, {_KEY: json.dumps(about, ensure_ascii=False)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Named tensors and the JSON header.

    Raises InputError where there is no such file, SchemaError where deptool did not write it.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(
            "no such file", where=str(path), fix="The run is unfinished, or this is no run folder."
        )
    try:
        said = read_header(path)
        if _KEY not in said:
            raise no_tensors(str(path))
        about = parse_json(said[_KEY], str(path))
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise no_tensors(str(path)) from error


def slug(name: str) -> str:
    """A corpus's name as part of a file name: no folder, nothing hidden, and not too long."""
    plain = re.sub(r"[^\w.-]+", "-", name).lstrip(".")
    return plain.encode()[:_LONGEST].decode(errors="ignore") or "-"


def open_run(root: Path) -> Run:
    """Open a run folder.

    Raises InputError where the folder is missing or no run, SchemaError where it was made under
    another schema version, or where run.json says something of another kind than runs do.
    """
    if not (root / MARKER).is_file():
        missing = "no such folder" if not root.is_dir() else f"is not a run: it holds no {MARKER}"
        fix = "Name a folder that `deptool train` made; by default they are in runs/."
        raise InputError(missing, where=str(root), fix=fix)
    about = read_json(root / MARKER)
    if about.get("schema_version") != SCHEMA_VERSION:
        raise SchemaError(
            f"schema version {about.get('schema_version')}, but this deptool reads version"
            f" {SCHEMA_VERSION}",
            where=str(root / MARKER),
            fix="Train again with this deptool, or use the version that made the run.",
        )
    check_about(about, str(root / MARKER))
    return Run(root, about)


def find_run(root: Path, about: Mapping[str, Any]) -> Run | None:
    """The run that is at `root` already, finished or not; None where there is nothing yet.

    Raises InputError where the folder holds something else, SettingsError where it holds a run
    of another kind than `about` describes.
    """
    if root.exists() and not root.is_dir():
        raise InputError("is a file, not a folder", where=str(root))
    if not (root / MARKER).is_file():
        if root.is_dir() and any(p.name != MARKER for p in root.iterdir()):
            raise InputError(
                f"is neither empty nor a run: it holds files but no {MARKER}",
                where=str(root),
                fix="Choose another folder with --out.",
            )
        return None
    run = open_run(root)
    if run.about.get("digest") != about["digest"]:
        raise SettingsError(
            f"holds another run: {_difference(run.about, about)}",
            where=str(root),
            fix="Give the settings it was started with, or another folder with --out.",
        )
    return run


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """In words, what two runs do not have in common."""
    found = []
    for name in _COMPARED:
        one, other = there.get(name), here.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            keys = sorted({*one, *other})
            found += [
                f"{k} is {one.get(k)} there, {other.get(k)} here"
                for k in keys
                if one.get(k) != other.get(k)
            ]
        elif one != other:
            found.append(f"{name} is {one} there, {other} here")
    return "; ".join(found) or "the corpus has other recordings, splits or scores now"


def write_model(run: Run, members: Mapping[tuple[int, int], Mapping[str, Tensor]]) -> None:
    """Write model.safetensors: (seed, fold) -> parameters, and the header from run.json."""
    tensors = {
        f"seed{seed}.fold{fold}.{name}": value
        for (seed, fold), parameters in members.items()
        for name, value in parameters.items()
    }
    wanted = (
        *("schema_version", "deptool_version", "model", "title", "doi", "corpus", "feature_set"),
        *("scale", "settings", "normalise", "normalisation", "columns", "members"),
    )
    about = {name: run.about[name] for name in wanted}
    if "streams" in run.about:
        about["streams"] = run.about["streams"]
    write_tensors(run.model_path, tensors, about)


def read_model(root: Path) -> tuple[dict[str, Any], list[dict[str, Tensor]]]:
    """The header of a run's model.safetensors, and the parameters of each of its members.

    Raises InputError and SchemaError as `read_tensors`, SchemaError also where the header and the
    members are not what `write_model` writes.
    """
    path = root / "model.safetensors"
    tensors, about = read_tensors(path)
    _check_header(about, str(path))
    _check_numbers(tensors, str(path))
    members: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        seed, _, rest = key.partition(".")
        fold, _, name = rest.partition(".")
        members.setdefault(f"{seed}.{fold}", {})[name] = value
    wanted = [f"seed{m['seed']}.fold{m['fold']}" for m in about["members"]]
    lacking = [name for name in wanted if name not in members]
    if lacking:
        raise SchemaError(f"holds no parameters of {lacking[0]}", where=str(path))
    return about, [members[name] for name in wanted]


def _check_numbers(tensors: Mapping[str, Tensor], where: str) -> None:
    """Raise SchemaError at NaN; a scale may be infinite, of an input that never changes."""
    for name, value in tensors.items():
        if value.is_floating_point() and value.isnan().any():
            raise SchemaError(
                f"a number of {shown(name)} is none (NaN)",
                where=where,
                fix="It predicts nothing: ask who sent it, or train again.",
            )


def _check_header(about: Mapping[str, Any], where: str) -> None:
    """Raise SchemaError where a model's header, which may be a stranger's, lacks what is needed."""
    for name, kind in _HEADER.items():
        if not isinstance(about.get(name), kind):
            raise SchemaError(f"its header lacks {name!r}, or it is of another kind", where=where)
    check_about(about, where)
    if not about["members"]:
        raise SchemaError("its header has no members", where=where)
