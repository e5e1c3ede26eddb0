import pytest

from knowledge.markup import plain

TABLE = """
| Role | Days | |
| ---- | ---: | - |
| Staff | 25 | x |
| Intern | | y |
"""


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("## Leave ##\nNow", "# Leave\nNow"),
        ("**Bold**, *italic*, ~~old~~ and `code`", "Bold, italic, old and code"),
        ("See [the wiki](https://x.example/a 'A')", "See [the wiki](https://x.example/a 'A')"),
        ('See [the wiki](https://x.example/a "A")', "See the wiki"),
        ("See [the wiki][1] ![a cat](cat.png)", "See the wiki a cat"),
        ("<https://x.example>", "https://x.example"),
        ("a<br/>b <span class='x'>c</span><!-- no\n no -->", "a b c"),
        ("ssh <user-name>@<host>", "ssh <user-name>@<host>"),
        ("one\ntwo\n\nthree", "one two\nthree"),
        ("- one\n- [x] two\n  more\n1. three", "one\ntwo more\nthree"),
        ("> quoted\n> more", "quoted more"),
        ("above\n\n---\n\nbelow", "above\nbelow"),
        ("```bash\nnpm ci\n```\nafter", "npm ci\nafter"),
        ("Title {#anchor}", "Title"),
        ("snake_case_name * 2 * 3", "snake_case_name * 2 * 3"),
        ("", ""),
    ],
)
def test_marks_go_and_words_stay(markdown: str, text: str) -> None:
    """One line is left for each paragraph, item and heading; a heading can be told from them."""
    assert plain(markdown) == text


def test_each_cell_of_a_table_is_named_by_its_column() -> None:
    """A row can be quoted alone; empty cells and unnamed columns say nothing."""
    assert plain(TABLE) == "Role: Staff; Days: 25; x\nRole: Intern; y"


def test_a_bar_in_a_cell_ends_no_cell() -> None:
    """A spreadsheet's "a|b" comes escaped and is shown as it was."""
    table = "| Key | Means |\n|-|-|\n| a\\|b | or |"

    assert plain(table) == "Key: a|b; Means: or"


def test_a_table_without_header_keeps_its_cells() -> None:
    """What a cut left without a header is still found."""
    assert plain("| Staff | 25 |\n| Intern | 10 |") == "Staff; 25\nIntern; 10"


def test_a_header_without_rows_keeps_its_cells() -> None:
    """What a cut left without rows is still found."""
    assert plain("| Role | Days |\n|---|---|") == "Role; Days"


def test_a_table_ends_the_paragraph_before_it() -> None:
    """Prose and rows are separate lines, on both sides."""
    assert plain("Before\n| a | b |\n|---|---|\n| 1 | 2 |\nAfter") == "Before\na: 1; b: 2\nAfter"
