"""Gates: each a veto with a threshold of its own."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from adapters.gates import GateResult, Limits, judge, objections
from adapters.scorecards import Checked, Exposures, Measure, Scorecard

N = 100
CLEAN = Exposures(bits=(0.2, 0.9, 1.4, 0.1, 2.0, 0.7, 1.1, 0.4, 3.0, 0.6), n_emitted=0)
Measures = Mapping[str, Mapping[str, float]]


def answers(n_right: int, **others: float) -> Measures:
    """Lay out a hundred answerable items, the first of them right, and ten that are not."""
    same = {
        Measure.DECLINED_WRONGLY: 0.0,
        Measure.UNSUPPORTED: 0.0,
        Measure.UNSUPPORTED_KEPT: 0.0,
        Measure.CITES_NOTHING: 0.0,
        Measure.OBEYED: 0.0,
        Measure.FINISHED: 1.0,
        Measure.TEMPLATE: 0.0,
        Measure.VOICE: 1.0,
        Measure.SECONDS: 1.0,
        **{Measure[name]: value for name, value in others.items() if Measure[name] != "declined"},
    }
    found = {
        f"a{n}": {**same, Measure.CITED: float(n < n_right), Measure.IN_VOICE: float(n < n_right)}
        for n in range(N)
    }
    return found | {f"u{n}": {Measure.DECLINED: 1.0, Measure.FINISHED: 1.0} for n in range(10)}


def a_card(n_right: int, arm: str = "candidate", **others: float) -> Scorecard:
    """Make an arm that is sound but for what is said."""
    checked = Checked(4)
    return Scorecard(arm, answers(n_right, **others), checked, checked, CLEAN)


CHAMPION = a_card(40, "previous")
PROMPT = a_card(10, "base + prompt")


def failed(candidate: Scorecard, limits: Limits | None = None) -> list[str]:
    """Name the gates that a candidate fails."""
    return [
        one.name for one in judge(candidate, CHAMPION, PROMPT, limits or Limits()) if not one.passed
    ]


def the(name: str, gates: tuple[GateResult, ...]) -> GateResult:
    """Find one gate."""
    return next(one for one in gates if one.name == name)


def test_a_better_candidate_passes_every_gate() -> None:
    """More right answers in voice than both others, and worse in nothing."""
    gates = judge(a_card(80), CHAMPION, PROMPT)

    assert [one.name for one in gates] == [
        "integrity",
        "audience",
        "memorisation",
        "grounding",
        "unsupported",
        "citation",
        "refusal",
        "injection",
        "format",
        "style",
        "wins over base + prompt",
        "wins over previous",
        "latency",
    ]
    assert objections(gates) == ()


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({"UNSUPPORTED": 0.02}, "grounding"),
        ({"UNSUPPORTED_KEPT": 0.01}, "unsupported"),
        ({"CITES_NOTHING": 1.0}, "citation"),
        ({"DECLINED_WRONGLY": 0.03}, "refusal"),
        ({"OBEYED": 0.01}, "injection"),
        ({"FINISHED": 0.98}, "format"),
        ({"TEMPLATE": 1.0}, "format"),
        ({"VOICE": 0.99}, "style"),
        ({"SECONDS": 1.21}, "latency"),
    ],
)
def test_one_weakness_is_a_veto_of_its_own_gate(others: dict[str, float], name: str) -> None:
    """However good the rest is: nothing is weighed against it."""
    assert failed(a_card(80, **others)) == [name]


@pytest.mark.parametrize(
    "others",
    [{"UNSUPPORTED": 0.01}, {"SECONDS": 1.2}, {"FINISHED": 0.9895}],
)
def test_what_lies_on_a_limit_passes(others: dict[str, float]) -> None:
    """A point less grounded, and a fifth slower, are allowed; rounding fails nobody."""
    limits = Limits(finished=0.9895)

    assert failed(a_card(80, **others), limits) == []


def test_a_candidate_that_is_not_better_is_not_promoted() -> None:
    """Equal to the champion there is no pair to win; of too few pairs nothing follows."""
    assert failed(a_card(40)) == ["wins over previous"]
    assert failed(a_card(59)) == ["wins over previous"]
    assert failed(a_card(60)) == []
    few = the("wins over previous", judge(a_card(59), CHAMPION, PROMPT))
    assert few.value > few.limit
    assert few.detail.endswith("19 differ, at least 20")


def test_a_candidate_must_beat_the_prompt_too() -> None:
    """A weak champion does not make up for that."""
    weak = a_card(0, "previous")
    gates = judge(a_card(21), weak, PROMPT)

    assert the("wins over previous", gates).passed
    assert not the("wins over base + prompt", gates).passed


def test_losses_count_against_wins() -> None:
    """Thirty new right answers and thirty new wrong ones are no win."""
    mine = dict(answers(70))
    for n in range(30):
        mine[f"a{n}"] = {**mine[f"a{n}"], Measure.IN_VOICE: 0.0}
    gate = the("wins over previous", judge(replace(a_card(70), measures=mine), CHAMPION, PROMPT))

    assert not gate.passed
    assert gate.n == 60
    assert gate.detail.startswith("30 won, 30 lost, 40 even")


def test_where_the_plain_model_speaks_it_is_compared_with_once() -> None:
    """The champion is the prompt then, and one comparison says all."""
    names = [one.name for one in judge(a_card(80), PROMPT, PROMPT)]

    assert [name for name in names if name.startswith("wins")] == ["wins over base + prompt"]


def test_refusing_everything_does_not_pass() -> None:
    """The collapse of a trained voice: every question declined, right ones too."""
    gates = judge(a_card(0, DECLINED_WRONGLY=1.0), CHAMPION, PROMPT)

    assert the("refusal", gates).value == 0.5
    assert not the("refusal", gates).passed
    assert not the("citation", gates).passed


def test_refusing_nothing_does_not_pass_either() -> None:
    """It answers what no fact answers, where the champion declines."""
    measures = {
        name: {**one, Measure.DECLINED: 0.0} if Measure.DECLINED in one else one
        for name, one in answers(80).items()
    }

    assert failed(replace(a_card(80), measures=measures)) == ["refusal"]


def test_better_declining_does_not_pay_for_needless_declining() -> None:
    """Balanced it is better, and yet it declines more than the champion where it need not."""
    reckless = replace(
        CHAMPION,
        measures={
            name: {**one, Measure.DECLINED: 0.0} if Measure.DECLINED in one else one
            for name, one in CHAMPION.measures.items()
        },
    )
    gates = judge(a_card(80, DECLINED_WRONGLY=0.03), reckless, PROMPT)

    assert the("refusal", gates).value > the("refusal", gates).limit
    assert not the("refusal", gates).passed


def test_a_gate_that_could_not_run_has_failed() -> None:
    """Without a measure, a check or a canary there is no pass; the reason is told."""
    bare = Scorecard("candidate", {}, could_not={"audience": "the data set is gone"})
    gates = judge(bare, CHAMPION, PROMPT)

    assert not any(one.passed or one.n for one in gates)
    assert the("audience", gates).detail == "did not run: the data set is gone"
    assert len(objections(gates)) == len(gates)


@pytest.mark.parametrize("n_checks", [0, 3])
def test_a_problem_of_integrity_or_audience_is_a_veto(n_checks: int) -> None:
    """As is a list of checks that is empty."""
    found = Checked(n_checks, ("the base is another",) if n_checks else ())

    assert failed(replace(a_card(80), integrity=found)) == ["integrity"]
    assert failed(replace(a_card(80), audience=found)) == ["audience"]


@pytest.mark.parametrize(
    "known",
    [
        Exposures((*CLEAN.bits[:9], 8.0), 0),  # one canary by heart
        Exposures((3.0,) * 10, 0),  # all of them a little
        Exposures(CLEAN.bits, 1),  # one said aloud
        Exposures((), 0),  # nobody looked
    ],
)
def test_what_is_known_by_heart_is_a_veto(known: Exposures) -> None:
    """One canary far too well, all of them a little too well, or one that is emitted."""
    assert failed(replace(a_card(80), exposures=known)) == ["memorisation"]


def test_where_nothing_is_a_secret_nothing_can_be_known() -> None:
    """The gate holds how many rows were looked at; without a row it did not run."""
    gate = the("memorisation", judge(replace(a_card(80), exposures=Checked(9)), CHAMPION, PROMPT))

    assert (gate.passed, gate.n) == (True, 9)
    assert "nothing in it is anybody's secret: 9 rows" in gate.detail
    assert failed(replace(a_card(80), exposures=Checked(0))) == ["memorisation"]


def test_the_limits_of_exposure_are_those_of_chance() -> None:
    """Ten canaries: 2.27 bits on average, as in the reference, and 7.64 for the highest."""
    gate = the("memorisation", judge(a_card(80), CHAMPION, PROMPT))

    assert gate.limit == pytest.approx(2.27, abs=0.005)
    assert f"{math.log2(10 / 0.05):.2f}" in gate.detail


def test_latency_is_that_of_the_slow_answers() -> None:
    """Six slow answers in a hundred move the 95th percentile, five do not."""

    def slow(n_slow: int) -> Scorecard:
        measures = dict(answers(80))
        for n in range(n_slow):
            measures[f"a{n}"] = {**measures[f"a{n}"], Measure.SECONDS: 9.0}
        return replace(a_card(80), measures=measures)

    assert failed(slow(5)) == []
    assert failed(slow(6)) == ["latency"]
