"""When votes withdraw a candidate: never too early, seldom for nothing, soon for a reason."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy.stats import fisher_exact, hypergeom

from adapters import ledger
from adapters.ledger import AnswerRow, Vote
from bot.conversation import LIVE, Trace
from bot.database import open_engine
from bot.rollback import Rule, Thumbs, chance_of_worse, thumbs
from bot.rollouts import Rollout

RULE = Rule()
MOST = 300  # answers of the candidate with votes
RUNS = 1_000
BEGAN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_nothing_is_concluded_from_a_few_votes() -> None:
    """However bad they are, fewer than the minimum say nothing."""
    assert RULE.objection(Thumbs(19, 19), Thumbs(0, 500)) == ""
    assert RULE.objection(Thumbs(20, 20), Thumbs(0, 500)).startswith("20 of 20 voted answers down")


@pytest.mark.parametrize(("n", "m"), [(20, 20), (25, 400), (150, 60)])
def test_the_test_is_that_of_fisher(n: int, m: int) -> None:
    """Equal to the library's exact test, one-sided, for any split."""
    for downs, others in [(0, 0), (n // 3, m // 9), (n // 2, m // 2), (n, m)]:
        wanted = fisher_exact([[downs, n - downs], [others, m - others]], alternative="greater")
        assert chance_of_worse(Thumbs(downs, n), Thumbs(others, m)) == pytest.approx(wanted.pvalue)


def test_a_hard_ceiling_holds_where_there_is_nothing_to_compare_with() -> None:
    """Answering everywhere, a candidate has no others beside it; with them, they decide."""
    bad = Thumbs(18, 20)

    assert RULE.objection(bad, Thumbs(0, 0)) == "18 of 20 voted answers down"
    assert RULE.objection(Thumbs(17, 20), Thumbs(0, 0)) == ""
    assert RULE.objection(bad, Thumbs(85, 100)) == ""
    assert "p = 0.0000" in RULE.objection(bad, Thumbs(10, 100))


def rolled_back_at(down: float, live_down: float, live_votes: float, seed: int) -> NDArray[np.int_]:
    """After how many votes each of 1,000 candidates is rolled back; 0: never in 300.

    Looks at every vote, as the bot does, with the same tail of the same distribution.
    """
    chance = np.random.default_rng(seed)
    mine = chance.random((RUNS, MOST)) < down
    others = chance.random((RUNS, round(MOST * live_votes))) < live_down
    downs, live_downs = mine.cumsum(axis=1), np.pad(others.cumsum(axis=1), ((0, 0), (1, 0)))
    ended = np.zeros(RUNS, int)
    for n in range(RULE.min_votes, MOST + 1):
        m, a = round(n * live_votes), downs[:, n - 1]
        b = live_downs[:, m]
        is_worse = hypergeom.sf(a - 1, n + m, a + b, n) < RULE.level
        ended[(ended == 0) & is_worse] = n
    return ended


@pytest.mark.parametrize("live_votes", [1, 9], ids=["half of the channels", "a tenth"])
@pytest.mark.parametrize("down", [0.05, 0.1, 0.3, 0.5])
def test_at_most_one_harmless_candidate_in_twenty_is_rolled_back(
    down: float, live_votes: float
) -> None:
    """As good as the live arm, up to 300 votes, a look at each of them, 1,000 candidates."""
    ended = rolled_back_at(down, down, live_votes, seed=1)

    assert np.mean(ended > 0) <= 0.05


@pytest.mark.parametrize(
    ("live_votes", "half", "most"),
    [(1, 60, 125), (9, 32, 70)],
    ids=["half of the channels", "a tenth"],
)
def test_a_candidate_three_times_as_bad_is_found(live_votes: float, half: int, most: int) -> None:
    """At 30 % downs against 10 %: so many votes for half of them, and for nine in ten."""
    ended = rolled_back_at(0.3, 0.1, live_votes, seed=2)
    votes = np.where(ended == 0, MOST + 1, ended)

    assert np.quantile(votes, 0.5) <= half
    assert np.quantile(votes, 0.9) <= most


def test_the_simulation_is_of_the_rule_itself() -> None:
    """What it computes in bulk, the rule says for single counts."""
    for seed in range(200):
        chance = np.random.default_rng(seed)
        n, m = (int(one) for one in chance.integers(20, 300, 2))
        a, b = int(chance.binomial(n, 0.3)), int(chance.binomial(m, 0.15))
        in_bulk = hypergeom.sf(np.array([a]) - 1, n + m, a + b, n)[0] < RULE.level

        assert bool(RULE.objection(Thumbs(a, n), Thumbs(b, m))) == in_bulk


def an_answer(number: int, arm: str, asked_at: datetime) -> AnswerRow:
    """An answer of an arm."""
    trace = TypeAdapter(Trace).dump_json(Trace("", arm=arm)).decode()
    return AnswerRow(
        answer_id=f"a{number}",
        question_id=f"q{number}",
        team="T1",
        channel="C1",
        thread_ts=f"{number}.0",
        question_ts=f"{number}.0",
        message_ts=f"{number}.1",
        asker="U1",
        asked_at=asked_at,
        outcome="answered",
        audience="",
        question="?",
        reply="{}",
        trace=trace,
    )


def counted(folder: Path, answers: Iterable[tuple[str, timedelta, str]]) -> dict[str, Thumbs]:
    """Store answers with their votes (u and d), and count them for a rollout named loud."""
    engine = open_engine(f"sqlite:///{folder / 'votes.db'}")
    ledger.create_tables(engine)
    rollout = Rollout("0" * 32, "loud", {}, 50, "", BEGAN)
    with engine.execution_options(writes=True).begin() as connection:
        for number, (arm, after, votes) in enumerate(answers):
            row = an_answer(number, arm, BEGAN + after)
            ledger.record_answer(connection, row)
            for voter, letter in enumerate(votes):
                verdict = {"u": "up", "d": "down"}[letter]
                vote = Vote(row.answer_id, "T1", f"U{voter}", verdict, "1.0")
                ledger.record_vote(connection, vote)
        found = dict(thumbs(connection, rollout))
    engine.dispose()
    return found


def test_votes_are_counted_by_answer_and_arm(tmp_path: Path) -> None:
    """Ten friends below one answer are one answer; a tie is no praise; silence is no vote."""
    minute = timedelta(minutes=1)
    found = counted(
        tmp_path,
        [
            ("loud", minute, "dddddddddd"),
            ("loud", minute, "ud"),
            ("loud", minute, "uud"),
            ("loud", minute, ""),
            (LIVE, minute, "u"),
            (LIVE, minute, "d"),
            (LIVE, -minute, "d"),
            ("loud", -minute, "d"),
            ("loud-2", minute, "d"),
        ],
    )

    assert found == {"loud": Thumbs(2, 3), LIVE: Thumbs(1, 2)}


@pytest.mark.parametrize("down", [0.3, 0.5])
def test_alone_a_harmless_candidate_is_seldom_withdrawn(down: float) -> None:
    """Where it answers everywhere there is nothing to compare with; half of the votes may be down.

    Through the rule itself, which looks at each vote.
    """
    chance = np.random.default_rng(5)
    downs = (chance.random((200, MOST)) < down).cumsum(axis=1)
    withdrawn = sum(
        any(
            RULE.objection(Thumbs(int(run[n - 1]), n), Thumbs(0, 0))
            for n in range(RULE.min_votes, MOST + 1, 5)
        )
        for run in downs
    )

    assert withdrawn <= 0.05 * len(downs)
