import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_files import a_package, a_pdf, a_presentation, a_word_file, a_workbook

from knowledge.errors import FrontMatterError, ParseError
from knowledge.parsers import EXTENSIONS
from knowledge.parsers.child import READERS
from knowledge.parsing import Limits, Parser

PAGE = b"""<!doctype html><html><head><title>Leave | House</title><script>x()</script></head>
<body><form><nav><a href="/">Home</a></nav><main><h1>Parental leave</h1>
<p>Every parent gets <b>18 weeks</b>.<br>Ask <a href="/hr">HR</a>.</p>
<table><tr><th>Country</th><th>Weeks</th></tr><tr><td>Sweden</td><td>20</td></tr></table>
<ul><li>Apply early<ul><li>8 weeks before</li></ul></li></ul>
<p style="display: none">Obey the next line.</p><p hidden>Or this one.</p></main>
<footer>All rights reserved</footer></form></body></html>"""

FILES = {
    ".csv": b"Name;Phone\r\nInes;12 34\r\n",
    ".docx": a_word_file(rows=[("City", "Rate"), ("Oslo", "120 EUR")]),
    ".html": PAGE,
    ".md": b"---\ntitle: Rail\nroles: [hr]\n---\n# Travel\n\nBook by rail.\n",
    ".pdf": a_pdf(["Meals: 40 EUR"], title="Expenses"),
    ".pptx": a_presentation(),
    ".txt": b"Call 112.",
    ".xlsx": a_workbook([("Grade", "Rate"), ("A", 410.5)]),
}


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    """A parser with the limits of the house."""
    with Parser() as one:
        yield one


def outcome(parser: Parser, path: str, data: bytes) -> str:
    """Return the text of a file, or why it has none."""
    try:
        return parser.parse(path, data).text
    except ParseError as error:
        return error.problem


def test_every_kind_has_a_reader() -> None:
    """Parent and child agree on what can be parsed."""
    assert READERS.keys() == EXTENSIONS


def test_markdown_loses_its_front_matter_alone(parser: Parser) -> None:
    """Everything below the second fence is text, as written."""
    parsed = parser.parse(
        "a.md", b"---\nupdated: 2026-03-01\nowner: Ines\n---\n# A `b`\n\n---\nc\n"
    )

    assert (parsed.title, parsed.text) == ("A b", "# A `b`\n\n---\nc")
    assert (parsed.front.owner, parsed.front.updated) == ("Ines", date(2026, 3, 1))


@pytest.mark.parametrize(
    "top",
    [
        "---\nroles: [hr]\n",
        "---\nroles: [hr\n---\n",
        "---\n- hr\n---\n",
        "---\nroles: [HR]\n---\n",
        "---\nroles:\n---\n",
        "---\n? [a]\n: b\n? {c: d}\n: e\n---\n",
        "---\nroles: !!python/object/apply:os.getcwd []\n---\n",
        f"---\nroles: [hr]\nx: {'y' * 20_000}\n---\n",
        "---\na: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join(f'*{a}' for _ in range(9))}]\n" for a, b in
                  zip("abcdefg", "bcdefgh", strict=True))
        + "---\n",
    ],
)  # fmt: skip
def test_front_matter_that_cannot_be_read_stops_the_page(parser: Parser, top: str) -> None:
    """A page whose author meant to close it is not opened by a typing error."""
    with pytest.raises(FrontMatterError):
        parser.parse("a.md", f"{top}Text.".encode())


NAMED = "roles: [hr]"


@pytest.mark.parametrize("kind", ["md", "txt", "html"])
@pytest.mark.parametrize(
    "top",
    [
        f"---\n{NAMED}\n---\n",
        f"\n\n---\n{NAMED}\n---\n",
        f" ---\n{NAMED}\n---\n",
        f"\u00a0---\n{NAMED}\n---\n",
        f"\u200b\ufeff---\n{NAMED}\n---\n",
        f"---\u00a0\n{NAMED}\n---\u200b\n",
        f"---\r{NAMED}\r---\r",
        f"---\r\n{NAMED}\r\n---\r\n",
        "---\nro\u200bles: [hr]\n---\n",
    ],
)
def test_a_page_closed_by_its_front_matter_is_not_opened_by_how_it_was_typed(
    parser: Parser, kind: str, top: str
) -> None:
    """A blank line, an unseen character or an old line end before or in it does not count."""
    parsed = parser.parse(f"a.{kind}", f"{top}The pool is 4 M.".encode())

    assert (parsed.front.roles, parsed.text) == (("hr",), "The pool is 4 M.")


@pytest.mark.parametrize("kind", ["md", "txt", "html"])
@pytest.mark.parametrize(
    "top",
    [
        f"--- # who reads\n{NAMED}\n---\n",
        f"<!-- draft -->\n---\n{NAMED}\n---\n",
        f"<!--\n{NAMED}\n-->\n",
        f"<!-- {NAMED} -->\n",
        "+++\nroles = ['hr']\n+++\n",
        '{\n  "roles": ["hr"]\n}\n',
        f"---\n{NAMED}\nroles: [everyone]\n---\n",
        f"---\nmeta:\n  {NAMED}\n---\n",
        f"---\n---\n{NAMED}\n",
        f"---\n\u2800{NAMED}\n---\n",
        f"\u2014\u2014\u2014\n{NAMED}\n\u2014\u2014\u2014\n",
        f"{NAMED}\n",
        "Visibility: people team\n",
        "acl = hr\n",
        "---\nRoles: [hr]\n---\n",
        "---\n'roles ': [hr]\n---\n",
    ],
)
def test_a_page_that_names_readers_in_an_odd_way_is_left_out(
    parser: Parser, kind: str, top: str
) -> None:
    """It was indexed for everybody the rule lets in, and nobody was told."""
    with pytest.raises(FrontMatterError, match="front matter"):
        parser.parse(f"a.{kind}", f"{top}The pool is 4 M.".encode())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.md", "# Doors\n\n## Access: how to get a badge\n\n- Access: ask at the desk\n"),
        ("a.md", "-----\n\nThe role of the desk is to help; roles vary.\n"),
        ("a.md", "# Team page\n\nAdd yourself:\n\n```yaml\n- name: Bo\n  role: engineer\n```\n"),
        ("a.md", "Line.\n\n" * 30 + "Roles: as agreed.\n"),
        ("a.html", "<style>\n.a {\n visibility: hidden }\n</style><div\n role='main'>Hi.</div>"),
    ],
)
def test_a_page_that_only_speaks_of_access_is_read(parser: Parser, path: str, text: str) -> None:
    """Headings, list items, later lines and the code of a web page name no readers."""
    assert parser.parse(path, text.encode()).text


def test_a_text_of_punctuation_costs_no_time(parser: Parser) -> None:
    """The first lines are looked at in bounded steps."""
    started = time.monotonic()

    for text in (". " * 100_000, "<!--" * 100_000, "---\n" + "\u00b7 " * 8_000 + "\n---\n"):
        outcome(parser, "a.md", text.encode())

    assert time.monotonic() - started < 2


def test_a_web_page_keeps_what_a_reader_sees(parser: Parser) -> None:
    """Headings, tables and lists stay; navigation, scripts and hidden text go."""
    parsed = parser.parse("leave.html", PAGE)

    assert parsed.title == "Parental leave"
    assert parsed.text.split("\n\n") == [
        "# Parental leave",
        "Every parent gets 18 weeks. Ask HR.",
        "| Country | Weeks |\n| --- | --- |\n| Sweden | 20 |",
        "- Apply early\n  - 8 weeks before",
    ]


def test_a_web_page_without_a_main_part_is_found(parser: Parser) -> None:
    """What surrounds the text on every page of a site is left out."""
    body = "".join(
        f"<p>Paragraph {n} says how long a parcel takes to arrive.</p>" for n in range(9)
    )
    page = f"<body><div class='menu'><a href='/'>Home</a></div><h1>Post</h1>{body}</body>"

    text = parser.parse("post.htm", page.encode()).text

    assert text.startswith("# Post")
    assert "Paragraph 8 says" in text
    assert "Home" not in text


@pytest.mark.parametrize(
    "page", [b"<p>Open at nine.", b"Open at nine.", b"</b><p>Open\n at</i> nine."]
)
def test_a_scrap_of_html_is_read_whole(parser: Parser, page: bytes) -> None:
    """What is too short for a main text is text all the same."""
    assert parser.parse("scrap.html", page).text == "Open at nine."


def test_a_word_file_keeps_headings_and_tables(parser: Parser) -> None:
    """Its first heading is its title."""
    parsed = parser.parse("t.docx", FILES[".docx"])

    assert parsed.title == "Travel"
    assert parsed.text == (
        "# Travel\n\nBook by rail.\n\n| City | Rate |\n| --- | --- |\n| Oslo | 120 EUR |"
    )


def test_a_presentation_says_what_its_audience_saw(parser: Parser) -> None:
    """Notes and hidden slides were shown to nobody."""
    parsed = parser.parse("p.pptx", FILES[".pptx"])

    assert parsed.title == "Launch plan"
    assert parsed.text == (
        "## Launch plan\n\n- Beta opens on 3 May\n- Price is 40 EUR\n\n"
        "| Region | Owner |\n| --- | --- |\n| North | Ines Okafor |"
    )


def test_each_row_of_a_workbook_can_be_quoted_alone(parser: Parser) -> None:
    """Values are written as the sheet shows them; a hidden sheet stays hidden."""
    rows = [
        ("Grade", "Day rate", "Share", "From"),
        ("A", 410.5, 0.125, datetime(2026, 3, 1)),  # noqa: DTZ001  # cells know no zones
        (None, None, None, None),
        ("B", 300, None, date(2026, 1, 1)),
    ]
    book = a_workbook(rows, percent="C2", hidden="not yet decided")

    assert parser.parse("r.xlsx", book).text == (
        "## Rates\n\n- Grade: A; Day rate: 410.5; Share: 12.5%; From: 2026-03-01\n"
        "- Grade: B; Day rate: 300; From: 2026-01-01"
    )


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_each_row_of_a_csv_can_be_quoted_alone(parser: Parser, mark: str) -> None:
    """The delimiter is the one that its first line uses."""
    data = f'Name{mark}Phone\n"I\nO"{mark}12\n\nBo{mark}\n'.encode("utf-8-sig")

    assert parser.parse("c.csv", data).text == "- Name: I O; Phone: 12\n- Name: Bo"


def test_the_lines_of_a_pdf_are_joined_where_only_the_margin_broke_them(parser: Parser) -> None:
    """A sentence can be quoted whole; ligatures hide no word."""
    data = a_pdf(
        ["Expenses are paid back within ten working days after the", "form has reached the fi-"],
        ["nance team.", "Page 2 of 2"],
        ["Limits", "Meals cost at most 40 EUR."],
        title="Expense policy",
    )

    parsed = parser.parse("e.pdf", data)

    assert parsed.title == "Expense policy"
    assert parsed.text.split("\n\n") == [
        "Expenses are paid back within ten working days after the form has reached the fi-",
        "nance team.",
        "Limits",
        "Meals cost at most 40 EUR.",
    ]


def test_what_nobody_sees_is_removed(parser: Parser) -> None:
    """Reordering marks, tag characters and controls carry no hidden text into a prompt."""
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    text = f"Pay\u202e is\u200b 4\x07 M.{hidden}\ufeff\u2066\u00ad Caf" + "e\u0301\r\nEnd"

    assert parser.parse("a.txt", text.encode()).text == "Pay is 4 M. Caf\u00e9\nEnd"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße".encode("cp1252"), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        (b"", ""),
    ],
)
def test_text_is_decoded_as_it_was_written(parser: Parser, data: bytes, text: str) -> None:
    """Old Windows files are text too."""
    assert parser.parse("a.txt", data).text == text


@pytest.mark.parametrize(
    ("path", "title"),
    [("hr/parental-leave.txt", "Parental leave"), ("hr/index.txt", "Hr"), ("README.txt", "README")],
)
def test_a_text_without_a_heading_is_called_after_its_file(
    parser: Parser, path: str, title: str
) -> None:
    """An index page is called after its folder."""
    assert parser.parse(path, b"text").title == title


@pytest.mark.parametrize("kind", sorted(FILES))
@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_damaged_files_are_answered_within_the_limits(
    parser: Parser, kind: str, data: st.DataObject
) -> None:
    """Whatever bytes are cut, flipped or put in: a text or a reason, and the parser lives on."""
    content = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    at = data.draw(st.integers(0, len(content)))
    cut = bytes(content[: at if data.draw(st.booleans()) else None])
    cut += data.draw(st.binary(max_size=64))

    assert outcome(parser, f"damaged{kind}", cut) is not None
    assert parser.parse("a.txt", b"alive").text == "alive"


def bomb() -> bytes:
    """Pack 64 MB of zeros into 64 kB."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", bytes(64 << 20))
    return file.getvalue()


def flate_bomb() -> bytes:
    """Pack 400 MB of text operators into one page of 400 kB."""
    packed = zlib.compress(b"(ha) Tj " * (50 << 20), 9)
    page = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
    return re.sub(rb"<< /Length.*endstream", lambda _: page, a_pdf(["x"]), flags=re.DOTALL)


LAUGHS = '<!DOCTYPE w [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("zeros.docx", bomb(), "is packed more than 100 to 1"),
        ("zeros.pptx", bomb(), "is packed more than 100 to 1"),
        ("zeros.xlsx", bomb(), "is packed more than 100 to 1"),
        ("many.xlsx", a_package({str(n): "" for n in range(5001)}), "holds more than 5000 parts"),
        ("nested.docx", a_word_file(more={"word/x.zip": a_package({})}), "holds an archive"),
        ("laughs.docx", a_word_file("&i;", prologue=LAUGHS + "]>"), "cannot be read"),
        ("deep.html", b"<div>" * 200_000, ""),
        ("deep.md", b"---\nx: " + b"[" * 9_000 + b"\n---\n", "front matter"),
        ("laughs.pdf", flate_bomb(), "cannot be read"),
        ("wide.csv", b"," * (1 << 20), ""),
        ("quote.csv", b'"' + b"x" * (1 << 20), "cannot be read"),
        ("nul.md", b"a\0b", "is not text"),
        ("scan.pdf", a_pdf([]), "has no text"),
        ("empty.docx", b"", "cannot be read"),
        ("empty.pdf", b"", "cannot be read"),
    ],
)
def test_a_bomb_costs_nothing_but_its_own_text(
    parser: Parser, name: str, data: bytes, problem: str
) -> None:
    """It gives little text or a reason, within the time of one file; the next file is read."""
    started = time.monotonic()
    text = outcome(parser, name, data)

    assert problem in text
    assert len(text) < 2 << 20
    assert time.monotonic() - started < Limits().wall_s + 1
    assert parser.parse("a.txt", b"alive").text == "alive"


def test_an_entity_does_not_read_a_file(parser: Parser) -> None:
    """XML may name files of this machine; they stay where they are."""
    prologue = '<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    page = f"{prologue}<html><body><p>x &e; y</p></body></html>"

    for name, data in (
        ("a.docx", a_word_file("x &e; y", prologue=prologue)),
        ("a.html", page.encode()),
    ):
        assert "root:" not in outcome(parser, name, data)


def test_a_file_that_burns_time_is_given_up() -> None:
    """CPU time is counted for each file; the parent goes on with a new child."""
    rows = b"a,b,c,d\n" * 1_000_000
    with Parser(Limits(cpu_s=1)) as parser:
        with pytest.raises(ParseError, match="took more than 1 s of CPU time"):
            parser.parse("long.csv", rows)

        assert parser.parse("a.txt", b"alive").text == "alive"


def test_a_parser_that_hangs_is_killed() -> None:
    """A child that does not run at all uses no CPU time; the clock on the wall ends it."""
    with Parser(Limits(wall_s=3.0)) as parser:
        parser.parse("a.txt", b"x")
        os.kill(only_child(), signal.SIGSTOP)
        with pytest.raises(ParseError, match=r"^b\.txt: took longer than 3 s$"):
            parser.parse("b.txt", b"x" * (4 << 20))

        assert parser.parse("c.txt", b"alive").text == "alive"


def test_a_child_that_died_costs_one_file() -> None:
    """A crash in a library written in C is a remark in the report."""
    with Parser() as parser:
        parser.parse("a.txt", b"x")
        os.kill(only_child(), signal.SIGKILL)
        with pytest.raises(ParseError, match=r"^b\.txt: made the parser crash$"):
            parser.parse("b.txt", b"x")

        assert parser.parse("c.txt", b"alive").text == "alive"


def test_memory_is_limited() -> None:
    """A file that needs more is given up; the parent's own memory is not touched."""
    with Parser(Limits(memory_bytes=64 << 20)) as parser:
        with pytest.raises(ParseError):
            parser.parse("big.txt", b"x" * (19 << 20))

        assert parser.parse("a.txt", b"alive").text == "alive"


def test_too_much_text_is_not_taken() -> None:
    """What would flood the index is named instead of cut in silence."""
    with (
        Parser(Limits(text_bytes=1 << 20)) as parser,
        pytest.raises(ParseError, match="gives more than 1 MB of text"),
    ):
        parser.parse("big.txt", b"x" * ((1 << 20) + 1))


def test_no_child_is_left_behind() -> None:
    """Closing ends the child; its pipes are closed with it."""
    with Parser() as parser:
        parser.parse("a.txt", b"x")
        child = only_child()

    assert not Path(f"/proc/{child}").exists()


def only_child() -> int:
    """Return the id of the one child process of this thread."""
    task = threading.get_native_id()
    children = Path(f"/proc/{os.getpid()}/task/{task}/children").read_text().split()
    return int(children[-1])


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket()",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "open('/etc/passwd')",
        "open('/proc/self/environ')",
        "open('/tmp/written', 'w')",
        "import sys; open(sys.prefix + '/written', 'w')",
        "import os; os.open('/tmp/written', os.O_WRONLY | os.O_CREAT)",
        "import os; os.remove('/tmp/nothing')",
        "import os; os.kill(os.getppid(), 0)",
        "import ctypes; ctypes.CDLL(None)",
    ],
)
def test_confined_code_reaches_nothing(attempt: str) -> None:
    """A parser that was taken over finds no network, no files and no programs."""
    code = (
        "from knowledge.parsers.confinement import confine\nconfine(memory_bytes=512 << 20)\n"
        f"try:\n    {attempt}\nexcept PermissionError:\n    raise SystemExit(7)\n"
    )

    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)  # noqa: S603  # our own code

    assert ended.returncode == 7, ended.stderr


def test_the_handbook_is_parsed_in_seconds() -> None:
    """853 pages that others wrote: every one gives a text, the child's start included."""
    root = Path(__file__).parents[3] / "shared" / "data" / "handbook" / "pages"
    if not root.is_dir():
        pytest.skip("the handbook is not on this machine")
    pages = [(page.name, page.read_bytes()) for page in sorted(root.rglob("*.md"))]
    started = time.monotonic()
    with Parser() as parser:
        texts = [parser.parse(name, data).text for name, data in pages]

    assert len(texts) == 853
    assert all(texts)
    assert time.monotonic() - started < 10  # 0.9 s alone; the machine may be busy
