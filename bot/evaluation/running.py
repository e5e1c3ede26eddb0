"""One arm on a golden set: every case asked for real, with what each stage had in its hands.

Runs are kept by the hash of all that they depend on, so that an evaluation which was stopped
goes on where it was, and one that is repeated asks nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter

from bot.conversation import Outcome, Question, Trace, Turn, exchange, latest
from bot.evaluation.kept import KeptLines
from bot.evaluation.results import CaseRun, Seen
from bot.house import House
from bot.settings import Settings
from bot.tracing import note_failure
from bot.worksheet import Working
from knowledge.access import EVERYONE, Audience
from knowledge.documents import path_of
from knowledge.golden import GoldenCase, holds
from knowledge.index import HeldText

_DEPTH = 50  # passages searched, so that there are ten documents among them
_DOCUMENTS = 10
_DAY_S = 86_400
_NOBODY_ELSE = Audience.from_role_sets([[EVERYONE]])
_PACKAGES = ("bot", "knowledge", "adapters")


@dataclass
class ArmRun:
    """Asks the cases of a set of one house.

    Attributes:
        kept: Folder of earlier runs; None keeps nothing.
    """

    house: House
    cases: tuple[GoldenCase, ...]
    kept: Path | None

    def run(self, on_done: Callable[[], None] = lambda: None) -> tuple[CaseRun, ...]:
        """Ask every case that was not asked before, in order.

        Raises:
            StoredIndexError: If there is no index to search.
        """
        kept = KeptLines(self._path, CaseRun)
        known = kept.known()
        runs = list[CaseRun]()
        if any(_name_of(case) not in known for case in self.cases):
            self.house.answerer.retriever.search("warm up", _NOBODY_ELSE)  # loads what answers
        for case in self.cases:
            key = _name_of(case)
            if key not in known:
                known[key] = self._asked(case)
                if not known[key].failed:  # what failed is tried again
                    kept.keep(key, known[key])
            runs.append(known[key])
            on_done()
        return tuple(runs)

    @cached_property
    def _path(self) -> Path | None:
        revision = str(self.house.catalogue.state().revision)
        promoted = repr(sorted(self.house.registry.state().domains.items()))
        parts = (self.house.configuration.sha256, version_of(self.house), revision, promoted)
        name = hashlib.sha256("\n".join([*parts, code_version()]).encode()).hexdigest()
        return self.kept / f"{name[:24]}.jsonl" if self.kept else None

    def _asked(self, case: GoldenCase) -> CaseRun:
        try:
            question = Question(case.id, case.question, case.audience, self._history(case))
            started = perf_counter()
            working = self.house.work(question)
            seconds = perf_counter() - started
        except Exception as error:  # noqa: BLE001  the end of a case: the others go on
            note_failure(error)
            return CaseRun(case.id, Outcome.FAILED, "", Trace(""), failed=type(error).__name__)
        return self._written(case, working, seconds)

    def _history(self, case: GoldenCase) -> tuple[Turn, ...]:
        turns = list[Turn]()
        for number, earlier in enumerate(case.history):
            answered = earlier.answered
            if answered is None:
                asked = Question(f"{case.id}/{number}", earlier.asked, case.audience, latest(turns))
                answered = self.house.work(asked).answer.reply.unmarked
            turns += exchange(earlier.asked, answered)
        return latest(turns)

    def _written(self, case: GoldenCase, working: Working, seconds: float) -> CaseRun:
        reply, sources = working.answer.reply, _Sources.of(case, self._library)
        is_spoken = reply.outcome is Outcome.ANSWERED
        spoken = tuple(sentence.text for sentence in reply.sentences) if is_spoken else ()
        reading = working.reading
        shown = reading.evidence if reading and reading.is_answered else ()
        return CaseRun(
            case_id=case.id,
            outcome=reply.outcome,
            reply=reply.text,
            trace=working.answer.trace,
            spoken=spoken,
            cited=tuple(source.doc_id for source in reply.sources),
            ranked=self._ranked(case, working),
            retrieved=tuple(
                Seen(one.chunk_id, one.doc_id, one.text)
                for one in (working.retrieved.passages if working.retrieved else ())
            ),
            shown=tuple(Seen(one.passage.chunk_id, one.passage.doc_id, one.text) for one in shown),
            said=working.generated.text if working.generated else "",
            voice=dict(self.house.voice.score(replace(reply, quotes=()).text)) if spoken else {},
            facts_in=sources.facts_in,
            missing=sources.missing,
            hidden=sources.hidden,
            leaks=tuple(_leaks(case, working, self._library)),
            seconds=round(seconds, 4),
        )

    def _ranked(self, case: GoldenCase, working: Working) -> tuple[str, ...]:
        if working.retrieved is None:
            return ()
        deep = replace(self.house.retriever, limit=_DEPTH, per_document=1)
        found = deep.search(working.retrieved.query, case.audience).passages
        return tuple(one.doc_id for one in found)[:_DOCUMENTS]

    @cached_property
    def _library(self) -> "_Library":
        return _Library(self.house, self.cases)


class _Library:
    """What the index and the catalogue hold, whoever may read it."""

    def __init__(self, house: House, cases: Iterable[GoldenCase]) -> None:
        at = house.settings.knowledge.index_version
        self.doc_ids = house.index.doc_ids(at)
        self._roles_of = house.catalogue.roles_of
        wanted = {source for case in cases for source in case.sources}
        self._texts: dict[str, list[HeldText]] = {}
        for held in house.index.held(self.named(wanted), at):
            self._texts.setdefault(held.doc_id, []).append(held)

    def named(self, paths: Iterable[str]) -> set[str]:
        """Return the documents of some paths, in whatever source they stand."""
        wanted = set(paths)
        return {doc_id for doc_id in self.doc_ids if path_of(doc_id) in wanted}

    def held(self, doc_ids: Iterable[str]) -> list[HeldText]:
        return [held for doc_id in doc_ids for held in self._texts.get(doc_id, [])]

    def may_read(self, audience: Audience, doc_ids: Iterable[str]) -> Mapping[str, bool]:
        """Tell of each document whether an audience may read it, by the catalogue."""
        listed = set(doc_ids)
        roles = self._roles_of(listed)
        return {one: one in roles and audience.may_read(roles[one]) for one in listed}


@dataclass(frozen=True, slots=True)
class _Sources:
    facts_in: tuple[str, ...]
    missing: tuple[str, ...]
    hidden: tuple[str, ...]

    @classmethod
    def of(cls, case: GoldenCase, library: _Library) -> "_Sources":
        """Look up what the index has of the sources of a case."""
        doc_ids, audience = library.named(case.sources), case.audience
        held = library.held(doc_ids)
        there = {path_of(doc_id) for doc_id in doc_ids}
        readable = library.may_read(audience, doc_ids)
        closed = {one.doc_id for one in held if not audience.may_read(one.roles)}
        hidden = {path_of(one) for one in doc_ids if not readable[one] or one in closed}
        texts = "\n".join(one.text for one in held)
        return cls(
            facts_in=tuple(f for f in (*case.facts, *case.answers) if holds(texts, f)),
            missing=tuple(one for one in case.sources if one not in there),
            hidden=tuple(sorted(hidden)),
        )


def version_of(house: House) -> str:
    """Return which version of the index a house searches."""
    return house.settings.knowledge.index_version or house.index.version


def runs_folder(settings: Settings) -> Path:
    """Return where runs are kept."""
    return settings.data / "evaluations"


def forget_runs(settings: Settings, now: datetime) -> int:
    """Remove the runs that nobody added to for as long as texts are kept; return how many.

    They hold passages, and replies to what people asked.
    """
    days, runs = settings.retention.texts_days, runs_folder(settings).glob("*.jsonl")
    old = [path for path in runs if days and _age_days(path, now) > days]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _age_days(path: Path, now: datetime) -> float:
    return (now.timestamp() - path.stat().st_mtime) / _DAY_S


def code_version() -> str:
    """Name the code that answers: the hash of every module of the three packages."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _name_of(case: GoldenCase) -> str:
    return hashlib.sha256(case.model_dump_json().encode()).hexdigest()[:24]


def _leaks(case: GoldenCase, working: Working, library: _Library) -> Iterator[str]:
    """Yield what must not be there: documents by the catalogue, strings of the case.

    Documents count from the search on, strings in what is posted or logged: an instruction that
    stands in a document which everyone may read is no leak before somebody is shown it.
    """
    used = {one.doc_id for one in (working.retrieved.passages if working.retrieved else ())}
    used |= {source.doc_id for source in working.answer.reply.sources}
    for doc_id, is_open in sorted(library.may_read(case.audience, used).items()):
        if not is_open:
            yield doc_id
    reply, trace = asdict(working.answer.reply), asdict(working.answer.trace)
    logged = [value for name, value in trace.items() if name != "audience"]
    texts = list(_strings([reply, working.answer.reply.text, logged]))
    for number, secret in enumerate(case.forbidden, start=1):
        if any(holds(text, secret) for text in texts):
            yield f"forbidden string {number}"


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
