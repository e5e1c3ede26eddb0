"""Which channels a candidate answers in, and what it may have different."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest

from bot.candidates import MAY_DIFFER, read_candidate
from bot.errors import CandidateError
from bot.listeners.commands import Status, described
from bot.rollouts import Ending, Rollout
from bot.settings import Settings, overridden
from bot.trials import ended_notice

CHANNELS = [f"C{number:06}" for number in range(5_000)] + [f"D{number}" for number in range(5_000)]


def a_rollout(share: int, number: int = 1) -> Rollout:
    """Build one that goes on."""
    return Rollout(
        UUID(int=number).hex, "strict", {}, share, "", datetime(2026, 11, 21, tzinfo=UTC)
    )


def taken(rollout: Rollout) -> set[str]:
    """The channels that it answers in."""
    return set(filter(rollout.takes, CHANNELS))


def test_a_larger_share_only_adds_channels() -> None:
    """Whoever has the candidate keeps it, from none of the channels to all of them."""
    sets = [taken(a_rollout(share)) for share in range(0, 101, 5)]

    assert all(less <= more for less, more in pairwise(sets))
    assert (sets[0], sets[-1]) == (set(), set(CHANNELS))


@pytest.mark.parametrize("share", [1, 10, 50, 90])
def test_a_share_is_one_of_channels(share: int) -> None:
    """Of 10,000 channels and direct messages, to within one in a hundred."""
    assert len(taken(a_rollout(share))) / len(CHANNELS) == pytest.approx(share / 100, abs=0.015)


def test_another_rollout_has_other_channels() -> None:
    """Nobody is the guinea pig each time: two tenths overlap by a hundredth."""
    both = taken(a_rollout(10)) & taken(a_rollout(10, number=2))

    assert len(both) / len(CHANNELS) == pytest.approx(0.01, abs=0.005)


def test_what_is_asked_nowhere_is_not_tried() -> None:
    """A question without a channel, such as one that is begun again, gets the live arm."""
    assert not a_rollout(100).takes("")


@pytest.mark.parametrize("share", [-1, 101])
def test_a_share_is_a_percentage(share: int) -> None:
    """Anything else cannot be built."""
    with pytest.raises(CandidateError, match="per cent"):
        a_rollout(share)


def test_what_may_differ_are_settings_of_the_answer() -> None:
    """Each is one, and none says who may read what or where things are."""
    settings = Settings()
    for name in MAY_DIFFER:
        section, _, key = name.partition(".")
        now = getattr(getattr(settings, section), key)
        assert overridden(settings, {name: str(now)}) == settings

    assert {name.partition(".")[0] for name in MAY_DIFFER} == {"knowledge", "model"}
    assert not MAY_DIFFER & {"knowledge.folder", "knowledge.documents_url", "model.cache"}


def test_a_candidate_has_something_different() -> None:
    """Nothing to try, or nothing after the name of a setting, is refused."""
    assert read_candidate("a", [" knowledge.floor = 0.5 "]) == {"knowledge.floor": "0.5"}
    for given in ([], ["knowledge.floor"], ["=1"], ["floor=0.5"]):
        with pytest.raises(CandidateError):
            read_candidate("a", given)


def test_administrators_are_told_once_and_what_to_do() -> None:
    """Its id makes it one message; it names the candidate, why, and what was different."""
    ended = Rollout(
        "0" * 32,
        "strict",
        {"knowledge.floor": "0.5"},
        10,
        "",
        datetime(2026, 11, 21, tzinfo=UTC),
        ending=Ending.ROLLED_BACK,
        reason="12 of 20 voted answers down",
    )
    notice = ended_notice(ended)

    assert notice.alert_id == f"rollout/{'0' * 32}"
    assert notice.title.startswith("strict was rolled back")
    assert notice.lines[0] == "12 of 20 voted answers down."
    assert "knowledge.floor=0.5" in notice.lines[1]


def test_the_status_tells_of_a_trial_only_if_there_is_one() -> None:
    """Without one the answer ends as it always did."""
    quiet = Status(1.0, 1, 1, "none", "", 0)
    busy = Status(1.0, 1, 1, "none", "", 0, "On trial: strict in the shadow.")

    assert described(quiet).endswith("Questions waiting: 0.")
    assert described(busy).endswith("Questions waiting: 0. On trial: strict in the shadow.")
