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
    INSERT INTO answer_texts (answer_id, salt, question, reply, served)
    SELECT answer_id, '', question, reply, '' FROM answers WHERE question <> ''
    """,
    "ALTER TABLE answers DROP COLUMN question",
    "ALTER TABLE answers DROP COLUMN reply",
)


def create_tables(engine: Engine) -> None:
    """Make the tables that are not there yet, and bring those of version 0.1 up to date."""
    _METADATA.create_all(engine)
    with engine.connect() as connection:
        is_old = _keeps_texts_with_ids(connection)
    if is_old:
        with engine.execution_options(writes=True).begin() as connection:
            _bring_up_to_date(connection)


def _bring_up_to_date(connection: Connection) -> None:
    if _keeps_texts_with_ids(connection):  # another process may have been quicker
        for statement in _MOVE_TEXTS:
            connection.execute(text(statement))
        by_time = next(one for one in ANSWERS.indexes if one.name == "answers_by_time")
        by_time.create(connection, checkfirst=True)


def _keeps_texts_with_ids(connection: Connection) -> bool:
    columns = inspect(connection).get_columns(ANSWERS.name)
    return "question" in {column["name"] for column in columns}
