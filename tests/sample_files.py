"""Small real files of each kind, built in memory for the tests."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pptx
from pptx.util import Inches

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument"/></Relationships>'
)


def a_package(parts: Mapping[str, str | bytes]) -> bytes:
    """Zip some parts."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return file.getvalue()


def a_word_file(
    heading: str = "Travel",
    paragraphs: Sequence[str] = ("Book by rail.",),
    rows: Sequence[Sequence[str]] = (),
    *,
    prologue: str = "",
    more: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """Write a Word file: a heading, paragraphs and perhaps a table."""
    body = _paragraph(heading, "Heading1") + "".join(map(_paragraph, paragraphs))
    if rows:
        body += f"<w:tbl>{''.join(map(_row, rows))}</w:tbl>"
    document = (
        f'<?xml version="1.0"?>{prologue}<w:document xmlns:w="{_WORD}">'
        f"<w:body>{body}</w:body></w:document>"
    )
    return a_package(
        {
            "[Content_Types].xml": _CONTENT_TYPES,
            "_rels/.rels": _RELATIONS,
            "word/document.xml": document,
            **(more or {}),
        }
    )


def _paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def _row(cells: Sequence[str]) -> str:
    return f"<w:tr>{''.join(f'<w:tc>{_paragraph(cell)}</w:tc>' for cell in cells)}</w:tr>"


def a_pdf(*pages: Sequence[str], title: str = "") -> bytes:
    """Write a PDF with one line of text per string."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        shown = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        stream = f"BT /F1 12 Tf 72 720 Td {shown}ET".encode("cp1252")
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    objects.append(f"<< /Title ({title}) >>".encode())
    return _pdf_of(objects)


def _pdf_of(objects: Sequence[bytes]) -> bytes:
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, len(objects), len(data))
    )


def a_presentation() -> bytes:
    """Write two slides, the second one hidden, with a table and a note."""
    deck = pptx.Presentation()
    shown = deck.slides.add_slide(deck.slide_layouts[1])
    shown.shapes.title.text = "Launch plan"
    shown.placeholders[1].text = "Beta opens on 3 May\nPrice is 40 EUR"
    shown.notes_slide.notes_text_frame.text = "Do not mention the delay"
    cells = shown.shapes.add_table(2, 2, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for row, texts in enumerate((("Region", "Owner"), ("North", "Ines Okafor"))):
        for column, text in enumerate(texts):
            cells.cell(row, column).text = text
    hidden = deck.slides.add_slide(deck.slide_layouts[5])
    hidden.shapes.title.text = "Backup numbers"
    hidden.element.set("show", "0")
    file = BytesIO()
    deck.save(file)
    return file.getvalue()


def a_workbook(rows: Sequence[Sequence[object]], *, percent: str = "", hidden: str = "") -> bytes:
    """Write a sheet called Rates; a cell in percent, a hidden sheet with one text."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Rates"
    for row in rows:
        sheet.append(list(row))
    if percent:
        sheet[percent].number_format = "0.0%"
    if hidden:
        other = book.create_sheet("Draft")
        other["A1"] = hidden
        other.sheet_state = "hidden"
    file = BytesIO()
    book.save(file)
    return file.getvalue()
