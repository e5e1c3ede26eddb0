"""What an indexing run has to do, decided before anything is written. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from knowledge.access import EVERYONE
from knowledge.catalogue import Entry
from knowledge.documents import Document


@dataclass(frozen=True, slots=True)
class Found:
    """A document that should be in the index.

    Attributes:
        document: None where nothing but its roles may have changed, or where its file cannot
            be read now: what is indexed of it stays.
    """

    entry: Entry
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How what should be indexed differs from what is, as ids of documents."""

    added: frozenset[str]
    changed: frozenset[str]
    access_changed: frozenset[str]
    removed: frozenset[str]
    unchanged: frozenset[str]


def plan(current: Mapping[str, Entry], known: Mapping[str, Entry]) -> Plan:
    """Compare by content hash and roles.

    Args:
        current: What the sources hold now, as far as somebody may read it.
        known: What the catalogue holds of the same sources.
    """
    both = current.keys() & known.keys()
    changed = {n for n in both if current[n].content_hash != known[n].content_hash}
    access = {n for n in both if current[n].roles != known[n].roles} - changed
    return Plan(
        added=frozenset(current.keys() - known.keys()),
        changed=frozenset(changed),
        access_changed=frozenset(access),
        removed=frozenset(known.keys() - current.keys()),
        unchanged=frozenset(both - changed - access),
    )


def left_with(before: frozenset[str], after: frozenset[str]) -> frozenset[str]:
    """Return who may read a document while a run changes its roles: nobody new.

    Whoever holds any role holds ``everyone`` too, so whatever follows it is narrower.
    """
    return after if EVERYONE in before else before & after


def loses_readers(before: frozenset[str], after: frozenset[str]) -> bool:
    """Tell whether somebody who could read a document cannot any more."""
    return EVERYONE not in after and not before <= after


@dataclass(frozen=True, slots=True)
class Work:
    """Everything one run will write.

    Attributes:
        narrowed: Roles that known documents are left with until the run ends.
        relabelled: New roles of documents whose chunks stay as they are.
        documents: To be chunked and written.
        dropped: Documents whose chunks must go.
        entries: For the catalogue, once the index holds all this.
        is_repair: The index may hold anything: all that can be is written anew.
    """

    plan: Plan
    narrowed: dict[str, frozenset[str]]
    relabelled: dict[str, frozenset[str]]
    documents: tuple[Document, ...]
    dropped: frozenset[str]
    entries: tuple[Entry, ...]
    is_repair: bool

    @property
    def touches_index(self) -> bool:
        """The index has to be written."""
        return bool(self.is_repair or self.relabelled or self.documents or self.dropped)

    @property
    def replaced(self) -> frozenset[str]:
        """Documents that end with the chunks of this run, or with none."""
        return self.dropped | {document.doc_id for document in self.documents}

    @classmethod
    def from_found(cls, found: Mapping[str, Found], known: Mapping[str, Entry]) -> Self:
        """Decide on a run over an index that holds what the catalogue says."""
        difference = plan({name: one.entry for name, one in found.items()}, known)
        written = difference.added | difference.changed
        return cls(
            plan=difference,
            narrowed=_narrowed(found, known),
            relabelled={name: found[name].entry.roles for name in difference.access_changed},
            documents=_documents(found, written),
            dropped=difference.removed,
            entries=tuple(
                one.entry for name, one in sorted(found.items()) if one.entry != known.get(name)
            ),
            is_repair=False,
        )

    @classmethod
    def from_doubt(
        cls,
        found: Mapping[str, Found],
        known: Mapping[str, Entry],
        *,
        strays: Iterable[str],
    ) -> Self:
        """Decide on a run over an index that may hold old roles, old texts, or nothing.

        Args:
            found: What should be indexed.
            known: What the catalogue holds.
            strays: Documents that are, or may be, in the index: those not found must go.
        """
        return cls(
            plan=plan({name: one.entry for name, one in found.items()}, known),
            narrowed=_narrowed(found, known),
            relabelled={n: one.entry.roles for n, one in found.items() if one.document is None},
            documents=_documents(found, found),
            dropped=frozenset(known.keys() | set(strays)) - found.keys(),
            entries=tuple(
                one.entry if one.document else _doubted(one.entry) for one in found.values()
            ),
            is_repair=True,
        )


def _narrowed(found: Mapping[str, Found], known: Mapping[str, Entry]) -> dict[str, frozenset[str]]:
    left = {n: left_with(known[n].roles, found[n].entry.roles) for n in found.keys() & known.keys()}
    return {name: roles for name, roles in left.items() if roles != known[name].roles}


def _documents(found: Mapping[str, Found], names: Iterable[str]) -> tuple[Document, ...]:
    texts = (found[name].document for name in sorted(names))
    return tuple(document for document in texts if document is not None)


def _doubted(entry: Entry) -> Entry:
    """Forget the hashes, so that the file is read and written again as soon as it can be."""
    return replace(entry, content_hash="", raw_hash="")
