"""PowerPoint files: what the audience sees, without speaker notes and hidden slides."""

from collections.abc import Iterator
from typing import Any

import pptx

from knowledge.parsers.package import checked_package
from knowledge.parsers.reading import Reading, one_line, table


def read_slides(data: bytes) -> Reading:
    """Read a presentation: a heading, the texts and the tables of each slide."""
    shown = [one for one in pptx.Presentation(checked_package(data)).slides if _is_shown(one)]
    blocks = [block for slide in shown for block in _slide(slide) if block]
    return Reading("\n\n".join(blocks), title=_title(shown[0]) if shown else "")


def _is_shown(slide: Any) -> bool:
    return slide.element.get("show") not in ("0", "false")


def _title(slide: Any) -> str:
    return one_line(slide.shapes.title.text_frame.text) if slide.shapes.title is not None else ""


def _slide(slide: Any) -> Iterator[str]:
    title = _title(slide)
    yield f"## {title}" if title else ""
    heading = slide.shapes.title
    for shape in slide.shapes:
        if heading is None or shape.shape_id != heading.shape_id:
            yield from _shape(shape)


def _shape(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):  # a group
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False):
        yield table([cell.text for cell in row.cells] for row in shape.table.rows)
    elif shape.has_text_frame:
        lines = ((one.level, one_line(one.text)) for one in shape.text_frame.paragraphs)
        yield "\n".join(f"{'  ' * level}- {text}" for level, text in lines if text)
