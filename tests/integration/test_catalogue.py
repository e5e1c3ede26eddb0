from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, create_engine

from knowledge.catalogue import Catalogue, Entry
from knowledge.errors import CatalogueDownError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def an_entry(name: str = "wiki:a.md", roles: frozenset[str] = frozenset({"everyone"})) -> Entry:
    """Build what is known of one document."""
    return Entry(
        doc_id=name,
        source=name.partition(":")[0],
        path=name.partition(":")[2],
        title="A page",
        url="https://wiki.example/a.md",
        owner="Ines Okafor",
        updated=date(2026, 2, 1),
        roles=roles,
        asked_roles=frozenset(),
        has_own_url=False,
        content_hash="c",
        raw_hash="r",
        parser="1",
    )


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database in a file, as in service."""
    one = create_engine(f"sqlite:///{tmp_path / 'house.sqlite'}")
    yield one
    one.dispose()


@pytest.fixture
def catalogue(engine: Engine) -> Catalogue:
    """An empty catalogue."""
    one = Catalogue(engine)
    one.create()
    return one


def test_what_was_recorded_is_known(catalogue: Catalogue) -> None:
    """Every field survives the database."""
    entry = replace(an_entry(), asked_roles=frozenset({"hr"}), has_own_url=True, updated=None)
    catalogue.finish([an_entry("wiki:b.md"), entry], index_version="chunks_v1@4", at=NOON)

    assert catalogue.known() == {"wiki:a.md": entry, "wiki:b.md": an_entry("wiki:b.md")}
    assert catalogue.count() == 2
    assert catalogue.state().index_version == "chunks_v1@4"
    assert catalogue.state().indexed_at == NOON


def test_an_unknown_document_has_no_roles(catalogue: Catalogue) -> None:
    """Absent is not the same as open."""
    catalogue.finish([an_entry()], index_version="v", at=NOON)

    names = ["wiki:a.md", "wiki:x.md", "wiki:a.md"]
    assert catalogue.roles_of(names) == {"wiki:a.md": frozenset({"everyone"})}
    assert catalogue.roles_of([]) == {}


def test_a_removed_document_is_a_tombstone_until_it_returns(catalogue: Catalogue) -> None:
    """It has no roles from the moment the removal begins."""
    catalogue.finish([an_entry(), an_entry("wiki:b.md")], index_version="v1", at=NOON)

    catalogue.begin(narrowed={}, removed=["wiki:a.md"])

    assert catalogue.roles_of(["wiki:a.md", "wiki:b.md"]).keys() == {"wiki:b.md"}
    assert catalogue.tombstones() == {"wiki:a.md"}
    assert catalogue.known().keys() == {"wiki:b.md"}

    catalogue.finish([an_entry()], index_version="v2", at=NOON)

    assert catalogue.tombstones() == frozenset()
    assert catalogue.roles_of(["wiki:a.md"]) == {"wiki:a.md": frozenset({"everyone"})}


def test_roles_narrow_when_a_run_begins(catalogue: Catalogue) -> None:
    """The index is in doubt from then until the run has ended."""
    entries = [an_entry("wiki:a.md"), an_entry("wiki:b.md"), an_entry("wiki:c.md")]
    catalogue.finish(entries, index_version="v1", at=NOON)

    catalogue.begin(narrowed={"wiki:a.md": frozenset({"hr"}), "wiki:b.md": frozenset()}, removed=[])

    assert catalogue.roles_of(["wiki:a.md", "wiki:b.md", "wiki:c.md"]) == {
        "wiki:a.md": frozenset({"hr"}),
        "wiki:b.md": frozenset(),
        "wiki:c.md": frozenset({"everyone"}),
    }
    assert catalogue.state().index_version == ""


def test_the_access_epoch_only_rises(catalogue: Catalogue) -> None:
    """Whoever saw an earlier one learns that access may have changed."""
    epochs = [catalogue.revision]
    catalogue.finish([an_entry()], index_version="v1", at=NOON)
    epochs.append(catalogue.revision)
    catalogue.begin(narrowed={"wiki:a.md": frozenset({"hr"})}, removed=[])
    epochs.append(catalogue.revision)
    catalogue.begin(narrowed={}, removed=["wiki:a.md"])
    epochs.append(catalogue.revision)

    assert epochs == sorted(set(epochs))

    catalogue.confirm(at=NOON)

    assert catalogue.revision == epochs[-1]


def test_many_documents_are_asked_for_at_once(catalogue: Catalogue) -> None:
    """More than one query can take are asked for in slices."""
    entries = [an_entry(f"wiki:{number}.md") for number in range(1_201)]
    catalogue.finish(entries, index_version="v", at=NOON)

    assert len(catalogue.roles_of(entry.doc_id for entry in entries)) == 1_201


def test_others_write_while_a_large_run_is_recorded(catalogue: Catalogue) -> None:
    """Votes do not wait for 20,000 documents; what stops on the way leaves the index in doubt."""
    entries = [an_entry(f"wiki:{number}.md") for number in range(2_500)]
    before = catalogue.revision

    catalogue.finish(entries, index_version="v", at=NOON)

    assert catalogue.revision == before + 3  # as many transactions
    assert catalogue.count() == 2_500


def test_a_record_that_breaks_off_leaves_the_index_in_doubt(
    catalogue: Catalogue, engine: Engine
) -> None:
    """The state is written last, when everything else is."""
    catalogue.finish([an_entry()], index_version="v1", at=NOON)
    catalogue.begin(narrowed={}, removed=[])
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON documents WHEN NEW.doc_id = 'wiki:1400.md' "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )

    with pytest.raises(CatalogueDownError):
        catalogue.finish(
            [an_entry(f"wiki:{number}.md") for number in range(1_500)],
            index_version="v2",
            at=NOON,
        )

    assert catalogue.state().index_version == ""
    assert catalogue.count() == 1_001


def test_creating_twice_keeps_what_is_there(catalogue: Catalogue, engine: Engine) -> None:
    """Every start of the bot creates the tables."""
    catalogue.finish([an_entry()], index_version="v", at=NOON)
    before = catalogue.revision

    Catalogue(engine).create()

    assert catalogue.known().keys() == {"wiki:a.md"}
    assert catalogue.revision == before


def test_writers_and_readers_wait_for_each_other(catalogue: Catalogue, engine: Engine) -> None:
    """Eight threads write at once: each write counts, and no reader sees half of one."""
    start = Barrier(9)
    torn: list[object] = []

    def write(number: int) -> None:
        mine = Catalogue(create_engine(engine.url)) if number % 2 else catalogue
        pair = [an_entry("wiki:a.md"), an_entry("wiki:b.md")]
        roles = frozenset({f"r{number}"})
        start.wait(timeout=10)
        for _ in range(5):
            entries = [replace(entry, roles=roles) for entry in pair]
            mine.finish(entries, index_version="v", at=NOON)

    def read() -> None:
        start.wait(timeout=10)
        for _ in range(50):
            seen = catalogue.roles_of(["wiki:a.md", "wiki:b.md"])
            if len(set(seen.values())) > 1 or len(seen) == 1:
                torn.append(seen)

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    threads.append(Thread(target=read))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert torn == []
    assert catalogue.revision == 40


def test_a_database_that_is_down_is_an_error(tmp_path: Path) -> None:
    """It never reads as "no roles known" of a document, nor as an empty catalogue."""
    engine = create_engine(f"sqlite:///{tmp_path}")  # a folder is no database
    with pytest.raises(CatalogueDownError):
        Catalogue(engine).roles_of(["wiki:a.md"])
    with pytest.raises(CatalogueDownError):
        Catalogue(engine).known()
