"""The sample company's documents as simple pages: a stand-in for its wiki.

Knows nothing of who may read what: a wiki has its own doors. Only shows the roles that a
document names itself.
"""

import html
import mimetypes
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_SHOWN = {".html": "text/html", ".txt": "text/plain", ".csv": "text/plain"}


@dataclass(frozen=True, slots=True)
class ServedDocument:
    """One document as the server writes it."""

    body: bytes
    content_type: str
    is_download: bool = False


def find_document(folder: Path, path: str) -> Path | None:
    """Return the file of a path below a folder; None outside it, hidden or missing."""
    root = folder.resolve()
    for name in (path, f"{path}.md"):
        found = (root / name).resolve()
        is_inside = found.is_relative_to(root)
        if is_inside and found.is_file() and not _is_hidden(found.relative_to(root)):
            return found
    return None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def served(path: Path) -> ServedDocument:
    """Read one document; Markdown becomes a page, what browsers cannot show a download."""
    body = path.read_bytes()
    suffix = path.suffix.lower()
    if suffix == ".md":
        page = markdown_page(body.decode("utf-8", errors="replace"), path.stem)
        return ServedDocument(page.encode(), "text/html")
    if suffix in _SHOWN:
        return ServedDocument(body, _SHOWN[suffix])
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return ServedDocument(body, guessed, is_download=True)


def markdown_page(text: str, name: str) -> str:
    """Lay a Markdown document out as a page, its front matter on top.

    Args:
        text: The file.
        name: Title where the document has none.
    """
    facts, body = _split(text)
    title = str(facts.get("title") or name)
    tokens = _MARKDOWN.parse(body)
    _add_anchors(tokens)
    content = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    heading = "" if body.lstrip().startswith("# ") else f"<h1>{html.escape(title)}</h1>"
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{html.escape(title)}</title>"
        "<link rel='stylesheet' href='/docs.css'><link rel='icon' href='/icon.svg'>"
        f"<main>{_facts_line(facts)}{heading}{content}</main></html>"
    )


def _split(text: str) -> tuple[dict[str, Any], str]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        facts = yaml.safe_load(match[1])
    except yaml.YAMLError:
        facts = None
    return (facts if isinstance(facts, dict) else {}), text[match.end() :]


def _facts_line(facts: dict[str, Any]) -> str:
    roles = facts.get("roles")
    shown = {
        "For": ", ".join(map(str, roles)) if isinstance(roles, list) else roles,
        "Owner": facts.get("owner"),
        "Updated": facts.get("updated"),
    }
    parts = [
        f"<span><b>{label}</b> {html.escape(str(value))}</span>"
        for label, value in shown.items()
        if value
    ]
    return f"<p class='facts'>{''.join(parts)}</p>" if parts else ""


def _add_anchors(tokens: list[Token]) -> None:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", _slug(inline.content))


def _slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.casefold()).strip("-")  # as the index links them
