"""The files of the registry: read once, checked, written for good. Knows no pointer, no decision.

A folder of a version holds three files and nothing else: weights, config, manifest. None of them
can hold code, and nothing here unpickles.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import safetensors

from adapters.errors import AdapterRejectedError
from adapters.lora_config import config_objection
from adapters.manifests import CONFIG, MANIFEST, WEIGHTS, Manifest

ALL = frozenset({WEIGHTS, CONFIG, MANIFEST})
_LORA = (".lora_A.weight", ".lora_B.weight")

Contents = Mapping[str, bytes]


def read_file(path: Path, name: str) -> bytes:
    """Read one file.

    Raises:
        AdapterRejectedError: If it is missing.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise AdapterRejectedError(name, f"{path.name} is missing in {path.parent}") from error


def read_source(folder: Path, name: str) -> Contents:
    """Read weights and config from where they were trained; what else lies there stays there.

    Raises:
        AdapterRejectedError: If one is missing.
    """
    return {file: read_file(folder / file, name) for file in (WEIGHTS, CONFIG)}


def read_version(folder: Path, name: str) -> tuple[Manifest, Contents]:
    """Read a version as it is kept.

    Args:
        folder: Named by the version, in the folder of its domain.
        name: What to call it in an error.

    Returns:
        Its manifest, and the bytes of weights and config, which fit each other and the folder.

    Raises:
        AdapterRejectedError: If a file is missing, changed, added or no plain file.
    """
    _require_three(folder, name)
    written = read_file(folder / MANIFEST, name)
    manifest = Manifest.from_json(written, path=str(folder / MANIFEST))
    is_named_so = (manifest.domain, manifest.version) == (folder.parent.name, folder.name)
    if written != manifest.canonical or not is_named_so:
        raise AdapterRejectedError(name, "its manifest was changed")
    contents = read_source(folder, name)
    check(manifest, contents)
    return manifest, contents


def check(manifest: Manifest, contents: Contents) -> None:
    """Hold the bytes of an adapter against its manifest, and both against what may be loaded.

    Raises:
        AdapterRejectedError: If something is not as it must be.
    """
    for file, data in contents.items():
        if manifest.files.get(file) != hashlib.sha256(data).hexdigest():
            raise AdapterRejectedError(manifest.version, f"{file} is not the one of its manifest")
    objections = (
        _domain_objection(manifest),
        config_objection(contents[CONFIG], manifest.kind, manifest.base.id),
        _weights_objection(contents[WEIGHTS], is_voice=manifest.kind == "voice"),
    )
    if problem := next(filter(None, objections), ""):
        raise AdapterRejectedError(manifest.version, problem)


def _domain_objection(manifest: Manifest) -> str:
    if manifest.files.keys() != {WEIGHTS, CONFIG}:
        return "its manifest names other files than weights and config"
    if (manifest.kind == "reader") != (manifest.domain == "reader"):
        return f"a {manifest.kind} cannot stand in the domain {manifest.domain}"
    return ""


def _weights_objection(data: bytes, *, is_voice: bool) -> str:
    try:
        names = [name for name, _ in safetensors.deserialize(data)]  # type: ignore[no-untyped-call]  # it has no annotations
    except safetensors.SafetensorError:
        return "its weights are no safetensors"
    if is_voice and not all(name.endswith(_LORA) for name in names):
        return "its weights hold more than LoRA matrices"
    return "" if any(name.endswith(_LORA) for name in names) else "its weights hold no LoRA matrix"


def write_version(folder: Path, contents: Contents) -> None:
    """Write a folder that is there whole or not at all, and stays after a loss of power."""
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed
    make_folder(beside)
    for file, data in contents.items():
        _write(beside / file, data)
    sync_folder(beside)
    beside.rename(folder)
    sync_folder(folder.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Put a file in the place of the one before, at once and for good."""
    beside = path.with_name(f"{path.name}.new")
    _write(beside, data)
    beside.replace(path)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, for good."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_three(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise AdapterRejectedError(name, "there is none of that name")
    found = {entry.name: entry.is_file(follow_symlinks=False) for entry in os.scandir(folder)}
    if odd := sorted(file for file in found.keys() | ALL if file not in ALL or not found.get(file)):
        state = "is missing or no plain file" if odd[0] in ALL else "lies beside its files"
        raise AdapterRejectedError(name, f"{ascii(odd[0])[1:-1]} {state}")


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
