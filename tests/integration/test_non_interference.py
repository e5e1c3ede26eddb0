"""What an audience may not see changes nothing that it can see: not even order or score."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import pytest
from lancedb.index import FTS
from lancedb.query import MatchQuery
from written_index import EMBEDDER, a_row, an_index

from knowledge.access import Audience, predicate
from knowledge.index import Index
from knowledge.retrieval import HybridRetriever
from knowledge.rows import IndexedChunk
from knowledge.terms import terms

ROOM = Audience.from_role_sets([{"eng", "everyone"}, {"ops", "everyone"}])
VISIBLE_ROLES = [{"everyone"}, {"eng", "ops"}, {"everyone", "hr"}]
HIDDEN_ROLES = [{"hr"}, {"eng"}, {"ops", "hr"}, set[str]()]
WORDS = ["wifi", "code", "door", "floor", "badge", "lunch", "menu", "noon", "leave", "form"]
QUESTIONS = ["wifi code", "lunch form of the badge", "unheard of"]
N_VARIANTS = 15  # of one corpus: 105 pairs
CUT = 6  # small, so that ties stand at the edge


def some_text(chance: random.Random) -> str:
    """Return a few words; few enough that texts repeat and scores tie."""
    return " ".join(chance.choices(WORDS, k=chance.choice([1, 2, 2, 8])))


def variants(seed: int) -> Iterator[list[IndexedChunk]]:
    """Yield corpora that differ in hidden rows only: their number, words, order and places."""
    chance = random.Random(seed)  # noqa: S311  # repeatable, no secret
    visible = [
        a_row(f"seen{n:03d}", some_text(chance), roles=chance.choice(VISIBLE_ROLES))
        for n in range(chance.choice([8, 20, 70]))
    ]
    for _ in range(N_VARIANTS):
        hidden = [
            a_row(
                f"{chance.choice('az')}hidden{n:03d}",
                chance.choice([*QUESTIONS, some_text(chance), "wifi " * 40]),
                roles=chance.choice(HIDDEN_ROLES),
            )
            for n in range(chance.choice([0, 1, 30, 90]))
        ]
        yield chance.sample(visible + hidden, len(visible + hidden))


def answers(folder: Path, seed: int, ask: Callable[[Index], Any], n: int = N_VARIANTS) -> list[Any]:
    """Ask the same of each variant of one corpus."""
    index = an_index(folder)
    found, held = [], set[str]()
    for number, rows in zip(range(n), variants(seed), strict=False):
        names = {row.document.doc_id for row in rows}
        index.write(replaced=sorted(held | names), rows=rows)
        held = names
        if number % 5 == 4:
            index.optimize()
        found.append(ask(index))
    return found


def roles_of(doc_ids: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Say what a catalogue would that agrees with the index about all that may be seen."""
    return {name: frozenset({"everyone"}) for name in doc_ids}


def ask_both_halves(index: Index) -> list[Any]:
    """Return all that a search and a retriever tell, but for where it is stored."""
    snapshot, told = index.pin(), []
    for question in QUESTIONS:
        query = sorted(set(terms(question)))
        hits = snapshot.search(ROOM, EMBEDDER.embed_query(question), query, cut=CUT)
        told += sorted((replace(hit, row=0) for hit in hits), key=lambda hit: hit.chunk_id)
        found = HybridRetriever(index, EMBEDDER, roles_of).search(question, ROOM)
        told += [found.query, found.vector.tobytes(), found.passages, found.top_cosine, found.idf]
    return told


def ask_lancedb_full_text(index: Index) -> list[Any]:
    """Return what LanceDB's own lexical search says about the rows the room may see."""
    table = raw(index)
    table.create_index("text", config=FTS(with_position=False), replace=True)
    query = table.search(MatchQuery(QUESTIONS[0], "text"), query_type="fts")
    found = query.where(predicate(ROOM), prefilter=True).select(["id", "_score"]).limit(1_000)
    return [(row["id"], row["_score"]) for row in found.to_list()]


def ask_with_a_late_filter(index: Index) -> list[Any]:
    """Return what is left when the nearest rows are found first and filtered then."""
    query = raw(index).search(EMBEDDER.embed_query(QUESTIONS[0])).distance_type("cosine")
    found = query.where(predicate(ROOM), prefilter=False).select(["id", "_distance"]).limit(CUT)
    return [row["id"] for row in found.to_list()]


def raw(index: Index) -> Any:
    """Open the table as somebody would who goes round the library."""
    folder = str(index._folder / "lance")  # noqa: SLF001  # there is no public way round
    database = lancedb.connect(folder, read_consistency_interval=timedelta(0))
    return database.open_table("chunks_v1")


@pytest.mark.parametrize("seed", range(6))
def test_hidden_rows_change_nothing_that_may_be_seen(tmp_path: Path, seed: int) -> None:
    """15 variants of a corpus are 105 pairs: hits, order, texts and scores agree to the bit."""
    first, *others = answers(tmp_path, seed, ask_both_halves)

    assert [number for number, other in enumerate(others, start=1) if other != first] == []


@pytest.mark.parametrize("ask", [ask_lancedb_full_text, ask_with_a_late_filter])
def test_a_search_that_tells_of_hidden_rows_is_caught(
    tmp_path: Path, ask: Callable[[Index], Any]
) -> None:
    """The same corpora tell a lexical order with global statistics, and a filter after the cut."""
    first, *others = answers(tmp_path, 2, ask, n=6)

    assert any(other != first for other in others)
