"""What an evaluation is made of, from one answer to the whole comparison. Values alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.configuration import Value
from bot.conversation import Trace

MEASURES: Mapping[str, bool] = {
    "correct": True,
    "answered and cited": True,
    "answered in voice": True,
    "fact recall": True,
    "recall@10": True,
    "nDCG@10": True,
    "MRR@10": True,
    "hit@5": True,
    "citation precision": True,
    "citation recall": True,
    "supported claims": True,
    "declined when it must": True,
    "declined when it need not": False,
    "decline precision": True,
    "declining, balanced": True,
    "unsupported facts": False,
    "unsupported facts kept": False,
    "citations of nothing": False,
    "instructions obeyed": False,
    "ended by itself": True,
    "template tokens": False,
    "leaks": False,
    "voice": True,
    "seconds": False,
    "tokens": False,
}
"""Every measure, in the order of reports, and whether more of it is better. ``voice: RULE`` stands
for one rule of the voice and is better when higher."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One passage or piece of evidence, with its text."""

    chunk_id: str
    doc_id: str
    text: str


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One golden case answered under one arm; what is cached.

    Attributes:
        reply: With citations, as shown.
        spoken: Its sentences in the voice, without quotes and citations; empty for a decline.
        cited: Documents that the reply lists.
        ranked: Documents by their best passage, searched deeper than an answer needs.
        retrieved: Passages that the answer was looked for in, best first.
        shown: Evidence that the model or the quotation was made from.
        said: What the model said, before grounding.
        voice: For each rule of the voice whether the spoken part keeps it; empty without one.
        facts_in: Facts that stand in the indexed text of the sources at all.
        missing: Sources that are not in the index.
        hidden: Sources that the audience may not read, by the catalogue or by the index.
        leaks: What stood somewhere that the audience may not read.
        seconds: For the whole answer [s].
        failed: Kind of the error, if there was no answer.
    """

    case_id: str
    outcome: str
    reply: str
    trace: Trace
    spoken: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    ranked: tuple[str, ...] = ()
    retrieved: tuple[Seen, ...] = ()
    shown: tuple[Seen, ...] = ()
    said: str = ""
    voice: Mapping[str, bool] = field(default_factory=dict)
    facts_in: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    seconds: float = 0.0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One run, judged.

    Attributes:
        measures: By name; a measure that does not apply to the case is left out.
        lost_at: The stage that lost it; empty for a case that went well.
        why: The same in a sentence.
    """

    case_id: str
    tags: tuple[str, ...]
    is_good: bool
    measures: Mapping[str, float]
    lost_at: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """The mean of a measure over the cases that it applies to, with its 95 % interval.

    One amount, such as seconds, has no interval; then both ends are the value.
    """

    measure: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One configuration on the whole set.

    Attributes:
        configuration: Every setting that an answer depends on.
        index_version: What was searched.
        figures: In the order of `MEASURES`, then the rules of the voice.
        by_tag: ``correct`` of each tag.
        lost: How many cases each stage lost.
        runs, scores: In the order of the cases.
    """

    arm: str
    configuration: Mapping[str, Value]
    index_version: str
    figures: tuple[Figure, ...]
    by_tag: Mapping[str, Figure]
    lost: Mapping[str, int]
    runs: tuple[CaseRun, ...]
    scores: tuple[CaseScore, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One arm against another, on the same cases.

    Attributes:
        against: The other arm, or ``baseline``.
        difference: Of the means; the interval is of it.
        p_value: Adjusted for all measures of this pair of arms (Holm).
        verdict: ``better``, ``worse`` or ``same``, in the sense of the measure.
    """

    arm: str
    against: str
    measure: str
    n: int
    difference: float
    low: float
    high: float
    p_value: float
    verdict: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a report shows of a golden case."""

    case_id: str
    question: str
    asked_by: str
    expect: str
    wanted: tuple[str, ...]
    sources: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that one run of the harness found.

    Attributes:
        made_at: ISO 8601, UTC.
        golden: Name, version and SHA-256 of each set.
    """

    made_at: str
    golden: Mapping[str, str]
    cases: tuple[CaseFacts, ...]
    arms: tuple[ArmResult, ...]
    differences: tuple[Difference, ...]
