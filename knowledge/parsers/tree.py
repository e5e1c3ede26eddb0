"""HTML elements to Markdown: every block of them, in order; knows no web pages."""

from collections.abc import Iterator

import lxml.html
from lxml.html import HtmlElement

from knowledge.parsers.reading import one_line, table

_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_BLOCKS = {
    *_HEADINGS, "address", "article", "aside", "blockquote", "body", "center", "dd", "details",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "header", "hr", "li", "main",
    "nav", "ol", "p", "pre", "section", "summary", "table", "ul",
}  # fmt: skip
_LISTS = ("ul", "ol")


def from_fragment(html: str) -> str:
    """Write a piece of HTML as Markdown."""
    return from_element(lxml.html.fragment_fromstring(html, create_parent="body"))


def from_element(element: HtmlElement) -> str:
    """Write all that is in an element as Markdown."""
    return "\n\n".join(_blocks(element))


def _blocks(element: HtmlElement) -> Iterator[str]:
    """Yield the blocks of a container; runs of inline text between them are blocks too."""
    run = [element.text or ""]
    for child in element:
        if child.tag in _BLOCKS:
            yield from filter(None, [one_line("".join(run)), *_block(child)])
            run = [child.tail or ""]
        else:
            run += [_inline(child), child.tail or ""]
    yield from filter(None, [one_line("".join(run))])


def _block(element: HtmlElement) -> Iterator[str]:
    if element.tag in _HEADINGS:
        text = one_line(_inline(element))
        yield f"{_HEADINGS[element.tag]} {text}" if text else ""
    elif element.tag == "table":
        yield table(_rows(element))
    elif element.tag in _LISTS:
        yield "\n".join(_items(element, ""))
    elif element.tag == "pre":
        yield f"```\n{_inline(element).strip()}\n```"
    else:
        yield from _blocks(element)


def _inline(element: HtmlElement) -> str:
    if element.tag == "br":
        return "\n"
    if element.tag == "img":
        return str(element.get("alt", ""))
    return "".join([element.text or "", *(_inline(one) + (one.tail or "") for one in element)])


def _rows(element: HtmlElement) -> Iterator[list[str]]:
    for row in element.iter("tr"):
        if next(row.iterancestors("table")) is element:
            yield [_cell(cell) for cell in row if cell.tag in ("td", "th")]


def _cell(cell: HtmlElement) -> str:
    return " ".join(_blocks(cell))


def _items(element: HtmlElement, indent: str) -> Iterator[str]:
    for number, item in enumerate(element.iterchildren("li"), 1):
        mark = f"{number}." if element.tag == "ol" else "-"
        inner = [one for one in item if one.tag in _LISTS]
        deeper = [line for one in inner for line in _items(one, indent + "  ")]
        for one in inner:
            one.drop_tree()
        if text := one_line(" ".join(_blocks(item))):
            yield f"{indent}{mark} {text}"
        yield from deeper
