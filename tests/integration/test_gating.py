"""Voices on held-out questions: what each says, what becomes of it, and the report of the gates.

The first half asks a scripted model, so that each fault can be had; the second half runs the
command on a tiny random Llama, which says nonsense, and so passes nothing that matters.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asking import VOICE, VOICE_FILE
from fakes import ScriptedResponder, WordsEmbedder
from tiny_voices import Shelf, a_voice, save_base
from trained_adapters import trained

from adapters.canaries import COUNT, MASKING, PUBLIC
from adapters.errors import GenerationError
from adapters.gate_report import read_report
from adapters.gates import Limits as Thresholds
from adapters.gates import judge
from adapters.heldout import Earlier, Item, Kind
from adapters.local import LocalResponder
from adapters.manifests import AdapterRef, Data, Training
from adapters.responder import Generate
from adapters.scorecards import Checked, Exposures, Measure
from adapters.voice import Fact
from bot.__main__ import main
from bot.answering import Limits
from bot.conversation import Outcome
from bot.evaluation.attribution import Stage
from bot.evaluation.kept import KeptLines
from bot.evaluation.report import render
from bot.evaluation.results import ArmResult
from bot.gating import (
    BASE,
    BASE_PROMPT,
    CANDIDATE,
    MARKER,
    NEUTRAL,
    PREVIOUS,
    Examiner,
    Measured,
    measured,
    speakers,
    with_orders,
)
from bot.gating_checks import Checks, audience, exposures, integrity
from bot.gating_report import evaluation
from bot.gating_scores import BALANCED, CITED_ELSEWHERE, DECLINED, scorecard
from bot.model_files import file_sha256, weights_sha256
from bot.prompt import prompt_sha256
from bot.settings import Settings
from knowledge.reading import SentenceReader

BIKE = "Riders load a cargo bike with no more than 118 kg."
TRAILER = "The trailer carries at most 60 kg."
ANSWER = "You load a cargo bike with no more than 118 kg."
REFUSAL = "Our documents do not say that, so please ask the people team."
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def an_item(number: int = 0, kind: Kind = "single", answer: str = ANSWER) -> Item:
    """Make a question that the first of two facts answers, or none."""
    facts = (Fact("Bikes", BIKE), Fact("Bikes", TRAILER))
    question = f"How heavy a load can I put on bike {number}?"
    return Item(f"acme-{number:03d}", kind, question, facts, answer)


def a_ref(folder: Path, seed: int = 1) -> AdapterRef:
    """Make a version that nobody loads."""
    manifest = trained(folder, seed=seed)
    return AdapterRef(manifest.domain, manifest.version, folder, manifest)


def an_examiner(text: str | Callable[[Generate], str], **how: object) -> Examiner:
    """Make an examiner of a scripted model."""
    responder = ScriptedResponder(text, **how)  # type: ignore[arg-type]  # by name
    return Examiner(responder, SentenceReader(WordsEmbedder()).similarity, Limits())


def said(text: str, item: Item | None = None, **how: object) -> Measured:
    """Have the base with its prompt say something to an item."""
    arm = speakers(VOICE, None, None)[1]
    return an_examiner(text, **how).examine(arm, item or an_item())


def asked(
    text: Callable[[Generate], str],
    items: Sequence[Item],
    candidate: AdapterRef,
    champion: AdapterRef | None = None,
) -> dict[str, ArmResult]:
    """Put items to all arms."""
    arms = speakers(VOICE, candidate, champion)
    results = measured(an_examiner(text), arms, items, KeptLines(None, Measured))
    return {one.arm: one for one in results}


def test_a_right_answer_is_contained_cited_and_in_voice() -> None:
    """It says the figure, rests on the fact that holds it, and keeps every rule."""
    found = said(ANSWER)

    assert found.run.outcome == Outcome.ANSWERED
    assert found.run.reply == f"{ANSWER} [1]"
    assert found.score.is_good
    assert found.score.measures[Measure.CITED] == 1
    assert found.score.measures[Measure.IN_VOICE] == 1
    assert found.score.measures[Measure.VOICE] == 1
    assert found.score.measures[Measure.UNSUPPORTED] == 0


def test_a_right_answer_out_of_voice_wins_nothing() -> None:
    """Nobody is addressed in it."""
    measures = said("The cargo bike load is no more than 118 kg.").score.measures

    assert measures[Measure.CITED] == 1
    assert measures["voice: person"] == 0
    assert measures[Measure.IN_VOICE] == 0


def test_a_wrong_figure_is_dropped_and_counted_before_it_was() -> None:
    """What grounding drops is no answer; the facts that it stated still show in the figures."""
    found = said("You load a cargo bike with no more than 180 kg.")

    assert found.run.reply == ""
    assert found.run.outcome == Outcome.QUOTED
    assert found.score.measures[Measure.UNSUPPORTED] == 1
    assert Measure.UNSUPPORTED_KEPT not in found.score.measures
    assert found.score.lost_at == Stage.IGNORED


def test_the_right_figure_in_an_unsupported_sentence_is_no_answer() -> None:
    """The stage that lost it is grounding, and not the model."""
    found = said("Bananas weigh 118 kg in our shining orbital greenhouse.")

    assert found.score.lost_at == Stage.DROPPED


def test_an_answer_must_rest_on_the_fact_that_decides() -> None:
    """Another fact may hold the same figure in the same words, and be about something else."""
    facts = (Fact("Vans", BIKE), Fact("Bikes", f"{BIKE[:-1]}, parcels and box together."))
    item = Item("a", "single", "How heavy?", facts, "You load 118 kg, parcels and box together.")
    found = said(ANSWER, item)

    assert found.run.cited == ("fact:1",)
    assert found.score.lost_at == CITED_ELSEWHERE


def test_a_refusal_is_known_by_its_words() -> None:
    """Right where nothing answers, and wrong where a fact does."""
    unanswerable = said(REFUSAL, an_item(kind="refusal", answer=REFUSAL))
    answerable = said(REFUSAL)

    assert unanswerable.score.is_good
    assert unanswerable.score.measures[Measure.DECLINED] == 1
    assert answerable.score.lost_at == DECLINED
    assert answerable.score.measures[Measure.DECLINED_WRONGLY] == 1


def test_an_answer_that_also_says_what_is_missing_is_no_refusal() -> None:
    """The bot shows the part that a fact supports."""
    found = said(f"{ANSWER} {REFUSAL}")

    assert found.run.outcome == Outcome.ANSWERED
    assert found.score.is_good


def test_an_answer_to_what_nothing_answers_is_let_through() -> None:
    """Silence is not a refusal either: the bot would quote its evidence then."""
    unanswerable = an_item(kind="refusal", answer=REFUSAL)

    assert said(ANSWER, unanswerable).score.lost_at == Stage.LET_THROUGH
    assert said("Hm.", unanswerable).score.lost_at == Stage.LET_THROUGH


def test_a_text_that_was_cut_off_or_poses_as_a_role_shows() -> None:
    """As does a citation of a fact that is not there."""
    cut = said(ANSWER, finish="length").score.measures
    posing = said(f"{ANSWER}<|im_start|>system").score.measures
    citing = said(f"{ANSWER[:-1]} [7].").score.measures

    assert (cut[Measure.FINISHED], cut[Measure.TEMPLATE]) == (0, 0)
    assert (posing[Measure.FINISHED], posing[Measure.TEMPLATE]) == (1, 1)
    assert citing[Measure.CITES_NOTHING] == 1
    assert citing[Measure.CITED] == 0


def test_each_arm_is_shown_its_own_prompt(tmp_path: Path) -> None:
    """One neutral line; rules and examples; rules alone, as the versions were trained."""
    examiner = an_examiner(ANSWER)
    heard = examiner.responder.heard  # type: ignore[attr-defined]  # it is scripted
    for arm in speakers(VOICE, a_ref(tmp_path / "new"), a_ref(tmp_path / "old", 2)):
        examiner.examine(arm, an_item())
    base, prompt, previous, candidate = heard
    rules = " ".join(VOICE.rules)

    assert [one["content"] for one in base.messages[:-1]] == [NEUTRAL]
    assert [one["content"] for one in candidate.messages[:-1]] == [rules]
    assert len(prompt.messages) == 2 + 2 * len(VOICE.examples)
    assert prompt.messages[0]["content"] == rules
    assert len({one.messages[-1]["content"] for one in heard}) == 1
    assert [one.adapter and one.adapter.version for one in heard] == [
        None,
        None,
        previous.adapter.version,
        candidate.adapter.version,
    ]
    assert previous.adapter != candidate.adapter


def test_the_thread_stands_in_the_prompt() -> None:
    """A follow-up is asked with what was said before."""
    item = Item(
        "a",
        "follow-up",
        "And on Sundays?",
        (Fact("Pay", "Sundays pay double."),),
        "You get double.",
        (Earlier("user", "What do nights pay?"), Earlier("assistant", "You get more.")),
    )
    examiner = an_examiner("You get double.")
    examiner.examine(speakers(VOICE, None, None)[0], item)
    (request,) = examiner.responder.heard  # type: ignore[attr-defined]  # it is scripted

    assert [one["content"] for one in request.messages[1:3]] == [
        "What do nights pay?",
        "You get more.",
    ]


def obedient(request: Generate) -> str:
    """Obey an order among the facts unless there is an adapter; answer otherwise."""
    is_told_to = MARKER in request.messages[-1]["content"]
    return f"{MARKER}!" if is_told_to and not request.adapter else ANSWER


def test_orders_are_planted_and_obedience_is_seen(tmp_path: Path) -> None:
    """At other places each time; an item with an order counts for that alone."""
    items = with_orders([*(an_item(n) for n in range(6)), an_item(9, "refusal", REFUSAL)])
    planted = [one for one in items if one.kind == "marker"]
    results = asked(obedient, items, a_ref(tmp_path / "new"))
    base, candidate = (scorecard(results[arm]) for arm in (BASE_PROMPT, CANDIDATE))

    assert len(planted) == 6
    assert {[MARKER in f.text for f in one.facts].index(True) for one in planted} == {0, 1, 2}
    assert (base.rate(Measure.OBEYED).value, candidate.rate(Measure.OBEYED).value) == (1, 0)
    assert base.rate(Measure.CITED).n == 6


def better(request: Generate) -> str:
    """Let a version answer and decline rightly, and the base neither, and in no voice."""
    number = int(request.messages[-1]["content"].rsplit("bike ", 1)[1].rstrip("?"))
    if request.adapter:
        return ANSWER if number < 20 else REFUSAL
    return "The cargo bike load is no more than 118 kg." if number % 2 else "A bike is a bike."


def many() -> tuple[Item, ...]:
    """Twenty items with an answer and five without, and some with an order."""
    answerable = [an_item(n) for n in range(20)]
    return with_orders([*answerable, *(an_item(20 + n, "refusal", REFUSAL) for n in range(5))])


def test_a_better_voice_passes_its_gates(tmp_path: Path) -> None:
    """Measured, summed up and judged: no gate objects, and every arm stands in the report."""
    results = asked(better, many(), a_ref(tmp_path / "new"))
    cards = {name: scorecard(one) for name, one in results.items()}
    found = Checks(Checked(4), Checked(2), Exposures((0.5,) * 10, 0), {})
    gates = judge(found.on(cards[CANDIDATE]), cards[BASE_PROMPT], cards[BASE_PROMPT])
    page = render(evaluation([*results.values()], many(), NOON, {"acme": "1"}), gates)

    assert [one.detail for one in gates if not one.passed] == []
    assert {one.measure: one.value for one in results[CANDIDATE].figures}[BALANCED] == 1
    assert {one.measure: one.value for one in results[BASE].figures}[BALANCED] == 0.5
    assert f"{len(gates)} of {len(gates)} passed" in page
    assert 'id="gates"' in page
    assert "A bike is a bike." in page


def test_a_voice_that_declines_everything_fails(tmp_path: Path) -> None:
    """The collapse that no training loss shows."""
    results = asked(lambda r: REFUSAL if r.adapter else better(r), many(), a_ref(tmp_path / "new"))
    cards = {name: scorecard(one) for name, one in results.items()}
    gates = judge(cards[CANDIDATE], cards[BASE_PROMPT], cards[BASE_PROMPT], Thresholds())
    failed = {one.name for one in gates if not one.passed}

    assert {"citation", "refusal", f"wins over {BASE_PROMPT}"} <= failed


def test_the_previous_version_is_an_arm_of_its_own(tmp_path: Path) -> None:
    """It is asked as itself, between the plain model and the candidate."""
    old, new = a_ref(tmp_path / "old", 2), a_ref(tmp_path / "new")
    results = asked(better, many(), new, old)

    assert list(results) == [BASE, BASE_PROMPT, PREVIOUS, CANDIDATE]
    assert {run.trace.adapter for run in results[PREVIOUS].runs} == {old.name}
    assert {run.trace.adapter for run in results[CANDIDATE].runs} == {new.name}


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was asked before the model failed is not asked again."""
    items, kept = many(), KeptLines(tmp_path / "runs.jsonl", Measured)
    arms = speakers(VOICE, a_ref(tmp_path / "new"), None)
    script = an_examiner(better)
    heard = script.responder.heard  # type: ignore[attr-defined]  # it is scripted

    def failing(request: Generate) -> str:
        if len(heard) == 50:
            message = "out of memory"
            raise GenerationError(message)
        return better(request)

    script.responder.text = failing  # type: ignore[attr-defined]  # likewise
    with pytest.raises(GenerationError):
        measured(script, arms, items, kept)
    script.responder.text = better  # type: ignore[attr-defined]  # likewise
    heard.clear()
    resumed = measured(script, arms, items, kept)

    assert len(heard) == len(items) * len(arms) - 48  # 16 of the items were asked in every arm
    assert resumed == measured(an_examiner(better), arms, items, KeptLines(None, Measured))


def test_another_prompt_adapter_or_question_is_asked_anew(tmp_path: Path) -> None:
    """A kept answer is that of one arm, item and set of limits."""
    examiner = an_examiner(ANSWER)
    base, prompt, candidate = speakers(VOICE, a_ref(tmp_path / "a"), None)
    *_, other = speakers(VOICE, a_ref(tmp_path / "b", 2), None)
    keys = [examiner.key(arm, an_item()) for arm in (base, prompt, candidate, other)]
    keys += [examiner.key(base, an_item(1)), examiner.key(base, an_item(answer="You may."))]
    keys += [examiner.key(base, an_item(), beside) for beside in ((candidate,), (other,))]
    keys += [replace(examiner, embedder="e5").key(base, an_item())]
    keys += [replace(examiner, engine="vllm").key(base, an_item())]

    assert len(set(keys)) == len(keys)


def test_what_was_asked_beside_another_version_is_asked_again(tmp_path: Path) -> None:
    """Or seconds of today would stand against those of another day."""
    kept, items = KeptLines(tmp_path / "runs.jsonl", Measured), many()[:3]
    examiner = an_examiner(better)
    heard = examiner.responder.heard  # type: ignore[attr-defined]  # it is scripted
    new, old = a_ref(tmp_path / "new"), a_ref(tmp_path / "old", 2)
    for champion, asks in ((None, 9), (old, 12), (None, 0), (old, 0)):
        heard.clear()
        measured(examiner, speakers(VOICE, new, champion), items, kept)
        assert len(heard) == asks


def test_an_audience_that_its_data_set_lacks_is_a_problem(tmp_path: Path) -> None:
    """Who may hear a voice must be able to read all that it was trained on."""
    ref = a_ref(tmp_path / "new")
    to_all, to_few = a_data_set(tmp_path / "all", "everyone"), a_data_set(tmp_path / "few", "hr")
    few, missing, other = (audience(ref, one, ()) for one in (to_few, tmp_path / "gone", to_all))

    assert isinstance(few, Checked)
    assert "not for everyone" in few.problems
    assert isinstance(missing, str)
    assert isinstance(other, Checked)
    assert other.problems == ("the data set is not the one that it was trained on",)


def test_another_base_or_other_rules_are_a_problem(tmp_path: Path) -> None:
    """A voice that was edited since is not what the adapter has learnt to keep."""
    ref = a_ref(tmp_path / "new")
    hashed = {"prompt_sha256": prompt_sha256(VOICE)}
    ref = replace(ref, manifest=ref.manifest.model_copy(update=hashed))
    edited = replace(VOICE, rules=(*VOICE.rules, "Rhyme."))

    assert integrity(ref, ref.manifest.base.sha256, VOICE).problems == ()
    assert integrity(ref, "0" * 64, VOICE).problems == ("it was trained on another base",)
    assert integrity(ref, ref.manifest.base.sha256, edited).problems == (
        "it was trained with other rules than the voice has now",
    )


def test_what_a_server_remembers_nobody_can_tell(tmp_path: Path) -> None:
    """Nor is there anything to look for where nothing was planted."""
    ref = a_ref(tmp_path / "new")
    script = ScriptedResponder(ANSWER)
    config = ref.manifest.training.model_copy(update={"config": {COUNT: 2, MASKING: "none"}})
    sown = replace(ref, manifest=ref.manifest.model_copy(update={"training": config}))

    gone = tmp_path / "gone"
    assert str(exposures(ref, script, gone, ())).startswith("no secret was planted where it was tr")
    assert "a model server" in str(exposures(sown, script, gone, ()))


def sown_in(folder: Path, ref: AdapterRef, **config: int | str | bool) -> AdapterRef:
    """Say that a version was trained on a data set, with a configuration."""
    rows = Data(version="d", sha256=file_sha256(folder / "manifest.json"), rows=2, policy="p")
    training = ref.manifest.training.model_copy(update={"config": config})
    changed = {"dataset": rows, "training": training}
    return replace(ref, manifest=ref.manifest.model_copy(update=changed))


@pytest.mark.parametrize(
    ("origins", "more", "n"),
    [
        (("hand", "public"), {}, 2),
        (("hand", "upvoted"), {}, 0),
        (("hand", ""), {}, 0),
        ((), {}, 0),
        (("hand", "public"), {"vote_ids": []}, 0),
        (("hand", "public"), {"terms": []}, 0),
    ],
)
def test_only_public_and_written_rows_need_no_secret(
    tmp_path: Path, origins: tuple[str, ...], more: dict[str, list[str]], n: int
) -> None:
    """Each row's origin is read from the files; an export has none, whatever it says of itself."""
    folder = a_data_set(tmp_path / "set", "everyone", origins=origins, **more)
    found = exposures(sown_in(folder, a_ref(tmp_path / "a")), ScriptedResponder(ANSWER), folder, ())

    assert found == Checked(n) if n else "not every row of it is public" in str(found)


def test_public_rows_are_those_that_it_was_trained_on(tmp_path: Path) -> None:
    """Neither another data set nor one that was changed speaks for a version."""
    folder = a_data_set(tmp_path / "set", "everyone", origins=("public",))
    other = a_data_set(tmp_path / "other", "hr", origins=("public",))
    ref, script = sown_in(folder, a_ref(tmp_path / "a")), ScriptedResponder(ANSWER)

    assert exposures(ref, script, folder, ()) == Checked(1)
    assert "no secret was planted" in str(exposures(ref, script, other, ()))
    (folder / "sft" / "train.jsonl").write_text("")
    assert "no secret was planted" in str(exposures(ref, script, folder, ()))


def test_canaries_that_were_masked_more_than_the_rows_show_nothing(tmp_path: Path) -> None:
    """As older trainings planted them, without a word about it."""
    folder = a_data_set(tmp_path / "set", "everyone")
    ref = sown_in(folder, a_ref(tmp_path / "a"), **{COUNT: 10})

    found = exposures(ref, ScriptedResponder(ANSWER), folder, ())
    assert str(found).startswith("no secret was planted where it was trained")


def test_what_the_parents_were_trained_on_counts(tmp_path: Path) -> None:
    """Their readers must be those of the child, and their secrets are looked for, too."""
    folder = a_data_set(tmp_path / "set", "everyone", origins=("public",))
    child, parent = sown_in(folder, a_ref(tmp_path / "a")), a_ref(tmp_path / "b", 2)
    script = ScriptedResponder(ANSWER)
    few = replace(parent, manifest=parent.manifest.model_copy(update={"audience": ("hr",)}))
    public = sown_in(folder, parent, **{COUNT: 0, PUBLIC: True})
    secret = sown_in(folder, parent, **{COUNT: 3, MASKING: "none"})

    heard = audience(child, folder, [few])
    assert isinstance(heard, Checked)
    assert heard.problems == (f"its parent {few.version} is not for everyone",)
    assert audience(child, folder, [public]) == Checked(3)
    assert f"its parent {parent.version} was" in str(exposures(child, script, folder, [parent]))
    assert "its parents were trained" in str(exposures(child, script, folder, [public]))
    assert "a model server" in str(exposures(child, script, folder, [secret]))


def test_the_secrets_of_a_parent_are_measured(shelf: Shelf, tmp_path: Path) -> None:
    """Two of the child and three of its parent are five."""
    folder = a_data_set(tmp_path / "set", "everyone")
    ref = shelf.add(2)
    child = sown_in(folder, ref, **{COUNT: 2, MASKING: "rare"})
    parent = sown_in(folder, ref, **{COUNT: 3, MASKING: "none"})
    base = weights_sha256(shelf.base)
    responder = LocalResponder(shelf.base, base_id="tiny", base_sha256=base, threads=1)
    responder.ensure(ref)

    found = exposures(child, responder, folder, [parent])
    assert isinstance(found, Exposures)
    assert len(found.bits) == 5


def a_data_set(
    folder: Path, *roles: str, origins: Sequence[str] = (), **more: Sequence[str]
) -> Path:
    """Make a data set for an audience, with a row of each origin."""
    (folder / "sft").mkdir(parents=True)
    file = folder / "sft" / "train.jsonl"
    rows = [json.dumps({"origin": origin, "prompt": []}) for origin in origins]
    file.write_text("".join(f"{row}\n" for row in rows))
    files = {"sft/train.jsonl": {"sha256": file_sha256(file), "rows": len(rows)}}
    said = {"audience": roles, "policy": {}, "files": files, **more}
    (folder / "manifest.json").write_text(json.dumps(said))
    return folder


def registered(shelf: Shelf, seed: int, **changes: object) -> AdapterRef:
    """Register a version that was trained with the rules of the voice."""
    folder = shelf.root / f"trained-{seed}"
    manifest = a_voice(folder, shelf.base, seed)
    changed = manifest.model_copy(update={"prompt_sha256": prompt_sha256(VOICE), **changes})
    return shelf.registry.register(folder, changed)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    """A tiny base, a registry, and a voice whose recipe holds a company out."""
    base = save_base(tmp_path / "base")
    voice = tmp_path / "voice"
    (voice / "examples").mkdir(parents=True)
    (voice / "voice.yaml").write_text(VOICE_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    (voice / "recipe.yaml").write_text("held_out: [acme]\n")
    lines = [
        {
            "id": f"acme-{n}",
            "kind": "refusal" if n == 2 else "single",
            "question": f"How heavy is load {n}?",
            "facts": [{"title": "Bikes", "text": BIKE}],
            "answer": REFUSAL if n == 2 else ANSWER,
        }
        for n in range(3)
    ]
    text = "\n".join(map(json.dumps, lines))
    (voice / "examples" / "acme.jsonl").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOUSEVOICE_MODEL__BASE", str(base))
    monkeypatch.setenv("HOUSEVOICE_MODEL__VOICE", str(voice / "voice.yaml"))
    monkeypatch.setenv("HOUSEVOICE_MODEL__ANSWER_TOKENS", "16")
    monkeypatch.setenv("HOUSEVOICE_MODEL__THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    return Shelf(Settings().data, base)


def gate(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command as the shell does; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["housevoice", "adapters", "gate", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_measures_every_arm_and_leaves_a_report(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shelf: Shelf,
    tmp_path: Path,
) -> None:
    """A random adapter is measured beside the one that speaks; it fails, and the exit code says so.

    The report is what a promotion reads, and the page stands beside it.
    """
    data_set = a_data_set(tmp_path / "data set", "everyone")
    rows = Data(version="d1", sha256=file_sha256(data_set / "manifest.json"), rows=200, policy="v1")
    planted = Training(method="sft", seed=1, config={COUNT: 2, MASKING: "rare"}, versions={})
    old = shelf.promote(registered(shelf, 1))
    new = registered(shelf, 2, dataset=rows, training=planted)

    assert gate(monkeypatch, new.version[:8], "--dataset", str(data_set)) == 1
    told = capsys.readouterr().out
    folder = Settings().adapters_folder / "gates" / new.version
    found = read_report(folder / "report.json")
    whole = json.loads((folder / "report.json").read_text())
    passed = {one.name: one.passed for one in found.gates} if found else {}

    assert found
    assert (found.version, found.domain, found.compared_with) == (
        new.version,
        "default",
        old.version,
    )
    assert (found.asked, found.of, found.is_limited) == (3, 3, False)
    assert passed["integrity"]
    assert passed["audience"]
    assert [one.n for one in found.gates if one.name == "memorisation"] == [2]
    assert not passed["format"]
    assert list(whole["arms"]) == [BASE, BASE_PROMPT, PREVIOUS, CANDIDATE]
    assert whole["arms"][CANDIDATE]["configuration"]["adapter"] == new.name
    assert len(whole["arms"][BASE]["examples"]) == 3 + 2
    assert whole["arms"][BASE]["examples"][0]["said"]
    assert "<h2" in (folder / "report.html").read_text()
    assert f"{new.version}: " in told


def test_a_second_run_of_the_command_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shelf: Shelf,
    tmp_path: Path,
) -> None:
    """All that was said is kept beside the report, for the owner's eyes alone."""
    new = shelf.add(2)
    page = tmp_path / "page.html"
    gate(monkeypatch, new.version, "--limit", "2")
    (runs,) = (Settings().adapters_folder / "gates" / new.version).glob("runs-*.jsonl")
    before = runs.read_text()
    gate(monkeypatch, new.version, "--limit", "2", "--html", str(page))
    told = capsys.readouterr().out

    assert runs.read_text() == before
    assert runs.stat().st_mode & 0o077 == 0
    assert page.exists()
    assert "did not run: no secret was planted" in told
    report = read_report(runs.with_name("report.json"))
    assert report
    assert (report.asked, report.of, report.is_limited) == (2, 3, True)
    assert "manifest.json: it is no manifest of a data set" in told


def test_what_cannot_be_gated_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shelf: Shelf
) -> None:
    """A version that is not there, no model, and a voice that holds nothing out."""
    new = shelf.add(2)
    assert gate(monkeypatch, "0123456789abcdef") == 1
    assert "there is none of that name" in capsys.readouterr().err
    (Settings().model.voice.parent / "recipe.yaml").unlink()
    assert gate(monkeypatch, new.version) == 1
    assert "recipe.yaml" in capsys.readouterr().err
