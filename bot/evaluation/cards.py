"""Which cases a report shows, and in what order. Pure; knows nothing of HTML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.evaluation.overview import stages
from bot.evaluation.results import ArmResult, CaseFacts, CaseRun, CaseScore, Evaluation

MOST_CARDS = 50
"""Lost cases of one arm that are shown with all that they are made of; the others as a line."""

MOST_COMPARED = 60
_MOST_EXAMPLES = 6


@dataclass(frozen=True, slots=True)
class Card:
    """One case under one arm."""

    arm: str
    facts: CaseFacts
    run: CaseRun
    score: CaseScore


@dataclass(frozen=True, slots=True)
class Side:
    """One case under several arms."""

    facts: CaseFacts
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class StageLosses:
    """The cases that one stage lost: some in full, the rest in a line each."""

    stage: str
    cards: tuple[Card, ...]
    rest: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class ArmLosses:
    """The cases that one arm lost, by stage in the order of an answer."""

    arm: str
    n_cases: int
    stages: tuple[StageLosses, ...]

    @property
    def n_lost(self) -> int:
        """All of them."""
        return sum(len(one.cards) + len(one.rest) for one in self.stages)


def cards(evaluation: Evaluation) -> Iterator[Card]:
    """Yield every case under every arm, arm by arm."""
    for arm in evaluation.arms:
        yield from _cards(arm, evaluation.cases)


def losses(evaluation: Evaluation) -> tuple[ArmLosses, ...]:
    """Gather what each arm lost."""
    return tuple(_lost(arm, evaluation.cases) for arm in evaluation.arms)


def differing(evaluation: Evaluation) -> tuple[Side, ...]:
    """Return the cases that went well under some arms and not under others."""
    return tuple(side for side in _sides(evaluation) if 0 < _n_good(side) < len(side.cards))


def examples(evaluation: Evaluation) -> tuple[Side, ...]:
    """Return a few cases that went well, under as many arms as possible, each of another kind."""
    ranked = sorted(_sides(evaluation), key=_n_good, reverse=True)
    chosen = dict[tuple[str, ...], Side]()
    for side in ranked:
        good = tuple(card for card in side.cards if card.score.is_good)
        if good:
            chosen.setdefault(side.facts.tags[:1], Side(side.facts, good))
    return tuple(chosen.values())[:_MOST_EXAMPLES]


def _sides(evaluation: Evaluation) -> Iterator[Side]:
    by_arm = [_cards(arm, evaluation.cases) for arm in evaluation.arms]
    for facts, *cards in zip(evaluation.cases, *by_arm, strict=True):
        yield Side(facts, tuple(cards))


def _cards(arm: ArmResult, cases: Sequence[CaseFacts]) -> list[Card]:
    together = zip(cases, arm.runs, arm.scores, strict=True)
    return [Card(arm.arm, facts, run, score) for facts, run, score in together]


def _n_good(side: Side) -> int:
    return sum(card.score.is_good for card in side.cards)


def _lost(arm: ArmResult, cases: Sequence[CaseFacts]) -> ArmLosses:
    by_stage = {stage: list[Card]() for stage in stages([arm])}
    for card in _cards(arm, cases):
        if not card.score.is_good:
            by_stage.setdefault(card.score.lost_at, []).append(card)
    shares = _shares({stage: len(cards) for stage, cards in by_stage.items()})
    return ArmLosses(
        arm.arm,
        len(cases),
        tuple(
            StageLosses(stage, tuple(cards[: shares[stage]]), tuple(cards[shares[stage] :]))
            for stage, cards in by_stage.items()
        ),
    )


def _shares(sizes: Mapping[str, int]) -> dict[str, int]:
    """Share out the cards that are shown in full: small stages whole, large ones evenly."""
    left, shares = MOST_CARDS, dict[str, int]()
    for done, stage in enumerate(sorted(sizes, key=lambda one: sizes[one])):
        shares[stage] = min(sizes[stage], left // (len(sizes) - done))
        left -= shares[stage]
    return shares
