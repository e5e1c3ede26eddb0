"""The tables of the ledger, and how those of an earlier version become these.

Ids are kept apart from texts: what people wrote, what was replied and what the model was shown
stand in a table of their own, so that they can be forgotten and the rest stay.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    text,
)

_METADATA = MetaData()

ANSWERS = Table(
    "answers",
    _METADATA,
    Column("answer_id", String(64), primary_key=True),
    Column("question_id", String(64), nullable=False, unique=True),
    Column("team", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("thread_ts", String(32), nullable=False),
    Column("question_ts", String(32), nullable=False),
    Column("message_ts", String(32), nullable=False),
    Column("asker", String(32), nullable=False),
    Column("asked_at_us", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("audience", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Index("answers_by_thread", "team", "channel", "thread_ts"),
    Index("answers_by_message", "team", "channel", "message_ts"),
    Index("answers_by_time", "asked_at_us"),
)

TEXTS = Table(
    "answer_texts",
    _METADATA,
    Column("answer_id", ForeignKey("answers.answer_id", ondelete="CASCADE"), primary_key=True),
    Column("salt", String(64), nullable=False),
    Column("question", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("served", Text, nullable=False),
    Column("oldest_us", BigInteger, nullable=False),
    Index("answer_texts_by_age", "oldest_us"),
)

SOURCES = Table(
    "answer_sources",
    _METADATA,
    Column("answer_id", ForeignKey("answers.answer_id", ondelete="CASCADE"), primary_key=True),
    Column("doc_id", String(256), primary_key=True, index=True),
)

VOTES = Table(
    "votes",
    _METADATA,
    Column("answer_id", ForeignKey("answers.answer_id", ondelete="CASCADE"), primary_key=True),
    Column("team", String(32), primary_key=True),
    Column("user", String(32), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("action_s", BigInteger, nullable=False),
    Column("action_us", Integer, nullable=False),
)

# What version 0.1 kept beside the ids; an empty question was one that had been deleted.
_MOVE_TEXTS = (
    """
    INSERT INTO answer_texts (answer_id, salt, question, reply, served, oldest_us)
    SELECT answer_id, '', question, reply, '', asked_at_us FROM answers WHERE question <> ''
    """,
    "ALTER TABLE answers DROP COLUMN question",
    "ALTER TABLE answers DROP COLUMN reply",
)

# Texts without an age: they may hold anything that was said in their thread before.
_DATE_TEXTS = (
    "ALTER TABLE answer_texts ADD COLUMN oldest_us BIGINT NOT NULL DEFAULT 0",
    """
    UPDATE answer_texts SET oldest_us = (
        SELECT min(earlier.asked_at_us) FROM answers AS own JOIN answers AS earlier
        ON earlier.team = own.team AND earlier.channel = own.channel
        AND earlier.thread_ts = own.thread_ts
        WHERE own.answer_id = answer_texts.answer_id
    )
    """,
)


def create_tables(engine: Engine) -> None:
    """Make the tables that are not there yet, and bring those of earlier versions up to date."""
    _METADATA.create_all(engine)
    with engine.connect() as connection:
        is_old = bool(_missing(connection))
    if is_old:
        with engine.execution_options(writes=True).begin() as connection:
            _bring_up_to_date(connection)


def _bring_up_to_date(connection: Connection) -> None:
    for statement in _missing(connection):  # none if another process was quicker
        connection.execute(text(statement))
    for index in (*ANSWERS.indexes, *TEXTS.indexes):
        index.create(connection, checkfirst=True)


def _missing(connection: Connection) -> list[str]:
    """List the statements that bring the tables up to date."""
    statements = list[str]()
    if "oldest_us" not in _columns(connection, TEXTS):
        statements += _DATE_TEXTS
    if "question" in _columns(connection, ANSWERS):
        statements += _MOVE_TEXTS
    return statements


def _columns(connection: Connection, table: Table) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table.name)}
