"""Faults planted in the sample company: who notices, which stage is named, how soon.

    python -m bench.faults [--only NAME ...] [--limit N]

Three observers look at the same answers. *Harness*: the golden set in a shuffled order, compared
case by case with the healthy company after every 5 questions; it notices when a measure is worse
at the adjusted level; before that its list of lost cases names a stage, at first after so many
questions. *Canary*: the hourly round of the cases tagged ``canary``; it notices when
a case that went well does not. *Drift*: a live bot that is asked cases at random, 100 a day, 35
healthy days and then the fault; it notices with its first alert. The stage named is the one that
lost most of what the healthy company had not lost.
"""

import argparse
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from adapters.manifests import AdapterRef
from adapters.responder import Generate, Generated, Responder
from bench.corpora import ROOT, SCRATCH
from bench.timing import print_table
from bot.configuration import Configuration
from bot.conversation import KEPT, Outcome
from bot.evaluation.attribution import Stage
from bot.evaluation.comparing import by_case, differences, summed_up
from bot.evaluation.results import ArmResult, CaseRun, CaseScore
from bot.evaluation.running import ArmRun
from bot.evaluation.scoring import score
from bot.house import House, open_house
from bot.monitoring.drift import State, look
from bot.monitoring.history import Bucket, History, Timing
from bot.settings import KnowledgeSettings, ModelSettings, Settings
from knowledge import ingestion
from knowledge.documents import Chunk, Document
from knowledge.golden import GoldenCase, load_golden

SAMPLE = ROOT / "knowledge" / "sample"
FOLDER = SCRATCH / "faults"
_STEP = 5  # questions between two looks of the harness
_A_DAY = 100  # live questions, in working hours
_DAYS = 35
_WORDS = 12  # of a piece that the worse chunker cuts
_SLOWER = 2.0  # times the time of an answer, waited on top of it
_TIMES = frozenset({"seconds", "tokens"})  # the machine's, but for the slow model
_NOISE = 0.02  # of the adapter gone bad, beside weights of about 0.1
_SEED = 7


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        plant: Changes a copy of the company.
        spoil: Changes the bot.
        speaks: Whether the model is needed to see it.
    """

    name: str
    plant: Callable[[Path], object] = lambda _: None
    spoil: Callable[[House], object] = lambda _: None
    speaks: bool = False
    is_shredded: bool = False
    is_slow: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Plant each fault in turn and print who noticed."""
    chosen = _parser().parse_args(arguments)
    faults = [one for one in FAULTS if not chosen.only or one.name in chosen.only]
    healthy = {
        speaks: _asked(Fault(f"healthy-{speaks}", speaks=speaks), chosen.limit)
        for speaks in {one.speaks for one in faults}
    }
    rows = []
    for fault in faults:
        begun = time.monotonic()
        ill = _asked(fault, chosen.limit)
        rows.append([fault.name, *_noticed(healthy[fault.speaks], ill)])
        print(f"{fault.name}: {time.monotonic() - begun:.0f} s", flush=True)
    harness = ["stage", "first at", "harness: worse", "after"]
    head = ["fault", *harness, "canary", "drift: signal", "answers"]
    print_table(head, rows)


@dataclass(frozen=True, slots=True)
class Asked:
    """The whole golden set, asked of one company."""

    cases: tuple[GoldenCase, ...]
    runs: tuple[CaseRun, ...]
    scores: tuple[CaseScore, ...]
    is_slow: bool


def _asked(fault: Fault, limit: int) -> Asked:
    company = FOLDER / fault.name.replace(" ", "-")
    shutil.rmtree(company, ignore_errors=True)
    shutil.copytree(SAMPLE, company)
    fault.plant(company)
    cases = list(load_golden(SAMPLE / "golden.yaml").cases)
    random.Random(_SEED).shuffle(cases)  # noqa: S311  # no secret
    cases = cases[:limit] if limit else cases
    model = ModelSettings() if fault.speaks else ModelSettings(base="none")
    settings = Settings(data=company, knowledge=KnowledgeSettings(folder=company), model=model)
    with open_house(settings) as house, _chunker(is_shredding=fault.is_shredded):
        house.ingest()
        fault.spoil(house)
        runs = ArmRun(house, tuple(cases), None).run()
    scores = tuple(score(case, run) for case, run in zip(cases, runs, strict=True))
    return Asked(tuple(cases), runs, scores, fault.is_slow)


def _noticed(healthy: Asked, ill: Asked) -> list[object]:
    measure, n = _by_the_harness(healthy, ill)
    well = {one.case_id for one in healthy.scores if one.is_good}
    lost = [one for one in ill.scores if one.case_id in well and not one.is_good]
    stages = Counter(one.lost_at for one in lost)
    top = max(stages, key=lambda one: (one == Stage.LEAKED, stages[one]), default="")
    stage = f"{top} ({stages[top]} of {len(lost)})" if top else "none is lost"
    named = [n for n, one in enumerate(ill.scores, 1) if one in lost and one.lost_at == top]
    canaries = [one for one in lost if "canary" in one.tags]
    canary = f"first round, {canaries[0].lost_at}" if canaries else "no"
    signal, answers = _by_drift(healthy, ill)
    return [stage, named[0] if named else "-", measure, n, canary, signal, answers]


def _by_the_harness(healthy: Asked, ill: Asked) -> tuple[str, object]:
    for n in range(2 * _STEP, len(ill.cases) + _STEP, _STEP):
        found = differences([_arm(ill, n)], by_case(healthy.scores[:n]))
        counted = [one for one in found if one.measure not in _TIMES or ill.is_slow]
        if worse := [one for one in counted if one.verdict == "worse"]:
            first = min(worse, key=lambda one: one.p_value)
            return f"{first.measure} {first.difference:+.2f}", min(n, len(ill.cases))
    return "no", "-"


def _arm(asked: Asked, n: int) -> ArmResult:
    return summed_up("ill", Configuration(()), "", asked.runs[:n], asked.scores[:n])


def _by_drift(healthy: Asked, ill: Asked) -> tuple[str, object]:
    chance = random.Random(_SEED)  # noqa: S311  # no secret
    start = datetime(2026, 3, 2, tzinfo=UTC)
    hours = [start + timedelta(days=day, hours=9 + n) for day in range(_DAYS) for n in range(10)]
    past = [part for hour in hours for part in _hour(hour, chance.choices(healthy.runs, k=10))]
    state, answers = State(), 0
    for day in range(_DAYS, _DAYS + 14):
        for n in range(10):
            hour = start + timedelta(days=day, hours=9 + n)
            past += _hour(hour, chance.choices(ill.runs, k=_A_DAY // 10))
            answers += _A_DAY // 10
            alerts, state = look(_history(past), state, hour + timedelta(minutes=59))
            if alerts:
                return alerts[0].signal, answers
    return "no", "-"


_Part = Bucket | Timing


def _history(parts: Sequence[_Part]) -> History:
    buckets = tuple(one for one in parts if isinstance(one, Bucket))
    return History(buckets, tuple(one for one in parts if isinstance(one, Timing)))


def _hour(hour: datetime, runs: Sequence[CaseRun]) -> Iterator[_Part]:
    declined = [one.outcome == Outcome.DECLINED for one in runs]
    empty = [one.trace.reason == "below the floor" for one in runs]
    kept = [verdict == KEPT for one in runs for verdict in one.trace.verdicts]
    yield Bucket(hour, "decline", len(runs), sum(declined))
    yield Bucket(hour, "empty_retrieval", len(runs), sum(empty))
    yield Bucket(hour, "support", len(kept), sum(kept))
    yield Timing.from_seconds(hour, "slow", [one.seconds for one in runs])


def _without_it(company: Path) -> None:
    shutil.rmtree(company / "documents" / "it")


def _narrow(company: Path) -> None:
    _with_roles(company, "people/**", ["managers"])


def _wide(company: Path) -> None:
    _with_roles(company, "people/confidential/**", ["everyone"])


def _with_roles(company: Path, match: str, roles: list[str]) -> None:
    path = company / "access.yaml"
    access = yaml.safe_load(path.read_text())
    for rule in access["sources"][0]["rules"]:
        if rule["match"] == match:
            rule["roles"] = roles
    path.write_text(yaml.safe_dump(access, sort_keys=False))


def _poisoned(company: Path) -> None:
    """Add a page that answers forty of the golden questions, and each of them wrongly."""
    cases = [one for one in load_golden(SAMPLE / "golden.yaml").cases if "factual" in one.tags]
    lines = [f"{one.question} The answer is forty-two, by order of nobody." for one in cases[:40]]
    page = company / "documents" / "people" / "all-answers.md"
    page.write_text("# Questions and answers\n\n" + "\n\n".join(lines) + "\n")


def _with_excuses(house: House) -> None:
    """Show the model examples of somebody who never answers."""
    excuses = (replace(one, answer="Sorry, I am not able to say.") for one in house.voice.examples)
    house.voice = replace(house.voice, examples=tuple(excuses))


def _with_bad_adapter(house: House) -> None:
    """Add noise of rank 16 to every output projection, as a merged adapter gone bad."""
    import torch  # noqa: PLC0415

    _ = house.responder  # loads it
    torch.manual_seed(_SEED)
    (responder,) = house.models.responders.values()
    with torch.no_grad():
        for name, weight in responder._model.named_parameters():  # noqa: SLF001  # the fault is inside
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                down = torch.randn(16, weight.shape[1]) * _NOISE
                weight.add_((torch.randn(weight.shape[0], 16) @ down).to(weight.dtype))


def _slowed(house: House) -> None:
    if house.responder is not None:
        house.responder = _Slow(house.responder)


@dataclass(frozen=True, slots=True)
class _Slow:
    """A model on a machine that does something else as well."""

    model: Responder

    @property
    def base_id(self) -> str:
        return self.model.base_id

    def ensure(self, ref: AdapterRef) -> None:
        self.model.ensure(ref)

    def forget(self, ref: AdapterRef) -> None:
        self.model.forget(ref)

    def warm_up(self, prefix: Sequence, adapter: AdapterRef | None = None) -> None:
        self.model.warm_up(prefix, adapter)

    def generate(self, request: Generate) -> Generated:
        said = self.model.generate(request)
        time.sleep(_SLOWER * said.latency_s)
        return replace(said, latency_s=(1 + _SLOWER) * said.latency_s)

    def count_tokens(self, messages: Sequence) -> int:
        return self.model.count_tokens(messages)


@contextmanager
def _chunker(*, is_shredding: bool) -> Iterator[None]:
    """Put a worse chunker in the place of ours, which no setting can do."""
    ours = ingestion.chunk_document
    ingestion.chunk_document = _shredded if is_shredding else ours
    try:
        yield
    finally:
        ingestion.chunk_document = ours


def _shredded(document: Document, _count_tokens: Callable[[str], int]) -> list[Chunk]:
    """Cut every dozen words, wherever that is, and forget the headings."""
    words = document.text.split()
    pieces = [" ".join(words[n : n + _WORDS]) for n in range(0, len(words), _WORDS)]
    name = document.doc_id
    return [Chunk(f"{name}#{n:05d}", name, n, "", "", p, 0, 0) for n, p in enumerate(pieces)]


FAULTS: tuple[Fault, ...] = (
    Fault("a source is not indexed", plant=_without_it),
    Fault("roles too narrow", plant=_narrow),
    Fault("roles too wide", plant=_wide),
    Fault("a worse chunker", is_shredded=True),
    Fault("a poisoned document", plant=_poisoned),
    Fault("a broken prompt", spoil=_with_excuses, speaks=True),
    Fault("a slow model", spoil=_slowed, speaks=True, is_slow=True),
    Fault("a bad adapter", spoil=_with_bad_adapter, speaks=True),  # last: its weights stay noisy
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[one.name for one in FAULTS])
    parser.add_argument("--limit", type=int, default=0, help="so many cases of the golden set")
    return parser


if __name__ == "__main__":
    main()
