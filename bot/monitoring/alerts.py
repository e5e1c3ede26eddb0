"""What the administrators are told when something gets worse: the words of each alert. Pure.

Ids, names of sources and settings, and figures; never a text of a question or a document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bot.monitoring.changes import Change
from bot.monitoring.drift import Alert

_MOST_CHANGES = 8
_MOST_NAMED = 10
_NO_CHANGE = (
    "I know of no change in the day before: no index run that changed anything, no other "
    "setting, no rollout. Look at what people ask, and at the machine."
)

_SIGNALS = {
    "decline": "declined questions",
    "empty_retrieval": "questions for which nothing was found",
    "support": "sentences of the model that the passages support",
    "down_vote": "thumbs down among the votes",
    "slow": "slow answers",
    "revocation_lag": "changes of access that took effect late",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to the administrators.

    Attributes:
        alert_id: What is told under the same id is told once.
        signal: What it is about, in one word.
    """

    alert_id: str
    signal: str
    title: str
    lines: tuple[str, ...]


def drift_notice(alert: Alert, changes: Sequence[Change], at: datetime) -> Notice:
    """Say what got worse, since when, what changed before, and how to undo that."""
    verb = "Fewer" if alert.rate < alert.reference_rate else "More"
    return Notice(
        alert_id=f"drift/{alert.signal}/{at:%Y-%m-%dT%H}",
        signal=alert.signal,
        title=f"{verb} {_SIGNALS[alert.signal]} than before",
        lines=(*_figures(alert), *_told(changes)),
    )


def _figures(alert: Alert) -> tuple[str, ...]:
    now = f"{alert.rate:.1%} of {alert.n:,} in the last {alert.window_h} hours"
    usual = f"{alert.reference_rate:.1%} of {alert.reference_n:,} in the four weeks before"
    lines = (f"{now}; {usual}.", f"It seems to begin with the hour of {_moment(alert.since)}.")
    if alert.slower_than_s is None:
        return lines
    return (*lines, f"Counted is what took longer than {alert.slower_than_s:.3g} s.")


def _told(changes: Sequence[Change]) -> tuple[str, ...]:
    if not changes:
        return (_NO_CHANGE,)
    lines = ["Changed in the day before or since, the newest first:"]
    for change in changes[:_MOST_CHANGES]:
        lines += [f"• {_moment(change.at)}: {change.what}.", f"   To undo it: {change.undo}."]
    if len(changes) > _MOST_CHANGES:
        lines.append(f"and {len(changes) - _MOST_CHANGES} earlier ones.")
    return tuple(lines)


def budget_notice(scope: str, day: date, used: int, limit: int, *, is_spent: bool) -> Notice:
    """Say that a budget of tokens is nearly or wholly used up.

    Args:
        scope: Such as ``overall`` or ``source wiki``.
        day: UTC.
        used: Tokens [tokens].
        limit: Tokens that may be used [tokens].
        is_spent: Whether nothing is left.
    """
    level = "spent" if is_spent else "nearly spent"
    until = "Until midnight UTC I only quote there: no model speaks."
    ahead = "When it is spent I only quote there until midnight UTC."
    return Notice(
        alert_id=f"budget/{day}/{scope}/{level}",
        signal="budget",
        title=f"The model's budget is {level}: {scope}",
        lines=(
            f"{used:,} of {limit:,} tokens of {day} are used ({used / limit:.0%}).",
            until if is_spent else ahead,
            "HOUSEVOICE_BUDGET__TOKENS_PER_DAY and its neighbours set the limits.",
        ),
    )


def breach_notice(seen_by: Sequence[str], since: datetime) -> Notice:
    """Say that somebody could find the planted document, and that the bot has stopped.

    Args:
        seen_by: Roles that found it.
        since: When the breach was found that is not mended yet; each one is told once.
    """
    seen = (
        f"The planted document, which nobody may read, was found with the role {_named(seen_by)} "
        "alone. So other documents may have been shown to the wrong people."
    )
    undo = (
        "I answer nothing, after a restart neither, until you have run "
        "`housevoice index --rebuild` and started me again. Find out who was answered since the "
        "last good round, and report this."
    )
    return Notice(
        alert_id=f"access/breach/{since:%Y-%m-%dT%H:%M:%S}",
        signal="access_canary",
        title="Access is broken: I have stopped answering",
        lines=(seen, undo),
    )


def blind_notice(at: datetime, *, is_planted: bool) -> Notice:
    """Say that a broken filter would go unnoticed."""
    missing = "The index was made before there was one: run `housevoice index`."
    unseen = (
        "It was not found even with its own role, so that its absence elsewhere proves nothing. "
        "Run `housevoice doctor`, then `housevoice index`; a pinned "
        "HOUSEVOICE_KNOWLEDGE__INDEX_VERSION may be older than the document."
    )
    return Notice(
        alert_id=f"access/blind/{at:%Y-%m-%d}",
        signal="access_canary",
        title="The check of access sees nothing: the planted document is missing",
        lines=(unseen if is_planted else missing,),
    )


def golden_notice(
    lost: Sequence[str], passed: tuple[int, int], changes: Sequence[Change], at: datetime
) -> Notice:
    """Say which golden questions were answered well an hour ago and are not any more.

    Args:
        lost: Each case by its id, with why.
        passed: How many pass now, of how many.
        changes: Since the last round.
        at: Time of this round.
    """
    return Notice(
        alert_id=f"golden/{at:%Y-%m-%dT%H:%M}",
        signal="golden_canary",
        title=f"Golden questions fail that passed before: {len(lost)}",
        lines=(
            f"Failing now: {_named(lost)}.",
            f"{passed[0]} of {passed[1]} pass. `housevoice evaluate` says which stage loses them.",
            *_told(changes),
        ),
    )


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %b %H:%M} UTC"
