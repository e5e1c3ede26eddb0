"""From the log to a data set on disk: what may leave, under whose approval, with what left out.

Reads and decides by the rules of `adapters.selection`; knows neither the command line nor how it
is told in Slack. Every export is recorded in the decision log.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from sqlalchemy import Connection

from adapters import exports, secrets
from adapters.datasets import build
from adapters.exchanges import Consent, Exchange
from adapters.export_manifest import Terms
from adapters.exports import Circumstances, Export
from adapters.names import Names, ordinary_words
from adapters.scrubbing import Scrubber, rules_sha256
from adapters.selection import Example, Policy, waiting
from bot import approvals, decisions
from bot.approvals import LOCAL_TEAM, is_loopback
from bot.audience import Kind, Place, doubt_of_place, kind_of
from bot.database import Writer
from bot.decisions import JSON
from bot.directory import SlackDirectory
from bot.errors import (
    ApprovalChangedError,
    ExportNotApprovedError,
    ExtraMissingError,
    NothingToExportError,
    SlackSetupError,
)
from bot.gathering import Gatherer, Wanted, audience_of
from bot.house import House
from bot.prompt import fixed_messages
from knowledge.embedding import MiniLmEmbedder
from knowledge.reading import SentenceReader
from knowledge.terms import STOP_WORDS

Approved = Callable[[str], Terms | None]
"""Returns what is allowed for a workspace."""

_EXTRA = "train"
_NO_NAMES = "Slack does not list its people, whose names an export must not hold"


@dataclass(frozen=True, slots=True)
class SlackRoom:
    """What an export asks Slack: which channels are open, and what people are called."""

    directory: SlackDirectory

    def is_public(self, team: str, channel: str) -> bool:
        """Tell whether every full member may read a channel, as far as can be told now."""
        facts = self.directory.place(channel) if team == self.directory.team else None
        if facts is None or kind_of(facts) is not Kind.PUBLIC:
            return False
        place = Place(team, channel, "", is_ext_shared_channel=False)
        return doubt_of_place(place, facts) is None

    def names(self) -> Collection[str]:
        """Return what people are called.

        Raises:
            SlackSetupError: If Slack does not say.
        """
        found = self.directory.names()
        if found is None:
            raise SlackSetupError(_NO_NAMES)
        return found


@dataclass(frozen=True)
class Exporter:
    """Writes data sets.

    Attributes:
        similarity: Cosine between two sentences.
        is_public: Whether every full member may read a channel: team, id.
        names: What people are called.
        now: For the decision log alone.
    """

    house: House
    writer: Writer
    similarity: Callable[[str, str], float]
    is_public: Callable[[str, str], bool]
    names: Callable[[], Collection[str]]
    now: Callable[[], datetime]

    @cached_property
    def policy(self) -> Policy:
        """The rules as the settings have them."""
        wanted = self.house.settings.export
        return Policy(
            audience=wanted.audience,
            quorum=wanted.quorum,
            share=wanted.person_share,
            least=wanted.person_rows,
        )

    def waiting(self) -> list[Example]:
        """List the liked and disliked answers that lack nothing but a review."""
        return waiting(self._exchanges(Wanted(), cache(self._terms_of)), self.policy)

    def export(self, wanted: Wanted, *, by: str, to: Path | None = None) -> Export:
        """Write what may leave as a data set.

        Args:
            wanted: Which answers.
            by: Who asked for it: a user id, or empty at the command line.
            to: Where data sets lie; by default where the settings say.

        Raises:
            ExportNotApprovedError: If nobody has allowed it for the workspace.
            ApprovalChangedError: If somebody decided otherwise meanwhile.
            NothingToExportError: If no example is left.
            ExportUnsafeError: If what was written holds a secret after all.
            ExtraMissingError: If the packages that look for secrets are missing.
            ExportUnreadableError: If an earlier data set is not as it was written.
            SlackSetupError: If Slack does not say what people are called.
            VoiceError: If the voice cannot be read.
        """
        versions = _scanners()
        approved = cache(self._terms_of)  # one answer throughout
        exchanges = self._exchanges(wanted, approved)
        terms = _terms(exchanges, approved)
        circumstances = Circumstances(
            on=max((one.newest_at for one in exchanges), default=self.now()).date(),
            policy=self.policy,
            selection=_selection(wanted),
            terms=terms,
            scrubber={"rules_sha256": self._rules_sha256(), "versions": versions},
        )
        root = to or self.house.settings.export_folder
        settle = partial(self._settle, terms=terms, by=by)
        with exports.alone_in(root):
            return self._written(root, exchanges, circumstances, settle)

    def _written(
        self,
        root: Path,
        exchanges: Sequence[Exchange],
        said: Circumstances,
        settle: Callable[[Export], None],
    ) -> Export:
        scrubber = self._scrubber()
        data_set = build(exchanges, self.policy, scrubber.scrub, exports.held_out_in(root))
        if not data_set.n_out:
            raise NothingToExportError({why.value: n for why, n in data_set.dropped.items()})
        return exports.write(root, data_set, said, scrubber.secret_in, settle)

    def _settle(self, written: Export, terms: Iterable[Terms], by: str) -> None:
        """Record an export before it is there, if what allowed it still does."""

        def settled(connection: Connection) -> None:
            for one in terms:
                if self._terms_in(connection, one.team) != one:
                    raise ApprovalChangedError(one.team)
            _tell(connection, written=written, by=by, at=at)

        at = self.now()
        self.writer.run(settled)

    def _exchanges(self, wanted: Wanted, approved: Approved) -> list[Exchange]:
        gatherer = Gatherer(
            documents=self.house.catalogue.known(),
            audience=audience_of(self.policy.audience),
            is_public=self.is_public,
            similarity=self.similarity,
            consent_of=lambda team: _consent(approved(team)),
        )
        with self.house.engine.connect() as connection:
            return gatherer.exchanges(connection, wanted)

    def _terms_of(self, team: str) -> Terms | None:
        with self.house.engine.connect() as connection:
            return self._terms_in(connection, team)

    def _terms_in(self, connection: Connection, team: str) -> Terms | None:
        if team == LOCAL_TEAM and is_loopback(self.house.settings.slack.base_url):
            return Terms(team=team, approval=0, with_typed_texts=True)
        found = approvals.standing(connection, team)
        if found is None:
            return None
        return Terms(team=team, approval=found.number, with_typed_texts=found.with_typed_texts)

    def _scrubber(self) -> Scrubber:
        ours = frozenset(one["content"] for one in fixed_messages(self.house.written_voice))
        names = Names(self.names(), STOP_WORDS, ordinary_words(ours))
        phones = partial(secrets.phones, regions=self._regions)
        return Scrubber(names, secrets.known_secret, phones, ours)

    def _rules_sha256(self) -> str:
        return rules_sha256(secrets.rules(self._regions), *sorted(STOP_WORDS))

    @property
    def _regions(self) -> Sequence[str]:
        return self.house.settings.export.phone_regions


def open_exporter(
    house: House, room: SlackRoom, writer: Writer, now: Callable[[], datetime]
) -> Exporter:
    """Put an exporter together; it loads an embedder of its own when it first compares."""
    found = house.embedder_model
    reader = SentenceReader(MiniLmEmbedder(found.folder, found.version))
    return Exporter(house, writer, reader.similarity, room.is_public, room.names, now)


def _consent(terms: Terms | None) -> Consent:
    if terms is None:
        return Consent.NOTHING
    return Consent.ALL if terms.with_typed_texts else Consent.NO_TYPED_TEXTS


def _terms(exchanges: Iterable[Exchange], approved: Approved) -> tuple[Terms, ...]:
    teams = sorted({one.thread.partition("/")[0] for one in exchanges})
    found = tuple(terms for team in teams if (terms := approved(team)))
    if teams and not found:
        raise ExportNotApprovedError(teams[0])
    return found


def _scanners() -> dict[str, str]:
    try:
        return secrets.versions()
    except PackageNotFoundError as error:
        raise ExtraMissingError(_EXTRA, setting="an export") from error


def _selection(wanted: Wanted) -> dict[str, str | list[str]]:
    since = wanted.since.isoformat() if wanted.since else ""
    return {"domain": wanted.domain, "sources": sorted(wanted.sources), "since": since}


def _tell(connection: Connection, *, written: Export, by: str, at: datetime) -> None:
    manifest = written.manifest
    told: dict[str, JSON] = {
        "by": by,
        "sha256": manifest.sha256,
        "examples": manifest.counts.examples,
        "considered": manifest.counts.considered,
        "dropped": dict(manifest.counts.dropped),
    }
    decisions.append(connection, decisions.Kind.EXPORT, written.folder.name, told, at)
