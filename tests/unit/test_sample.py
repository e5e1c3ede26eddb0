"""The sample company: its documents, who may read them, and the questions about them."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledge.access import EVERYONE
from knowledge.frontmatter import narrowed
from knowledge.parsing import Parsed, Parser
from knowledge.rules import load_rules

SAMPLE = Path(__file__).parents[2] / "knowledge" / "sample"
DOCUMENTS = SAMPLE / "documents"
DEPARTMENTS = {"people", "finance", "it", "engineering", "sales", "operations"}
ROLES = {EVERYONE, "hr", "finance", "engineering", "managers"}
BINARY = {".pdf", ".docx", ".pptx", ".xlsx"}


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
        """Tell whether a fact stands in it as a whole: ``6 percent`` not within 16 percent."""
        return bool(re.search(rf"(?<![\w.,]){re.escape(fact)}(?!\w|[.,]\d)", self.plain))


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
def cases() -> list[dict[str, Any]]:
    """The golden set."""
    loaded = yaml.safe_load((SAMPLE / "golden.yaml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = loaded["cases"]
    return found


def readable(pages: dict[str, Page], roles: list[str]) -> list[Page]:
    """What one reader with these roles may read."""
    return [page for page in pages.values() if not page.roles.isdisjoint(roles)]


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


def test_the_golden_set_is_large_and_mixed_enough(cases: list[dict[str, Any]]) -> None:
    """Ids and questions are unique, and every kind of question is there."""
    tags = Counter(tag for case in cases for tag in case["tags"])

    assert len(cases) >= 120
    assert len({case["id"] for case in cases}) == len(cases)
    assert len({case["question"].casefold() for case in cases}) == len(cases)
    assert {role for case in cases for role in case["roles"]} == ROLES
    assert tags["forbidden"] >= 15
    assert tags["unanswerable"] >= 10
    assert tags["out-of-scope"] >= 10
    assert {"factual", "multi-source", "superseded", "howto", "injected", "table"} <= set(tags)


def test_every_expected_fact_stands_in_a_source_that_the_asker_may_read(
    pages: dict[str, Page], cases: list[dict[str, Any]]
) -> None:
    """An answer can be right only if its sources are readable and say it."""
    for case in (case for case in cases if case["expect"] == "answer"):
        sources = [pages[path] for path in case["sources"]]
        assert sources, case["id"]
        assert case["facts"], case["id"]
        assert all(page in readable(pages, case["roles"]) for page in sources), case["id"]
        for fact in case["facts"]:
            assert any(page.says(fact) for page in sources), (case["id"], fact)


def test_every_source_of_a_case_contributes_a_fact(
    pages: dict[str, Page], cases: list[dict[str, Any]]
) -> None:
    """A source that says none of the facts would lower recall for nothing."""
    for case in cases:
        for path in case["sources"]:
            assert any(pages[path].says(fact) for fact in case["facts"]), (case["id"], path)


def test_forbidden_facts_stand_only_where_the_asker_may_not_read(
    pages: dict[str, Page], cases: list[dict[str, Any]]
) -> None:
    """Else the bot would be right to answer, and a leak would not be one."""
    for case in (case for case in cases if "forbidden" in case["tags"]):
        allowed = readable(pages, case["roles"])
        for fact in case["facts"]:
            assert any(page.says(fact) for page in pages.values()), (case["id"], fact)
            assert not any(page.says(fact) for page in allowed), (case["id"], fact)


def test_a_case_that_must_be_declined_names_no_source(cases: list[dict[str, Any]]) -> None:
    """Expect says answer or decline, and only forbidden facts come with a decline."""
    for case in cases:
        assert case["expect"] in {"answer", "decline"}
        if case["expect"] == "decline":
            assert not case["sources"], case["id"]
            assert case["facts"] or "forbidden" not in case["tags"], case["id"]
