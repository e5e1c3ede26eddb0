"""Evaluations to render and to store: made up, the same ones in every run."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import sqrt
from statistics import fmean

from bot.conversation import Trace
from bot.evaluation.attribution import Stage
from bot.evaluation.results import (
    MEASURES,
    ArmResult,
    CaseFacts,
    CaseRun,
    CaseScore,
    Difference,
    Evaluation,
    Figure,
    Seen,
)

TAGS = ("factual", "multi-source", "superseded", "follow-up", "unanswerable", "forbidden")
RULES = ("voice: banned", "voice: citations", "voice: person", "voice: sentence_words")
HOSTILE = (
    " \x1b[31mred\x1b[0m\x07 \u202egnp.exe\u202c \u200b\ud800\x00 [bold]b[/bold] "
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "{{ 7 * 7 }}{% raw %}</style></svg><a href='https://evil.example/x'>here</a> $x^{$ -->]]>"
)
"""Whatever a text could do to a page, a template, a terminal or a drawing."""

_SEED = 20_261_121
_QUESTIONS = (
    ("How many weeks of parental leave do I get?", "16 weeks", "people/leave.md"),
    ("Who approves a laptop above 2,000 euros?", "the head of finance", "finance/buying.md"),
    ("How do I reset the VPN token?", "Self Service > Security", "it/vpn.md"),
    ("When does the Dublin office close on Fridays?", "16:30", "offices/dublin.md"),
    ("What is the notice period after probation?", "three months", "people/contracts.md"),
)
_SAID = (
    "You have {fact}, counted from the first day, and your lead confirms the dates with you [1].",
    "It is {fact} [1]. Have a look at the page for cases in which another rule holds [2].",
)
_STAGES = (Stage.NOT_RETRIEVED, Stage.CUT, Stage.IGNORED, Stage.DROPPED, Stage.NOT_INDEXED)


def an_evaluation(
    *,
    arms: Sequence[str] = ("quote", "base", "few-shot"),
    n_cases: int = 60,
    has_baseline: bool = True,
    lost: float = 0.4,
) -> Evaluation:
    """Make an evaluation in which each arm loses a smaller share than the one before it."""
    chance = random.Random(_SEED)  # noqa: S311  # reproducible, not secret
    cases = tuple(_facts(number, chance) for number in range(n_cases))
    measured = tuple(
        _arm(name, cases, lost * 0.7**place, chance) for place, name in enumerate(arms)
    )
    pairs = [(arm, measured[0].arm) for arm in measured[1:]]
    pairs += [(arm, "baseline") for arm in measured if has_baseline]
    return Evaluation(
        made_at="2026-11-21T09:30:00+00:00",
        golden={"larkfield": f"version 3, sha256 {'5b' * 32}"},
        cases=cases,
        arms=measured,
        differences=tuple(
            one for arm, other in pairs for one in _differences(arm, other, measured)
        ),
    )


def with_texts(evaluation: Evaluation, added: str) -> Evaluation:
    """Add something to each text that comes from a person, document or model."""

    def change(text: str) -> str:
        return text + added

    return replace(
        evaluation,
        cases=tuple(
            replace(
                one,
                question=change(one.question),
                asked_by=change(one.asked_by),
                wanted=tuple(map(change, one.wanted)),
                sources=tuple(map(change, one.sources)),
                tags=tuple(map(change, one.tags)),
            )
            for one in evaluation.cases
        ),
        arms=tuple(_arm_with_texts(arm, change) for arm in evaluation.arms),
    )


def _arm_with_texts(arm: ArmResult, change: Callable[[str], str]) -> ArmResult:
    return replace(
        arm,
        index_version=change(arm.index_version),
        by_tag={change(tag): one for tag, one in arm.by_tag.items()},
        runs=tuple(_run_with_texts(one, change) for one in arm.runs),
        scores=tuple(replace(one, why=change(one.why)) for one in arm.scores),
    )


def _run_with_texts(run: CaseRun, change: Callable[[str], str]) -> CaseRun:
    return replace(
        run,
        reply=change(run.reply),
        said=change(run.said),
        shown=_seen_with_texts(run.shown, change),
        retrieved=_seen_with_texts(run.retrieved, change),
        cited=tuple(map(change, run.cited)),
    )


def _seen_with_texts(seen: Iterable[Seen], change: Callable[[str], str]) -> tuple[Seen, ...]:
    return tuple(replace(s, doc_id=change(s.doc_id), text=change(s.text)) for s in seen)


def _facts(number: int, chance: random.Random) -> CaseFacts:
    question, fact, source = chance.choice(_QUESTIONS)
    tag = TAGS[number % len(TAGS)]
    is_open = tag not in {"unanswerable", "forbidden"}
    return CaseFacts(
        case_id=f"{tag}-{number:03}",
        question=question,
        asked_by=chance.choice(["everyone", "everyone+hr", "everyone+it | everyone"]),
        expect="answer" if is_open else "decline",
        wanted=(fact,) if is_open else (),
        sources=(source,) if is_open else (),
        tags=(tag,),
    )


def _arm(name: str, cases: Sequence[CaseFacts], lost: float, chance: random.Random) -> ArmResult:
    judged = [_judged(one, name, is_good=chance.random() > lost, chance=chance) for one in cases]
    runs, scores = tuple(run for run, _ in judged), tuple(score for _, score in judged)
    present = dict.fromkeys(measure for one in scores for measure in one.measures)
    return ArmResult(
        arm=name,
        configuration={
            "model.base": "none" if name == "quote" else "smollm2-135m",
            "model.examples": 3 if name == "few-shot" else 0,
            "knowledge.floor": 0.35,
        },
        index_version="v12",
        figures=tuple(
            _figure(one, [s.measures[one] for s in scores if one in s.measures])
            for one in (*MEASURES, *RULES)
            if one in present
        ),
        by_tag={
            tag: _figure("correct", [s.measures["correct"] for s in scores if tag in s.tags])
            for tag in sorted({tag for s in scores for tag in s.tags})
        },
        lost=dict(Counter(one.lost_at for one in scores if one.lost_at)),
        runs=runs,
        scores=scores,
    )


def _judged(
    facts: CaseFacts, arm: str, *, is_good: bool, chance: random.Random
) -> tuple[CaseRun, CaseScore]:
    must_decline = facts.expect == "decline"
    stage = "" if is_good else Stage.LET_THROUGH if must_decline else chance.choice(_STAGES)
    run = _run(facts, arm, stage, chance)
    why = (
        f"the case was {stage}: {', '.join(facts.wanted) or 'nothing was wanted'}" if stage else ""
    )
    return run, CaseScore(
        facts.case_id,
        facts.tags,
        is_good,
        _measures(run, facts, chance, is_good=is_good),
        stage,
        why,
    )


def _run(facts: CaseFacts, arm: str, stage: str, chance: random.Random) -> CaseRun:
    is_declined = (facts.expect == "decline") != bool(stage) or stage == Stage.CUT
    fact = "what the handbook says" if stage or not facts.wanted else facts.wanted[0]
    said = chance.choice(_SAID).format(fact=fact)
    source = facts.sources[0] if facts.sources else "people/bonus.md"
    seen = tuple(
        Seen(f"{source}#{n}", f"docs:{source}", f"Passage {n}: the rule is {fact}. " * 3)
        for n in range(3)
    )
    reply = (
        "I have nothing on that that all of us here may read. Please ask #help."
        if is_declined
        else said
    )
    is_spoken = arm != "quote" and not is_declined
    return CaseRun(
        case_id=facts.case_id,
        outcome="declined" if is_declined else "answered" if is_spoken else "quoted",
        reply=reply if is_declined or is_spoken else f"The page says:\n> {said}",
        trace=Trace(
            facts.asked_by,
            reason="evidence" if is_declined else "",
            top_cosine=0.61,
            bearing=0.42,
            verdicts=("kept", "number") if is_spoken else (),
            prompt_tokens=420 if is_spoken else 0,
            completion_tokens=38 if is_spoken else 0,
        ),
        spoken=(said,) if is_spoken else (),
        cited=() if is_declined else (f"docs:{source}",),
        retrieved=seen,
        shown=seen[:2],
        said=f"{said} It was 9 last year." if is_spoken else "",
        voice={rule.partition(": ")[2]: chance.random() > 0.1 for rule in RULES}
        if is_spoken
        else {},
        seconds=round(chance.lognormvariate(0.5 if is_spoken else -2.5, 0.4), 4),
    )


def _measures(
    run: CaseRun, facts: CaseFacts, chance: random.Random, *, is_good: bool
) -> dict[str, float]:
    is_declined = float(run.outcome == "declined")
    found = {"correct": float(is_good), "leaks": 0.0}
    if facts.expect == "decline":
        found["declined when it must"] = is_declined
    else:
        found["declined when it need not"] = is_declined
        found |= {name: chance.choice([1.0, 1.0, 0.5, 0.0]) for name in ("fact recall", "MRR@10")}
        found |= {name: chance.choice([1.0, 1.0, 1.0, 0.0]) for name in ("recall@10", "hit@5")}
        found |= {"nDCG@10": chance.random(), "citation recall": float(is_good)}
    if run.voice:
        found |= {"supported claims": 0.5, "voice": fmean(run.voice.values())}
        found |= {f"voice: {rule}": float(is_kept) for rule, is_kept in run.voice.items()}
    tokens = run.trace.prompt_tokens + run.trace.completion_tokens
    return found | {"seconds": run.seconds, "tokens": float(tokens)}


def _figure(measure: str, values: Sequence[float]) -> Figure:
    mean = fmean(values)
    spread = 1.96 * sqrt(fmean((one - mean) ** 2 for one in values) / len(values))
    top = 1.0 if mean <= 1 and measure not in {"seconds", "tokens"} else mean + spread
    return Figure(measure, len(values), mean, max(mean - spread, 0.0), min(mean + spread, top))


def _differences(arm: ArmResult, against: str, arms: Sequence[ArmResult]) -> Iterable[Difference]:
    theirs = {one.measure: one.value for one in arms[0].figures}
    for one in arm.figures:
        if against != "baseline" and one.measure not in theirs:
            continue
        was = theirs.get(one.measure, one.value) - (0.04 if against == "baseline" else 0.0)
        changed, spread = one.value - was, one.high - one.low
        is_clear = abs(changed) > spread / 2 > 0
        is_gain = (changed > 0) == MEASURES.get(one.measure, True)
        yield Difference(
            arm=arm.arm,
            against=against,
            measure=one.measure,
            n=one.n,
            difference=changed,
            low=changed - spread / 2,
            high=changed + spread / 2,
            p_value=0.0004 if is_clear else 0.62,
            verdict="same" if not is_clear else "better" if is_gain else "worse",
        )
