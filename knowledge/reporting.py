"""What one indexing run did, for the person who asked for it. Pure; holds paths, no texts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one file that a person should know."""

    source: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceReport:
    """Counts of one source.

    Attributes:
        seen: Documents that were found and may be read by somebody.
        problem: Why it could not be listed; nothing of it was removed then.
    """

    name: str
    seen: int = 0
    added: int = 0
    changed: int = 0
    access_changed: int = 0
    removed: int = 0
    unchanged: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """Everything one run did and did not do.

    Attributes:
        uncovered: Files that nobody may read, by the rules or by their own front matter.
        failures: Files that gave no text; what was indexed of them before still serves.
        refused: What is never opened: links, devices, odd names.
        skipped: Extension and number of files that cannot be parsed.
        seconds: Stage and time [s].
        index_version: That serves now.
        revoked: Documents that fewer people may read than before, or nobody.
        revocation_lag_s: Longest time from such a change to its effect; None where there was
            none, or nobody has looked.
    """

    sources: tuple[SourceReport, ...]
    chunks_embedded: int
    chunks_reused: int
    uncovered: tuple[Remark, ...]
    failures: tuple[Remark, ...]
    refused: tuple[Remark, ...]
    skipped: tuple[tuple[str, int], ...]
    seconds: tuple[tuple[str, float], ...]
    index_version: str
    revoked: tuple[Remark, ...] = ()
    revocation_lag_s: float | None = None

    @property
    def documents(self) -> int:
        """Documents that were seen, in all sources."""
        return sum(source.seen for source in self.sources)

    @property
    def is_complete(self) -> bool:
        """Every source could be listed."""
        return not any(source.problem for source in self.sources)
