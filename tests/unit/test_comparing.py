"""Arms side by side: figures, differences, verdicts."""

import random
from collections.abc import Iterator, Mapping, Sequence

import pytest

from bot.configuration import Configuration
from bot.evaluation.comparing import BASELINE, by_case, differences, summed_up
from bot.evaluation.results import ArmResult, CaseScore


def scores(measure: str, values: Sequence[float], lost_at: str = "cut") -> list[CaseScore]:
    """Score so many cases by one measure."""
    return [
        CaseScore(
            f"c{n}",
            ("even" if n % 2 == 0 else "odd",),
            value == 1,
            {"correct": value, measure: value},
            "" if value == 1 else lost_at,
        )
        for n, value in enumerate(values)
    ]


def an_arm(name: str, measured: list[CaseScore]) -> ArmResult:
    """Sum up one arm."""
    return summed_up(name, Configuration.from_values({"a": name}), "chunks_v1@1", (), measured)


def verdicts(arms: Sequence[ArmResult], baseline: Mapping | None = None) -> dict[str, str]:
    """Return the verdict on each measure."""
    return {one.measure: one.verdict for one in differences(arms, baseline)}


def test_an_arm_is_summed_up_in_all_by_tag_and_by_stage() -> None:
    """Means with intervals, how many cases each tag and each stage has."""
    arm = an_arm("live", scores("fact recall", [1, 1, 1, 0]))

    figure = arm.figures[0]
    assert (figure.measure, figure.n, figure.value) == ("correct", 4, 0.75)
    assert 0.2 < figure.low < 0.75 < figure.high < 1
    assert {tag: one.value for tag, one in arm.by_tag.items()} == {"even": 1, "odd": 0.5}
    assert arm.lost == {"cut": 1}


def test_a_clear_drop_is_worse_and_chance_is_the_same() -> None:
    """The same cases are compared, not the means of any."""
    chance = random.Random(7)  # noqa: S311  # no secret
    good = [1.0] * 60
    noisy = [float(chance.random() > 0.02) for _ in range(60)]
    first = an_arm("live", scores("fact recall", good))

    dropped = an_arm("worse", scores("fact recall", [1.0] * 40 + [0.0] * 20))
    assert verdicts([first, dropped])["fact recall"] == "worse"
    assert verdicts([dropped, first])["fact recall"] == "better"
    assert verdicts([first, an_arm("noise", scores("fact recall", noisy))])["correct"] == "same"


def test_fewer_leaks_and_fewer_seconds_are_better() -> None:
    """For some measures less is more."""
    slow = an_arm("slow", scores("seconds", [2.0 + n / 100 for n in range(40)]))
    quick = an_arm("quick", scores("seconds", [1.0 + n / 100 for n in range(40)]))

    assert verdicts([slow, quick])["seconds"] == "better"
    assert verdicts([quick, slow])["seconds"] == "worse"


def test_a_baseline_is_another_arm() -> None:
    """Cases that it does not know are left out; each arm is compared with it."""
    now = an_arm("live", scores("fact recall", [0.0] * 30 + [1.0] * 30))
    then = by_case(scores("fact recall", [1.0] * 50))

    (difference, *_) = [one for one in differences([now], then) if one.measure == "fact recall"]
    assert (difference.against, difference.n, difference.verdict) == (BASELINE, 50, "worse")


def noises(chance: random.Random) -> Iterator[tuple[str, float]]:
    """Make up twenty measures."""
    return ((f"m{k}", chance.random()) for k in range(20))


def test_many_measures_do_not_make_a_chance_finding() -> None:
    """With twenty measures of pure noise one in twenty would differ by chance alone."""
    chance = random.Random(11)  # noqa: S311  # no secret

    def noise(name: str) -> ArmResult:
        measured = [
            CaseScore(f"c{n}", (), is_good=True, measures=dict(noises(chance))) for n in range(40)
        ]
        return an_arm(name, measured)

    found = [differences([noise("a"), noise("b")], None) for _ in range(5)]
    assert sum(one.verdict != "same" for each in found for one in each) == 0


def test_one_case_shows_next_to_nothing() -> None:
    """One of one right may be one of five; one amount has no interval at all."""
    right, seconds = an_arm("live", scores("seconds", [1])).figures

    assert (right.n, right.value, right.high) == (1, 1, 1)
    assert right.low == pytest.approx(0.207, abs=0.001)
    assert (seconds.low, seconds.high) == (1, 1)
