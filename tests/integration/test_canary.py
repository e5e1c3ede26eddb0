"""The planted document: in every index, counted nowhere, found by nobody but its own role."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from fakes import HashingEmbedder
from sqlalchemy import create_engine

from bot.errors import SettingsError
from bot.monitoring.canaries import AccessCanary, is_found
from bot.roles import read_roles
from knowledge.access import RESERVED
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.errors import AccessRulesError
from knowledge.index import Index
from knowledge.ingestion import Ingestion
from knowledge.parsing import PARSER_VERSION
from knowledge.pointer import IndexVersions
from knowledge.reporting import IndexReport
from knowledge.retrieval import HybridRetriever
from knowledge.rules import load_rules

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCESS = """
version: 1
sources:
  - name: {source}
    folder: wiki
    link: "{{base}}/{{path}}"
    rules:
      - {{match: "hr/**", roles: [{role}]}}
      - {{match: "**", roles: [everyone]}}
"""


class BrokenEmbedder(HashingEmbedder):
    """Breaks off whatever needs a vector."""

    def embed_passages(self, *_: object) -> None:  # type: ignore[override]
        raise RuntimeError


@dataclass
class Corpus:
    """Two pages in one source, and what is made of them."""

    root: Path
    embedder: HashingEmbedder = field(default_factory=HashingEmbedder)

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(create_engine(f"sqlite:///{self.root / 'c.sqlite'}"))
        self.catalogue.create()
        self.rule()
        self.page("wifi.md", "# Wifi\n\nThe guest network is called Meadow.\n")
        self.page("hr/pay.md", "# Pay\n\nThe bonus pool is four million.\n")

    def rule(self, source: str = "wiki", role: str = "hr") -> None:
        """Write access.yaml."""
        (self.root / "access.yaml").write_text(ACCESS.format(source=source, role=role))

    def page(self, path: str, text: str) -> Path:
        """Write one page."""
        file = self.root / "wiki" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def index(self, *, rebuild: bool = False) -> Index:
        """Open the index for writing."""
        versions = IndexVersions(self.embedder.version, CHUNKER_VERSION, PARSER_VERSION)
        dim = self.embedder.dim
        return Index.open_or_create(self.root / "index", versions, dim, rebuild=rebuild)

    def run(self, *, only: str | None = None, rebuild: bool = False) -> IndexReport:
        """Index once."""
        rules = load_rules(self.root / "access.yaml", base_url="https://wiki.example")
        opened = partial(self.index, rebuild=rebuild)
        lock = self.root / "lock"
        run = Ingestion(self.catalogue, opened, self.embedder, lock, lambda: NOON)
        return run.run(rules, only=only)

    @property
    def canary(self) -> str:
        """Id of the planted document."""
        found = self.catalogue.canary()
        assert found is not None
        return found

    def look(self) -> AccessCanary:
        """Build what looks for it."""
        retriever = HybridRetriever(self.index(), self.embedder, self.catalogue.roles_of)
        return AccessCanary(lambda: retriever, self.catalogue.canary, lambda: {"everyone", "hr"})


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Two pages, indexed once."""
    one = Corpus(tmp_path)
    one.run()
    return one


def test_nobody_finds_what_is_planted_but_its_own_role(corpus: Corpus) -> None:
    """The negative would prove nothing if the document could not be found at all."""
    seen = corpus.look().look()

    assert seen.doc_id == corpus.canary
    assert (seen.asked_as, seen.seen_by, seen.is_blind) == (("everyone", "hr"), (), False)


def test_it_is_counted_nowhere(tmp_path: Path) -> None:
    """Who indexes two pages is told of two pages and two chunks, in the report and after it."""
    corpus = Corpus(tmp_path)
    report = corpus.run()

    assert [(one.name, one.added) for one in report.sources] == [("wiki", 2)]
    assert (report.documents, report.chunks_embedded) == (2, 2)
    assert (corpus.catalogue.count(), corpus.index().count()) == (2, 2)
    assert corpus.canary in corpus.index().doc_ids()


def test_it_stays_the_same_through_later_runs(corpus: Corpus) -> None:
    """An unchanged run writes nothing, and no other kind of run loses it or counts it as gone."""
    before, canary = corpus.index().version, corpus.canary
    assert corpus.run().index_version == before

    corpus.page("new.md", "# New\n\nA page that has just come.\n")
    assert corpus.run(only="wiki").sources[0].added == 1
    (corpus.root / "wiki" / "new.md").unlink()
    assert [one.removed for one in corpus.run().sources] == [1]
    corpus.run(rebuild=True)

    seen = corpus.look().look()
    assert (corpus.canary, seen.is_blind, seen.seen_by) == (canary, False, ())


def test_a_run_that_broke_off_loses_it_not(corpus: Corpus) -> None:
    """The next run writes it anew, under its old name and for its own role alone."""
    canary, usual = corpus.canary, corpus.embedder
    corpus.page("new.md", "# New\n\nA page that has just come.\n")
    corpus.embedder = BrokenEmbedder()
    with pytest.raises(RuntimeError):
        corpus.run()
    corpus.embedder = usual
    corpus.index().set_roles({canary: frozenset({"everyone"})})

    corpus.run()

    seen = corpus.look().look()
    assert (corpus.canary, seen.is_blind, seen.seen_by) == (canary, False, ())


def test_an_older_index_gets_one_with_its_next_run(corpus: Corpus) -> None:
    """An index from before there was one is blind until then, also for one source alone."""
    corpus.index().write(replaced=[corpus.canary], rows=[])
    corpus.catalogue.begin(narrowed={}, removed=[corpus.canary])
    corpus.catalogue.finish([], index_version=corpus.index().version, at=NOON)
    assert corpus.look().look().is_blind

    corpus.run(only="wiki")

    assert not corpus.look().look().is_blind


def opened_to_everyone(corpus: Corpus) -> None:
    """A bug of a run: wrong roles are written; the catalogue still vetoes what comes back."""
    corpus.index().set_roles({corpus.canary: frozenset({"everyone"})})


def opened_to_hr(corpus: Corpus) -> None:
    """The same, for one role alone."""
    corpus.index().set_roles({corpus.canary: frozenset({"hr"})})


@pytest.mark.parametrize(
    ("spoil", "seen_by"),
    [(opened_to_everyone, ("everyone",)), (opened_to_hr, ("hr",))],
    ids=["everyone", "one role"],
)
def test_wrong_roles_in_the_index_are_seen(
    corpus: Corpus, spoil: Callable[[Corpus], None], seen_by: tuple[str, ...]
) -> None:
    """Found before the cut is found, although the catalogue would keep it from being shown."""
    spoil(corpus)

    seen = corpus.look().look()

    assert seen.seen_by == seen_by
    assert seen.is_blind  # and its own role does not find it any more


def test_a_filter_that_lets_everything_through_is_seen(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second check in code raises; for the canary that is a sighting, not an error."""
    monkeypatch.setattr("knowledge.snapshot.predicate", lambda _: "true")

    seen = corpus.look().look()

    assert (seen.seen_by, seen.is_blind) == (("everyone", "hr", RESERVED), False)


def test_more_roles_than_one_round_takes_have_their_turn(corpus: Corpus) -> None:
    """A hundred and twenty roles are all looked as within three rounds."""
    roles = {f"role-{n:03}" for n in range(120)}
    look = corpus.look()
    look.roles = lambda: roles
    rounds = [look.look().asked_as for _ in range(4)]

    assert {role for one in rounds[:3] for role in one} == {"everyone", *roles}
    assert max(map(len, rounds)) == 51
    assert rounds[3] == rounds[0]


def test_it_is_looked_for_in_what_answers(corpus: Corpus) -> None:
    """A retriever that is pinned to an older version looks there."""
    old = corpus.index().version
    opened_to_everyone(corpus)
    newest = HybridRetriever(corpus.index(), corpus.embedder, corpus.catalogue.roles_of)
    pinned = HybridRetriever(
        corpus.index(), corpus.embedder, corpus.catalogue.roles_of, version=old
    )

    assert is_found(newest, corpus.canary, "everyone")
    assert not is_found(pinned, corpus.canary, "everyone")


@pytest.mark.parametrize("name", ["source", "role"])
def test_access_rules_cannot_name_it(corpus: Corpus, name: str) -> None:
    """Neither its role nor its source may stand in access.yaml, and the error says why."""
    corpus.rule(**{name: RESERVED})

    with pytest.raises(AccessRulesError, match=r"is reserved.*: use another"):
        corpus.run()


def test_nobody_can_be_given_its_role(tmp_path: Path) -> None:
    """A line of roles.yaml that would do that is refused."""
    path = tmp_path / "roles.yaml"
    for line in (f"groups: {{staff: [{RESERVED}]}}", f"users: {{U1: [{RESERVED}]}}"):
        path.write_text(f"version: 1\n{line}\n")
        with pytest.raises(SettingsError, match="reserved"):
            read_roles(path)


def test_a_page_cannot_ask_for_its_role(corpus: Corpus) -> None:
    """Front matter with that role keeps the page out of the index."""
    corpus.page("odd.md", f"---\nroles: [{RESERVED}]\n---\n# Odd\n\nWho reads this?\n")

    (remark,) = corpus.run().uncovered

    assert remark.path == "odd.md"
    assert "reserved" in remark.reason


def test_a_run_names_what_lost_readers(corpus: Corpus) -> None:
    """Closed, deleted and redacted pages are named for the revocation lag; opened ones are not."""
    corpus.page("two.md", "# Two\n\nThe second page.\n")
    corpus.run()
    (corpus.root / "wiki" / "two.md").unlink()
    text = (corpus.root / "access.yaml").read_text()
    closed = text.replace("[everyone]", "[it]").replace("[hr]", "[hr, it]")
    (corpus.root / "access.yaml").write_text(closed)

    revoked = {(one.path, one.reason) for one in corpus.run().revoked}

    assert revoked == {("two.md", "removed"), ("wifi.md", "read by fewer")}
