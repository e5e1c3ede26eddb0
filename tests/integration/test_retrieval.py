from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fakes import HashingEmbedder
from written_index import a_row, an_index, put

from knowledge.access import Audience
from knowledge.documents import Passage
from knowledge.errors import StoredIndexError
from knowledge.index import Index
from knowledge.retrieval import LEXICAL_WEIGHT, HybridRetriever, fused
from knowledge.snapshot import Hit

EVERYONE = Audience.from_role_sets([{"everyone"}])


@dataclass
class Truth:
    """A catalogue that agrees with what was written until it is told otherwise."""

    roles: dict[str, frozenset[str]] = field(default_factory=dict)

    def of(self, doc_ids: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Return the roles of the documents that are known."""
        return {name: self.roles[name] for name in doc_ids if name in self.roles}


@dataclass
class Library:
    """An index, its truth and a retriever."""

    index: Index
    truth: Truth
    retriever: HybridRetriever

    def find(self, question: str, audience: Audience = EVERYONE) -> tuple[Passage, ...]:
        """Return the passages for a question."""
        return self.retriever.search(question, audience).passages


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Five documents: one for HR, one of three chunks."""
    rows = [
        a_row("wifi", "The wifi code is on the door."),
        a_row("pay", "The wifi code of the payroll room is secret.", roles=["hr"]),
        a_row("lunch", "Lunch is served at noon."),
        a_row("codes", "Error A-561 means that the badge reader is offline."),
        *(a_row("long", f"The long wifi story, part {n}.", number=n) for n in range(3)),
    ]
    index, truth = an_index(tmp_path, rows), Truth()
    truth.roles = {row.document.doc_id: row.document.roles for row in rows}
    return Library(index, truth, HybridRetriever(index, HashingEmbedder(), truth.of))


def names(passages: Iterable[Passage]) -> list[str]:
    """Return the documents, in order."""
    return [passage.doc_id.removeprefix("wiki:").removesuffix(".md") for passage in passages]


def test_the_passage_that_bears_on_the_question_comes_first(library: Library) -> None:
    """By both halves together; the score is the one that decided."""
    passages = library.find("What is the wifi code?")

    assert passages[0].text == "The wifi code is on the door."
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    best = passages[0]
    assert best.lexical > 0
    assert best.score > (1 - LEXICAL_WEIGHT) * best.cosine


def test_a_code_is_found_by_its_letters(tmp_path: Path) -> None:
    """The vectors know nothing of ``A561``; the lexical half does, however it is written."""
    blank = HashingEmbedder().embed_query("")
    rows = [a_row(f"page{n:03d}", f"filler number {n}", vector=blank) for n in range(120)]
    rows.append(a_row("zzz", "Error A-561 means offline.", vector=-blank))
    truth = Truth({row.document.doc_id: row.document.roles for row in rows})
    library = HybridRetriever(an_index(tmp_path, rows), HashingEmbedder(), truth.of)

    found = library.search("a561", EVERYONE).passages

    assert "Error A-561 means offline." in [passage.text for passage in found]


def test_what_the_room_may_not_read_is_not_found(library: Library) -> None:
    """HR alone finds it; one more reader, and it is gone."""
    assert "pay" in names(library.find("wifi code", Audience.from_role_sets([{"hr"}])))
    assert "pay" not in names(library.find("wifi code"))
    both = Audience.from_role_sets([{"hr"}, {"everyone"}])
    assert library.find("wifi code", both) == ()


def test_a_room_that_may_read_nothing_learns_nothing(library: Library) -> None:
    """Not even how near something was, or how rare a word is."""
    found = library.retriever.search("wifi code", Audience.from_role_sets([{"guest"}]))

    assert found.passages == ()
    assert found.top_cosine == -1.0
    assert len(set(found.idf.values())) == 1


def test_only_so_many_chunks_of_one_document_are_taken(library: Library) -> None:
    """One long document does not crowd out the others."""

    def found(per_document: int) -> list[str]:
        retriever = replace(library.retriever, per_document=per_document)
        return names(retriever.search("The long wifi story", EVERYONE).passages)

    assert [found(n).count("long") for n in (1, 2, 3)] == [1, 2, 3]
    assert "wifi" in found(1)


def test_at_most_the_limit_is_returned(library: Library) -> None:
    """And they are the best."""
    best = library.find("wifi code")[:2]

    assert replace(library.retriever, limit=2).search("wifi code", EVERYONE).passages == best


def test_a_revocation_that_has_not_reached_the_index_counts(library: Library) -> None:
    """The catalogue's veto: narrowed and forgotten documents are gone at once."""
    library.truth.roles["wiki:wifi.md"] = frozenset({"hr"})
    del library.truth.roles["wiki:lunch.md"]

    found = library.retriever.search("wifi code lunch noon", EVERYONE)

    assert set(names(found.passages)) == {"codes", "long"}
    assert found.top_cosine == max(passage.cosine for passage in found.passages)


def test_a_grant_that_has_not_reached_the_index_does_not_count(library: Library) -> None:
    """Both must agree."""
    library.truth.roles["wiki:pay.md"] = frozenset({"everyone"})

    assert "pay" not in names(library.find("wifi code payroll"))


def test_a_new_document_is_found_by_the_next_question(library: Library) -> None:
    """Each question pins the newest version, and says which."""
    before = library.retriever.search("parking", EVERYONE).version
    put(library.index, [a_row("cars", "Parking is behind the house.")])
    library.truth.roles["wiki:cars.md"] = frozenset({"everyone"})

    found = library.retriever.search("parking", EVERYONE)

    assert names(found.passages)[0] == "cars"
    assert found.version == library.index.version != before


def test_the_nearest_of_all_is_known_even_where_it_is_cut(library: Library) -> None:
    """The relevance floor looks at the similarity, not at the fused rank."""
    found = replace(library.retriever, limit=1).search("wifi code", EVERYONE)
    everything = library.retriever.search("wifi code", EVERYONE)

    assert found.top_cosine == max(passage.cosine for passage in everything.passages)


@pytest.mark.parametrize(
    "question",
    [
        "",
        " ",
        "the of and",
        '"wifi code',
        "wifi' OR true --",
        "+wifi -code AND (NOT *) ~2 ^3 field:x",
        "wifi " * 20_000,
        "x" * 100_000,
        "wifi \ud800 code",
        "wifi\x00code",
        "🎉🎉🎉",
        "\u202ewifi\u200b",
        "%s {0} ${HOME} \\",
        "'; DROP TABLE chunks_v1; --",
    ],
)
def test_any_question_is_searched(library: Library, question: str) -> None:
    """Whatever a person types: an answer from what may be read, and no error."""
    found = library.retriever.search(question, EVERYONE)

    assert found.passages
    assert "pay" not in names(found.passages)
    assert len(found.query) <= 2_000
    found.query.encode()


def test_a_question_of_stop_words_only_has_no_lexical_half(library: Library) -> None:
    """It is searched by its vector alone."""
    found = library.retriever.search("the of and", EVERYONE)

    assert found.idf == {}
    assert all(passage.lexical == 0 for passage in found.passages)


def test_an_index_that_fails_is_one_error_of_ours(library: Library, tmp_path: Path) -> None:
    """The caller never sees what LanceDB raises."""
    snapshot = library.index.pin()
    for path in tmp_path.rglob("data/*.lance"):
        path.unlink()

    with pytest.raises(StoredIndexError):
        library.retriever.search("wifi code", EVERYONE)
    hit = Hit(row=0, chunk_id="a", doc_id="a", cosine=0.0, lexical=0.0, share=0.0)
    with pytest.raises(StoredIndexError):
        snapshot.passages(EVERYONE, [(hit, 0.0)])


def test_the_fused_score_is_a_weighted_sum_and_ties_go_by_id() -> None:
    """Nothing depends on which other rows were found, or in which order they came."""
    hits = [
        Hit(row=0, chunk_id="b", doc_id="b", cosine=0.5, lexical=9.0, share=0.2),
        Hit(row=1, chunk_id="a", doc_id="a", cosine=0.5, lexical=3.0, share=0.2),
        Hit(row=2, chunk_id="c", doc_id="c", cosine=0.1, lexical=1.0, share=1.0),
    ]

    ranked = fused(hits)

    assert [hit.chunk_id for hit, _ in ranked] == ["c", "a", "b"]
    assert ranked == fused(reversed(hits))
    assert ranked[0][1] == pytest.approx(0.65 * 0.1 + 0.35)
