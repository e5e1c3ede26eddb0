"""From the sources to what should be indexed: listed, ruled on, read, parsed.

Reads and decides; writes nothing. What cannot be read is a remark in the report, never the end
of the run.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from knowledge.catalogue import Entry
from knowledge.documents import Document
from knowledge.errors import FrontMatterError, ParseError, SourceError
from knowledge.frontmatter import narrowed
from knowledge.parsing import EXTENSIONS, PARSER_VERSION, Parsed, Parser
from knowledge.planning import Found
from knowledge.reporting import Remark
from knowledge.rules import SourceAccess
from knowledge.sources import Candidate, Refused, Source, document_id


@dataclass(slots=True)
class Gathered:
    """All that was found so far."""

    found: dict[str, Found] = field(default_factory=dict)
    uncovered: list[Remark] = field(default_factory=list)
    failures: list[Remark] = field(default_factory=list)
    refused: list[Remark] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)


class Gatherer:
    """Goes through sources, one after the other.

    Args:
        known: What the catalogue holds.
        is_trusted: The index holds what the catalogue says; if not, every file is read anew.
        on_document: Called after each file.
    """

    def __init__(
        self,
        parser: Parser,
        known: Mapping[str, Entry],
        *,
        is_trusted: bool,
        on_document: Callable[[], None],
    ) -> None:
        self.gathered = Gathered()
        self._parser = parser
        self._known = known
        self._is_trusted = is_trusted
        self._on_document = on_document

    def gather(self, access: SourceAccess, source: Source) -> None:
        """Take in one source; one that cannot be listed loses nothing."""
        try:
            candidates = self._candidates(access, source)
        except SourceError as error:
            self.gathered.problems[access.name] = error.problem
            candidates = []
            for entry in self._entries_of(access.name):
                self._keep(access, entry)
        for candidate in candidates:
            self._take(access, source, candidate)
            self._on_document()

    def _candidates(self, access: SourceAccess, source: Source) -> list[Candidate]:
        listing = list(source.listing())
        candidates = [one for one in listing if isinstance(one, Candidate)]
        before = len(self._entries_of(access.name))
        if before and not candidates:
            problem = (
                f"holds no file, but {before} documents were indexed from it; nothing was "
                "removed. If it is meant to be empty, take it out of access.yaml"
            )
            raise SourceError(access.name, problem)
        self.gathered.refused += [
            Remark(access.name, one.path, one.reason) for one in listing if isinstance(one, Refused)
        ]
        return candidates

    def _entries_of(self, source: str) -> list[Entry]:
        return [entry for entry in self._known.values() if entry.source == source]

    def _take(self, access: SourceAccess, source: Source, candidate: Candidate) -> None:
        path = candidate.path
        if candidate.extension not in EXTENSIONS:
            self.gathered.skipped[candidate.extension] += 1
            return
        ruling = access.ruling(path)
        if not ruling.roles:
            self._leave_out(access, path, ruling.reason)
            return
        doc_id = document_id(access.name, path)
        before = self._known.get(doc_id)
        try:
            data = source.read(path)
            if before and self._is_as_before(before, access, data):
                self._keep(access, before)
            else:
                parsed = self._parser.parse(path, data)
                self._admit(access, _found(access, path, data, parsed))
        except FrontMatterError as error:
            self._leave_out(access, path, error.problem)
        except ParseError as error:
            self.gathered.failures.append(Remark(access.name, path, error.problem))
            if before:
                self._keep(access, before)

    def _is_as_before(self, before: Entry, access: SourceAccess, data: bytes) -> bool:
        return (
            self._is_trusted
            and before.raw_hash == _sha256(data)
            and before.parser == PARSER_VERSION
            and (before.has_own_url or before.url == access.url(before.path))
        )

    def _keep(self, access: SourceAccess, before: Entry) -> None:
        """Let what is indexed serve on, for those whom the rules allow now."""
        self._admit(access, Found(before))

    def _admit(self, access: SourceAccess, found: Found) -> None:
        entry = found.entry
        ruling = access.ruling(entry.path)
        roles = narrowed(ruling.roles, entry.asked_roles)
        if not roles:
            reason = ruling.reason or "its front matter asks for roles outside its rule"
            self._leave_out(access, entry.path, reason)
        elif entry.has_own_url and not access.is_ours(entry.url):
            reason = "its front matter links to a host that its source does not list under hosts"
            self._leave_out(access, entry.path, reason)
        elif entry.doc_id in self.gathered.found:
            reason = "has the name of another document"
            self.gathered.refused.append(Remark(access.name, entry.path, reason))
        else:
            document = found.document and replace(found.document, roles=roles)
            self.gathered.found[entry.doc_id] = Found(replace(entry, roles=roles), document)

    def _leave_out(self, access: SourceAccess, path: str, reason: str) -> None:
        self.gathered.uncovered.append(Remark(access.name, path, reason))


def _found(access: SourceAccess, path: str, data: bytes, parsed: Parsed) -> Found:
    """Make a document of a parsed file; its roles are still to be decided."""
    front = parsed.front
    document = Document(
        doc_id=document_id(access.name, path),
        source=access.name,
        title=parsed.title,
        url=front.url or access.url(path),
        roles=frozenset(),
        text=parsed.text,
        content_hash="",
        owner=front.owner,
        updated=front.updated,
    )
    document = replace(document, content_hash=content_hash(document))
    entry = Entry(
        doc_id=document.doc_id,
        source=document.source,
        path=path,
        title=document.title,
        url=document.url,
        owner=document.owner,
        updated=document.updated,
        roles=frozenset(),
        asked_roles=frozenset(front.roles),
        has_own_url=bool(front.url),
        content_hash=document.content_hash,
        raw_hash=_sha256(data),
        parser=PARSER_VERSION,
    )
    return Found(entry, document)


def content_hash(document: Document) -> str:
    """Hash all that a reader would see: everything but the roles."""
    fields = (
        document.doc_id,
        document.source,
        document.title,
        document.url,
        document.text,
        document.owner,
        document.updated.isoformat() if document.updated else "",
    )
    return _sha256(json.dumps(fields).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
