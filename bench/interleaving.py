"""Voices in turn on one model: does anybody ever speak as somebody else, and what a swap costs.

    python -m bench.interleaving [--real] [--questions 1000] [--pairs 40] [--seed 13]

Three domains with two versions each, on the default base cut down to two random layers, or with
``--real`` on the base itself. Promotions and rollbacks come between the questions, and so do
versions that are no voice, passes that fail and leave hooks, layers merged by mistake, memory that
runs out, and other threads. Each answer is compared with what its speaker says on a model that
nobody else was ever on. Then the base and an adapter answer the same prompts by turns. Durations
are of one thread on the CPU, so that they compare on a busy machine, too.
"""

import argparse
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import process_time
from typing import Any

import numpy as np
import structlog

from adapters.decision_lines import Decision
from adapters.errors import GenerationError, ModelError, WrongThreadError
from adapters.gates import GateResult
from adapters.local import LocalResponder
from adapters.manifests import CONFIG, WEIGHTS, AdapterRef, Base, Data, Manifest, Training
from adapters.promotions import required
from adapters.registry import BASE, Registry
from adapters.responder import Generate, Message
from adapters.routing import DEFAULT, Router
from adapters.training_spec import TARGETS
from adapters.voice import Voice
from bench.corpora import found_model
from bench.timing import Stopwatch, print_table
from bot.model_files import file_sha256, weights_sha256
from bot.prompt import fixed_messages
from bot.settings import Settings
from bot.speaking import read_voice
from bot.voices import Voices
from knowledge.access import Audience

DOMAINS = (DEFAULT, "people", "engineering")
ROOM = Audience.from_role_sets([["everyone"]]).readers
FACTS = (
    "[1] Annual leave: Every full year of service gives 25 days of annual leave.\n"
    "[2] Carrying over: Up to five days may be carried over until the end of March.\n"
    "[3] Part time: Who works part time gets the same share of the days.\n"
)
ASKED = ("How many days of leave?", "May I carry days over?", "Who approves?", "And part time?")
_GATES = sorted(required("voice", "another"))
YES = Decision("bench", "", tuple(GateResult(name, True, 1.0, 1.0, 1) for name in _GATES))  # noqa: FBT003  gates
VECTOR = np.zeros(1, np.float32)


@dataclass
class Tally:
    """What became of the questions.

    Attributes:
        wrong_words: Answers that their speaker does not give alone.
        wrong_speaker: Answers of somebody who was not promoted there.
        loud: Questions that failed with an error, by its kind.
        faults: What was done to the model, by its kind.
    """

    asked: int = 0
    wrong_words: Counter[str] = field(default_factory=Counter)
    wrong_speaker: int = 0
    loud: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    speakers: Counter[str] = field(default_factory=Counter)
    loading: Stopwatch = field(default_factory=Stopwatch)
    going_back: Stopwatch = field(default_factory=Stopwatch)
    choosing: Stopwatch = field(default_factory=Stopwatch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true", help="on the default base itself")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=40, help="prompts for base and adapter")
    parser.add_argument("--tokens", type=int, default=8, help="of an answer of the first part")
    parser.add_argument("--seed", type=int, default=13)
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), is_real=given.real, tokens=given.tokens)
        _print_tally(bench.interleave(given.questions, random.Random(given.seed)))  # noqa: S311
        _print_latency(bench, given.pairs)


class Bench:
    """A base, versions of three voices, and what each says alone."""

    def __init__(self, scratch: Path, *, is_real: bool, tokens: int) -> None:
        real = found_model(Settings().model.base)
        self.base = real.folder if is_real else _cut_down(real.folder, scratch / "base")
        self.sha256 = weights_sha256(self.base)
        self.tokens = tokens
        self.voice = _voice()
        self._scratch = scratch
        self._std = 0.01 if is_real else 0.3
        self.registry = Registry(scratch / "adapters", lambda: datetime.now(UTC))
        self.versions = {name: [self._add(name) for _ in range(2)] for name in DOMAINS}
        self.fake = self._add("people", std=0.0)  # what it says is what the base says
        every = [None, *(ref for pair in self.versions.values() for ref in pair)]
        self.alone = {_name(ref): self._alone(ref) for ref in every}

    def engine(self) -> LocalResponder:
        """Open the base anew."""
        return LocalResponder(self.base, base_id="bench", base_sha256=self.sha256, threads=1)

    def interleave(self, n: int, dice: random.Random) -> Tally:
        """Ask questions in all domains, between promotions, rollbacks and faults."""
        tally, engine = Tally(), self.engine()
        engine.warm_up(fixed_messages(self.voice))
        places = {f"C-{name}": name for name in DOMAINS}
        router = Router(DOMAINS[1:], np.zeros((2, 1), np.float32), places)
        voices = Voices(self.registry, engine, self.voice, router)
        promoted: dict[str, AdapterRef | None] = {}
        for _ in range(n):
            domain, place = dice.choice(DOMAINS), dice.randrange(len(ASKED))
            watch = self._decided(dice, promoted, tally)
            due = promoted.get(domain, promoted.get(DEFAULT))
            begun = process_time()
            spoken = voices.choose(VECTOR, ROOM, f"C-{domain}")
            watch.seconds.append(process_time() - begun)
            if dice.random() < 0.03:  # noqa: PLR2004  # one in 30 questions meets a fault
                _do_harm(dice, engine, tally)
            tally.asked += 1
            try:
                said = engine.generate(self.request(place, spoken.ref))
            except ModelError as error:
                tally.loud[type(error).__name__] += 1
                continue
            tally.speakers[said.adapter_name or "base"] += 1
            tally.wrong_speaker += not said.adapter_name == _name(spoken.ref) == _name(due)
            is_wrong = said.text != self.alone[said.adapter_name][place]
            tally.wrong_words[said.adapter_name or "base"] += is_wrong
        return tally

    def request(self, place: int, ref: AdapterRef | None) -> Generate:
        """Ask one of the questions."""
        user = f"{FACTS}\nQuestion: {ASKED[place]}"
        messages = (*fixed_messages(self.voice), Message(role="user", content=user))
        return Generate(messages, self.tokens, adapter=ref)

    def latency(self, pairs: int) -> dict[str, list[Any]]:
        """Let base and adapter answer the same prompts by turns."""
        engine, ref = self.engine(), self.versions[DEFAULT][0]
        engine.ensure(ref)
        self.tokens = 32
        said: dict[str, list[Any]] = {"base": [], "adapter": []}
        for number in range(pairs + 1):
            for name, speaker in (("base", None), ("adapter", ref)):
                begun = process_time()
                one = engine.generate(self.request(number % len(ASKED), speaker))
                if number:  # the first ones warm up
                    cpu_s = process_time() - begun
                    said[name].append(replace(one, latency_s=cpu_s))
        return said

    def _decided(self, dice: random.Random, promoted: dict[str, Any], tally: Tally) -> Stopwatch:
        """Decide something now and then; return where the next choice is timed."""
        chance, domain = dice.random(), dice.choice(DOMAINS)
        pointer = self.registry.state().pointer(domain)
        if chance < 0.02 and pointer.previous and not self._is_fake(pointer):  # noqa: PLR2004
            self.registry.rollback(domain, YES)
            promoted[domain] = self._ref(domain, pointer.previous)
            return tally.going_back
        if chance < 0.05:  # noqa: PLR2004
            new = dice.choice([v for v in self.versions[domain] if v.version != pointer.current])
            self.registry.promote(domain, new.version, YES)
            promoted[domain] = new
            return tally.loading
        if chance < 0.06 and self.registry.state().pointer("people").current != self.fake.version:  # noqa: PLR2004
            self.registry.promote("people", self.fake.version, YES)
            tally.faults["no voice promoted"] += 1
            return Stopwatch()
        return tally.choosing

    def _is_fake(self, pointer: Any) -> bool:
        return self.fake.version in {pointer.current, pointer.previous}

    def _ref(self, domain: str, version: str) -> AdapterRef | None:
        return None if version == BASE else self.registry.ref(domain, version)

    def _alone(self, ref: AdapterRef | None) -> list[str]:
        engine = self.engine()
        if ref:
            engine.ensure(ref)
        # As in service: in bfloat16 a beginning that is read apart rounds otherwise.
        engine.warm_up(fixed_messages(self.voice), ref)
        return [engine.generate(self.request(place, ref)).text for place in range(len(ASKED))]

    def _add(self, domain: str, std: float | None = None) -> AdapterRef:
        seed = len(self.registry.versions()) + 1
        folder = self._scratch / f"trained-{seed}"
        manifest = _drawn(self.base, folder, seed, self._std if std is None else std)
        return self.registry.register(
            folder, manifest.model_copy(update={"domain": domain, "audience": ("everyone",)})
        )


def _do_harm(dice: random.Random, engine: LocalResponder, tally: Tally) -> None:
    residents = engine._residents  # noqa: SLF001  # the faults are inside
    kinds = ["another thread", "out of memory"]
    if residents._peft is not None:  # noqa: SLF001
        kinds += ["hooks left behind", "a layer merged", "half switched"]
    kind = dice.choice(kinds)
    tally.faults[kind] += 1
    {
        "another thread": _intrude,
        "out of memory": _run_out,
        "hooks left behind": _leave_hooks,
        "a layer merged": lambda one: dice.choice(one._residents._layers).merge(),  # noqa: SLF001
        "half switched": _half_switch,
    }[kind](engine)


def _intrude(engine: LocalResponder) -> None:
    def act() -> None:
        with suppress(WrongThreadError):
            engine.generate(Generate((Message(role="user", content="x"),), 2))

    thread = Thread(target=act)
    thread.start()
    thread.join()


def _run_out(engine: LocalResponder) -> None:
    """Let a pass fail in its middle, as it does when memory runs out."""

    def fail(*_: Any, **__: Any) -> None:
        message = "out of memory"
        raise RuntimeError(message)

    layer = engine._model.model.layers[1]  # noqa: SLF001
    layer.forward = fail
    refs = [*engine._refs.values()][-1:]  # noqa: SLF001
    with suppress(GenerationError):
        engine.generate(
            Generate((Message(role="user", content="x"),), 2, adapter=(refs or [None])[0])
        )
    del layer.forward


def _leave_hooks(engine: LocalResponder) -> None:
    import torch  # noqa: PLC0415

    oldest = [*engine._refs][:1]  # noqa: SLF001
    with suppress(IndexError, ValueError):  # the second one where a layer is merged
        engine._residents._peft(torch.full((1, 3), 10**6), adapter_names=oldest)  # noqa: SLF001


def _half_switch(engine: LocalResponder) -> None:
    residents = engine._residents  # noqa: SLF001
    for layer in residents._layers[:3]:  # noqa: SLF001
        layer.set_adapter([*engine._refs][:1])  # noqa: SLF001


def _cut_down(real: Path, folder: Path) -> Path:
    """Save two random layers with the tokenizer of the base."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(7)
    config = transformers.LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=2,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(real).save_pretrained(folder)
    return folder


def _drawn(base: Path, folder: Path, seed: int, std: float) -> Manifest:
    """Write an adapter of rank 16 with random weights; the untrained one is all zero in B."""
    from safetensors.numpy import save_file  # noqa: PLC0415

    folder.mkdir()
    dice, weights = np.random.default_rng(seed), dict[str, np.ndarray]()
    for place, (n_out, n_in) in _linear_layers(base):
        a, b = dice.normal(size=(16, n_in)) / n_in**0.5, dice.normal(size=(n_out, 16))
        weights[f"base_model.model.{place}.lora_A.weight"] = a.astype(np.float32)
        weights[f"base_model.model.{place}.lora_B.weight"] = (b * std * 8).astype(np.float32)
    save_file(weights, folder / WEIGHTS)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "bench"}
    config |= {"bias": "none", "r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
    config |= {"target_modules": sorted(TARGETS)}
    (folder / CONFIG).write_text(json.dumps(config, sort_keys=True))
    return Manifest(
        kind="voice",
        domain=DEFAULT,
        audience=("everyone",),
        base=Base(id="bench", sha256=weights_sha256(base), tokenizer_sha256="0" * 64),
        dataset=Data(version="random", sha256=hashlib.sha256(b"").hexdigest(), rows=1, policy=""),
        training=Training(method="sft", seed=seed, config={}, versions={}),
        files={name: file_sha256(folder / name) for name in (WEIGHTS, CONFIG)},
    )


def _linear_layers(base: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    from safetensors import safe_open  # noqa: PLC0415

    for file in sorted(base.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in sorted(tensors.keys()):
                place = name.removesuffix(".weight")
                if place.rpartition(".")[2] in TARGETS:
                    n_out, n_in = tensors.get_slice(name).get_shape()
                    yield place, (n_out, n_in)


def _voice() -> Voice:
    """Read the written voice, without examples: adapters are trained on its rules alone."""
    return replace(read_voice(Settings().model.voice), examples=())


def _name(ref: AdapterRef | None) -> str | None:
    return ref and ref.name


def _print_tally(tally: Tally) -> None:
    faults = ", ".join(f"{n} x {kind}" for kind, n in tally.faults.most_common())
    loud = ", ".join(f"{n} {kind}" for kind, n in tally.loud.most_common()) or "none"
    rows = [
        ("questions", tally.asked),
        ("answers in wrong words", f"{tally.wrong_words.total()} {dict(+tally.wrong_words)}"),
        ("answers of a wrong speaker", tally.wrong_speaker),
        ("failed, and said so", loud),
        ("faults", faults),
        ("speakers", f"{len(tally.speakers)}: {dict(tally.speakers.most_common())}"),
        ("promotions, rollbacks", f"{len(tally.loading.seconds)}, {len(tally.going_back.seconds)}"),
        ("choice after a promotion, CPU ms (median / p95)", f"{tally.loading}"),
        ("choice after a rollback, CPU ms", f"{tally.going_back}"),
        ("choice otherwise, CPU ms", f"{tally.choosing}"),
    ]
    print_table(["measure", "value"], rows)


def _print_latency(bench: Bench, pairs: int) -> None:
    said = bench.latency(pairs)
    rows = []
    for name, all_said in said.items():
        whole = Stopwatch([one.latency_s for one in all_said])
        token = Stopwatch([one.latency_s / one.completion_tokens for one in all_said])
        n_tokens = sum(one.completion_tokens for one in all_said) / len(all_said)
        rows.append((name, f"{whole}", f"{token.median * 1e3:.1f}", f"{n_tokens:.1f}"))
    print_table(["speaker", "answer CPU ms (median / p95)", "CPU ms a token", "tokens"], rows)


if __name__ == "__main__":
    main()
