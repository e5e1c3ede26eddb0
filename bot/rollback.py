"""When a candidate is withdrawn: people vote its answers down more often than the others.

Knows votes and rollouts; neither Slack nor how an answer is made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, Engine, Select, case, func, select

from adapters.ledger import AnswerRow
from adapters.ledger_schema import ANSWERS, VOTES
from bot.conversation import LIVE
from bot.errors import QueueFullError
from bot.records import trace_of
from bot.rollouts import Ending, Rollout, Rollouts
from bot.tracing import note
from bot.worker import Worker


@dataclass(frozen=True, slots=True)
class Thumbs:
    """The answers of one arm that somebody voted on.

    Attributes:
        downs: Those with at least as many thumbs down as up.
        n: All of them.
    """

    downs: int = 0
    n: int = 0

    @property
    def down_share(self) -> float:
        """Of the answers with votes [0..1]; 0 where there are none."""
        return self.downs / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """When a candidate is worse than what answers otherwise.

    It is asked again at each vote, and each look is a chance of a false alarm; so the level of
    one look is far below the one of the whole.

    Attributes:
        min_votes: Answers with votes below which nothing is concluded.
        level: Of the one-sided exact test by Fisher, at each look [0..1].
        most_downs: Where the live arm has fewer than ``min_votes`` answers with votes, more downs
            than this share, by an exact binomial test at the same level, are too many [0..1].

    Source:
        ``tests/unit/test_rollback.py``: with votes up to 300 and a look at each of them, the
        defaults withdraw at most 5 % of harmless candidates.
    """

    min_votes: int = 20
    level: float = 0.005
    most_downs: float = 0.6

    def objection(self, candidate: Thumbs, live: Thumbs) -> str:
        """Say in figures why a candidate is withdrawn; empty if it is not."""
        if candidate.n < self.min_votes:
            return ""
        told = f"{candidate.downs} of {candidate.n} voted answers down"
        if live.n < self.min_votes:
            return told if _chance_of_so_many(candidate, self.most_downs) < self.level else ""
        p_value = chance_of_worse(candidate, live)
        beside = f"live {live.downs} of {live.n}, p = {p_value:.4f}"
        return f"{told}; {beside}" if p_value < self.level else ""


def _chance_of_so_many(thumbs: Thumbs, share: float) -> float:
    from scipy.stats import binom  # noqa: PLC0415  a second to load

    return float(binom.sf(thumbs.downs - 1, thumbs.n, share))


def chance_of_worse(candidate: Thumbs, live: Thumbs) -> float:
    """Return the p-value of Fisher's exact test for "the candidate is not voted down more often".

    Source:
        Fisher (1935), Journal of the Royal Statistical Society 98, 39: the tail of the
        hypergeometric distribution.
    """
    from scipy.stats import hypergeom  # noqa: PLC0415  a second to load

    answers, downs = candidate.n + live.n, candidate.downs + live.downs
    return float(hypergeom.sf(candidate.downs - 1, answers, downs, candidate.n))


def thumbs(connection: Connection, rollout: Rollout) -> Mapping[str, Thumbs]:
    """Count the voted answers of both arms since a rollout began: live, and its name."""
    rows = connection.execute(_voted(rollout)).all()
    return {
        name: _thumbs(row.balance for row in rows if row.arm == name) for name in _arms(rollout)
    }


def _thumbs(balances: Iterable[int]) -> Thumbs:
    listed = list(balances)
    return Thumbs(sum(balance >= 0 for balance in listed), len(listed))


def _arms(rollout: Rollout) -> tuple[str, str]:
    return LIVE, rollout.name


def _voted(rollout: Rollout) -> Select[tuple[str, int]]:
    """Select the arm and the balance of downs and ups of each voted answer."""
    arm = case(
        *((ANSWERS.c.trace.contains(f'"arm":"{one}"'), one) for one in _arms(rollout)), else_=""
    )
    balance = func.sum(case((VOTES.c.verdict == "down", 1), else_=-1))
    began_us = round(rollout.started_at.timestamp() * 1_000_000)
    return (
        select(arm.label("arm"), balance.label("balance"))
        .join_from(ANSWERS, VOTES)
        .where(ANSWERS.c.asked_at_us >= began_us)
        .group_by(ANSWERS.c.answer_id)
    )


@dataclass(frozen=True, slots=True)
class Rollback:
    """Looks at the votes, and ends a rollout that people object to.

    Attributes:
        courtesies: Looks, away from the acknowledgement of a click.
    """

    engine: Engine
    rollouts: Rollouts
    rule: Rule
    courtesies: Worker

    def on_vote(self, row: AnswerRow) -> None:
        """Look soon, if the vote is on an answer of a candidate."""
        arm = trace_of(row).arm
        if arm == LIVE:
            return
        try:
            self.courtesies.submit(partial(self.look), asker=arm)
        except QueueFullError:
            note(reason="look_left_out")  # the next vote or the next hour looks

    def look(self) -> None:
        """End the rollout if the votes are too bad.

        Raises:
            StoreDownError: If its end is not stored.
        """
        rollout = self.rollouts.current()
        if rollout is None:
            return
        with self.engine.connect() as connection:
            counted = thumbs(connection, rollout)
        if objection := self.rule.objection(counted[rollout.name], counted[LIVE]):
            self.rollouts.end(rollout.rollout_id, Ending.ROLLED_BACK, objection)
