"""Errors of the knowledge library.

KnowledgeError
├── AccessError
│   ├── NoRolesError            a reader or an audience without roles
│   ├── InvalidRoleError        role
│   └── ReservedRoleError       role: of the planted document, which nobody may hold
├── AccessRulesError            path, problem
├── SourceError                 source, problem
├── ParseError                  path, problem
│   └── FrontMatterError        the page must not be indexed
├── StoredIndexError
│   ├── IndexMissingError       folder
│   ├── IndexMismatchError      what, indexed, configured
│   ├── IndexBusyError          lock
│   ├── IndexInDoubtError       source
│   ├── CatalogueDownError
│   └── FilterBrokenError       chunk_id: a row came back that the filter forbids
└── GoldenSetError              path, problem
"""


class KnowledgeError(Exception):
    """Root of all errors of this package."""


class AccessError(KnowledgeError):
    """Something about roles is wrong; nothing may be read."""


class NoRolesError(AccessError):
    """An audience without readers, or a reader without roles, may read nothing."""

    def __init__(self) -> None:
        super().__init__("an audience needs at least one reader, and each reader a role")


class InvalidRoleError(AccessError):
    """A role name that could not be quoted safely in a filter."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"role {role!r} must match [a-z0-9][a-z0-9_-]{{0,63}}")


class ReservedRoleError(AccessError):
    """The role of the planted document, where somebody would hold it or could read with it."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"role {role!r} is reserved, and nobody may hold it: use another name")


class AccessRulesError(KnowledgeError):
    """The access rules of a corpus cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class SourceError(KnowledgeError):
    """A source of documents cannot be read at all."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"source {source}: {problem}")


class ParseError(KnowledgeError):
    """One file could not be turned into text."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class FrontMatterError(ParseError):
    """A page says of itself what cannot be understood: it must not be indexed."""


class StoredIndexError(KnowledgeError):
    """The index cannot serve or cannot be written."""


class IndexMissingError(StoredIndexError):
    """There is no index in the folder yet."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        super().__init__(f"there is no index in {folder}: run `housevoice index`")


class IndexMismatchError(StoredIndexError):
    """The index was built with another embedder, chunker or parser."""

    def __init__(self, what: str, indexed: str, configured: str) -> None:
        self.what = what
        self.indexed = indexed
        self.configured = configured
        super().__init__(
            f"the index was built with {what} {indexed}, the settings say {configured}: "
            "run `housevoice index --rebuild`"
        )


class IndexBusyError(StoredIndexError):
    """Another run is writing to the index."""

    def __init__(self, lock: str) -> None:
        self.lock = lock
        super().__init__(f"another indexing run holds {lock}: wait until it has ended")


class IndexInDoubtError(StoredIndexError):
    """One source alone cannot be indexed: the index may hold anything, or nothing, of the rest."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__(
            f"the index is new, or its last run broke off, so {source} alone would not make it "
            "whole: run `housevoice index` for all sources first"
        )


class CatalogueDownError(StoredIndexError):
    """The catalogue of documents could not be read or written: nothing may be served."""

    def __init__(self) -> None:
        super().__init__("the catalogue of documents could not be read or written")


class FilterBrokenError(StoredIndexError):
    """The index returned a row that its filter forbids: the filter itself is in doubt."""

    def __init__(self, chunk_id: str) -> None:
        self.chunk_id = chunk_id
        super().__init__(f"the index returned {chunk_id} against its filter")


class GoldenSetError(KnowledgeError):
    """A golden set cannot be used, or a case not be added to it."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")
