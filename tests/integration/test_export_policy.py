"""What gets into an export, over random histories, against an oracle that is told every click."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from exchanged import disliked, liked
from sqlalchemy import Connection
from talked_about import (
    HELP,
    PRIVATE,
    TEAM,
    Told,
    accept,
    an_entry,
    approve,
    complain,
    gathered,
    vote,
)

from adapters import ledger, nominations, remarks
from adapters.datasets import build
from adapters.errors import ReviewError
from adapters.exchanges import Consent
from adapters.remarks import Reason
from adapters.scrubbing import Scrubbed
from adapters.selection import Policy
from adapters.splitting import Part, part_of
from bot.database import open_engine

COLLUDERS = ("X1", "X2")
HONEST = ("H1", "H2", "H3", "H4")
ADMINS = ("CHIEF", "X2", "H4")
OPEN, CLOSED = "wiki:a.md", "hr:b.md"
DOCUMENTS = (an_entry(OPEN), an_entry(CLOSED, ["hr"]))
POLICY = Policy(least=1_000, kto_ratio=1_000)
FORM_LIST = (Reason.TONE, Reason.TOO_LONG)
FORM = set(FORM_LIST)
KNOWLEDGE_LIST = (Reason.WRONG, Reason.OUTDATED, Reason.MISSING_SOURCE)
KNOWLEDGE = set(KNOWLEDGE_LIST)
Exported = tuple[str, str, str]


def in_part(part: Part) -> Iterator[int]:
    """Number answers that are for that."""
    return (n for n in range(100, 900) if part_of(f"a{n:04d}", POLICY.seed) is part)


BOTH_LABELS = [  # one-sided labels would leave `kto` empty
    made(next(numbers))
    for numbers in map(in_part, (Part.TRAIN, Part.VALIDATION))
    for made in (liked, disliked)
]


@pytest.fixture(scope="module")
def ledgers() -> Iterator[Connection]:
    """A ledger in memory, emptied before each history."""
    engine = open_engine("sqlite://")
    for tables in (ledger, remarks, nominations):
        tables.create_tables(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@dataclass
class Said:
    """All that was said of one answer, as the oracle remembers it."""

    told: Told
    thumbs: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, Reason] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    approvers: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)


def oracle(history: list[Said]) -> set[Exported]:
    """Say what may be exported: a few lines that know no table and no code of the product."""
    found = set[Exported]()
    for said in history:
        told, name = said.told, f"a{said.told.number:04d}"
        ups = {user for user, thumb in said.thumbs.items() if thumb == "up"}
        downs = said.thumbs.keys() - ups
        reasons = {user: reason for user, reason in said.reasons.items() if user in downs}
        if told.channel != HELP or told.doc_id != OPEN or told.team != TEAM:
            continue
        if Reason.NOT_FOR_ME in reasons.values():
            continue
        complaining = {user for user, reason in reasons.items() if reason in FORM}
        authors = {user for user, text in said.texts.items() if text}
        involved = {told.asker, *said.thumbs, *authors}
        admin = said.accepted.get("up")
        if len(ups) >= 3 and not downs and admin and admin not in involved:
            found.add((name, "upvoted", told.text))
        admin = said.accepted.get("down")
        is_form = complaining == reasons.keys()
        if len(complaining) >= 3 and is_form and not ups and admin and admin not in involved:
            found.add((name, "downvoted", told.text))
        for author, text in said.texts.items():
            admin = said.approvers.get(author, "")
            is_backed = len(backers(said, author)) >= 3 and not ups
            if is_backed and admin and admin not in involved and text == told.fact:
                found.add((name, "edited", text))
    return found


def backers(said: Said, author: str) -> set[str]:
    """Say who wants other words: the author, and who dislikes these and misses no knowledge."""
    downs = {user for user, thumb in said.thumbs.items() if thumb == "down"}
    return {author} | {user for user in downs if said.reasons.get(user) not in KNOWLEDGE}


def lived(connection: Connection, seed: int, people: tuple[str, ...]) -> list[Said]:
    """Let people click, complain, correct and review, in a random order, through the ledger."""
    for table in ("nomination_reviews", "remarks", "remark_submissions", "answers"):
        connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608  # our own names
    chance = random.Random(seed)  # noqa: S311  # a seeded case
    history = [Said(told(number, chance)) for number in range(chance.choice((1, 1, 2)))]
    for said in history:
        ledger.record_answer(connection, said.told.row)
        for step in range(chance.randint(2, 2 + len(people))):
            act(connection, said, chance.choice(people), chance, step)
        for admin in chance.sample(ADMINS, 2):
            review(connection, said, admin)
        if chance.random() < 0.2:  # somebody clicks after the review
            act(connection, said, chance.choice(people), chance, 99)
    return history


def told(number: int, chance: random.Random) -> Told:
    """Make an answer that may or may not be fit to be learnt from."""
    fact = f"Topic {'abcdefgh'[number] * 7} costs {chance.randint(100, 999)} euros."
    return Told(
        number,
        asker=chance.choice((*COLLUDERS, *HONEST)),
        question=f"What of {chance.choice('stuvwxyz') * 9}?",
        text=f"We say that {fact}",
        fact=fact,
        channel=chance.choice((*[HELP] * 9, PRIVATE)),
        team=chance.choice((*[TEAM] * 9, "T9")),
        doc_id=chance.choice((*[OPEN] * 9, CLOSED)),
    )


def act(connection: Connection, said: Said, user: str, chance: random.Random, step: int) -> None:
    """Let one person vote, and maybe say why."""
    name = said.told.row.answer_id
    most = "up" if said.told.question < "What of w" else "down"
    verdict = most if chance.random() < 0.93 else chance.choice(("up", "down"))
    vote(connection, name, user, verdict, step)
    said.thumbs[user] = verdict
    if verdict == "down" and chance.random() < 0.8:
        reason = chance.choice((*FORM_LIST * 16, *Reason))
        text = chance.choice(("", "", said.told.fact, "It costs 7 euros."))
        complain(connection, name, user, reason, text)
        said.reasons[user] = reason
        if said.texts.get(user) != text:
            said.approvers.pop(user, None)
        said.texts[user] = text


def review(connection: Connection, said: Said, admin: str) -> None:
    """Let an administrator approve of everything that they may."""
    approve(connection, said.told.row.answer_id, admin)
    for author, text in said.texts.items():
        if text and author != admin:
            said.approvers.setdefault(author, admin)
    for verdict in ("up", "down"):
        try:
            accept(connection, said.told, verdict, admin)
        except ReviewError:
            continue
        said.accepted[verdict] = admin


def said_in(row: Mapping[str, Any]) -> str:
    """Read what a row teaches, or wants to be unlearnt."""
    return str((row.get("chosen") or row["completion"])[0]["content"])


def exported(connection: Connection) -> set[Exported]:
    """Export, and name what is in it."""
    exchanges = gathered(
        connection, documents=DOCUMENTS, consents={TEAM: Consent.ALL}, public=(HELP,)
    )
    data_set = build([*exchanges, *BOTH_LABELS], POLICY, lambda texts: Scrubbed(tuple(texts)))
    rows = [row for rows in data_set.files.values() for row in rows]
    fixed = {one.text for one in BOTH_LABELS}
    rows = [row for row in rows if said_in(row) not in fixed]
    texts = {one.text: one.answer_id for one in exchanges}
    facts = {edit.text: one.answer_id for one in exchanges for edit in one.edits}
    return {
        (
            (texts | facts)[said_in(row)],
            row["origin"],
            said_in(row),
        )
        for row in rows
    }


def test_an_export_holds_what_the_oracle_allows_and_nothing_else(ledgers: Connection) -> None:
    """200 histories of everybody's clicks: no row too many, and none too few."""
    found = list[Exported]()
    for seed in range(200):
        history = lived(ledgers, seed, (*COLLUDERS, *HONEST, "CHIEF"))
        assert exported(ledgers) == oracle(history), seed
        found += oracle(history)
        assert not any(is_of_colluders(history, one) for one in exported(ledgers)), seed

    origins = [origin for _, origin, _ in found]
    assert all(origins.count(one) >= 10 for one in ("edited", "upvoted", "downvoted"))


def is_of_colluders(history: list[Said], one: Exported) -> bool:
    """Tell whether nobody but colluders stands behind a text that somebody wrote."""
    name, origin, text = one
    (said,) = (said for said in history if said.told.row.answer_id == name)
    authors = [user for user, written in said.texts.items() if written == text]
    honest = [author for author in authors if backers(said, author) - set(COLLUDERS)]
    return origin == "edited" and not honest


def test_two_colluders_get_nothing_in(ledgers: Connection) -> None:
    """500 histories of two who vote, correct and approve, among honest people who do not know."""
    corrected = 0
    for seed in range(500):
        said = poisoned(ledgers, seed)
        assert exported(ledgers) == set(), seed
        corrected += any(said.approvers.get(one) == "X2" for one in COLLUDERS)

    assert corrected > 100


def poisoned(connection: Connection, seed: int) -> Said:
    """Let two who collude push a text of theirs, with the only approver one of them.

    Honest people dislike the answer, too, for reasons of their own: one, or two of whom a third
    thinks otherwise; or many who say that its source is wrong.
    """
    for table in ("nomination_reviews", "remarks", "remark_submissions", "answers"):
        connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608  # our own names
    chance = random.Random(seed)  # noqa: S311  # a seeded case
    text, fact = "We say that it costs 5 euros.", "Coffee costs 5 euros."
    said = Said(Told(1, asker="H4", text=text, fact=fact, doc_id=OPEN))
    name = said.told.row.answer_id
    ledger.record_answer(connection, said.told.row)
    is_voting = chance.random() < 0.5  # and then X2 approves all the same
    form = [None, *FORM_LIST]
    acts: list[tuple[str, str, Reason | None, str]] = [
        ("X1", "down", chance.choice(FORM_LIST), said.told.fact)
    ]
    n_allies = 1 if is_voting else chance.choice((1, 2))
    acts += [(f"H{n + 1}", "down", chance.choice(form), "") for n in range(n_allies)]
    acts += [("X2", "down", chance.choice(form), "")] * is_voting
    acts += [("H3", "up", None, "")] * (n_allies == 2 or chance.random() < 0.2)
    off_topic = chance.choice((0, 0, 3))
    acts += [(f"O{n}", "down", chance.choice(KNOWLEDGE_LIST), "") for n in range(off_topic)]
    chance.shuffle(acts)
    for step, (user, verdict, reason, text) in enumerate(acts):
        vote(connection, name, user, verdict, step)
        said.thumbs[user] = verdict
        if reason:
            complain(connection, name, user, reason, text)
            said.texts[user] = text
    if chance.random() < 0.7:
        review(connection, said, "X2")
    return said


def test_nothing_gets_in_without_a_review(ledgers: Connection) -> None:
    """The same histories with all reviews taken out: not one row."""
    for seed in range(50):
        lived(ledgers, seed, (*COLLUDERS, *HONEST))
        ledgers.exec_driver_sql("DELETE FROM nomination_reviews")
        ledgers.exec_driver_sql("UPDATE remarks SET state = 'proposed', reviewer = ''")
        assert exported(ledgers) == set(), seed
