from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from knowledge.catalogue import Entry
from knowledge.documents import Document
from knowledge.planning import Found, Work, left_with, plan

ROLES = st.frozensets(st.sampled_from(["everyone", "hr", "it"]), min_size=1)


def an_entry(name: str, content: str = "1", roles: frozenset[str] = frozenset({"hr"})) -> Entry:
    """Build what is known of one document."""
    return Entry(
        doc_id=name,
        source="wiki",
        path=name,
        title=name,
        url=f"https://wiki.example/{name}",
        owner="",
        updated=date(2026, 1, 1),
        roles=roles,
        asked_roles=frozenset(),
        has_own_url=False,
        content_hash=content,
        raw_hash=content,
        parser="1",
    )


ENTRIES = st.builds(an_entry, st.just(""), st.sampled_from("12"), ROLES)
CORPORA = st.dictionaries(st.sampled_from("abcdef"), ENTRIES).map(
    lambda corpus: {name: replace(entry, doc_id=name) for name, entry in corpus.items()}
)


def a_document(entry: Entry) -> Document:
    """Build the document of an entry."""
    return Document(
        doc_id=entry.doc_id,
        source=entry.source,
        title=entry.title,
        url=entry.url,
        roles=entry.roles,
        text="Text.",
        content_hash=entry.content_hash,
    )


@given(current=CORPORA, known=CORPORA)
def test_every_document_stands_in_one_part_of_the_plan(
    current: dict[str, Entry], known: dict[str, Entry]
) -> None:
    """Nothing is forgotten and nothing is done twice; the parts say what differs."""
    made = plan(current, known)

    parts = (made.added, made.changed, made.access_changed, made.removed, made.unchanged)
    assert sorted(name for part in parts for name in part) == sorted(current | known)
    for name in made.changed | made.access_changed | made.unchanged:
        has_same_text = current[name].content_hash == known[name].content_hash
        assert has_same_text == (name not in made.changed)
    for name in made.access_changed | made.unchanged:
        assert (current[name].roles == known[name].roles) == (name in made.unchanged)


@given(before=ROLES, after=ROLES, reader=ROLES)
def test_nobody_new_reads_while_a_run_changes_roles(
    before: frozenset[str], after: frozenset[str], reader: frozenset[str]
) -> None:
    """Whoever may read in between could read before and may read after; members hold everyone."""
    member = reader | {"everyone"}

    if member & left_with(before, after):
        assert member & before
        assert member & after


def test_a_change_of_access_alone_embeds_nothing() -> None:
    """Only the roles of the chunks are written."""
    old, new = an_entry("a"), an_entry("a", roles=frozenset({"it"}))

    work = Work.from_found({"a": Found(new)}, {"a": old})

    assert work.documents == ()
    assert work.replaced == frozenset()
    assert work.relabelled == {"a": frozenset({"it"})}
    assert work.narrowed == {"a": frozenset()}


def test_a_file_with_other_bytes_and_the_same_text_does_not_touch_the_index() -> None:
    """Its new hash is recorded, so that it is not parsed again."""
    old = an_entry("a")
    new = replace(old, raw_hash="other")

    work = Work.from_found({"a": Found(new, a_document(new))}, {"a": old})

    assert not work.touches_index
    assert work.entries == (new,)


def test_after_doubt_everything_is_written_and_every_stray_dropped() -> None:
    """An index of unknown age may hold what was removed long ago."""
    here, kept = an_entry("a"), an_entry("b")
    found = {"a": Found(here, a_document(here)), "b": Found(kept)}

    work = Work.from_doubt(found, {"a": here, "b": kept, "d": an_entry("d")}, strays=["x", "a"])

    assert work.touches_index
    assert work.replaced == {"a", "d", "x"}
    assert work.relabelled == {"b": frozenset({"hr"})}
    hashes = {entry.doc_id: entry.raw_hash for entry in work.entries}
    assert hashes == {"a": "1", "b": ""}
