"""Adapters on the local engine, swapped in a running house: nobody speaks with another's voice."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from shutil import copytree
from threading import Thread
from typing import Any

import pytest
from asking import CONTACT, EVERYONE, QUESTION, VOICE, GivenPassages, a_passage
from fakes import WordsEmbedder
from tiny_voices import (
    BACK,
    FIXED,
    PROMPT,
    YES,
    Shelf,
    a_model,
    a_voice,
    merged,
    save_base,
    voice_weights,
)
from trained_adapters import flip

from adapters.errors import (
    AdapterNotLoadedError,
    AdapterRejectedError,
    GenerationError,
    ResponderUnavailableError,
    WrongThreadError,
    WrongVoiceError,
)
from adapters.local import LocalResponder
from adapters.manifests import WEIGHTS, AdapterRef, Manifest
from adapters.residents import Residents
from adapters.responder import Generate, Message
from adapters.routing import DEFAULT, Domains, Router
from adapters.voice import Voice
from bot.answering import Answerer
from bot.conversation import Outcome, Question, Trace
from bot.model_files import weights_sha256
from bot.monitoring import health
from bot.monitoring.health import State
from bot.prompt import fixed_messages, prompt_sha256
from bot.speakers import told
from bot.speaking import pinned_version
from bot.voices import Voices
from knowledge.access import Audience
from knowledge.reading import SentenceReader

QUESTIONS = ("When may I park?", "Who pays for lunch?", "Where is my badge?")
OTHERS = ["How long is my leave?", "May I carry over leave?", "When is leave paid?"]
CODE = ["Which branch do I merge?", "Who reviews my code?", "Where do builds run?"]
LUNCH = "What is for lunch?"
EVERYBODY = EVERYONE.readers
SILENT = ResponderUnavailableError("http://models", "ReadTimeout")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, saved."""
    return save_base(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def shelf(tmp_path: Path, base: Path) -> Shelf:
    """An empty registry."""
    return Shelf(tmp_path, base)


def an_engine(base: Path) -> LocalResponder:
    """Open the tiny model anew."""
    return LocalResponder(base, base_id="tiny", base_sha256=weights_sha256(base), threads=1)


@pytest.fixture
def engine(base: Path) -> LocalResponder:
    """The tiny model, opened anew."""
    return an_engine(base)


def asked(question: str, ref: AdapterRef | None = None) -> Generate:
    """Ask somebody for twelve tokens."""
    messages = (*FIXED, Message(role="user", content=question))
    return Generate(messages, max_tokens=12, adapter=ref)


def said(engine: LocalResponder, ref: AdapterRef | None = None) -> list[str]:
    """What somebody answers to all questions."""
    if ref:
        engine.ensure(ref)
    return [engine.generate(asked(question, ref)).text for question in QUESTIONS]


def test_an_adapter_computes_what_its_weights_say(shelf: Shelf) -> None:
    """Logits are those of a model to whose weights it was added by hand, and of no other."""
    torch, ref, model = import_module("torch"), shelf.add(1), a_model().eval()
    tokens, residents = torch.arange(3, 40)[None], Residents(model)
    plain = model(tokens).logits

    residents.load(ref)
    residents.speak_as(ref.name)

    assert torch.allclose(model(tokens).logits, merged(voice_weights(1))(tokens).logits, atol=1e-2)
    assert not torch.allclose(model(tokens).logits, plain, atol=1e-1)
    residents.speak_as(None)
    assert torch.equal(model(tokens).logits, plain)


def test_each_speaks_as_itself_in_any_order(base: Path, shelf: Shelf) -> None:
    """Three adapters and the base say on one model what each says on a model of its own."""
    refs = [None, *(shelf.add(seed) for seed in (1, 2, 3))]
    alone = {ref and ref.name: said(an_engine(base), ref) for ref in refs}
    engine = an_engine(base)
    for ref in refs[1:]:
        engine.ensure(ref)  # type: ignore[arg-type]

    turns = [(ref, place) for place in (0, 1, 2, 0) for ref in (*refs, refs[1], None)]
    for ref, place in turns:
        answer = engine.generate(asked(QUESTIONS[place], ref))
        assert answer.text == alone[ref and ref.name][place]
        assert answer.adapter_name == (ref and ref.name)

    assert len({tuple(texts) for texts in alone.values()}) == 4


def test_what_was_read_is_remembered_for_one_speaker(base: Path, shelf: Shelf) -> None:
    """A beginning that the base has read is read anew by an adapter, and the other way round."""
    one, two = shelf.add(1), shelf.add(2)
    engine = an_engine(base)
    engine.warm_up(FIXED)
    engine.ensure(one)
    engine.ensure(two)
    engine.warm_up(FIXED, one)

    for ref in (two, None, one, two):
        assert said(engine, ref) == said(an_engine(base), ref)


def test_who_is_not_loaded_does_not_speak(engine: LocalResponder, shelf: Shelf) -> None:
    """Neither the base nor another adapter answers for it, before it comes and after it went."""
    one, two = shelf.add(1), shelf.add(2)
    with pytest.raises(AdapterNotLoadedError):
        engine.generate(asked("x", one))
    before = said(engine)
    engine.ensure(one)
    with pytest.raises(AdapterNotLoadedError):
        engine.generate(asked("x", two))
    engine.forget(one)
    with pytest.raises(AdapterNotLoadedError):
        engine.generate(asked("x", one))

    assert said(engine) == before


def test_memory_holds_eight_and_the_ninth_takes_the_place_of_the_oldest(
    engine: LocalResponder, shelf: Shelf
) -> None:
    """The one that nobody has asked for longest goes."""
    refs = [shelf.add(seed) for seed in range(1, 10)]
    for ref in refs[:8]:
        engine.ensure(ref)
    engine.ensure(refs[0])
    engine.ensure(refs[8])

    with pytest.raises(AdapterNotLoadedError):
        engine.generate(asked("x", refs[1]))
    assert engine.generate(asked("x", refs[0])).adapter_name == refs[0].name


def _without_b(_: dict[str, Any]) -> dict[str, Any]:
    return voice_weights(1, scale=0.0)


def _elsewhere(weights: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("layers.1", "layers.7"): one for name, one in weights.items()}


def _short(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: one[:-1] if "lora_B" in name else one for name, one in weights.items()}


def _no_number(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: one * float("nan") for name, one in weights.items()}


def _too_large(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: one * 1e18 for name, one in weights.items()}


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_without_b, "what the base says"),
        (_elsewhere, "not those of the layers"),
        (_short, "RuntimeError"),
        (_no_number, "weights are no numbers"),
        (_too_large, "what it says is no number"),
    ],
)
def test_what_is_no_voice_of_this_base_is_refused(
    engine: LocalResponder, shelf: Shelf, spoil: Callable[..., Any], problem: str
) -> None:
    """As the first adapter and as a further one; who spoke before speaks on as before."""
    bad, good = shelf.add(1, weights=spoil(voice_weights(1))), shelf.add(2)
    before = said(engine)
    with pytest.raises(AdapterRejectedError, match=problem):
        engine.ensure(bad)
    assert said(engine) == before
    voiced = said(engine, good)

    with pytest.raises(AdapterRejectedError, match=problem):
        engine.ensure(bad)

    assert (said(engine, good), said(engine)) == (voiced, before)
    with pytest.raises(AdapterNotLoadedError):
        engine.generate(asked("x", bad))


def test_an_adapter_of_another_base_is_refused(base: Path, shelf: Shelf) -> None:
    """Even where all shapes fit."""
    other = LocalResponder(base, base_id="other", base_sha256="0" * 64, threads=1)

    with pytest.raises(AdapterRejectedError, match="trained on"):
        other.ensure(shelf.add(1))


def test_a_file_that_changed_since_it_was_verified_is_refused(
    engine: LocalResponder, shelf: Shelf
) -> None:
    """What is loaded is compared with the manifest, not with what the registry saw."""
    ref = shelf.add(1)
    flip(ref.folder / WEIGHTS)

    with pytest.raises(AdapterRejectedError, match="not the one of its manifest"):
        engine.ensure(ref)


def test_only_the_owner_of_the_model_changes_who_speaks(
    engine: LocalResponder, shelf: Shelf
) -> None:
    """A second thread is refused whatever it tries."""
    ref, refused = shelf.add(1), list[str]()
    before = said(engine, ref)

    def intrude() -> None:
        for act in (engine.ensure, engine.forget):
            try:
                act(ref)
            except WrongThreadError:
                refused.append(act.__name__)

    thread = Thread(target=intrude)
    thread.start()
    thread.join(timeout=20)

    assert refused == ["ensure", "forget"]
    assert said(engine, ref) == before


def fail_inside_a_mixed_pass(engine: LocalResponder, one: str, other: str) -> None:
    """Do what leaves hooks in peft (peft#3475): raise in a pass that names adapters by row."""
    torch, peft = import_module("torch"), engine._residents._peft  # noqa: SLF001  the fault is inside
    peft.set_adapter(one, inference_mode=True)
    beyond = torch.full((1, 3), 10_000)
    with suppress(IndexError):
        peft(beyond, adapter_names=[other])


def test_hooks_of_a_failed_pass_are_noticed(base: Path, shelf: Shelf) -> None:
    """One question fails, the model is loaded anew, and then everybody is themselves again."""
    one, two = shelf.add(1), shelf.add(2)
    engine = an_engine(base)
    alone = [said(engine, ref) for ref in (one, two, None)]
    fail_inside_a_mixed_pass(engine, one.name, two.name)

    with pytest.raises(WrongVoiceError):
        engine.generate(asked("x", one))

    assert [said(engine, ref) for ref in (one, two, None)] == alone


def test_layers_that_disagree_are_noticed(base: Path, shelf: Shelf) -> None:
    """A single layer that somebody merged into the base is enough."""
    one = shelf.add(1)
    engine = an_engine(base)
    before = said(engine, one)
    engine._residents._layers[3].merge()  # noqa: SLF001  the fault is inside

    with pytest.raises(WrongVoiceError):
        engine.generate(asked("x", one))

    assert said(engine, one) == before


# The house: who is promoted speaks from the next question on.


class FlakyEngine:
    """The tiny model, whose loading can be made to fail; counts what it loads."""

    def __init__(self, base: Path) -> None:
        self.engine = an_engine(base)
        self.base_id = "tiny"
        self.loaded = list[str]()
        self.n_refused = 0
        self.trouble: Exception | None = None
        self.warm_up, self.generate = self.engine.warm_up, self.engine.generate
        self.count_tokens, self.forget = self.engine.count_tokens, self.engine.forget

    def ensure(self, ref: AdapterRef) -> None:
        """Load an adapter, or fail."""
        is_there = ref.name in self.engine._residents  # noqa: SLF001  to count loads
        if not is_there and self.trouble:
            self.n_refused += 1
            raise self.trouble
        if not is_there:
            self.loaded.append(ref.version)
        self.engine.ensure(ref)


class Clock:
    """Seconds, as a test says."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def flaky(base: Path) -> FlakyEngine:
    """An engine that can fail."""
    return FlakyEngine(base)


def domains(**channels: str) -> Router:
    """Two domains beside the default one."""
    described = {
        "people": {"questions": OTHERS, "channels": [channels["people"]] if channels else []},
        "engineering": {"questions": CODE},
    }
    found = Domains.model_validate({"margin": 0.1, "floor": 0.2, "domains": described})
    return Router.from_domains(found, WordsEmbedder().embed_query)


def voices_of(shelf: Shelf, engine: Any, router: Router | None = None, **how: Any) -> Voices:
    """Follow a registry."""
    return Voices(shelf.registry, engine, VOICE, router or Router(), **how)


def choose(
    voices: Voices, text: str = QUESTION, readers: Any = EVERYBODY, channel: str = ""
) -> Any:
    """Say who speaks for a question."""
    return voices.choose(WordsEmbedder().embed_query(text), readers, channel)


def test_a_promotion_speaks_from_the_next_question_on(shelf: Shelf, flaky: FlakyEngine) -> None:
    """And a rollback, which loads nothing: the version before is in memory still."""
    voices, results = voices_of(shelf, flaky), list[AdapterRef | None]()
    results.append(choose(voices).ref)
    one = shelf.promote(shelf.add(1))
    results.append(choose(voices).ref)
    two = shelf.promote(shelf.add(2))
    results.append(choose(voices).ref)
    shelf.registry.rollback(DEFAULT, BACK)
    results.append(choose(voices).ref)
    shelf.registry.rollback(DEFAULT, BACK, to="")
    results.append(choose(voices).ref)

    assert results == [None, one, two, one, None]
    assert flaky.loaded == [one.version, two.version]
    assert voices.serving.generation == shelf.registry.generation() == 4


def test_what_spoke_before_a_start_is_in_memory_after_it(shelf: Shelf, flaky: FlakyEngine) -> None:
    """So that the first rollback of a bot that was just started is quick, too."""
    one, two = shelf.promote(shelf.add(1)), shelf.promote(shelf.add(2))
    voices = voices_of(shelf, flaky)
    assert flaky.loaded == [two.version, one.version]

    shelf.registry.rollback(DEFAULT, BACK)

    assert choose(voices).ref == one
    assert len(flaky.loaded) == 2


def test_a_swap_that_fails_leaves_the_old_voice_and_is_told(
    shelf: Shelf, flaky: FlakyEngine
) -> None:
    """In the status, in the health of the bot and in its figures."""
    swaps = list[str]()
    good = shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky, on_swap=swaps.append)
    bad = shelf.promote(shelf.add(2, weights=voice_weights(2, scale=0.0)))
    generation = shelf.registry.generation
    assert "takes effect with the next question" in told(voices.serving, generation)

    spoken = [choose(voices).ref for _ in range(3)]

    assert spoken == [good] * 3
    assert swaps == ["done", "failed"]
    problem = f"{bad.version} could not be put in service (AdapterRejectedError)"
    assert told(voices.serving, generation) == f"{good.name}; {problem}"
    failed = {name: one.problem for name, one in voices.serving.failed.items()}
    finding = health.of_voices(speaking=voices.serving.label, failed=failed)
    assert finding.state is State.DEGRADED
    assert "default (AdapterRejectedError)" in finding.note


def test_what_may_be_there_in_a_minute_is_tried_again(shelf: Shelf, flaky: FlakyEngine) -> None:
    """A server that is restarted with the new adapter need not be told of twice."""
    clock, good = Clock(), shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky, clock=clock)
    flaky.trouble = SILENT
    new = shelf.promote(shelf.add(2))
    assert choose(voices).ref == good
    flaky.trouble = None
    clock.now_s = 59.0
    assert choose(voices).ref == good
    clock.now_s = 60.0

    assert choose(voices).ref == new
    assert not voices.serving.failed


def test_a_tainted_version_does_not_go_on(shelf: Shelf, flaky: FlakyEngine) -> None:
    """Neither where it speaks nor as the old voice of a swap that failed."""
    one = shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky)
    shelf.registry.taint(DEFAULT, one.version, BACK)
    shelf.promote(shelf.add(2, weights=voice_weights(2, scale=0.0)))

    assert choose(voices).ref is None
    assert voices.serving.label == ""


def test_a_broken_registry_changes_nothing_and_is_told(
    shelf: Shelf, flaky: FlakyEngine, tmp_path: Path
) -> None:
    """Who spoke speaks on; once it can be read again all is well."""
    one = shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky)
    pointers = tmp_path / "adapters" / "promoted.json"
    text = pointers.read_text()
    pointers.write_text("{")

    assert choose(voices).ref == one
    status = told(voices.serving, shelf.registry.generation)
    assert "the registry could not be put in service" in status
    assert status.endswith("the registry cannot be read (RegistryBrokenError)")
    pointers.write_text(text)
    assert choose(voices).ref == one
    assert not voices.serving.failed


def test_pointers_that_nobody_decided_are_not_followed(
    shelf: Shelf, flaky: FlakyEngine, tmp_path: Path
) -> None:
    """Who can write that one file lets no version speak that passed no gate."""
    one, ungated = shelf.promote(shelf.add(1)), shelf.add(2)
    swaps = list[str]()
    voices = voices_of(shelf, flaky, on_swap=swaps.append)
    pointers = tmp_path / "adapters" / "promoted.json"
    written = pointers.read_text()
    state = json.loads(written)
    state["generation"] = 2
    state["domains"][DEFAULT]["current"] = ungated.version
    pointers.write_text(json.dumps(state))

    assert [choose(voices).ref for _ in range(2)] == [one, one]
    assert ungated.version not in flaky.loaded
    assert "the registry could not be put in service" in told(voices.serving, lambda: 2)
    assert swaps == ["done", "failed"]
    pointers.write_text(written)
    assert choose(voices).ref == one
    shelf.promote(ungated)
    assert choose(voices).ref == ungated
    assert not voices.serving.failed


def test_a_tainted_version_does_not_go_on_for_those_that_failed(
    shelf: Shelf, flaky: FlakyEngine
) -> None:
    """Though the pointers, which name those, do not change."""
    old = shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky)
    for seed in (2, 3):
        shelf.promote(shelf.add(seed, weights=voice_weights(seed, scale=0.0)))
        assert choose(voices).ref == old
    shelf.registry.taint(DEFAULT, old.version, BACK)

    assert choose(voices).ref is None
    assert voices.serving.label == ""
    with pytest.raises(AdapterNotLoadedError):
        flaky.generate(asked("x", old))


def test_a_pinned_version_that_is_tainted_does_not_go_on(shelf: Shelf, flaky: FlakyEngine) -> None:
    """The base speaks, as where a promoted one is tainted, and the status says so."""
    pinned = shelf.add(1)
    voices = voices_of(shelf, flaky, pinned=pinned)
    assert choose(voices).ref == pinned
    shelf.registry.taint(DEFAULT, pinned.version, BACK)
    shelf.promote(shelf.add(2))

    assert choose(voices).ref is None
    assert pinned.version in told(voices.serving, shelf.registry.generation)
    with pytest.raises(AdapterNotLoadedError):
        flaky.generate(asked("x", pinned))


def test_a_look_that_breaks_off_loses_no_decision(shelf: Shelf, flaky: FlakyEngine) -> None:
    """What was decided for one domain is followed though another one ended the look."""
    one, people = shelf.promote(shelf.add(1)), shelf.add(2, domain="people")
    voices = voices_of(shelf, flaky, domains(people="C0HR"))
    assert choose(voices, LUNCH).ref == one
    shelf.registry.rollback(DEFAULT, BACK, to="")
    shelf.promote(people)
    flaky.trouble = ArithmeticError("of a kind that nobody expects")
    with pytest.raises(ArithmeticError):
        choose(voices, LUNCH)
    flaky.trouble = None

    assert choose(voices, LUNCH).ref is None
    assert choose(voices, channel="C0HR").ref == people


def test_a_version_that_cannot_speak_any_more_is_told_and_left_alone(
    shelf: Shelf, flaky: FlakyEngine
) -> None:
    """Asked for at each question, a server that is down would make each of them slow."""
    clock, one = Clock(), shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky, clock=clock)
    flaky.forget(one)
    flaky.trouble = SILENT
    spoken = [choose(voices) for _ in range(3)]

    assert [(each.ref, each.why) for each in spoken] == [(None, "not ready")] * 3
    assert flaky.n_refused == 1
    assert told(voices.serving, lambda: 1) == (
        f"none; {one.version} could not be put in service (ResponderUnavailableError)"
    )
    clock.now_s = 60.0
    assert choose(voices).ref is None
    assert flaky.n_refused == 2
    flaky.trouble = None
    clock.now_s = 120.0
    assert choose(voices).ref == one
    assert told(voices.serving, lambda: 1) == one.name


class Starved(LocalResponder):
    """The tiny model, which may run out of memory: when it probes, or reads what is fixed."""

    trouble: Exception | None = None

    def _probed(self, name: str | None) -> Any:
        if self.trouble:
            raise self.trouble
        return super()._probed(name)

    def _read(self, prefix: tuple[int, ...]) -> Any:
        if self.trouble:
            raise self.trouble
        return super()._read(prefix)


OUT_OF_MEMORY = (RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError())


@pytest.mark.parametrize("trouble", OUT_OF_MEMORY)
def test_who_was_not_probed_for_want_of_memory_does_not_speak(
    base: Path, shelf: Shelf, trouble: Exception
) -> None:
    """It is let go of, and probed when it comes again; one that is no voice is found out then."""
    engine = Starved(base, base_id="tiny", base_sha256=weights_sha256(base), threads=1)
    bad, good = shelf.add(1, weights=voice_weights(1, scale=0.0)), shelf.add(2)
    before = said(engine)
    engine.trouble = trouble
    for ref in (bad, good):
        with pytest.raises(AdapterNotLoadedError, match=type(trouble).__name__):
            engine.ensure(ref)
        with pytest.raises(AdapterNotLoadedError):
            engine.generate(asked("x", ref))
    engine.trouble = None

    with pytest.raises(AdapterRejectedError, match="what the base says"):
        engine.ensure(bad)
    assert said(engine, good) == said(an_engine(base), good)
    assert said(engine) == before


@pytest.mark.parametrize("trouble", OUT_OF_MEMORY)
def test_want_of_memory_in_a_swap_leaves_the_old_voice(
    base: Path, shelf: Shelf, trouble: Exception
) -> None:
    """No question fails for it, and a minute later it is tried again."""
    engine = Starved(base, base_id="tiny", base_sha256=weights_sha256(base), threads=1)
    clock, one = Clock(), shelf.promote(shelf.add(1))
    voices = voices_of(shelf, engine, clock=clock)
    two = shelf.promote(shelf.add(2))
    engine.trouble = trouble

    assert [choose(voices).ref for _ in range(2)] == [one, one]
    assert voices.serving.failed[DEFAULT].version == two.version
    engine.trouble = None
    clock.now_s = 60.0
    assert choose(voices).ref == two


@pytest.mark.parametrize("trouble", OUT_OF_MEMORY)
def test_want_of_memory_for_what_is_fixed_is_an_error_of_the_model(
    base: Path, shelf: Shelf, trouble: Exception
) -> None:
    """The adapter is let go of, and all are themselves once there is memory again."""
    engine = Starved(base, base_id="tiny", base_sha256=weights_sha256(base), threads=1)
    one = shelf.add(1)
    engine.ensure(one)
    engine.trouble = trouble
    for ref in (one, None):
        with pytest.raises(GenerationError):
            engine.warm_up(FIXED, ref)
    engine.trouble = None

    with pytest.raises(AdapterNotLoadedError):
        engine.generate(asked("x", one))
    assert said(engine, one) == said(an_engine(base), one)


class StarvedResidents(Residents):
    """Runs out of memory when it compares what it has loaded."""

    def _objection(self, name: str, weights: bytes) -> str:
        raise MemoryError


def test_nothing_stays_of_what_was_not_loaded_for_want_of_memory(shelf: Shelf) -> None:
    """The model is what it was."""
    torch, ref, model = import_module("torch"), shelf.add(1), a_model().eval()
    tokens, residents = torch.arange(3, 40)[None], StarvedResidents(model)
    plain = model(tokens).logits
    with pytest.raises(MemoryError):
        residents.load(ref)

    assert ref.name not in residents
    assert residents.is_speaking(None)
    assert torch.equal(model(tokens).logits, plain)


def trained_under(shelf: Shelf, voice: Voice, seed: int) -> AdapterRef:
    """Register a version that was trained under the rules of a voice."""
    folder = shelf.root / f"under-{seed}"
    manifest = a_voice(folder, shelf.base, seed)
    changed = manifest.model_copy(update={"prompt_sha256": prompt_sha256(voice)})
    return shelf.registry.register(folder, Manifest.model_validate(changed.model_dump()))


def test_nobody_speaks_under_rules_that_it_was_not_trained_on(
    shelf: Shelf, flaky: FlakyEngine
) -> None:
    """After an edit of the rules the version before goes on, or the base; examples may change."""
    edited = replace(VOICE, rules=(*VOICE.rules, "Answer in French."))
    fewer = replace(VOICE, examples=VOICE.examples[:1])
    other, same = (trained_under(shelf, one, n) for n, one in enumerate((edited, fewer), start=1))
    shelf.promote(other)
    voices = voices_of(shelf, flaky)
    assert choose(voices).ref is None
    assert "(AdapterRejectedError)" in told(voices.serving, lambda: 1)
    shelf.promote(same)
    assert choose(voices).ref == same
    shelf.registry.rollback(DEFAULT, BACK)

    assert choose(voices).ref == same
    assert other.version not in flaky.loaded
    with pytest.raises(AdapterRejectedError, match="other rules"):
        voices_of(shelf, flaky, pinned=other)


def test_questions_go_to_the_voice_of_their_domain(shelf: Shelf, flaky: FlakyEngine) -> None:
    """By what they ask, or by where they were asked; what is not clear goes to the default."""
    refs = {name: shelf.promote(shelf.add(n, domain=name)) for n, name in enumerate(
        (DEFAULT, "people", "engineering"), start=1
    )}  # fmt: skip
    voices = voices_of(shelf, flaky, domains(people="C0HR"))

    leave, code = choose(voices, "How is leave paid?"), choose(voices, "Who may merge my branch?")
    assert (leave.ref, leave.domain, leave.why) == (refs["people"], "people", "its question")
    assert (code.ref, code.generation) == (refs["engineering"], 3)
    assert choose(voices, "What is for lunch?").ref == refs[DEFAULT]
    in_place = choose(voices, "Who may merge my branch?", channel="C0HR")
    assert (in_place.ref, in_place.why) == (refs["people"], "its place")


def test_nobody_hears_an_adapter_that_is_not_meant_for_them(
    shelf: Shelf, flaky: FlakyEngine
) -> None:
    """Where one reader is outside its audience the default voice speaks, then the base."""
    people = shelf.promote(shelf.add(1, domain="people", audience=("hr",)))
    default = shelf.promote(shelf.add(2, audience=("employee",)))
    voices = voices_of(shelf, flaky, domains(people="C0HR"))
    rooms = [
        [{"hr", "employee"}],
        [{"hr", "employee"}, {"employee"}],
        [{"hr"}, {"guest"}],
    ]
    picked = [
        choose(voices, readers=Audience.from_role_sets(room).readers, channel="C0HR")
        for room in rooms
    ]

    assert [one.ref for one in picked] == [people, default, None]
    assert [one.why for one in picked] == ["its place", *["not for every reader"] * 2]
    assert {one.domain for one in picked} == {"people"}
    assert choose(voices, readers=frozenset(), channel="C0HR").ref is None


def test_a_domain_may_be_left_to_the_base(shelf: Shelf, flaky: FlakyEngine) -> None:
    """Where somebody decided so; where nobody decided anything the default voice speaks."""
    default = shelf.promote(shelf.add(1))
    voices = voices_of(shelf, flaky, domains(people="C0HR"))
    assert choose(voices, channel="C0HR").ref == default

    shelf.registry.promote("people", "", BACK)

    assert choose(voices, channel="C0HR").ref is None


def test_the_settings_may_name_one_version_or_none(shelf: Shelf, flaky: FlakyEngine) -> None:
    """For comparing and replaying: whatever is promoted then does not matter."""
    one, two = shelf.add(1), shelf.promote(shelf.add(2))

    for setting in (one.name, one.version):
        pinned = pinned_version(shelf.registry, setting)
        assert choose(voices_of(shelf, flaky, pinned=pinned)).ref == one
    assert choose(voices_of(shelf, flaky, follows=False)).ref is None
    assert choose(voices_of(shelf, flaky)).ref == two
    with pytest.raises(AdapterRejectedError):
        pinned_version(shelf.registry, "default-0123456789abcdef")


def test_a_pinned_version_that_cannot_speak_is_an_error(shelf: Shelf, flaky: FlakyEngine) -> None:
    """A comparison never takes the base for it."""
    bad = shelf.add(1, weights=voice_weights(1, scale=0.0))

    with pytest.raises(AdapterRejectedError):
        voices_of(shelf, flaky, pinned=bad)


def answerer_of(responder: Any, voices: Voices | None) -> Answerer:
    """Put the use case together over one passage."""
    return Answerer(
        retriever=GivenPassages([a_passage()]),
        reader=SentenceReader(WordsEmbedder()),
        responder=responder,
        voice=VOICE,
        contact=CONTACT,
        clock=lambda: 0.0,
        voices=voices,
    )


def test_the_trace_of_an_answer_says_who_spoke(shelf: Shelf, flaky: FlakyEngine) -> None:
    """Version, domain, score, reason and generation; the prompt holds its number of examples."""
    ref = shelf.promote(shelf.add(1, examples=1))
    working = answerer_of(flaky, voices_of(shelf, flaky)).work(Question("q", QUESTION, EVERYONE))
    trace = working.answer.trace

    assert (trace.adapter, trace.generation) == (ref.name, 1)
    assert (trace.domain, trace.domain_why) == (DEFAULT, "there is no other")
    one_example: Voice = replace(VOICE, examples=VOICE.examples[:1])
    assert working.prompt is not None
    assert working.prompt.messages[:-1] == fixed_messages(one_example)


def test_a_silent_server_makes_the_bot_quote(flaky: FlakyEngine) -> None:
    """The person gets the passage, and the trace says why."""

    def silent(_: Generate) -> Any:
        raise SILENT

    flaky.generate = silent  # type: ignore[assignment]
    answer = answerer_of(flaky, None).answer(Question("q", QUESTION, EVERYONE))

    assert answer.reply.outcome is Outcome.QUOTED
    assert answer.trace.reason == "the model server is silent"


def test_a_trace_from_before_there_were_voices_can_be_read() -> None:
    """What is not in it has its default."""
    from pydantic import TypeAdapter  # noqa: PLC0415

    old = TypeAdapter(Trace).dump_python(Trace("everyone", base="smol"), mode="json")
    for name in ("domain", "domain_score", "domain_why", "generation"):
        del old[name]

    assert TypeAdapter(Trace).validate_json(json.dumps(old)) == Trace("everyone", base="smol")


def test_interleaved_questions_swaps_and_faults_mix_up_no_voice(
    base: Path, shelf: Shelf, flaky: FlakyEngine
) -> None:
    """Sixty questions in three domains, with promotions, rollbacks, refused files and hooks."""
    versions = {
        name: [shelf.add(10 * n + k, domain=name) for k in (1, 2)]
        for n, name in enumerate((DEFAULT, "people", "engineering"), start=1)
    }
    every = [None, *(ref for pair in versions.values() for ref in pair)]
    alone = {ref and ref.name: said(an_engine(base), ref) for ref in every}
    bad = shelf.add(99, weights=voice_weights(99, scale=0.0), domain="people")
    voices = voices_of(shelf, flaky, domains(people="C0HR"))
    n_failed = 0
    for turn in range(60):
        domain = (*versions,)[turn % 3]
        if turn % 7 == 0:
            pointer = shelf.registry.state().pointer(domain)
            shelf.promote(next(ref for ref in versions[domain] if ref.version != pointer.current))
        if turn % 20 == 13:
            shelf.registry.promote(bad.domain, bad.version, YES)
        spoken = choose(voices, ("What is for lunch?", OTHERS[0], CODE[0])[turn % 3])
        if turn % 15 == 14 and spoken.ref:
            fail_inside_a_mixed_pass(flaky.engine, spoken.ref.name, spoken.ref.name)
        place = turn % len(QUESTIONS)
        try:
            answer = flaky.generate(asked(QUESTIONS[place], spoken.ref))
        except WrongVoiceError:
            n_failed += 1
            continue
        assert answer.text == alone[answer.adapter_name][place]
        assert answer.adapter_name == (spoken.ref.name if spoken.ref else None)
        assert spoken.ref is None or spoken.ref.domain in {DEFAULT, domain}

    assert n_failed == 4


def test_a_copy_of_a_version_is_the_same_version(
    engine: LocalResponder, shelf: Shelf, tmp_path: Path
) -> None:
    """It is known by what it is, not by where it lies: nothing is loaded twice."""
    ref = shelf.add(1)
    engine.ensure(ref)
    copied = replace(ref, folder=copytree(ref.folder, tmp_path / "copy"))

    engine.ensure(copied)

    assert engine.generate(Generate(PROMPT, 3, adapter=copied)).adapter_name == ref.name
