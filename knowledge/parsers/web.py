"""HTML pages as Markdown, without their navigation and without what a browser hides.

A page that marks its main part is taken at its word; else trafilatura finds the main text, and
where it finds none, or flattens a short page, the whole body is read.
"""

import re
from collections.abc import Callable

import lxml.html
import trafilatura
from lxml.etree import strip_elements
from lxml.html import HtmlElement

from knowledge.parsers.front import opened
from knowledge.parsers.plain import decoded
from knowledge.parsers.reading import Reading, UnreadableError, cleaned, one_line
from knowledge.parsers.tree import from_element

_NEVER_SHOWN = ("script", "style", "noscript", "template", "svg", "iframe", "object", "select")
_AROUND = re.compile(r"\b(?:breadcrumbs?|footer|menu|nav|navigation|sidebar)\b", re.IGNORECASE)
_MARKUP = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<(?!!--)[^>]*>", re.DOTALL | re.IGNORECASE
)
_TOP = 16_384  # characters in which readers may be named
_MAIN = "//main | //*[@role='main' and not(self::main)]"
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def read_html(data: bytes) -> Reading:
    """Read a web page; front matter may stand before it, as in Markdown."""
    before = _front(data)
    if before.front_problem:
        return before
    if before.front:
        data = before.text.encode()
    page = lxml.html.document_fromstring(data, parser=_parser(data))
    title = one_line(page.findtext(".//title") or "")
    strip_elements(page, *_NEVER_SHOWN, with_tail=False)
    _drop(page, _is_hidden)
    text = _marked(page) or _found(page) or _all(page)
    return Reading(text, title=title, front=before.front)


def _front(data: bytes) -> Reading:
    """Read what stands before a page, or object to what its first lines show or comment."""
    try:
        text = cleaned(decoded(data))
    except UnreadableError:
        return Reading("")  # perhaps of an encoding that the page itself names
    if not text.startswith("<"):
        return opened(text)
    shown = opened(_MARKUP.sub("\n", text[:_TOP]))
    problem = "is not read: it stands below the first tag" if shown.front else shown.front_problem
    return Reading("", front_problem=problem)


def _marked(page: HtmlElement) -> str:
    parts = page.xpath(_MAIN) or page.xpath("//article")
    return from_element(parts[0]) if len(parts) == 1 else ""


def _found(page: HtmlElement) -> str:
    text = trafilatura.extract(
        lxml.html.tostring(page, encoding="unicode"),
        output_format="markdown",
        include_comments=False,
        include_formatting=True,
        include_tables=True,
        favor_recall=True,
    )
    is_flat = text and page.xpath("//h1 | //h2 | //h3") and "# " not in text
    return "" if is_flat else text or ""


def _all(page: HtmlElement) -> str:
    strip_elements(page, "nav", "footer", "aside", with_tail=False)
    _drop(page, lambda one: bool(_AROUND.search(f"{one.get('class', '')} {one.get('id', '')}")))
    return from_element(page.body)


def _drop(page: HtmlElement, is_unwanted: Callable[[HtmlElement], bool]) -> None:
    for element in [one for one in page.body.iterdescendants() if is_unwanted(one)]:
        element.drop_tree()


def _parser(data: bytes) -> lxml.html.HTMLParser:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        encoding = None  # as the page itself says
    else:
        encoding = "utf-8"
    return lxml.html.HTMLParser(
        encoding=encoding, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )


def _is_hidden(element: HtmlElement) -> bool:
    return "hidden" in element.attrib or bool(_HIDING.search(element.get("style", "")))
