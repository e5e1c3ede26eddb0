from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from fakes import HashingEmbedder
from filelock import FileLock
from numpy.typing import NDArray
from sample_files import a_pdf
from sqlalchemy import create_engine

from knowledge.access import Audience
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.errors import AccessRulesError, IndexBusyError, IndexInDoubtError, SourceError
from knowledge.index import Index
from knowledge.ingestion import Ingestion
from knowledge.parsing import PARSER_VERSION
from knowledge.pointer import IndexVersions
from knowledge.reporting import IndexReport
from knowledge.retrieval import HybridRetriever
from knowledge.rules import load_rules

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = (("hr/**", "hr"), ("**", "everyone"))


class InterruptedEmbedder(HashingEmbedder):
    """Stops in the middle of a run, for the test to look around or to break it off."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then

    def embed_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        self.then()
        return super().embed_passages(texts, on_progress)


@dataclass
class House:
    """A corpus with one source, its index and its catalogue, in a folder."""

    root: Path
    embedder: HashingEmbedder = field(default_factory=HashingEmbedder)
    link: str = "{base}/{path}"
    hosts: str = ""

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(create_engine(f"sqlite:///{self.root / 'house.sqlite'}"))
        self.catalogue.create()
        self.rule("wiki", *OPEN)
        (self.root / "wiki").mkdir()

    def rule(self, name: str, *rules: tuple[str, str], beside: str = "") -> None:
        """Write access.yaml with one source, and perhaps with the text of another."""
        lines = "".join(f"  - {{match: '{match}', roles: [{roles}]}}\n" for match, roles in rules)
        text = f"- name: {name}\n  folder: {name}\n  link: '{self.link}'\n"
        text += f"  hosts: [{self.hosts}]\n  rules:\n{lines}"
        (self.root / "access.yaml").write_text(f"version: 1\nsources:\n{text}{beside}")

    def page(self, path: str, text: str) -> Path:
        """Write one page of the source."""
        file = self.root / "wiki" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def index(self, *, rebuild: bool = False) -> Index:
        """Open the index for writing."""
        versions = IndexVersions(self.embedder.version, CHUNKER_VERSION, PARSER_VERSION)
        return Index.open_or_create(
            self.root / "index", versions, self.embedder.dim, rebuild=rebuild
        )

    def run(self, *, only: str | None = None, rebuild: bool = False) -> IndexReport:
        """Index once."""
        rules = load_rules(self.root / "access.yaml", base_url="https://wiki.example")
        ingestion = Ingestion(
            self.catalogue,
            partial(self.index, rebuild=rebuild),
            self.embedder,
            self.root / "lock",
            lambda: NOON,
        )
        return ingestion.run(rules, only=only)

    def found(self, text: str, *roles: str) -> set[str]:
        """Search as one reader; return the documents that come back."""
        retriever = HybridRetriever(self.index(), self.embedder, self.catalogue.roles_of, limit=50)
        audience = Audience.from_role_sets([{"everyone", *roles}])
        return {passage.doc_id for passage in retriever.search(text, audience).passages}

    @contextmanager
    def interrupted(self, then: Callable[[], None]) -> Iterator[None]:
        """Run something when the embedder is next called."""
        usual, self.embedder = self.embedder, InterruptedEmbedder(then)
        try:
            yield
        finally:
            self.embedder = usual


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Three pages, one of them for HR, indexed once."""
    one = House(tmp_path)
    one.page("wifi.md", "# Wifi\n\nThe guest network is called Meadow and needs no password.\n")
    one.page("hr/pay.md", "# Pay\n\nThe bonus pool of this year is four million crowns.\n")
    one.page("it/vpn.md", "# Tunnel\n\nInstall the tunnel from the software centre of the house.\n")
    one.run()
    return one


def test_an_unchanged_run_writes_nothing(house: House) -> None:
    """No text is embedded, no version of the index made, no epoch begun."""
    before, epoch = house.index().version, house.catalogue.revision
    house.embedder.embedded.clear()

    report = house.run()

    (source,) = report.sources
    assert (source.seen, source.unchanged, source.added, source.changed) == (3, 3, 0, 0)
    assert report.index_version == house.index().version == before
    assert house.catalogue.revision == epoch
    assert house.embedder.embedded == []


def test_a_changed_page_embeds_its_new_chunks_alone(house: House) -> None:
    """A chunk whose text stayed keeps its vector."""
    part = "\n\n## {0}\n\n" + "The {0} part is about the {0} and nothing else. " * 8
    house.page("long.md", "# Long" + part.format("first") + part.format("second"))
    house.run()
    house.embedder.embedded.clear()

    house.page("long.md", "# Long" + part.format("first") + part.format("third"))
    report = house.run()

    (source,) = report.sources
    assert (source.changed, source.unchanged) == (1, 3)
    assert (report.chunks_embedded, report.chunks_reused) == (1, 1)
    assert all("third" in text for text in house.embedder.embedded)
    assert "wiki:long.md" in house.found("third part")


def test_a_deleted_page_is_gone_from_the_next_answer(house: House) -> None:
    """Both the index and the catalogue lose it."""
    (house.root / "wiki" / "wifi.md").unlink()

    report = house.run()

    assert report.sources[0].removed == 1
    assert house.found("guest network Meadow") == {"wiki:it/vpn.md"}
    assert house.catalogue.tombstones() == {"wiki:wifi.md"}


def test_a_deleted_page_is_gone_before_anything_is_embedded(house: House) -> None:
    """Embedding may take an hour; a revocation does not wait for it."""
    (house.root / "wiki" / "wifi.md").unlink()
    house.rule("wiki", ("it/**", "it"), *OPEN)
    house.page("new.md", "# New\n\nA page that has to be embedded because it is new.\n")
    seen: list[set[str]] = []

    with house.interrupted(lambda: seen.append(house.found("anything at all"))):
        house.run()

    assert seen == [set()]
    assert house.found("anything at all", "it") == {"wiki:it/vpn.md", "wiki:new.md"}


def test_a_change_of_access_arrives_without_embedding(house: House) -> None:
    """The page itself has not changed."""
    house.embedder.embedded.clear()
    house.rule("wiki", ("it/**", "it"), *OPEN)

    report = house.run()

    assert report.sources[0].access_changed == 1
    assert house.embedder.embedded == []
    assert house.found("tunnel software centre") == {"wiki:wifi.md"}
    assert "wiki:it/vpn.md" in house.found("tunnel software centre", "it")


def test_access_does_not_widen_before_the_index_holds_the_new_text(house: House) -> None:
    """A page that is redacted and opened in one go is never open with its old text."""
    house.page("hr/pay.md", "# Pay\n\nThe bonus pool is not public, ask the people team.\n")
    house.rule("wiki", ("**", "everyone"))
    seen: list[dict[str, frozenset[str]]] = []

    with house.interrupted(lambda: seen.append(house.catalogue.roles_of(["wiki:hr/pay.md"]))):
        house.run()

    assert seen == [{"wiki:hr/pay.md": frozenset()}]
    assert "wiki:hr/pay.md" in house.found("bonus pool")


def test_a_page_that_no_rule_covers_is_named_and_left_out(house: House) -> None:
    """A page that loses its rule leaves the index."""
    house.rule("wiki", ("it/**", "everyone"))

    report = house.run()

    assert [(one.path, one.reason) for one in report.uncovered] == [
        ("hr/pay.md", "no rule matches"),
        ("wifi.md", "no rule matches"),
    ]
    assert report.sources[0].removed == 2
    assert house.found("guest network Meadow", "hr") == {"wiki:it/vpn.md"}


def test_front_matter_says_title_link_owner_and_narrower_readers(house: House) -> None:
    """It is read with the page, and kept for the runs that do not read it again."""
    house.hosts = "doors.example"
    house.rule("wiki", *OPEN)
    head = (
        "---\ntitle: Door codes\nurl: https://doors.example/x\nroles: [it]\nowner: Bo Lind\n---\n"
    )
    house.page("doors.md", f"{head}The codes of the doors change on the first of each month.\n")
    house.run()
    house.run()

    entry = house.catalogue.known()["wiki:doors.md"]
    assert (entry.title, entry.url, entry.owner) == (
        "Door codes", "https://doors.example/x", "Bo Lind",
    )  # fmt: skip
    assert entry.roles == {"it"}
    assert "wiki:doors.md" not in house.found("codes of the doors")
    assert "wiki:doors.md" in house.found("codes of the doors", "it")


def test_a_page_with_a_typing_error_in_its_roles_is_taken_out(house: House) -> None:
    """Its author meant to close it."""
    house.page("wifi.md", "---\nroles: [IT]\n---\nThe guest network is called Meadow.\n")

    report = house.run()

    (remark,) = report.uncovered
    assert remark.path == "wifi.md"
    assert "IT" in remark.reason
    assert "wiki:wifi.md" not in house.found("guest network Meadow")


def test_a_page_that_asks_for_readers_outside_its_rule_is_left_out(house: House) -> None:
    """No author can open a page of a closed folder."""
    house.page("hr/pay.md", "---\nroles: [everyone]\n---\nThe bonus pool is four million.\n")

    report = house.run()

    assert [one.path for one in report.uncovered] == ["hr/pay.md"]
    assert "wiki:hr/pay.md" not in house.found("bonus pool", "hr")


def test_a_file_that_breaks_serves_its_old_text_to_those_who_may_read_it_now(house: House) -> None:
    """Half a PDF on the disk does not take the answer away, but a rule does."""
    file = house.root / "wiki" / "meals.pdf"
    file.write_bytes(a_pdf(["Meals on a journey cost at most forty crowns a day."]))
    house.run()
    file.write_bytes(b"%PDF-1.4 cut")

    report = house.run()

    assert [(one.path, one.reason) for one in report.failures] == [
        ("meals.pdf", "cannot be read (PdfStreamError)")
    ]
    assert "wiki:meals.pdf" in house.found("meals journey crowns")

    house.rule("wiki", ("meals.pdf", "finance"), *OPEN)
    report = house.run()

    assert len(report.failures) == 1
    assert "wiki:meals.pdf" not in house.found("meals journey crowns")
    assert "wiki:meals.pdf" in house.found("meals journey crowns", "finance")


def test_a_source_that_vanished_loses_nothing(house: House) -> None:
    """An unmounted folder is named; the other source is indexed all the same."""
    (house.root / "wiki").rename(house.root / "unmounted")
    (house.root / "forms").mkdir()
    (house.root / "forms" / "leave.md").write_text("# Leave\n\nFill in the form of the house.\n")
    house.rule(
        "wiki",
        *OPEN,
        beside="- {name: forms, folder: forms, link: '{base}/f/{path}', "
        "rules: [{match: '**', roles: [everyone]}]}\n",
    )

    report = house.run()

    wiki, forms = report.sources
    assert not report.is_complete
    assert (wiki.problem, wiki.removed, wiki.unchanged) == ("no such file or directory", 0, 3)
    assert (forms.problem, forms.added) == ("", 1)
    assert house.found("guest network") == {"wiki:wifi.md", "wiki:it/vpn.md", "forms:leave.md"}


def test_a_source_that_is_suddenly_empty_loses_nothing(house: House) -> None:
    """So looks a mount point without its disk; to empty a source, it is taken out of the rules."""
    rmtree(house.root / "wiki")
    (house.root / "wiki").mkdir()

    report = house.run()

    assert "3 documents were indexed from it" in report.sources[0].problem
    assert house.catalogue.count() == 3


def test_a_rule_closes_pages_of_a_source_that_cannot_be_read(house: House) -> None:
    """Access follows the rules even while the pages are out of reach."""
    (house.root / "wiki").rename(house.root / "unmounted")
    house.rule("wiki", ("hr/**", "hr"), ("it/**", "it"))

    house.run()

    assert house.found("guest network tunnel") == set()
    assert house.found("guest network tunnel", "it") == {"wiki:it/vpn.md"}


def test_a_source_that_left_the_rules_leaves_the_index(house: House) -> None:
    """No rule is no access."""
    (house.root / "wiki").rename(house.root / "forms")
    house.rule("forms", ("**", "everyone"))

    report = house.run()

    assert [(one.name, one.added, one.removed) for one in report.sources] == [
        ("forms", 3, 0),
        ("wiki", 0, 3),
    ]
    assert "forms:wifi.md" in house.found("guest network Meadow")


def test_a_second_run_is_refused(house: House) -> None:
    """It is not queued; whoever asked for it is told."""
    with FileLock(house.root / "lock"), pytest.raises(IndexBusyError):
        house.run()


def test_one_source_alone_can_be_indexed(house: House) -> None:
    """The others are neither read nor removed."""
    (house.root / "forms").mkdir()
    (house.root / "forms" / "leave.md").write_text("# Leave\n\nFill in the form of the house.\n")
    beside = (
        "- {name: forms, folder: forms, link: '{base}/f/{path}', "
        "rules: [{match: '**', roles: [everyone]}]}\n"
    )
    house.rule("wiki", *OPEN, beside=beside)
    house.page("later.md", "# Later\n\nA page that only a run over the wiki will find.\n")

    report = house.run(only="forms")

    assert [(one.name, one.added, one.removed) for one in report.sources] == [("forms", 1, 0)]
    assert house.catalogue.count() == 4
    with pytest.raises(SourceError, match="nowhere"):
        house.run(only="nowhere")


def test_a_run_that_broke_off_is_made_good(house: House) -> None:
    """The next one writes everything anew and embeds only what the index does not hold."""

    def stop() -> None:
        raise KeyboardInterrupt

    (house.root / "wiki" / "wifi.md").unlink()
    house.page("new.md", "# New\n\nA page that has to be embedded because it is new.\n")
    with house.interrupted(stop), pytest.raises(KeyboardInterrupt):
        house.run()
    assert house.found("guest network Meadow") == {"wiki:it/vpn.md"}
    house.embedder.embedded.clear()

    report = house.run()

    assert (report.chunks_embedded, report.chunks_reused) == (1, 2)
    assert house.found("guest network Meadow") == {"wiki:it/vpn.md", "wiki:new.md"}
    assert house.index().count() == 3
    assert house.run().index_version == report.index_version


def a_second_source(house: House) -> None:
    """Add a source of one page, indexed with the rest."""
    (house.root / "forms").mkdir()
    (house.root / "forms" / "leave.md").write_text("# Leave\n\nFill in the form of the house.\n")
    beside = (
        "- {name: forms, folder: forms, link: '{base}/f/{path}', "
        "rules: [{match: '**', roles: [everyone]}]}\n"
    )
    house.rule("wiki", *OPEN, beside=beside)
    house.run()


def test_one_source_alone_does_not_replace_a_lost_index(house: House) -> None:
    """The wiki was gone from every answer until somebody noticed."""
    a_second_source(house)
    before = house.catalogue.known()
    rmtree(house.root / "index")

    with pytest.raises(IndexInDoubtError, match="for all sources first"):
        house.run(only="forms")

    assert house.catalogue.known() == before
    assert not (house.root / "index" / "index.json").exists()
    house.run()
    assert len(house.found("the house")) == 3


def test_one_source_alone_cannot_be_rebuilt(house: House) -> None:
    """The table that serves goes on serving all sources."""
    a_second_source(house)
    before, everything = house.index().version, house.found("the house")

    with pytest.raises(IndexInDoubtError, match="forms alone"):
        house.run(only="forms", rebuild=True)

    assert house.index().version == before
    assert house.found("the house") == everything


def test_a_page_deleted_after_a_killed_run_leaves_no_trace(house: House) -> None:
    """Its chunks were written but never recorded; they counted in every later score."""
    rules = load_rules(house.root / "access.yaml", base_url="https://wiki.example")
    house.page("new.md", "# New\n\nA page that is written right before the process is killed.\n")

    class Killed(Catalogue):
        """Dies before it records anything."""

        def finish(self, *_: object, **__: object) -> None:
            raise KeyboardInterrupt

    killed = Killed(create_engine(f"sqlite:///{house.root / 'house.sqlite'}"))
    run = Ingestion(killed, house.index, house.embedder, house.root / "lock", lambda: NOON)
    with pytest.raises(KeyboardInterrupt):
        run.run(rules)
    assert "wiki:new.md" in house.index().doc_ids()
    (house.root / "wiki" / "new.md").unlink()

    house.run()

    assert house.index().doc_ids() == house.catalogue.known().keys()
    assert house.index().count() == 3


EVIL = "---\nurl: https://{0}/login\n---\nThe guest network is called Meadow.\n"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "wiki.example.evil.example",
        "xwiki.example",
        "doors.example",
        "wiki.example\\.evil.example",
        "wiki.ex\u0430mple",
    ],
)
def test_a_page_cannot_send_people_to_a_foreign_site(house: House, host: str) -> None:
    """A source link is trusted; whoever may write a page may not choose its host."""
    house.page("wifi.md", EVIL.format(host))

    report = house.run()

    assert [one.path for one in report.uncovered] == ["wifi.md"]
    assert "wiki:wifi.md" not in house.found("guest network Meadow")


@pytest.mark.parametrize("host", ["wiki.example", "WIKI.example:8443", "doors.example"])
def test_a_page_may_link_to_the_hosts_of_its_source(house: House, host: str) -> None:
    """Of its template, or listed; a host that leaves the list takes its pages along."""
    house.hosts = "doors.example"
    house.rule("wiki", *OPEN)
    house.page("wifi.md", EVIL.format(host))

    assert house.run().uncovered == ()

    house.link, house.hosts = "https://other.example/{path}", ""
    house.rule("wiki", *OPEN)
    assert [one.path for one in house.run().uncovered] == ["wifi.md"]


@pytest.mark.parametrize("host", ["https://a.example", "a.example/x", "a b", "a.example:80", ""])
def test_a_host_that_is_none_is_refused(house: House, host: str) -> None:
    """A list that means nothing would close pages in silence."""
    house.hosts = f"'{host}'"
    house.rule("wiki", *OPEN)

    with pytest.raises(AccessRulesError, match="host"):
        house.run()


def test_a_lost_index_costs_time_only(house: House) -> None:
    """Sources and catalogue bring it back, with the same readers."""
    before = {roles: house.found("the house", *roles) for roles in [(), ("hr",)]}
    rmtree(house.root / "index")

    report = house.run()

    assert report.chunks_embedded == 3
    assert {roles: house.found("the house", *roles) for roles in before} == before


def test_a_new_link_template_reaches_every_page(house: House) -> None:
    """Links are part of what is hashed; vectors are not computed again."""
    house.link = "{base}/new/{path}"
    house.rule("wiki", *OPEN)

    report = house.run()

    assert report.sources[0].changed == 3
    assert (report.chunks_embedded, report.chunks_reused) == (0, 3)
    urls = {entry.url for entry in house.catalogue.known().values()}
    assert "https://wiki.example/new/it/vpn.md" in urls


def test_what_cannot_be_parsed_is_counted_and_what_is_no_file_is_named(house: House) -> None:
    """Pictures are no failure; a link is never followed."""
    house.page("map.png", "x")
    house.page("it/plan.PNG", "x")
    house.page("Makefile", "x")
    (house.root / "wiki" / "link.md").symlink_to(house.root / "access.yaml")

    report = house.run()

    assert report.skipped == (("", 1), (".png", 2))
    assert [(one.path, one.reason) for one in report.refused] == [("link.md", "is a symbolic link")]
    assert report.failures == ()


def test_progress_is_told_by_stage(house: House) -> None:
    """Whoever waits sees how far it is."""
    house.page("new.md", "# New\n\nA page that has to be embedded because it is new.\n")
    told: list[tuple[str, int, int]] = []
    rules = load_rules(house.root / "access.yaml", base_url="https://wiki.example")

    Ingestion(house.catalogue, house.index, house.embedder, house.root / "lock", lambda: NOON).run(
        rules, on_progress=lambda *step: told.append(step)
    )

    assert told == [*(("read", number, 0) for number in (1, 2, 3, 4)), ("embed", 1, 1)]
