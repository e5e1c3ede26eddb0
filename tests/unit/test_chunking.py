import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.chunking import LIMIT, LIMIT_TOKENS, chunk_document, embedding_text
from knowledge.documents import Chunk, Document
from knowledge.markup import plain

SENTENCE = "The quick printer on floor three takes badges of all sizes. "
LINES = st.one_of(
    st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,20}", fullmatch=True),
    st.from_regex(r"#{1,4} [a-z]{1,9}( [a-z]{1,9}){0,3}", fullmatch=True),
    st.from_regex(r"- [a-z]{1,9}( [a-z]{1,9}){0,5}", fullmatch=True),
    st.from_regex(r"\| [a-z]{1,9} \| [a-z]{1,9} \|", fullmatch=True),
    st.sampled_from(["", "", "| --- | --- |", "```", "---", "x" * 1_200, SENTENCE * 20]),
)


def a_document(text: str, title: str = "Guide") -> Document:
    """Build a document around a text."""
    return Document("wiki:a.md", "wiki", title, "u", frozenset({"everyone"}), text, "hash")


def words(text: str) -> int:
    """Count as an embedder with a token for each word and comma would."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def chunked(text: str, title: str = "Guide") -> list[Chunk]:
    """Chunk a text with a plain token counter."""
    return chunk_document(a_document(text, title), words)


def test_a_chunk_says_under_which_headings_it_stands() -> None:
    """The breadcrumb is the title and the headings above, the anchor the nearest of them."""
    text = f"# Guide\n\n## Set *up*\n\n{SENTENCE * 5}\n\n### Wi-Fi & VPN\n\n{SENTENCE * 6}\n"

    first, second = chunked(text)

    assert (first.crumb, first.anchor) == ("Guide > Set up", "set-up")
    assert (second.crumb, second.anchor) == ("Guide > Set up > Wi-Fi & VPN", "wi-fi-vpn")
    assert [first.ord, second.ord] == [0, 1]
    assert [first.chunk_id, second.chunk_id] == ["wiki:a.md#00000", "wiki:a.md#00001"]
    assert embedding_text(first) == f"{first.crumb}\n{first.text}"


def test_a_deeper_heading_ends_with_its_parent() -> None:
    """What follows a heading of a higher level no longer stands under the lower one."""
    text = f"## A\n\n{SENTENCE * 5}\n\n### B\n\n{SENTENCE * 5}\n\n## C\n\n{SENTENCE * 5}"

    assert [chunk.crumb for chunk in chunked(text)] == ["Guide > A", "Guide > A > B", "Guide > C"]


@pytest.mark.parametrize(
    "block",
    [
        "```\n# no heading\n```",
        "~~~sh\n# no heading\n```\n# none either\n~~~",
        "````\n```\n# no heading\n```\n````",
        "```sh\n# no heading\n```sh\n# none either\n```",
    ],
)
def test_a_comment_in_a_code_block_is_no_heading(block: str) -> None:
    """A block ends at its own mark only."""
    text = f"# Start\n\n{SENTENCE * 5}\n{block}\n{SENTENCE}\n\n# End\n\n{SENTENCE * 5}"

    assert [chunk.crumb for chunk in chunked(text)] == ["Guide > Start", "Guide > End"]


def test_inline_code_at_the_start_of_a_line_opens_no_block() -> None:
    """The headings after it still count."""
    text = f"# Start\n\n```pip``` installs it. {SENTENCE * 5}\n\n# End\n\n{SENTENCE * 5}"

    assert [chunk.crumb for chunk in chunked(text)] == ["Guide > Start", "Guide > End"]


def test_short_sections_of_one_parent_share_a_chunk() -> None:
    """Their own headings then stand in the text, and their parent in the breadcrumb."""
    text = "# FAQ\n\n## Where?\n\nFloor three.\n\n## When?\n\nAfter nine o'clock.\n"

    (chunk,) = chunked(text, title="Badges")

    assert chunk.crumb == "Badges > FAQ"
    assert chunk.text == "# Where?\nFloor three.\n# When?\nAfter nine o'clock."


def test_short_sections_of_different_parents_stay_apart() -> None:
    """A fact never moves under a heading that it does not belong to."""
    text = "# A\n\n## One\n\nIt is on floor three.\n\n# B\n\n## Two\n\nIt is on floor four.\n"

    assert [(chunk.crumb, chunk.text) for chunk in chunked(text)] == [
        ("Guide > A > One", "It is on floor three."),
        ("Guide > B > Two", "It is on floor four."),
    ]


def test_a_very_short_fact_is_not_lost() -> None:
    """An answer of four digits under its own heading is found and quoted."""
    text = f"# Door code\n\n4711\n\n# Rules\n\n{SENTENCE * 5}"

    assert chunked(text)[0].text == "4711"


def test_the_end_of_a_long_section_is_not_lost() -> None:
    """What is left over after a cut is a piece of its own, never a crumb."""
    text = "word " * 179 + "the very end."

    chunks = chunked(text)

    assert chunks[-1].text.endswith("the very end.")
    assert min(len(chunk.text) for chunk in chunks) > 100


def test_a_heading_without_text_is_no_chunk() -> None:
    """It would match by its breadcrumb and answer nothing."""
    assert chunked("# Later\n\n---\n\n# Never\n") == []
    assert chunked("") == []


def test_every_row_of_a_long_table_names_its_columns() -> None:
    """The daily rate of Oslo was quoted as a bare number: its header stood in another chunk."""
    rows = "".join(f"| City number {n} | {n} EUR |\n" for n in range(200))

    chunks = chunked(f"# Rates\n\nBy city:\n\n| City | Rate |\n| --- | --- |\n{rows}\nThat is all.")

    lines = [line for chunk in chunks for line in chunk.text.splitlines() if "EUR" in line]
    assert len(chunks) > 3
    assert lines == [f"City: City number {n}; Rate: {n} EUR" for n in range(200)]


def test_a_table_becomes_rows_that_name_their_columns() -> None:
    """Each row can be quoted without the header above it."""
    text = "# Leave\n\n| Role | Days |\n| --- | --- |\n| Staff | 25 |\n| Intern | 10 |\n"

    (chunk,) = chunked(text)

    assert chunk.text == "Role: Staff; Days: 25\nRole: Intern; Days: 10"


def test_a_chunk_with_many_tokens_is_halved_until_the_embedder_reads_all_of_it() -> None:
    """Few characters can be many tokens; what passes the limit would be cut off unseen."""
    text = "a,b;c " * 140

    chunks = chunked(text)

    assert len(text) < LIMIT
    assert max(words(embedding_text(chunk)) for chunk in chunks) <= LIMIT_TOKENS
    assert "".join(chunk.text for chunk in chunks).count("a,b;c") == 140


@settings(deadline=None)
@given(st.lists(LINES, max_size=60))
def test_no_text_is_lost_and_every_offset_is_exact(lines: list[str]) -> None:
    """Whatever the document: bounded pieces, in order, that are the text they point at."""
    text = "\n".join(lines)
    document = a_document(text)
    chunks = chunk_document(document, words)

    covered = bytearray(len(text))
    end = 0
    for number, chunk in enumerate(chunks):
        assert chunk.ord == number
        assert end <= chunk.start < chunk.end <= len(text)
        assert chunk.end - chunk.start <= LIMIT
        assert chunk.text == plain(text[chunk.start : chunk.end])
        assert words(embedding_text(chunk)) <= LIMIT_TOKENS
        covered[chunk.start : chunk.end] = b"x" * (chunk.end - chunk.start)
        end = chunk.end
    missed = "".join(c if c == "\n" or not covered[i] else " " for i, c in enumerate(text))
    for line in missed.splitlines():  # headings stand in breadcrumbs
        assert line.startswith("#") or not any(map(str.isalnum, line))
