"""Who allowed what people said in a workspace to be used for training, and what they had read.

Nothing leaves a workspace without such a record; the last one counts, so that it can be taken
back. Knows neither what is exported nor how. Functions take the caller's connection.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
)

from bot import decisions
from bot.decisions import Kind

LOCAL_TEAM = "T0LARKFIELD"
"""The invented workspace of the demo, whose people need not be asked; a test keeps it in step."""

_METADATA = MetaData()
_APPROVALS = Table(
    "export_approvals",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("team", String(32), nullable=False, index=True),
    Column("approver", String(32), nullable=False),
    Column("terms", Text, nullable=False),
    Column("with_typed_texts", Boolean, nullable=False),
    Column("is_granted", Boolean, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Approval:
    """What one administrator decided for one workspace.

    Attributes:
        approver: User id.
        terms: What they read before: names or addresses of documents.
        with_typed_texts: Whether questions and corrections may go along.
        is_granted: False where an earlier one is taken back.
        number: Given when it is recorded.
    """

    team: str
    approver: str
    terms: tuple[str, ...]
    with_typed_texts: bool
    is_granted: bool
    at: datetime
    number: int = 0


def create_tables(engine: Engine) -> None:
    """Make the table if it is not there yet."""
    _METADATA.create_all(engine)


def record(connection: Connection, approval: Approval) -> None:
    """Store an approval, and tell the decision log of it."""
    terms = json.dumps(approval.terms)
    connection.execute(
        insert(_APPROVALS).values(
            team=approval.team,
            approver=approval.approver,
            terms=terms,
            with_typed_texts=approval.with_typed_texts,
            is_granted=approval.is_granted,
            at_us=round(approval.at.timestamp() * 1_000_000),
        )
    )
    told: dict[str, decisions.JSON] = {
        "approver": approval.approver,
        "is_granted": approval.is_granted,
        "with_typed_texts": approval.with_typed_texts,
        "terms_sha256": sha256(terms.encode()).hexdigest(),
    }
    decisions.append(connection, Kind.EXPORT, approval.team, told, approval.at)


def standing(connection: Connection, team: str) -> Approval | None:
    """Return the approval that counts for a workspace; None if there is none, or not any more."""
    last = approvals(connection, team)[-1:]
    return last[0] if last and last[0].is_granted else None


def approvals(connection: Connection, team: str | None = None) -> list[Approval]:
    """List what was decided, oldest first."""
    rows = select(_APPROVALS).order_by(_APPROVALS.c.number)
    found = connection.execute(rows if team is None else rows.where(_APPROVALS.c.team == team))
    return [
        Approval(
            team=row.team,
            approver=row.approver,
            terms=tuple(json.loads(row.terms)),
            with_typed_texts=row.with_typed_texts,
            is_granted=row.is_granted,
            at=datetime.fromtimestamp(row.at_us / 1_000_000, UTC),
            number=row.number,
        )
        for row in found
    ]


def is_loopback(url: str) -> bool:
    """Tell whether an address is of this machine: there only the local workspace answers."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
