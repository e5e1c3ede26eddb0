import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import ParseError, SourceError
from knowledge.sources import Candidate, Refused, document_id
from knowledge.sources.folder import LARGEST_BYTES, FolderSource

DOC_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/#@-]{0,255}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one page, beside a file that is none of its business."""
    (tmp_path / "outside.md").write_text("secret")
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "page.md").write_text("page")
    return folder


def listed(root: Path) -> tuple[list[str], dict[str, str]]:
    """Return the paths on offer, and what is refused and why."""
    listing = list(FolderSource("wiki", root).listing())
    refused = {one.path: one.reason for one in listing if isinstance(one, Refused)}
    return [one.path for one in listing if isinstance(one, Candidate)], refused


def test_files_come_in_order_and_are_read(root: Path) -> None:
    """The order depends on names alone, so that two runs report alike."""
    for name in ("b.md", "a.md"):
        (root / name).write_text(name)
    source = FolderSource("wiki", root)

    paths = [one.path for one in source.listing()]

    assert paths == ["a.md", "b.md", "sub/page.md"]
    assert [source.read(path) for path in paths] == [b"a.md", b"b.md", b"page"]


def test_hidden_files_are_not_looked_at(root: Path) -> None:
    """Neither .git nor an editor's swap file is a document."""
    (root / ".git").mkdir()
    (root / ".git" / "config.md").write_text("x")
    (root / ".page.md").write_text("x")

    assert listed(root) == (["sub/page.md"], {})


def test_nothing_but_plain_files_is_offered(root: Path) -> None:
    """Links, pipes and sockets are named and never opened."""
    (root / "file.md").symlink_to(root.parent / "outside.md")
    (root / "inner.md").symlink_to("sub/page.md")
    (root / "folder").symlink_to(root.parent)
    (root / "dangling.md").symlink_to("nowhere")
    os.mkfifo(root / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.md"))

    paths, refused = listed(root)

    assert paths == ["sub/page.md"]
    link, other = "is a symbolic link", "is no regular file"
    links = ("file.md", "inner.md", "folder", "dangling.md")
    assert refused == dict.fromkeys(links, link) | dict.fromkeys(("pipe.md", "s.md"), other)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.md",
        "sub/../../outside.md",
        "/etc/passwd",
        "link.md",
        "folder/outside.md",
        "sub/page.md/x",
        "sub",
        "pipe.md",
        "missing.md",
        "",
        ".",
        "sub/\0.md",
    ],
)
def test_nothing_outside_is_ever_read(root: Path, path: str) -> None:
    """Whatever path is asked for, an answer comes at once, and it is an error."""
    (root / "link.md").symlink_to(root.parent / "outside.md")
    (root / "folder").symlink_to(root.parent)
    os.mkfifo(root / "pipe.md")
    source = FolderSource("wiki", root)
    list(source.listing())

    with pytest.raises(ParseError):
        source.read(path)


@pytest.mark.parametrize("now", ["link", "pipe", "folder", "nothing"])
def test_a_file_that_became_something_else_is_not_read(root: Path, now: str) -> None:
    """What is opened is looked at again; a pipe does not hold the run up."""
    page = root / "sub" / "page.md"
    source = FolderSource("wiki", root)
    list(source.listing())
    page.unlink()
    become: dict[str, Callable[[], None]] = {
        "link": lambda: page.symlink_to(root.parent / "outside.md"),
        "pipe": lambda: os.mkfifo(page),
        "folder": page.mkdir,
        "nothing": lambda: None,
    }
    become[now]()

    with pytest.raises(ParseError):
        source.read("sub/page.md")


def test_a_swap_between_listing_and_reading_gains_nothing(root: Path) -> None:
    """A folder that has become a link meanwhile is not followed."""
    source = FolderSource("wiki", root)
    assert [one.path for one in source.listing()] == ["sub/page.md"]
    (root.parent / "page.md").write_text("secret")
    (root / "sub").rename(root / "was")
    (root / "sub").symlink_to(root.parent)

    with pytest.raises(ParseError):
        source.read("sub/page.md")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another owner")
def test_a_hard_link_to_a_file_of_another_owner_is_refused(root: Path) -> None:
    """A second name must not lend a stranger's file to the index."""
    stranger = root.parent / "outside.md"
    os.chown(stranger, 12345, 12345)
    os.link(stranger, root / "mine.md")
    os.link(root / "sub" / "page.md", root / "copy.md")

    paths, refused = listed(root)

    assert paths == ["copy.md", "sub/page.md"]
    assert refused == {"mine.md": "is a hard link to a file of another owner"}


def test_two_spellings_of_one_name_make_one_document(root: Path) -> None:
    """Two files that would share one id could have two kinds of readers."""
    (root / "caf\u00e9.md").write_text("one")
    (root / "cafe\u0301.md").write_text("two")

    paths, refused = listed(root)

    assert paths == ["caf\u00e9.md", "sub/page.md"]
    assert refused == {"caf\u00e9.md": "has the name of another file, written differently"}


def test_a_decomposed_name_is_read(root: Path) -> None:
    """Macs store accents in two characters; the document has one."""
    (root / "cafe\u0301.md").write_text("menu")
    source = FolderSource("wiki", root)

    assert "caf\u00e9.md" in [one.path for one in source.listing()]
    assert source.read("caf\u00e9.md") == b"menu"


@pytest.mark.parametrize("name", [b"a\nb.md", b"\xff.md", "a\u202eb.md".encode(), b"a\x1b.md"])
def test_names_that_deceive_are_refused(root: Path, name: bytes) -> None:
    """They are shown escaped, in the report alone."""
    Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text("x")

    paths, refused = listed(root)

    assert paths == ["sub/page.md"]
    assert list(refused.values()) == ["has an unprintable name"]
    assert all(path.isprintable() for path in refused)


def test_a_file_over_the_limit_is_not_read(root: Path) -> None:
    """The size is taken from what was opened, not from what was listed."""
    with (root / "big.md").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    source = FolderSource("wiki", root)
    list(source.listing())

    with pytest.raises(ParseError, match=r"big\.md: is larger than 20 MB"):
        source.read("big.md")


@pytest.mark.parametrize("name", ["missing", "file.md"])
def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, name: str) -> None:
    """An unmounted folder is not an empty one."""
    (tmp_path / "file.md").write_text("x")

    with pytest.raises(SourceError, match="wiki"):
        list(FolderSource("wiki", tmp_path / name).listing())


@given(paths=st.sets(st.text(min_size=1, max_size=300), min_size=2, max_size=5))
def test_every_path_has_an_id_of_its_own_that_can_be_quoted(paths: set[str]) -> None:
    """Whatever a file is called, its id matches the pattern of documents."""
    extended = {f"{path}.md" for path in paths}

    ids = {document_id("wiki", path) for path in extended}

    assert len(ids) == len(extended)
    assert all(DOC_ID.fullmatch(one) for one in ids)


def test_a_plain_path_is_its_own_id() -> None:
    """Most ids can be read by a person."""
    assert document_id("wiki", "hr/leave-2026.md") == "wiki:hr/leave-2026.md"
    assert document_id("wiki", "a b.md").startswith("wiki:a_b.md-")
