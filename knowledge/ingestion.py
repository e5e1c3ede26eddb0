"""Bring the index in line with the sources: gather, plan, apply.

Access narrows in the catalogue first, then in the index; it widens in the index first. A run
that breaks off anywhere leaves word in the catalogue, and the next one writes everything anew;
the vector of a text that the index still holds is never computed again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from time import perf_counter

from filelock import FileLock, Timeout

from knowledge.access import RESERVED
from knowledge.canary import planted
from knowledge.catalogue import Catalogue, Entry
from knowledge.chunking import chunk_document, embedding_text
from knowledge.embedding import Embedder
from knowledge.errors import IndexBusyError, IndexInDoubtError, SourceError
from knowledge.gathering import Gathered, Gatherer
from knowledge.index import Index
from knowledge.parsing import Parser
from knowledge.planning import Plan, Work, loses_readers
from knowledge.reporting import IndexReport, Remark, SourceReport
from knowledge.rows import IndexedChunk
from knowledge.rules import AccessRules, SourceAccess
from knowledge.sources.folder import FolderSource

Progress = Callable[[str, int, int], None]
"""Called with the stage (``read``, ``embed``), how much is done, and of how much; 0 where that
is not known yet."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Indexes documents; one run at a time, in all processes.

    Attributes:
        open_index: Opens the index for writing; called while the lock is held, since a rebuild
            begins with it.
        lock: File that a run holds.
        now: For the date of the run.
    """

    catalogue: Catalogue
    open_index: Callable[[], Index]
    embedder: Embedder
    lock: Path
    now: Callable[[], datetime]

    def run(
        self, rules: AccessRules, *, only: str | None = None, on_progress: Progress = silent
    ) -> IndexReport:
        """Index what has changed.

        Args:
            rules: What is indexed, and for whom.
            only: The one source to look at; None for all of them.
            on_progress: Told how far it is.

        Returns:
            What was done. A source that could not be listed is named there and loses nothing.

        Raises:
            IndexBusyError: If another run is going on; this one is not queued.
            SourceError: If there is no source called ``only``.
            IndexInDoubtError: If ``only`` is asked for, and the rest of the index is not known
                to be right; nothing that serves was changed.
            StoredIndexError: If index or catalogue cannot be written.
        """
        sources = [source for source in rules.sources if only in (None, source.name)]
        if only and not sources:
            raise SourceError(only, "is not in access.yaml")
        try:
            self.lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.lock, timeout=0):
                return _Run(self, self.open_index(), sources, only, on_progress).done()
        except Timeout as error:
            raise IndexBusyError(str(self.lock)) from error


@dataclass(slots=True)
class _Run:
    """One run, while the lock is held."""

    ingestion: Ingestion
    index: Index
    sources: Sequence[SourceAccess]
    only: str | None
    on_progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    embedded: int = 0
    reused: int = 0

    def done(self) -> IndexReport:
        """Do all of it."""
        catalogue, index = self.ingestion.catalogue, self.index
        is_trusted = catalogue.state().index_version == index.version
        if self.only and not is_trusted:
            raise IndexInDoubtError(self.only)
        sources = (self.only, RESERVED)
        known = {n: e for n, e in catalogue.known().items() if not self.only or e.source in sources}
        with self._stage("read"):
            gathered = self._gathered(known, is_trusted=is_trusted)
        if is_trusted:
            work = Work.from_found(gathered.found, known)
        else:
            strays = catalogue.tombstones() | index.doc_ids()
            work = Work.from_doubt(gathered.found, known, strays=strays)
        self._apply(work)
        self._record(work)
        return self._report(gathered, work, known)

    def _gathered(self, known: Mapping[str, Entry], *, is_trusted: bool) -> Gathered:
        numbers = count(1)
        with Parser() as parser:
            gatherer = Gatherer(
                parser,
                known,
                is_trusted=is_trusted,
                on_document=lambda: self.on_progress("read", next(numbers), 0),
            )
            for access in self.sources:
                gatherer.gather(access, FolderSource(access.name, access.folder))
        canary = planted(known)
        gatherer.gathered.found[canary.entry.doc_id] = canary
        return gatherer.gathered

    def _apply(self, work: Work) -> None:
        if not work.touches_index:
            return
        index = self.index
        self.ingestion.catalogue.begin(
            narrowed=work.narrowed, removed=sorted(work.dropped & work.plan.removed)
        )
        if work.relabelled:
            index.set_roles(work.relabelled)
        rows = self._rows(work)
        with self._stage("write"):
            index.write(replaced=sorted(work.replaced), rows=rows)
            index.publish()
            index.optimize()

    def _rows(self, work: Work) -> list[IndexedChunk]:
        """Chunk the documents; compute the vectors that the index does not hold yet."""
        embedder = self.ingestion.embedder
        with self._stage("chunk"):
            pairs = [
                (chunk, document)
                for document in work.documents
                for chunk in chunk_document(document, embedder.count_tokens)
            ]
            texts = [embedding_text(chunk) for chunk, _ in pairs]
            vectors = self.index.vectors_of(work.replaced)
        missing = sorted({text for text in texts if text not in vectors})
        counted = [embedding_text(c) for c, document in pairs if document.source != RESERVED]
        self.reused = sum(text in vectors for text in counted)
        self.embedded = len(counted) - self.reused
        with self._stage("embed"):
            if missing:
                made = embedder.embed_passages(
                    missing, lambda done: self.on_progress("embed", done, len(missing))
                )
                vectors |= dict(zip(missing, made, strict=True))
        return [
            IndexedChunk(chunk, document, vectors[text])
            for (chunk, document), text in zip(pairs, texts, strict=True)
        ]

    def _record(self, work: Work) -> None:
        catalogue, at = self.ingestion.catalogue, self.ingestion.now()
        if work.touches_index or work.entries:
            version = self.index.version
            catalogue.finish(work.entries, index_version=version, at=at)
        else:
            catalogue.confirm(at=at)

    def _report(self, gathered: Gathered, work: Work, known: Mapping[str, Entry]) -> IndexReport:
        sources = {name: one.entry.source for name, one in gathered.found.items()}
        sources |= {name: entry.source for name, entry in known.items()}
        names = [source.name for source in self.sources]
        gone = sorted(set(sources.values()) - {*names, RESERVED})
        return IndexReport(
            sources=tuple(
                _counted(name, work.plan, sources, gathered.problems.get(name, ""))
                for name in [*names, *gone]
            ),
            chunks_embedded=self.embedded,
            chunks_reused=self.reused,
            uncovered=tuple(gathered.uncovered),
            failures=tuple(gathered.failures),
            refused=tuple(gathered.refused),
            skipped=tuple(sorted(gathered.skipped.items())),
            seconds=tuple(self.seconds.items()),
            index_version=self.index.version,
            revoked=tuple(_revoked(gathered, work.plan, known)),
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start


def _revoked(gathered: Gathered, difference: Plan, known: Mapping[str, Entry]) -> Iterator[Remark]:
    for doc_id, entry in sorted(known.items()):
        if doc_id in difference.removed:
            yield Remark(entry.source, entry.path, "removed")
        elif loses_readers(entry.roles, gathered.found[doc_id].entry.roles):
            yield Remark(entry.source, entry.path, "read by fewer")


def _counted(
    source: str, difference: Plan, sources: Mapping[str, str], problem: str
) -> SourceReport:
    """Count what happened to the documents of one source."""

    def number(names: frozenset[str]) -> int:
        return sum(sources[name] == source for name in names)

    added, changed = number(difference.added), number(difference.changed)
    access_changed, unchanged = number(difference.access_changed), number(difference.unchanged)
    return SourceReport(
        name=source,
        seen=added + changed + access_changed + unchanged,
        added=added,
        changed=changed,
        access_changed=access_changed,
        removed=number(difference.removed),
        unchanged=unchanged,
        problem=problem,
    )
