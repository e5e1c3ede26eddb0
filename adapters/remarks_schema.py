"""The tables of remarks, and how they are made."""

from sqlalchemy import BigInteger, Column, Engine, MetaData, String, Table, Text

_METADATA = MetaData()

REMARKS = Table(
    "remarks",
    _METADATA,
    Column("answer_id", String(64), primary_key=True),
    Column("team", String(32), primary_key=True),
    Column("user", String(32), primary_key=True),
    Column("reason", String(16), nullable=False),
    Column("correction", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reviewer", String(32), nullable=False),
    Column("reviewed_at_us", BigInteger, nullable=False),
)

SUBMISSIONS = Table(
    "remark_submissions",
    _METADATA,
    Column("submission_id", String(255), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
)


def create_tables(engine: Engine) -> None:
    """Make the tables that are not there yet."""
    _METADATA.create_all(engine)
