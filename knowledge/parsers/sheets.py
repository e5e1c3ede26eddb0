"""Excel files: the values of its visible sheets, row by row, without formulas.

Hidden rows and columns are read like the others: a role, not a hidden row, keeps people out.
"""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import openpyxl

from knowledge.parsers.package import checked_package
from knowledge.parsers.reading import Reading, one_line, records


def read_sheets(data: bytes) -> Reading:
    """Read a workbook: a heading for each sheet, a line for each row."""
    book = openpyxl.load_workbook(
        checked_package(data), read_only=True, data_only=True, keep_links=False
    )
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    texts = [(one_line(sheet.title), records(_rows(sheet))) for sheet in shown]
    return Reading("\n\n".join(f"## {name}\n\n{text}" for name, text in texts if text))


def _rows(sheet: Any) -> Iterator[list[str]]:
    sheet.reset_dimensions()  # what the file says of its size may be a lie
    for row in sheet.iter_rows():
        yield [written(cell.value, cell.number_format) for cell in row]


def written(value: Any, number_format: str) -> str:
    """Write a value as the sheet shows it, so that it can be found and quoted."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value * 100:.10g}%" if "%" in number_format else f"{value:.15g}"
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if value is None else str(value)
