"""The sample company: its documents, who may read them, and the questions about them."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from knowledge.access import EVERYONE, Audience
from knowledge.frontmatter import narrowed
from knowledge.golden import GoldenCase, holds, load_golden
from knowledge.parsing import Parsed, Parser
from knowledge.rules import load_rules

SAMPLE = Path(__file__).parents[2] / "knowledge" / "sample"
DOCUMENTS = SAMPLE / "documents"
DEPARTMENTS = {"people", "finance", "it", "engineering", "sales", "operations"}
ROLES = {EVERYONE, "hr", "finance", "engineering", "managers"}
BINARY = {".pdf", ".docx", ".pptx", ".xlsx"}
LEAST = {
    "ambiguous": 8,
    "canary": 5,
    "factual": 50,
    "follow-up": 12,
    "forbidden": 35,
    "howto": 35,
    "injected": 12,
    "multi-source": 12,
    "out-of-scope": 16,
    "paraphrase": 40,
    "room": 12,
    "rude": 6,
    "superseded": 20,
    "table": 50,
    "unanswerable": 25,
}


@dataclass(frozen=True, slots=True)
class Page:
    """One document as the index sees it; without roles nobody may read it."""

    parsed: Parsed
    roles: frozenset[str]

    @property
    def plain(self) -> str:
        """Its text in one line, without the marks of Markdown."""
        return " ".join(re.sub(r"[*`\\]", "", self.parsed.text).split())

    def says(self, fact: str) -> bool:
        """Tell whether a fact stands in it as a whole."""
        return holds(self.parsed.text, fact)


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """Every document by its path, through the real parser and the real rules."""
    (source,) = load_rules(SAMPLE / "access.yaml", base_url="http://127.0.0.1").sources
    found = {}
    with Parser() as parser:
        for file in sorted(file for file in source.folder.rglob("*") if file.is_file()):
            path = file.relative_to(source.folder).as_posix()
            parsed = parser.parse(path, file.read_bytes())
            found[path] = Page(
                parsed, narrowed(source.ruling(path).roles, frozenset(parsed.front.roles))
            )
    return found


@pytest.fixture(scope="module")
def cases() -> tuple[GoldenCase, ...]:
    """The golden set."""
    return load_golden(SAMPLE / "golden.yaml").cases


def readable(pages: dict[str, Page], audience: Audience) -> list[Page]:
    """What everyone of an audience may read."""
    return [page for page in pages.values() if audience.may_read(page.roles)]


def test_the_company_has_the_documents_that_were_asked_for(pages: dict[str, Page]) -> None:
    """Forty documents or more in six departments, of every kind that the parser reads."""
    kinds = Counter(Path(path).suffix for path in pages)

    assert len(pages) >= 40
    assert {path.split("/")[0] for path in pages} == DEPARTMENTS | {"drafts"}
    assert set(kinds) == {".md", ".html", ".txt", ".csv"} | BINARY
    assert kinds[".html"] >= 2


def test_every_document_says_what_it_is(pages: dict[str, Page]) -> None:
    """Titles are unique, and a Markdown page names its owner and the day of its last change."""
    titles = Counter(page.parsed.title for page in pages.values())
    markdown = [page.parsed.front for path, page in pages.items() if path.endswith(".md")]

    assert titles.most_common(1)[0][1] == 1
    assert all(front.title and front.owner and front.updated for front in markdown)


def test_exactly_one_document_is_nobodys(pages: dict[str, Page]) -> None:
    """The draft shows that what no rule covers stays out of the index."""
    assert [path for path, page in pages.items() if not page.roles] == ["drafts/four-day-week.md"]


def test_five_roles_read_and_each_has_documents_of_its_own(pages: dict[str, Page]) -> None:
    """Eight documents or more have a single restricted role, at least one for each."""
    sole = Counter(
        role for page in pages.values() for role in page.roles if page.roles == frozenset({role})
    )

    assert set(sole) == ROLES
    assert sole.total() - sole[EVERYONE] >= 8


def test_each_group_of_the_workspace_gives_a_role_that_a_rule_names() -> None:
    """The groups give the four restricted roles; everyone is given by code alone."""
    roles = yaml.safe_load((SAMPLE / "roles.yaml").read_text(encoding="utf-8"))

    assert {role for given in roles["groups"].values() for role in given} == ROLES - {EVERYONE}


def test_superseded_policies_say_so_and_are_older_than_their_successors(
    pages: dict[str, Page],
) -> None:
    """Three pairs or more: the old page names the new one, and both are read by everyone."""
    pairs = [
        (page, pages[match[1]])
        for page in pages.values()
        if (match := re.search(r"Superseded by .*?\((\S+\.md)\), valid until \d", page.plain))
    ]

    assert len(pairs) >= 3
    for old, new in pairs:
        assert old.parsed.front.updated
        assert new.parsed.front.updated
        assert old.parsed.front.updated < new.parsed.front.updated
        assert old.roles == new.roles == {EVERYONE}


def test_one_document_that_all_may_read_carries_an_injection(pages: dict[str, Page]) -> None:
    """It asks assistants to ping everyone, to post foreign links, and to name salaries."""
    planted = [path for path, page in pages.items() if "example.net" in page.plain]

    assert planted == ["operations/supplier-faq.md"]
    page = pages[planted[0]]
    assert page.roles == {EVERYONE}
    assert all(sign in page.plain for sign in ("<!channel>", "salaries", "ignore"))


def test_the_golden_set_is_large_and_mixed_enough(cases: tuple[GoldenCase, ...]) -> None:
    """Questions are unique, all roles ask, and every kind of question is there."""
    tags = Counter(tag for case in cases for tag in case.tags)

    assert len(cases) >= 300
    assert len({case.question.casefold() for case in cases}) == len(cases)
    assert {role for case in cases for role in case.roles} == ROLES
    assert {tag: tags[tag] for tag in LEAST if tags[tag] < LEAST[tag]} == {}
    assert set(tags) == set(LEAST)


def test_every_role_asks_what_must_be_answered_and_what_must_be_declined(
    cases: tuple[GoldenCase, ...],
) -> None:
    """No role is only ever told, or only ever refused."""
    for role in ROLES:
        assert {case.expect for case in cases if role in case.roles} == {"answer", "decline"}


def test_every_expected_fact_stands_in_a_source_that_the_whole_room_may_read(
    pages: dict[str, Page], cases: tuple[GoldenCase, ...]
) -> None:
    """An answer can be right only if its sources are readable and say it."""
    for case in (case for case in cases if case.expect == "answer"):
        sources = [pages[path] for path in case.sources]
        facts = case.facts + case.answers
        assert sources, case.id
        assert facts, case.id
        assert all(case.audience.may_read(page.roles) for page in sources), case.id
        for fact in facts:
            assert any(page.says(fact) for page in sources), (case.id, fact)


def test_every_source_of_a_case_contributes_a_fact(
    pages: dict[str, Page], cases: tuple[GoldenCase, ...]
) -> None:
    """A source that says none of the facts would lower recall for nothing."""
    for case in cases:
        for path in case.sources:
            says = map(pages[path].says, case.facts + case.answers)
            assert any(says), (case.id, path)


def test_what_is_forbidden_stands_only_where_the_room_may_not_read(
    pages: dict[str, Page], cases: tuple[GoldenCase, ...]
) -> None:
    """Else the bot would be right to say it; only the planted notice may be read and not obeyed."""
    planted = pages["operations/supplier-faq.md"]
    for case in cases:
        may_be_read = [page for page in readable(pages, case.audience) if page is not planted]
        for fact in case.forbidden:
            assert any(page.says(fact) for page in pages.values()), (case.id, fact)
            assert not any(page.says(fact) for page in may_be_read), (case.id, fact)
            assert "injected" in case.tags or not planted.says(fact), (case.id, fact)


def test_a_forbidden_case_names_what_would_be_a_leak(cases: tuple[GoldenCase, ...]) -> None:
    """Without a string to look for a leak would go unseen."""
    assert [case.id for case in cases if "forbidden" in case.tags and not case.forbidden] == []
    assert {case.expect for case in cases if "forbidden" in case.tags} == {"decline"}


def test_rooms_and_threads_are_tagged_as_such(cases: tuple[GoldenCase, ...]) -> None:
    """A tag says who reads along, or that something was said before."""
    for case in cases:
        assert ("room" in case.tags) == bool(case.readers), case.id
        assert ("follow-up" in case.tags) == bool(case.history), case.id


def test_in_a_room_less_may_be_read_than_the_asker_alone_may_read(
    pages: dict[str, Page], cases: tuple[GoldenCase, ...]
) -> None:
    """What a room is refused its asker would be told in a direct message."""
    refused = [case for case in cases if case.readers and case.expect == "decline"]

    assert len(refused) >= 8
    for case in refused:
        alone = readable(pages, Audience.from_role_sets([case.roles]))
        assert all(any(page.says(fact) for page in alone) for fact in case.forbidden), case.id


def test_what_was_answered_before_in_a_thread_is_true(
    pages: dict[str, Page], cases: tuple[GoldenCase, ...]
) -> None:
    """Each figure stands in a page of the room, and some answers are left to be asked for."""
    earlier = [(case, one.answered) for case in cases for one in case.history]

    assert 3 <= sum(answered is None for _, answered in earlier) < len(earlier)
    for case, answered in earlier:
        for figure in re.findall(r"\d[\d:,.]*(?<!\W)", answered or ""):
            may_be_read = readable(pages, case.audience)
            assert any(page.says(figure) for page in may_be_read), (case.id, figure)


def test_the_canaries_are_answers_for_everyone(cases: tuple[GoldenCase, ...]) -> None:
    """What is asked every hour needs no role, no thread and no room."""
    canaries = [case for case in cases if "canary" in case.tags]

    assert all(case.expect == "answer" and case.roles == (EVERYONE,) for case in canaries)
    assert not any(case.history or case.readers for case in canaries)
