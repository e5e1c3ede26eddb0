"""The planted document: it is in every index, for a role that nobody can hold.

Whoever finds it without that role has found a broken filter. Knows how it is made; who looks
for it, and what happens then, is the program's affair.
"""

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex

from knowledge.access import RESERVED
from knowledge.catalogue import Entry
from knowledge.documents import Document
from knowledge.gathering import content_hash
from knowledge.parsing import PARSER_VERSION
from knowledge.planning import Found
from knowledge.sources import document_id

_URL = "https://canary.invalid/"  # nobody is ever shown it
_TITLE = "Canary"


def planted(known: Mapping[str, Entry]) -> Found:
    """Return the document as it should be in the index: the known one, or a new one.

    Args:
        known: What the catalogue holds.
    """
    tokens = sorted(entry.path for entry in known.values() if entry.source == RESERVED)
    return _document(tokens[0] if tokens else token_hex(16))


def words_of(doc_id: str) -> str:
    """Return the text of the document, which no question comes closer to."""
    return f"The canary sings {doc_id.partition(':')[2]}."


def _document(token: str) -> Found:
    doc_id = document_id(RESERVED, token)
    document = Document(
        doc_id=doc_id,
        source=RESERVED,
        title=_TITLE,
        url=_URL,
        roles=frozenset({RESERVED}),
        text=words_of(doc_id),
        content_hash="",
    )
    document = replace(document, content_hash=content_hash(document))
    entry = Entry(
        doc_id=doc_id,
        source=RESERVED,
        path=token,
        title=document.title,
        url=document.url,
        owner=document.owner,
        updated=document.updated,
        roles=document.roles,
        asked_roles=frozenset(),
        has_own_url=False,
        content_hash=document.content_hash,
        raw_hash=document.content_hash,
        parser=PARSER_VERSION,
    )
    return Found(entry, document)
