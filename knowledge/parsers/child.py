"""The limited child process: answers one frame for each file until its input closes.

A file that breaks it costs the parent one new child and nothing else. Says why a file gives no
text without quoting it: the texts of other libraries' exceptions stay here.
"""

import json
import os
import sys
from importlib import import_module
from typing import IO, Any

from knowledge.parsers.confinement import allow_cpu, confine
from knowledge.parsers.reading import Reading, UnreadableError, cleaned, one_line
from knowledge.parsers.wire import read_frame, write_frame

READERS = {
    ".csv": "plain.read_csv",
    ".docx": "word.read_word",
    ".htm": "web.read_html",
    ".html": "web.read_html",
    ".md": "plain.read_text",
    ".pdf": "portable.read_pdf",
    ".pptx": "slides.read_slides",
    ".txt": "plain.read_text",
    ".xlsx": "sheets.read_sheets",
}
"""The function for each extension; its module, with its library, loads with the first file."""

_TITLE = 200  # characters
_FRONT = 16_384  # characters


def main() -> None:
    """Serve the parent on the pipes it started this process with."""
    limits = json.loads(sys.argv[1])
    requests, replies = _pipes()
    confine(memory_bytes=limits["memory_bytes"])
    while frame := read_frame(requests, limit=limits["file_bytes"]):
        allow_cpu(limits["cpu_s"])
        head, data = frame
        write_frame(replies, *_answer(head["kind"], data, limits["text_bytes"]))


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the pipes for frames alone: what a library prints goes nowhere."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return requests, replies


def _answer(kind: str, data: bytes, text_bytes: int) -> tuple[dict[str, Any], bytes]:
    try:
        reading = read(kind, data)
        text = reading.text.encode()
        front = json.dumps(reading.front, default=str)
    except UnreadableError as error:
        return {"problem": error.problem}, b""
    except Exception as error:  # noqa: BLE001  # the end of a job; any library may raise anything
        return {"problem": f"cannot be read ({type(error).__name__})"}, b""
    if len(text) > text_bytes:
        return {"problem": f"gives more than {text_bytes >> 20} MB of text"}, b""
    if len(front) > _FRONT:
        return {"front_problem": "is too long"}, b""
    head = {"title": reading.title, "front": front, "front_problem": reading.front_problem}
    return head, text


def read(kind: str, data: bytes) -> Reading:
    """Read one file, whatever it is, without any limit: for the child alone.

    Args:
        kind: Its extension, in small letters.
        data: Its bytes.
    """
    module, _, function = READERS[kind].partition(".")
    reading: Reading = getattr(import_module(f"knowledge.parsers.{module}"), function)(data)
    form = "NFKC" if kind == ".pdf" else "NFC"
    return Reading(
        text=cleaned(reading.text, form=form),
        title=one_line(cleaned(reading.title[: 2 * _TITLE], form=form))[:_TITLE],
        front=reading.front,
        front_problem=reading.front_problem,
    )
