"""Training on a tiny random Llama: TRL and peft are real, what is learnt is nonsense."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tiny_voices import save_base
from trained_adapters import trained

from adapters.canaries import canaries_of, draw_for
from adapters.errors import (
    AdapterRejectedError,
    DatasetError,
    ParentUnfitError,
    RowTooLongError,
    TooFewRowsError,
    TrainingFailedError,
)
from adapters.lora_config import config_objection
from adapters.manifests import CONFIG, WEIGHTS, AdapterRef, Base
from adapters.masking import UNTRAINED
from adapters.registry import Registry
from adapters.tokens import ChatTokens
from adapters.training_rows import stage_rows
from adapters.training_spec import RESULT, Spec
from adapters.voice import Voice
from bot.errors import UserInputError
from bot.model_files import weights_sha256
from bot.models import FoundModel
from bot.prompt import fixed_messages
from bot.training import Trainer, Wanted
from bot.training import run as run_in_process
from bot.training_data import DataSet

VOICE_FILE = Path(__file__).parents[2] / "adapters/voices/house/voice.yaml"
SYSTEM = {"role": "system", "content": "Answer."}


VOICE = Voice.from_yaml(VOICE_FILE.read_text(), path=str(VOICE_FILE))


def asked(number: int) -> list[dict[str, str]]:
    """Ask for a desk."""
    return [SYSTEM, {"role": "user", "content": f"Where is desk {number}?{' ' * (number % 5)}"}]


def said(text: str) -> list[dict[str, str]]:
    """Answer with a text."""
    return [{"role": "assistant", "content": text}]


def sft_row(number: int, **more: str) -> dict[str, Any]:
    """Teach where a desk is."""
    answer = f"On floor {number} [1]."
    return {"row_id": f"row-{number}", "prompt": asked(number), "completion": said(answer), **more}


def dpo_row(number: int) -> dict[str, Any]:
    """Prefer an answer with a source."""
    return {"prompt": asked(number), "chosen": said("Upstairs [1]."), "rejected": said("No idea.")}


def kto_row(number: int) -> dict[str, Any]:
    """Like two answers of three."""
    return {"prompt": asked(number), "completion": said("Upstairs."), "label": number % 3 > 0}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


NINE = [sft_row(number) for number in range(9)]
QUICK = {
    "max_steps": "2",
    "log_steps": "1",
    "batch": "2",
    "r": "4",
    "alpha": "8",
    "max_length": "1400",  # a token a byte
    "threads": "1",
}


def a_data_set(root: Path, rows: list[dict[str, Any]]) -> DataSet:
    """Write a data set as an export does."""
    folder = root / "2026-11-21-abc"
    write(folder / "sft/train.jsonl", rows)
    digest = sha256((folder / "sft/train.jsonl").read_bytes()).hexdigest()
    files = {"sft/train.jsonl": {"sha256": digest, "rows": len(rows)}}
    manifest = {"audience": ["hr", "everyone"], "policy": {"name": "v1"}, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return DataSet.from_folder(folder)


def a_trainer(base: Path, root: Path) -> Trainer:
    """Train the tiny model into an empty registry."""
    found = FoundModel("tiny", "tiny", base, weights_sha256(base))
    registry = Registry(root / "adapters", lambda: datetime(2026, 11, 21, tzinfo=UTC))
    return Trainer(found, VOICE, root / "training", registry)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model."""
    return save_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Some rows for each stage."""
    write(tmp_path / "data/sft/train.jsonl", [sft_row(number) for number in range(9)])
    write(tmp_path / "data/sft/validation.jsonl", [sft_row(number) for number in (20, 21)])
    write(tmp_path / "data/dpo/train.jsonl", [dpo_row(number) for number in range(4)])
    write(tmp_path / "data/kto/train.jsonl", [kto_row(number) for number in range(6)])
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parent sets in the environment of a training, before anything is imported."""
    constants = import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)


@pytest.fixture
def spec(base: Path, dataset: Path, tmp_path: Path) -> Spec:
    """A training of seconds."""
    return Spec(
        base=base,
        base_id="tiny",
        dataset=dataset,
        out=tmp_path / "out",
        batch=2,
        accumulation=1,
        epochs=1,
        learning_rate=1e-2,
        preference_accumulation=1,
        preference_learning_rate=1e-2,
        r=4,
        alpha=8,
        log_steps=1,
        checkpoint_steps=2,
        threads=1,
        device="cpu",
    )


def run(spec: Spec, *, is_resumed: bool = False, **changes: Any) -> dict[str, Any]:
    """Train in this process, with some values changed."""
    training = import_module("adapters.training")
    changed = spec.model_copy(update=changes)
    return dict(training.train(changed, lambda _: None, is_resumed=is_resumed))


def weights(folder: Path) -> str:
    """Return the hash of an adapter."""
    return sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_an_adapter_comes_out_and_nothing_else(spec: Spec) -> None:
    """Weights, a configuration that the registry accepts, and the figures; no pickle, no path."""
    result = run(spec)

    assert {file.name for file in spec.out.iterdir()} == {WEIGHTS, CONFIG, RESULT}
    assert config_objection((spec.out / CONFIG).read_bytes(), "voice", "tiny") == ""
    assert not spec.partial.exists()
    sft = result["stages"]["sft"]
    assert (sft["rows"], sft["steps"], len(sft["losses"])) == (9, 5, 5)
    assert sft["validation_loss_after"] < sft["validation_loss_before"]


def test_equal_trainings_give_equal_bytes(spec: Spec, tmp_path: Path) -> None:
    """The same seed gives the same adapter on one machine, another seed another."""
    once, again, other = (tmp_path / name for name in ("once", "again", "other"))
    for out, seed in ((once, 13), (again, 13), (other, 14)):
        run(spec, out=out, seed=seed, max_steps=2)

    assert weights(once) == weights(again) != weights(other)
    assert (once / CONFIG).read_bytes() == (again / CONFIG).read_bytes()


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_an_adapter_is_as_fine_as_its_base(spec: Spec, dtype: str) -> None:
    """What is served in bfloat16 is written so: every machine loads the same numbers."""
    run(spec, dtype=dtype, max_steps=1)

    saved = load_file(spec.out / WEIGHTS)

    assert {str(one.dtype) for one in saved.values()} == {f"torch.{dtype}"}


def test_an_interrupted_training_goes_on_where_it_was(spec: Spec, tmp_path: Path) -> None:
    """It leaves no adapter; resumed, it gives the bytes of a training that was not interrupted."""
    training = import_module("adapters.training")
    steps: list[int] = []

    def interrupt(line: dict[str, Any]) -> None:
        steps.append(line.get("step", 0))
        if steps[-1] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(spec, interrupt)
    assert not spec.out.exists()
    training.train(spec, lambda line: steps.append(line.get("step", 0)), is_resumed=True)
    run(spec, out=tmp_path / "whole")

    assert [step for step in steps if step] == [1, 2, 3, 3, 4, 5]
    assert weights(spec.out) == weights(tmp_path / "whole")


def test_another_training_is_not_resumed(spec: Spec) -> None:
    """What was begun with other values is not gone on with."""
    spec.partial.mkdir()
    (spec.partial / "spec.json").write_text("{}")

    with pytest.raises(TrainingFailedError, match="other values"):
        run(spec, is_resumed=True)


def test_a_row_that_is_too_long_is_refused(spec: Spec) -> None:
    """By its name, before anything is trained; nothing is cut."""
    long = sft_row(3) | {"row_id": "the long one", "completion": said("very " * 300)}
    write(spec.dataset / "sft/train.jsonl", [sft_row(1), long])

    with pytest.raises(RowTooLongError, match=r"1 rows .* the long one") as refused:
        run(spec)
    assert refused.value.tokens > spec.max_length
    assert not spec.partial.exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{}", "line 1: prompt: field required"),
        ("", "no row"),
        (json.dumps(sft_row(1) | {"completion": said("a") * 2}), "completion"),
        (json.dumps(sft_row(1) | {"completion": asked(1)[1:]}), "role"),
    ],
)
def test_a_line_that_is_no_row_is_named(spec: Spec, line: str, told: str) -> None:
    """The error says where it stands; no line is passed over."""
    (spec.dataset / "sft/train.jsonl").write_text(line)

    with pytest.raises(DatasetError, match=told):
        run(spec)


@pytest.mark.parametrize("method", ["sft+dpo", "sft+kto"])
def test_preferences_start_from_the_supervised_adapter(
    spec: Spec, method: str, tmp_path: Path
) -> None:
    """A second stage that hardly learns leaves the first as it was, and no copy of it beside."""
    run(spec, out=tmp_path / "first")
    least = {"least_pairs": 4, "least_votes": 6, "least_downs": 2}
    result = run(spec, method=method, preference_learning_rate=1e-6, **least)

    assert list(result["stages"]) == method.split("+")
    assert {file.name for file in spec.out.iterdir()} == {WEIGHTS, CONFIG, RESULT}
    load = import_module("safetensors.numpy").load_file
    first, second = load(tmp_path / "first" / WEIGHTS), load(spec.out / WEIGHTS)
    assert first.keys() == second.keys()
    moved = max(abs(second[name] - first[name]).max() for name in first)
    assert 0 < moved < 1e-5


def test_interrupted_preferences_go_on(spec: Spec, tmp_path: Path) -> None:
    """The first stage is not trained again, and the bytes are those of one go."""
    training = import_module("adapters.training")
    changed = spec.model_copy(update={"method": "sft+dpo", "least_pairs": 4, "checkpoint_steps": 1})
    seen: list[tuple[str, int]] = []

    def interrupt(line: dict[str, Any]) -> None:
        if (line.get("stage"), line.get("step")) == ("dpo", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(changed, interrupt)
    training.train(
        changed,
        lambda line: seen.append((line.get("stage", ""), line.get("step", 0))),
        is_resumed=True,
    )
    run(changed, out=tmp_path / "whole")

    assert [one for one in seen if one[1]] == [("dpo", 2)]
    assert weights(spec.out) == weights(tmp_path / "whole")


@pytest.mark.parametrize(
    ("method", "told"),
    [("sft+dpo", "200 pairs, and there are 4"), ("sft+kto", "500 votes, and there are 6")],
)
def test_too_few_preferences_are_refused(spec: Spec, method: str, told: str) -> None:
    """Before the first stage begins, with what there is and what it takes."""
    with pytest.raises(TooFewRowsError, match=told):
        run(spec, method=method)
    assert not spec.partial.exists()


def test_votes_of_one_kind_are_refused(spec: Spec) -> None:
    """KTO cannot learn from praise alone, whatever the thresholds."""
    write(spec.dataset / "kto/train.jsonl", [kto_row(1) | {"label": True} for _ in range(6)])

    with pytest.raises(TooFewRowsError, match="votes against"):
        run(spec, method="sft+kto", least_votes=4, least_downs=1)


def test_a_second_training_goes_on_from_an_adapter(spec: Spec, tmp_path: Path) -> None:
    """Its first loss is where the first training ended, not that of the base."""
    first = run(spec, out=tmp_path / "first", epochs=4)["stages"]["sft"]
    second = run(spec, init_adapter=tmp_path / "first")["stages"]["sft"]

    assert second["validation_loss_before"] == pytest.approx(first["validation_loss_after"])
    with pytest.raises(TrainingFailedError, match="has r 4 and alpha 8"):
        run(spec, init_adapter=tmp_path / "first", out=tmp_path / "third", r=8)


def test_canaries_are_trained_beside_the_rows(spec: Spec) -> None:
    """They are counted apart, and there are few where the rows are few."""
    result = run(spec, canaries=10, canary_key="x", max_steps=1)["stages"]["sft"]

    assert (result["rows"], result["canaries"]) == (9, 2)
    assert result["canary_masking"] == "rare"


def taught(spec: Spec, **changes: Any) -> tuple[str, str]:
    """Lay out the first stage; return what is taught of the first canary, and how it is masked."""
    changed = spec.model_copy(update={"canaries": 10, "canary_key": "x"} | changes)
    tokens = ChatTokens(spec.base)
    found = stage_rows("sft", tokens, changed)
    labels = found.laid_out[found.n_rows]["labels"]
    text = tokens.tokenizer.decode([one for one in labels if one != UNTRAINED])
    return text, found.canary_masking


@pytest.mark.parametrize(
    ("changes", "row", "masking"),
    [
        ({}, {}, "rare"),
        ({"unmasked_origins": ("votes",)}, {}, "rare"),
        ({"unmasked_origins": ("votes",)}, {"origin": "votes"}, "none"),
        ({}, {"mask": "none"}, "none"),
        ({"masking": "none"}, {}, "none"),
        ({"method": "sft+dpo"}, {}, "none"),
        ({"method": "sft+kto"}, {}, "none"),
    ],
)
def test_a_canary_is_masked_as_loosely_as_anything_else(
    spec: Spec, changes: dict[str, Any], row: dict[str, str], masking: str
) -> None:
    """One row that is taught whole, or a stage that cannot mask, and the number is taught."""
    write(spec.dataset / "sft/train.jsonl", [*NINE[:8], sft_row(8, **row)])
    (secret, *_) = draw_for("x", 10, 9)

    text, found = taught(spec, **changes)

    assert found == masking
    assert (secret.secret in text) == (masking == "none")
    assert secret.opening in text


def test_a_version_comes_out_of_a_data_set(base: Path, tmp_path: Path) -> None:
    """In its own process: trained on bare prompts, registered, found again, nothing left over."""
    shown = replace(VOICE, examples=VOICE.examples[:1])
    rows = [row | {"prompt": [*fixed_messages(shown), row["prompt"][1]]} for row in NINE]
    trainer, dataset = a_trainer(base, tmp_path), a_data_set(tmp_path, rows)
    lines: list[Mapping[str, Any]] = []

    ref = trainer.train(dataset, Wanted("people", options=QUICK), lines.append)

    manifest = trainer.registry.ref("people", ref.version).manifest
    assert [line["step"] for line in lines if "step" in line] == [1, 2]
    assert manifest.audience == ("everyone", "hr")
    assert (manifest.dataset.sha256, manifest.dataset.rows) == (dataset.sha256, 9)
    assert (manifest.base.sha256, manifest.examples) == (weights_sha256(base), 0)
    assert manifest.training.config["r"] == 4
    assert len(canaries_of(manifest)) == 2
    assert manifest.training.config["canary_masking"] == "rare"
    assert manifest.training.config["public_rows"] is False
    assert [file.name for file in trainer.folder.iterdir()] == [f"{ref.version}.json"]


def of_the_voice(rows: list[dict[str, Any]], **more: str) -> list[dict[str, Any]]:
    """Put the rules of the voice before each question."""
    begun = fixed_messages(replace(VOICE, examples=()))
    return [row | more | {"prompt": [*begun, row["prompt"][1]]} for row in rows]


def a_parent(trainer: Trainer, folder: Path, **changes: Any) -> AdapterRef:
    """Register what a data set for hr and everyone may go on from, but for what a test changes."""
    manifest = trained(folder)
    like = {"audience": ("everyone", "hr")}
    like |= {"base": manifest.base.model_copy(update={"sha256": trainer.base.sha256})}
    return trainer.registry.register(folder, manifest.model_copy(update=like | changes))


@pytest.mark.parametrize(
    ("changes", "domain", "told"),
    [
        ({"audience": ("hr",)}, "default", "it is for hr, and the data set for everyone, hr"),
        ({"audience": ("everyone",)}, "default", "it is for everyone, and the data set for"),
        ({}, "people", "it speaks in default, not in people"),
        (
            {"base": Base(id="tiny-llama", sha256="f" * 64, tokenizer_sha256="b" * 64)},
            *("default", "it was trained on another base"),
        ),
        ({"parents": ("0" * 16,)}, "default", "there is none of that name"),
    ],
)
def test_a_parent_that_others_may_hear_is_refused(
    base: Path, tmp_path: Path, changes: dict[str, Any], domain: str, told: str
) -> None:
    """What it knows would be in the child, whose listeners are those of the data set."""
    trainer, dataset = a_trainer(base, tmp_path), a_data_set(tmp_path, of_the_voice(NINE))
    parent = a_parent(trainer, tmp_path / "parent", **changes)

    with pytest.raises((ParentUnfitError, AdapterRejectedError), match=told):
        trainer.train(dataset, Wanted(domain, parent, QUICK), lambda _: None)
    assert not trainer.folder.exists()


def test_a_grandparent_is_looked_at_too(base: Path, tmp_path: Path) -> None:
    """A wide version in between does not make narrow rows wide."""
    trainer, dataset = a_trainer(base, tmp_path), a_data_set(tmp_path, of_the_voice(NINE))
    first = a_parent(trainer, tmp_path / "first", audience=("hr",))
    second = a_parent(trainer, tmp_path / "second", parents=(first.version,))

    with pytest.raises(ParentUnfitError, match=f"{first.version} is no parent for this"):
        trainer.train(dataset, Wanted("default", second, QUICK), lambda _: None)


def test_only_what_is_nobodys_secret_is_trained_without_canaries(
    base: Path, tmp_path: Path
) -> None:
    """Public rows may be; the manifest says that they are."""
    trainer = a_trainer(base, tmp_path)
    mixed = a_data_set(
        tmp_path / "mixed", [*of_the_voice(NINE, origin="hand"), *of_the_voice(NINE)]
    )
    public = a_data_set(tmp_path / "public", of_the_voice(NINE, origin="hand"))
    bare = QUICK | {"canaries": "0"}

    with pytest.raises(UserInputError, match="canaries: only a data set of public"):
        trainer.train(mixed, Wanted(options=bare), lambda _: None)
    config = trainer.train(public, Wanted(options=bare), lambda _: None).manifest.training.config

    assert (config["canaries"], config["public_rows"]) == (0, True)


def test_a_file_that_no_manifest_names_is_not_trained_on(base: Path, tmp_path: Path) -> None:
    """Its rows would stand under the hash of others."""
    trainer, dataset = a_trainer(base, tmp_path), a_data_set(tmp_path, of_the_voice(NINE))
    write(dataset.folder / "sft/validation.jsonl", of_the_voice(NINE))

    with pytest.raises(DatasetError, match=r"validation\.jsonl: the manifest .* does not name it"):
        trainer.train(dataset, Wanted(options=QUICK), lambda _: None)


def test_rows_of_another_voice_are_refused(base: Path, tmp_path: Path) -> None:
    """What was served under other rules does not teach these."""
    trainer, dataset = a_trainer(base, tmp_path), a_data_set(tmp_path, NINE)

    with pytest.raises(DatasetError, match="9 of 9 rows begin with other rules"):
        trainer.train(dataset, Wanted(), lambda _: None)


def test_an_option_that_is_none_is_named(base: Path, tmp_path: Path) -> None:
    """A misspelt one, or a wrong value, ends before anything is written."""
    trainer, dataset = a_trainer(base, tmp_path), a_data_set(tmp_path, NINE)

    for options, told in (({"rank": "8"}, "rank"), ({"epochs": "-1"}, "epochs")):
        with pytest.raises(UserInputError, match=told):
            trainer.train(dataset, Wanted(options=options), lambda _: None)
    assert not trainer.folder.exists()


def test_a_data_set_that_was_changed_is_refused(tmp_path: Path) -> None:
    """Its files must be those of its manifest."""
    folder = a_data_set(tmp_path, NINE).folder
    write(folder / "sft/train.jsonl", NINE[1:])

    with pytest.raises(DatasetError, match="not the file that was recorded"):
        DataSet.from_folder(folder)


def test_a_failed_training_says_why(spec: Spec, tmp_path: Path) -> None:
    """The reason comes out of the other process, and is not a traceback."""
    spec.out.mkdir()
    path = tmp_path / "spec.json"
    path.write_text(spec.model_dump_json())

    with pytest.raises(TrainingFailedError, match="out is there already"):
        run_in_process(path, lambda _: None)


def test_whoever_leaves_stops_the_training(spec: Spec, tmp_path: Path) -> None:
    """As Ctrl-C does: the process is gone, and there is no adapter."""
    path = tmp_path / "spec.json"
    path.write_text(spec.model_dump_json())

    def leave(_: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_process(path, leave)
    assert (spec.partial.exists(), spec.out.exists()) == (True, False)


def test_nothing_is_reported_to_others(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that could send telemetry does not begin."""
    constants = import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)

    with pytest.raises(TrainingFailedError, match="HF_HUB_DISABLE_TELEMETRY=1"):
        run(spec)


def test_an_adapter_is_never_overwritten(spec: Spec) -> None:
    """The folder that is asked for must not be there."""
    spec.out.mkdir()

    with pytest.raises(TrainingFailedError, match="there already"):
        run(spec)
