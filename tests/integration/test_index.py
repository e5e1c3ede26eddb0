import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS, IvfFlat
from lancedb.query import MatchQuery
from written_index import EMBEDDER, VERSIONS, a_row, an_index, put, reopened, texts

from knowledge.access import Audience, predicate
from knowledge.errors import (
    AccessError,
    FilterBrokenError,
    IndexMismatchError,
    IndexMissingError,
    StoredIndexError,
)
from knowledge.index import Index
from knowledge.rows import NOBODY, IndexedChunk
from knowledge.snapshot import Lexicon, Snapshot

ALL = 1_000  # above the rows of every table here
NAMES = ("everyone", "hr", "legal")
ROLE_SETS = [frozenset(some) for n in (1, 2, 3) for some in combinations(NAMES, n)]
WIFI = EMBEDDER.embed_query("wifi code")

Room = Sequence[frozenset[str]]
Search = Callable[[Room, int], list[str]]  # readers and a limit to ids of chunks


def an_audience(*readers: str) -> Audience:
    """Build an audience; the roles of each reader are written with blanks between them."""
    return Audience.from_role_sets(reader.split() for reader in readers or ("everyone",))


def nearest(index: Index, audience: Audience, limit: int = ALL) -> list[str]:
    """Return the ids that the vector half finds."""
    return [hit.chunk_id for hit in index.pin().search(audience, WIFI, [], cut=limit)]


def raw(folder: Path, name: str = "chunks_v1") -> Any:
    """Open the table as somebody would who goes round the library."""
    database = lancedb.connect(str(folder / "lance"), read_consistency_interval=timedelta(0))
    return database.open_table(name)


# The rule, by itself and against doubles that are known to be bad


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """One chunk for each set of roles, and one for nobody."""
    rows = [a_row("-".join(sorted(roles)), roles=roles) for roles in ROLE_SETS]
    return an_index(tmp_path_factory.mktemp("shelf"), [*rows, a_row("nobody", roles=[])])


@pytest.mark.parametrize("room", list(combinations_with_replacement(ROLE_SETS, 2)))
def test_a_room_gets_exactly_what_all_of_it_may_read(shelf: Index, room: Room) -> None:
    """Nothing forbidden comes back, and nothing allowed is lost."""
    audience = Audience.from_role_sets(room)
    snapshot = shelf.pin()
    hits = snapshot.search(audience, WIFI, ["wifi"], cut=ALL)
    found = snapshot.passages(audience, [(hit, 0.0) for hit in hits])

    allowed = {roles for roles in ROLE_SETS if all(roles & reader for reader in room)}
    assert {passage.roles for passage in found} == allowed
    assert len(found) == len(hits) == len(allowed)


POOL = [f"team-{n}" for n in range(12)]
HOSTILE = "x']) OR true OR array_has_any(roles, ['x"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[IndexedChunk]]:
    """240 chunks with random roles, some without any."""
    rng = random.Random(7)  # noqa: S311  # repeatable, no secret
    rows = [
        a_row(f"page{n}", f"wifi word{n % 17}", roles=rng.sample(POOL, rng.choice([0, 1, 1, 2, 5])))
        for n in range(240)
    ]
    folder = tmp_path_factory.mktemp("corpus")
    an_index(folder, rows)
    return folder, rows


def rooms(n: int) -> Iterator[Room]:
    """Yield random rooms, and the two that careless code gets wrong."""
    rng = random.Random(11)  # noqa: S311  # repeatable, no secret
    yield [frozenset({POOL[0]}), frozenset({POOL[1]})]
    yield [frozenset({HOSTILE})]
    for _ in range(n):
        readers = range(rng.choice([1, 1, 2, 3, 6]))
        yield [frozenset(rng.sample(POOL, rng.choice([1, 2, 4]))) for _ in readers]


def wrong_rooms(search: Search, rows: list[IndexedChunk], n_rooms: int) -> list[Room]:
    """Return the rooms that got something else than the rule in its plainest words says."""
    wrong = []
    for room in rooms(n_rooms):
        allowed = {r.chunk.chunk_id for r in rows if all(r.document.roles & one for one in room)}
        everything, ten = search(room, len(rows)), search(room, 10)
        is_full = len(ten) == min(10, len(allowed)) and allowed.issuperset(ten)
        if sorted(everything) != sorted(allowed) or not is_full:
            wrong.append(room)
    return wrong


def test_random_rooms_get_what_the_rule_says(corpus: tuple[Path, list[IndexedChunk]]) -> None:
    """300 audiences, all of it and the nearest ten; a role that cannot be quoted gets nothing."""
    folder, rows = corpus
    index = reopened(folder)

    def search(room: Room, limit: int) -> list[str]:
        try:
            return nearest(index, Audience.from_role_sets(room), limit)
        except AccessError:
            return []

    assert wrong_rooms(search, rows, 300) == []


def unfiltered(room: Room) -> None:
    """Take a missing filter for one that lets nothing through."""


def formatted(room: Room) -> str:
    """Write role names into the filter as they come."""
    return " AND ".join(f"array_has_any(roles, [{_names(reader)}])" for reader in room)


def common(room: Room) -> str:
    """Ask for a role that all readers share."""
    return f"array_has_any(roles, [{_names(frozenset.intersection(*room))}])"


def negated(room: Room) -> str:
    """Leave out what names a role that a reader lacks."""
    lacking = frozenset(POOL) - frozenset.intersection(*room)
    return f"NOT array_has_any(roles, [{_names(lacking)}])"


def _names(roles: frozenset[str]) -> str:
    return ", ".join(f"'{role}'" for role in sorted(roles))


@pytest.mark.parametrize(
    ("where", "is_prefilter", "n_wrong"),
    [
        (unfiltered, True, 32),
        (formatted, True, 1),  # the hostile role
        (common, True, 10),
        (negated, True, 30),
        (formatted, False, 10),
    ],
)
def test_a_careless_filter_is_caught(
    corpus: tuple[Path, list[IndexedChunk]],
    where: Callable[[Room], str | None],
    *,
    is_prefilter: bool,
    n_wrong: int,
) -> None:
    """The harness sees each filter that is known to be bad, also one applied too late."""
    folder, rows = corpus
    table = raw(folder)

    def search(room: Room, limit: int) -> list[str]:
        query = table.search(WIFI).where(where(room), prefilter=is_prefilter)
        return [row["id"] for row in query.select(["id", "_distance"]).limit(limit).to_list()]

    assert len(wrong_rooms(search, rows, 30)) >= n_wrong


# What LanceDB does: each of these facts shaped the code, and an upgrade may change it


@pytest.fixture
def loose(tmp_path: Path) -> Any:
    """A table that does not forbid what ours forbids: empty, missing and null roles."""
    item = pa.list_(pa.string())
    schema = pa.schema(
        [("id", pa.string()), ("roles", item), ("vector", pa.list_(pa.float32(), 2))]
    )
    table = lancedb.connect(str(tmp_path)).create_table("loose", schema=schema)
    roles: dict[str, Any] = {"a": ["a"], "b": ["b"], "empty": [], "null": None, "hole": [None]}
    table.add([{"id": name, "roles": r, "vector": [1.0, 0.0]} for name, r in roles.items()])
    table.create_index("id", config=FTS(with_position=False))
    return table


def ids(query: Any) -> list[str]:
    """Run a query of any kind."""
    return sorted(row["id"] for row in query.limit(ALL).to_list())


EVERYTHING = ["a", "b", "empty", "hole", "null"]


def test_lancedb_takes_no_predicate_for_no_filter(loose: Any) -> None:
    """``where(None)`` lets everything through: an audience must never become None."""
    assert ids(loose.search([1.0, 0.0]).where(None)) == EVERYTHING
    assert ids(loose.search().where(None)) == EVERYTHING
    assert ids(loose.search(MatchQuery("a b hole", "id"), query_type="fts").where(None)) == [
        "b",
        "hole",
    ]


def test_lancedb_refuses_an_empty_predicate_except_in_its_hybrid_search(loose: Any) -> None:
    """There it is no filter at all: we never use that search."""
    with pytest.raises(ValueError, match="parsing statement"):
        ids(loose.search([1.0, 0.0]).where(""))
    hybrid = loose.search(query_type="hybrid", vector_column_name="vector")
    hybrid = hybrid.vector([1.0, 0.0]).text("hole").where("")
    assert ids(hybrid) == EVERYTHING


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("array_has_any(roles, ['a'])", ["a"]),
        ("array_has_any(roles, ['a']) AND array_has_any(roles, ['b'])", []),
        ("array_has_any(roles, [])", []),
        ("array_has_any(roles, ['A'])", []),
        ("NOT array_has_any(roles, ['a'])", ["b", "empty", "hole"]),
        ("array_has_any(roles, [NULL])", ["hole"]),
        (f"array_has_any(roles, ['{HOSTILE}'])", EVERYTHING),
    ],
)
def test_lancedb_evaluates_a_predicate_on_roles(loose: Any, where: str, found: list[str]) -> None:
    """Named roles never match rows without them; NOT, NULL and unquoted names do."""
    assert ids(loose.search().where(where)) == found


def test_lancedb_cannot_write_an_empty_list_of_roles(loose: Any) -> None:
    """Taking all roles away would fail, so a row for nobody says so by a name."""
    with pytest.raises((RuntimeError, ValueError, OSError)):
        loose.update(where="id = 'a'", values={"roles": []})
    assert ids(loose.search().where("array_has_any(roles, ['a'])")) == ["a"]


def test_lancedb_measures_by_another_distance_unless_told(loose: Any) -> None:
    """Without an index the default is L2, so each query names the cosine."""
    (row, *_) = loose.search([0.0, 1.0]).limit(1).to_list()
    (told, *_) = loose.search([0.0, 1.0]).distance_type("cosine").limit(1).to_list()

    assert row["_distance"] == pytest.approx(2.0)
    assert told["_distance"] == pytest.approx(1.0)


@pytest.mark.parametrize("number", [0.0, float("nan")])
def test_lancedb_answers_a_vector_without_direction(loose: Any, number: float) -> None:
    """It raises nothing, which is why we check the vector first."""
    found = loose.search([number, number]).distance_type("cosine").limit(ALL).to_list()

    assert found == []


def test_lancedb_never_shows_a_change_to_a_handle_with_its_default_consistency(
    tmp_path: Path,
) -> None:
    """A revocation by another process would go unseen for good."""
    table = lancedb.connect(str(tmp_path)).create_table("one", data=[{"id": "a", "open": True}])
    held = lancedb.connect(str(tmp_path)).open_table("one")
    fresh = lancedb.connect(str(tmp_path), read_consistency_interval=timedelta(0)).open_table("one")
    assert held.count_rows("open") == fresh.count_rows("open") == 1

    table.update(values={"open": False})

    assert held.count_rows("open") == 1
    assert fresh.count_rows("open") == 0


def test_lancedb_keeps_the_metric_of_a_vector_index(tmp_path: Path) -> None:
    """The default metric changes on the day when an index is built: one more reason to name it."""
    rng = np.random.default_rng(3)
    rows = [{"id": str(n), "vector": v} for n, v in enumerate(rng.normal(size=(300, 4)))]
    table = lancedb.connect(str(tmp_path)).create_table("v", data=rows)
    vector = [1.0, 0.0, 0.0, 0.0]
    before = table.search(vector).limit(1).to_list()[0]["_distance"]

    table.create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=1))

    after = table.search(vector).limit(1).to_list()[0]["_distance"]
    assert before > after


# Writing


def test_a_write_gives_documents_exactly_these_chunks_in_one_version(tmp_path: Path) -> None:
    """Old chunks go, new ones come, other documents stay, and no reader sees half of it."""
    index = an_index(
        tmp_path,
        [a_row("a", "old one"), a_row("a", "old two", number=1), a_row("b", "other")],
    )
    before = index.version

    after = index.write(replaced=["wiki:a.md", "wiki:c.md"], rows=[a_row("a", "new"), a_row("c")])

    assert texts(index) == ["The wifi code is on the door.", "new", "other"]
    table, _, number = before.partition("@")
    assert after == index.version == f"{table}@{int(number) + 1}"


def test_an_empty_batch_deletes(tmp_path: Path) -> None:
    """A document that is gone leaves no chunk behind."""
    index = an_index(tmp_path, [a_row("a", "gone"), a_row("b", "stays")])

    index.write(replaced=["wiki:a.md"], rows=[])

    assert texts(index) == ["stays"]
    assert index.count() == 1


def test_nothing_to_write_is_no_new_version(tmp_path: Path) -> None:
    """A run that found nothing changed leaves the index as it was."""
    index = an_index(tmp_path, [a_row("a")])

    assert index.write(replaced=[], rows=[]) == index.version == reopened(tmp_path).version
    assert index.count() == 1


def test_a_key_that_stands_twice_in_a_batch_is_written_once(tmp_path: Path) -> None:
    """The last one counts."""
    index = an_index(tmp_path)

    index.write(replaced=["wiki:a.md"], rows=[a_row("a", "first"), a_row("a", "second")])

    assert texts(index) == ["second"]


def test_a_name_with_a_quote_harms_no_other_document(tmp_path: Path) -> None:
    """Names of files come from people."""
    index = an_index(tmp_path, [a_row("o'hara", "mine"), a_row("x' OR true --", "theirs")])

    index.write(replaced=["wiki:o'hara.md"], rows=[])
    index.set_roles({"wiki:x' OR true --.md": frozenset({"hr"})})

    assert texts(index, {"hr"}) == ["theirs"]


def test_everything_about_a_chunk_comes_back(tmp_path: Path) -> None:
    """What was written is what a passage says, its link with the anchor of the heading."""
    row = a_row("a", "Bring both cards.")
    document = replace(row.document, owner="Ann Ames", updated=date(2026, 3, 1))
    chunk = replace(row.chunk, anchor="cards", crumb="a > Cards")
    index = an_index(tmp_path, [replace(row, document=document, chunk=chunk)])
    snapshot = index.pin()

    (hit,) = snapshot.search(an_audience(), row.vector, ["card", "zebra"], cut=5)
    (passage,) = snapshot.passages(an_audience(), [(hit, 0.5)])

    assert (passage.chunk_id, passage.doc_id, passage.title) == (
        "wiki:a.md#00000",
        "wiki:a.md",
        "a",
    )
    assert (passage.crumb, passage.text) == ("a > Cards", "Bring both cards.")
    assert passage.url == "https://wiki.example/a#cards"
    assert (passage.owner, passage.updated) == ("Ann Ames", date(2026, 3, 1))
    assert passage.roles == {"everyone"}
    assert (passage.score, passage.cosine, passage.lexical) == (0.5, hit.cosine, hit.lexical)
    assert hit.cosine == pytest.approx(1.0, abs=1e-6)
    assert 0 < hit.share < 1


def test_vectors_are_found_by_the_text_that_was_embedded(tmp_path: Path) -> None:
    """What did not change is not embedded again."""
    row = a_row("a", "Bring both cards.")
    index = an_index(tmp_path)
    assert index.vectors_of(["wiki:a.md"]) == {}
    put(index, [row, a_row("b")])

    assert index.vectors_of([]) == {}
    found = index.vectors_of(["wiki:a.md", "wiki:none.md"])
    assert list(found) == ["a\nBring both cards."]
    assert found["a\nBring both cards."].tolist() == row.vector.tolist()


# Access that changes, and readers at work meanwhile


def test_a_revocation_by_another_process_is_seen_at_the_next_question(tmp_path: Path) -> None:
    """Roles change without embedding, and nobody keeps what was taken from him."""
    an_index(tmp_path, [a_row("a", "secret", roles=["everyone"]), a_row("b", "open")])
    reader, writer = reopened(tmp_path), reopened(tmp_path)
    assert texts(reader) == ["open", "secret"]

    writer.set_roles({"wiki:a.md": frozenset({"hr"})})

    assert texts(reader) == ["open"]
    assert texts(reader, {"hr"}) == ["secret"]
    assert texts(reader, {"hr"}, {"everyone"}) == []


def test_taking_all_roles_away_leaves_a_document_for_nobody(tmp_path: Path) -> None:
    """The name that stands for nobody is no role that anybody could have."""
    index = an_index(tmp_path, [a_row("a", "secret"), a_row("b", "open")])

    index.set_roles({"wiki:a.md": frozenset()})

    assert texts(index) == ["open"]
    with pytest.raises(AccessError):
        an_audience(NOBODY)


def revisions(found: Sequence[str]) -> set[str]:
    """Return which revisions stand in what was read."""
    return {text.split()[-1] for text in found}


def page_rows(revision: int) -> list[IndexedChunk]:
    """Build all pages of one revision."""
    return [a_row(f"page{n}", f"wifi page{n} revision {revision}") for n in range(20)]


def test_a_question_sees_one_revision_while_everything_is_replaced(tmp_path: Path) -> None:
    """Search and text come from the version that was pinned; the next question gets the new one."""
    index = an_index(tmp_path, page_rows(1))
    writer = reopened(tmp_path)
    snapshot = index.pin()
    hits = snapshot.search(an_audience(), WIFI, ["wifi"], cut=ALL)

    put(writer, page_rows(2))
    writer.optimize()

    again = snapshot.search(an_audience(), WIFI, ["wifi"], cut=ALL)
    passages = snapshot.passages(an_audience(), [(hit, 0.0) for hit in hits])
    assert sorted(hits, key=lambda hit: hit.chunk_id) == sorted(again, key=lambda hit: hit.chunk_id)
    assert len(passages) == 20
    assert revisions([passage.text for passage in passages]) == {"1"}
    assert revisions(texts(index)) == {"2"}


def test_a_question_that_pins_nothing_is_caught(tmp_path: Path) -> None:
    """The same writer makes an unpinned reader lose what it had just found."""
    index = an_index(tmp_path, page_rows(1))
    table = raw(tmp_path)
    unpinned = Snapshot(table, Lexicon.load(table, "live"), "live")
    hits = unpinned.search(an_audience(), WIFI, ["wifi"], cut=ALL)

    put(index, page_rows(2))

    passages = unpinned.passages(an_audience(), [(hit, 0.0) for hit in hits])
    assert revisions([passage.text for passage in passages]) != {"1"}


# Versions and rebuilds


def test_an_index_that_is_not_there_says_what_to_run(tmp_path: Path) -> None:
    """A new installation is told the one command."""
    with pytest.raises(IndexMissingError, match="run `housevoice index`"):
        reopened(tmp_path)


@pytest.mark.parametrize("what", ["embedder", "chunker", "parser"])
def test_rows_of_different_makers_are_never_mixed(tmp_path: Path, what: str) -> None:
    """Another embedder, chunker or parser is refused, with the way out."""
    an_index(tmp_path, [a_row("a")])
    other = replace(VERSIONS, **{what: "new"})

    with pytest.raises(IndexMismatchError, match="--rebuild") as caught:
        Index.open_or_create(tmp_path, other, EMBEDDER.dim)

    assert (caught.value.what, caught.value.configured) == (what, "new")
    if what != "parser":  # a reader parses nothing
        with pytest.raises(IndexMismatchError):
            Index.open_existing(tmp_path, embedder=other.embedder, chunker=other.chunker)


def test_a_damaged_pointer_says_what_to_run(tmp_path: Path) -> None:
    """No table is guessed."""
    an_index(tmp_path, [a_row("a")])
    (tmp_path / "index.json").write_text('{"table": "chunks_v1"}')

    with pytest.raises(StoredIndexError, match="index --rebuild"):
        reopened(tmp_path)


def test_a_rebuild_is_unseen_until_it_is_published(tmp_path: Path) -> None:
    """The old table serves while the new one is written, also when nothing else has changed."""
    an_index(tmp_path, [a_row("a", "old")])
    reader = reopened(tmp_path)

    rebuilt = Index.open_or_create(tmp_path, VERSIONS, EMBEDDER.dim, rebuild=True)
    put(rebuilt, [a_row("a", "new")])
    assert texts(reader) == ["old"]
    assert texts(reopened(tmp_path)) == ["old"]
    assert texts(rebuilt) == ["new"]

    rebuilt.publish()
    assert texts(reader) == texts(reopened(tmp_path)) == ["new"]
    assert reader.version == rebuilt.version
    assert rebuilt.version.startswith("chunks_v2.")

    rebuilt.optimize()
    assert [path.name for path in (tmp_path / "lance").iterdir()] == ["chunks_v2.lance"]
    assert texts(reader) == ["new"]


def test_a_reader_of_another_embedder_stops_when_its_table_is_gone(tmp_path: Path) -> None:
    """Its vectors mean nothing in the new table: it serves the old one, then nothing."""
    an_index(tmp_path, [a_row("a", "old")])
    reader = reopened(tmp_path)
    other = replace(VERSIONS, embedder="hashing-2")

    rebuilt = Index.open_or_create(tmp_path, other, EMBEDDER.dim, rebuild=True)
    put(rebuilt, [a_row("a", "new")])
    rebuilt.publish()
    assert texts(reader) == ["old"]

    rebuilt.optimize()
    with pytest.raises(StoredIndexError, match="cannot be read"):
        reader.pin()


def test_a_rebuild_that_was_given_up_is_not_continued(tmp_path: Path) -> None:
    """The next one starts empty, under a name that nobody has read yet."""
    an_index(tmp_path, [a_row("a", "old")])
    given_up = Index.open_or_create(tmp_path, VERSIONS, EMBEDDER.dim, rebuild=True)
    put(given_up, [a_row("b", "half")])

    again = Index.open_or_create(tmp_path, VERSIONS, EMBEDDER.dim, rebuild=True)

    assert again.count() == 0
    put(again, [a_row("a", "new")])
    again.publish()
    again.optimize()
    assert again.version.startswith("chunks_v3.")
    assert texts(reopened(tmp_path)) == ["new"]


def test_an_earlier_version_can_be_asked_and_a_vanished_one_says_so(tmp_path: Path) -> None:
    """To replay an answer on what was there; nothing newer is served in the place of it."""
    index = an_index(tmp_path, [a_row("door")])
    before = index.version
    put(index, [a_row("door", "The wifi code is under the mat.")])

    def found(version: str) -> list[str]:
        snapshot = index.pin(version)
        hits = snapshot.search(an_audience(), WIFI, ["wifi"], cut=5)
        return [one.text for one in snapshot.passages(an_audience(), [(hit, 0.0) for hit in hits])]

    assert found(before) == ["The wifi code is on the door."]
    assert found("") == found(index.version) == ["The wifi code is under the mat."]
    for gone in ("chunks_v9@1", before.replace("@", "@9999")):
        with pytest.raises(StoredIndexError):
            index.pin(gone)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    """The first question may come before the first document."""
    index = an_index(tmp_path)

    assert index.pin().search(an_audience(), WIFI, ["wifi"], cut=5) == []
    assert index.pin().idf(an_audience(), ["wifi"])["wifi"] > 0
    assert index.count() == 0


# What comes back is checked again


def test_hits_of_one_audience_yield_no_text_for_another(tmp_path: Path) -> None:
    """A hit is only a place: the text is read through the filter of whoever reads it."""
    index = an_index(tmp_path, [a_row("a", "secret", roles=["hr"])])
    snapshot = index.pin()
    hits = [(hit, 0.0) for hit in snapshot.search(an_audience("hr"), WIFI, [], cut=5)]

    assert [passage.text for passage in snapshot.passages(an_audience("hr"), hits)] == ["secret"]
    assert snapshot.passages(an_audience("hr", "everyone"), hits) == []


class BlindTable:
    """A table whose engine has stopped to look at roles; everything else is real."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def search(self, *args: Any, **kwargs: Any) -> "BlindTable":
        return BlindTable(self._part.search(*args, **kwargs))

    def where(self, where: str, **kwargs: Any) -> Any:
        return self._part.where(where.replace(predicate(an_audience()), "true"), **kwargs)


def test_a_row_that_comes_back_against_the_filter_is_an_alarm(tmp_path: Path) -> None:
    """It is not dropped in silence: if the filter is in doubt, nothing may be answered."""
    an_index(tmp_path, [a_row("a", "secret", roles=["hr"]), a_row("b", "open")])
    table = raw(tmp_path)
    lexicon = Lexicon.load(table, "x")
    seeing, blind = Snapshot(table, lexicon, "x"), Snapshot(BlindTable(table), lexicon, "x")
    hits = [(hit, 0.0) for hit in seeing.search(an_audience("hr"), WIFI, [], cut=5)]

    with pytest.raises(FilterBrokenError) as caught:
        blind.passages(an_audience(), hits)
    assert caught.value.chunk_id == "wiki:a.md#00000"
    with pytest.raises(FilterBrokenError):
        blind.search(an_audience(), WIFI, ["secret"], cut=5)


# Vectors


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(32, np.float32),
        np.full(32, np.nan, np.float32),
        np.full(32, np.inf, np.float32),
        np.ones(32, np.float32),
        np.eye(1, 16, dtype=np.float32)[0],
        np.zeros(0, np.float32),
    ],
)
def test_a_vector_that_is_no_direction_of_this_index_is_refused(
    shelf: Index, vector: np.ndarray[Any, Any]
) -> None:
    """LanceDB would answer most of them with nonsense instead of an error."""
    with pytest.raises(StoredIndexError):
        shelf.pin().search(an_audience(), vector, ["wifi"], cut=5)


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, np.ndarray[Any, Any]]:
    """3,000 rows in 40 clusters: all for everyone, a tenth for eng, a fiftieth for hr."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(40, 32))
    vectors = centres[rng.integers(0, 40, 3_000)] + 0.4 * rng.normal(size=(3_000, 32))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    rows = []
    for n, vector in enumerate(vectors):
        roles = (
            {"everyone"} | ({"eng"} if n % 10 == 0 else set()) | ({"hr"} if n % 50 == 0 else set())
        )
        rows.append(a_row(f"page{n:04d}", "wifi", roles=roles, vector=vector))
    return an_index(tmp_path_factory.mktemp("clustered"), rows), vectors


def test_a_vector_index_changes_neither_metric_nor_what_is_nearest(
    clustered: tuple[Index, np.ndarray[Any, Any]],
) -> None:
    """Similarities are cosines to the last bit before and after; recall stays above 0.95."""
    index, vectors = clustered
    queries = vectors[:60:3]
    before = [
        {hit.chunk_id: hit.cosine for hit in index.pin().search(an_audience(), q, [], cut=10)}
        for q in queries
    ]
    index.optimize(ann_from_rows=1_000)

    kept = 0
    for query, old in zip(queries, before, strict=True):
        for role, step in (("everyone", 1), ("eng", 10), ("hr", 50)):
            hits = index.pin().search(an_audience(role), query, [], cut=10)
            exact = np.argsort(-(vectors[::step] @ query), kind="stable")[:10] * step
            names = {f"wiki:page{n:04d}.md#00000" for n in exact.tolist()}
            kept += len(names & {hit.chunk_id for hit in hits})
            if role == "everyone":
                assert names == old.keys()
                assert all(old.get(hit.chunk_id, hit.cosine) == hit.cosine for hit in hits)
                assert hits[0].cosine <= 1.0 + 1e-6
    assert kept / (len(queries) * 3 * 10) >= 0.95
