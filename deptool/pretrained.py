"""Checkpoints of transformers: where one lies, the digest of its weights, how it is loaded.

A checkpoint is three files: config.json, preprocessor_config.json and model.safetensors (or the
parts that model.safetensors.index.json names). They lie in a folder, or in the cache of
huggingface_hub under the checkpoint's name on the hub. Nothing is downloaded, no code that comes
with a checkpoint is run, and no pickle is read: a pickle can run code.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deptool.errors import InputError, MissingExtraError, SchemaError, SettingsError
from deptool.tensor_file import read_header
from deptool.weights import Weight, instruction, missing, place, sha256_of

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
SAFETENSORS = "model.safetensors"

_INDEX = "model.safetensors.index.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_ON_THE_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

# Where a model's weights are not in safetensors on the main branch, but elsewhere on the hub.
_BRANCHES = {"facebook/hubert-large-ll60k": "refs/pr/1"}

# Parameters of a network that stand in for what is hidden from it in training. Nothing is hidden
# from it here, and checkpoints that were trained further often lack them.
_FOR_TRAINING = ("masked_spec_embed", "mask_token")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is there: its name, its folder and its files of weights."""

    name: str
    folder: Path
    weights: tuple[Path, ...]

    def digest(self) -> str:
        """SHA-256 of the file of weights; of several, that of their digests, one a line."""
        found = [sha256_of(path) for path in self.weights]
        if len(found) == 1:
            return found[0]
        return hashlib.sha256("\n".join(found).encode()).hexdigest()

    def config_digest(self) -> str:
        """The same of config.json and preprocessor_config.json: they change vectors too."""
        found = [sha256_of(self.folder / name) for name in (CONFIG, PREPROCESSOR)]
        return hashlib.sha256("\n".join(found).encode()).hexdigest()

    def preprocessor(self) -> dict[str, Any]:
        """What preprocessor_config.json says. Raises InputError where that is not JSON."""
        return _read_json(self.folder / PREPROCESSOR)

    def parameters(self) -> set[str]:
        """Names of all parameters in the files of weights. Raises InputError as `load`."""
        from safetensors import SafetensorError, safe_open

        names: set[str] = set()
        for path in self.weights:
            try:
                read_header(path)
                with safe_open(path, framework="np") as file:
                    names.update(file.keys())
            except (OSError, SafetensorError, SchemaError) as error:
                raise _unreadable(self, error) from error
        return names


def hub_files(model: str, purpose: str, licence: str) -> tuple[Weight, ...]:
    """The three files of a checkpoint of that name on the hub, as a plug-in's `WEIGHTS`."""
    folder = f"models--{model.replace('/', '--')}/snapshots/*"
    branch = f", its revision {_BRANCHES[model]}" if model in _BRANCHES else ""
    return tuple(
        Weight(
            file=f"{folder}/{name}",
            cache="huggingface",
            purpose=purpose if name == SAFETENSORS else f"says how to use {SAFETENSORS} beside it",
            licence=licence,
            source=f"{model} on the Hugging Face hub{branch}",
        )
        for name in (SAFETENSORS, CONFIG, PREPROCESSOR)
    )


def require_transformers(what: str) -> None:
    """Raise MissingExtraError where transformers is not installed; it is not imported."""
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError(
            f"{what} cannot run: transformers is not installed",
            fix="pip install 'deptool[encoders]'",
        )


def find(model: str, weights: Path | None, what: str) -> Checkpoint:
    """The checkpoint `model`: a folder, or a name on the hub, owner/name, whose files are here.

    `weights` is a folder of weights as in `deptool.weights`, `what` needs the checkpoint. Only
    names of files are looked at. Raises SettingsError for what is neither a folder nor a name;
    MissingExtraError where a file is not there, or the weights are a pickle.
    """
    folder = Path(os.path.expanduser(model))  # noqa: PTH111 - Path's raises for an unknown ~user
    if model and folder.is_dir():
        return _in_folder(folder.resolve(), what)
    if not _ON_THE_HUB.fullmatch(model):
        raise SettingsError(
            f"model {model!r} is neither a folder nor a name on the hub",
            fix="Names on the hub are of the form owner/name.",
        )
    return _in_cache(model, weights, what)


def read_config(checkpoint: Checkpoint) -> Any:
    """The configuration as transformers reads it.

    Raises InputError where transformers cannot read it, or does not know such a model.
    """
    with _quiet():
        try:
            return _transformers().AutoConfig.from_pretrained(
                checkpoint.folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _unreadable(checkpoint, error) from error


def outline(config: Any) -> Any:
    """The network without its numbers, on torch's meta device: to ask it what it would give."""
    import torch

    with _quiet(), torch.device("meta"):
        return _transformers().AutoModel.from_config(config, trust_remote_code=False).eval()


def load(checkpoint: Checkpoint, device: str) -> Any:
    """The network with its weights as float32, on `device`, for use and not for training.

    A pooler that the checkpoint lacks, as one that was trained to classify does, is left as it was
    drawn: see `has_pooler`. Raises InputError where transformers cannot read the files, and where
    another part of the network is not in them: it would be random.
    """
    import torch
    from safetensors import SafetensorError

    with _quiet():
        try:
            network, about = _transformers().AutoModel.from_pretrained(
                checkpoint.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            raise _unreadable(checkpoint, error) from error
    lacking = [
        name
        for name in sorted(about["missing_keys"])
        if not _is_of_pooler(name) and not name.endswith(_FOR_TRAINING)
    ]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise InputError(
            f"the weights do not hold {lacking[0]}{more}, which the network needs",
            where=checkpoint.name,
            fix=f"Get {SAFETENSORS} and {CONFIG} of one and the same checkpoint.",
        )
    return network.eval().requires_grad_(False).to(device)


def has_pooler(network: Any, parameters: set[str]) -> bool:
    """Whether all that the network's pooler has learnt is in the files of weights.

    True of a pooler without parameters, and of a network without one.
    """
    needed = [name for name, _ in network.named_parameters() if _is_of_pooler(name)]
    return all(any(f".{found}".endswith(f".{name}") for found in parameters) for name in needed)


def _is_of_pooler(name: str) -> bool:
    return "pooler" in name.split(".")


def _in_folder(folder: Path, what: str) -> Checkpoint:
    found = _files_of_weights(folder)
    _refuse_pickle(folder, found, folder.name, what)
    lacking = [name for name in (CONFIG, PREPROCESSOR) if not (folder / name).is_file()]
    if not found or lacking:
        names = [SAFETENSORS] * (not found) + lacking
        raise MissingExtraError(
            f"{what} cannot run: {_listed(names)} {_are(names)} not in {folder}",
            fix=f"Put {_it(names)} there, as the checkpoint's makers publish {_it(names)}.",
        )
    return Checkpoint(folder.name, folder, found)


def _in_cache(model: str, weights: Path | None, what: str) -> Checkpoint:
    needed = hub_files(model, "", "")
    folder = place(needed[1], weights).parent
    found = _files_of_weights(folder)
    _refuse_pickle(folder, found, model, what)
    lacking = [w for w in missing(needed, weights) if not (found and w.file.endswith(SAFETENSORS))]
    if lacking:
        first, *others = (weight.file.rpartition("/")[2] for weight in lacking)
        more = f" (and {len(others)} more)" if others else ""
        beside = f" Beside it: {_listed(others)}." if others else ""
        raise MissingExtraError(
            f"{what} cannot run: {first} of {model} is missing{more}",
            fix=f"{instruction(lacking[0], weights)}{beside} Or put {SAFETENSORS}, {CONFIG} and"
            f" {PREPROCESSOR} into a folder and say --set model=FOLDER.",
        )
    return Checkpoint(model, folder, found)


def _files_of_weights(folder: Path) -> tuple[Path, ...]:
    """model.safetensors, or else all parts that its index names; none where one is missing."""
    if (folder / SAFETENSORS).is_file():
        return (folder / SAFETENSORS,)
    if not (folder / _INDEX).is_file():
        return ()
    parts = _read_json(folder / _INDEX).get("weight_map", {}).values()
    paths = tuple(folder / Path(name).name for name in sorted(set(parts)))
    return paths if all(path.is_file() for path in paths) else ()


def _refuse_pickle(folder: Path, found: tuple[Path, ...], name: str, what: str) -> None:
    pickles = [name for name in _PICKLES if (folder / name).is_file()]
    if pickles and not found:
        raise MissingExtraError(
            f"{what} cannot run: {name} has its weights in {pickles[0]}, a pickle, which can run"
            " code and is not read",
            fix=f"Get {SAFETENSORS} of it, or make it where you trust the file: python -c 'from "
            f'transformers import AutoModel as M; M.from_pretrained("{folder}")'
            f'.save_pretrained("{folder}")\'',
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("cannot be read as JSON", where=str(path)) from error
    if not isinstance(found, dict):
        raise InputError("is no JSON object", where=str(path))
    return found


def _unreadable(checkpoint: Checkpoint, error: Exception) -> InputError:
    reason = str(error).strip().partition("\n")[0]
    return InputError(
        f"transformers cannot read this checkpoint: {reason}",
        where=checkpoint.name,
        fix=f"Get {CONFIG} and {SAFETENSORS} again, or a later transformers.",
    )


def _transformers() -> Any:
    """The package, whose annotations say little and take mypy minutes."""
    return importlib.import_module("transformers")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """transformers without its bars and its log, which are put back."""
    logging = _transformers().utils.logging
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _listed(names: list[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _it(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"
