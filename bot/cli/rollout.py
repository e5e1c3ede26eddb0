"""`housevoice rollout`: try a candidate beside what answers now, compare them, end it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.errors import AdaptersError
from adapters.statistics import wilson
from bot import shadows
from bot.candidates import read_candidate
from bot.cli.premises import require_database
from bot.cli.remedies import sentence
from bot.configuration import Configuration
from bot.conversation import LIVE, Outcome, Question
from bot.database import Writer
from bot.errors import BotError, CandidateError, NoRolloutError, RolloutOpenError
from bot.evaluation.comparing import differences, summed_up
from bot.evaluation.results import MEASURES, ArmResult, CaseScore, Difference
from bot.house import House, open_house, open_variant
from bot.rollback import Rule, Thumbs, chance_of_worse, thumbs
from bot.rollouts import Ending, Rollout, Rollouts
from bot.settings import Settings
from bot.shadows import Pair
from bot.tracing import configure
from knowledge.access import EVERYONE, Audience
from knowledge.errors import KnowledgeError

_CALLED = {str(Outcome.ANSWERED): "in the model's words"}  # beside "quoted" and "declined"
_RESTART = "Settings are read at the start: write this into .env, then start the bot again."


def start(settings: Settings, name: str, *, given: Sequence[str], share: int, probe: str) -> None:
    """Try out a candidate on one question, then let the running bot try it on others.

    Raises:
        CandidateError: If it may not be tried, or cannot answer.
        RolloutOpenError: If another one is on trial.
        StoreDownError: If it is not stored.
    """
    values = read_candidate(name, given)
    with _opened(settings) as (house, rollouts):
        if (other := rollouts.current()) is not None:
            raise RolloutOpenError(other.name)
        rollout = Rollout(uuid4().hex, name, values, share, "", datetime.now(UTC))
        rollouts.start(_probed(house, rollout, probe))
    _say(f"{name} is on trial {_where(rollout)}; a running bot notices with the next question.")


def _probed(house: House, rollout: Rollout, probe: str) -> Rollout:
    """Return the rollout with the configuration that has answered.

    Raises:
        CandidateError: If it has not.
    """
    everyone = Audience.from_role_sets([frozenset({EVERYONE})])
    try:
        with open_variant(house, rollout.name, rollout.settings) as candidate:
            candidate.work(Question(rollout.rollout_id, probe, everyone))
            configuration = candidate.configuration.sha256
    except (BotError, KnowledgeError, AdaptersError) as error:
        raise CandidateError(rollout.name, sentence(error)) from error
    if configuration == house.configuration.sha256:
        raise CandidateError(rollout.name, "that is how the bot answers already")
    return replace(rollout, configuration=configuration)


def share(settings: Settings, percent: int) -> None:
    """Change in how many of the channels the candidate answers; 0: in the shadow alone.

    Raises:
        NoRolloutError: If none is on trial.
        StoreDownError: If that is not stored.
    """
    with _opened(settings) as (_, rollouts):
        rollout = rollouts.share(percent)
    _say(f"{rollout.name} is on trial {_where(rollout)}.")


def stop(settings: Settings, *, reason: str) -> None:
    """End the trial; all channels are answered as the settings say.

    Raises:
        NoRolloutError: If none is on trial.
        StoreDownError: If that is not stored.
    """
    rollout = _ended(settings, Ending.STOPPED, reason)
    _say(f"{rollout.name} is no longer on trial.")


def promote(settings: Settings) -> None:
    """End the trial, and print what makes the candidate the one that answers.

    Raises:
        NoRolloutError: If none is on trial.
        StoreDownError: If that is not stored.
    """
    rollout = _ended(settings, Ending.PROMOTED, "")
    _say(f"{rollout.name} is no longer on trial: channels are answered as before. {_RESTART}\n")
    for name, value in rollout.settings.items():
        section, _, key = name.partition(".")
        _say(f"HOUSEVOICE_{section.upper()}__{key.upper()}={value}")


def _ended(settings: Settings, ending: Ending, reason: str) -> Rollout:
    with _opened(settings) as (_, rollouts):
        current = rollouts.current()
        ended = current and rollouts.end(current.rollout_id, ending, reason)
    if not ended:
        raise NoRolloutError
    return ended


def show(settings: Settings) -> None:
    """Compare the candidate that is on trial, or was last, with what answers otherwise.

    Raises:
        NoRolloutError: If there never was one.
    """
    with _opened(settings) as (house, rollouts):
        rollout = rollouts.latest()
        if rollout is None:
            raise NoRolloutError
        with house.engine.connect() as connection:
            pairs = shadows.pairs_of(connection, rollout)
            counted = {
                name: shadows.count_answers(connection, rollout, name)
                for name in (LIVE, rollout.name)
            }
            voted = thumbs(connection, rollout)
    _print(_state(rollout))
    _show_pairs(rollout, pairs, counted)
    rule = Rule(**settings.rollout.model_dump())
    _show_votes(rule, rollout, candidate=voted[rollout.name], live=voted[LIVE])


def _state(rollout: Rollout) -> Table:
    ended = f"{rollout.ending} {_moment(rollout.ended_at)}" if rollout.ended_at else ""
    facts = {
        "candidate": rollout.name,
        "settings": ", ".join(f"{name}={value}" for name, value in rollout.settings.items()),
        "on trial": _when(rollout),
        "ended": ": ".join(filter(None, (ended, rollout.reason))),
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, style="bold"), Text(value))
    return table


def _show_pairs(rollout: Rollout, pairs: Sequence[Pair], counted: Mapping[str, int]) -> None:
    _say(f"\nReplies that people were shown: {_listed(counted)}.")
    _say(f"In the shadow, replies of both to {len(pairs)} of the {counted[LIVE]} of {LIVE}.")
    if not pairs:
        return
    n_same = sum(pair.is_same for pair in pairs)
    overlaps = [pair.overlap for pair in pairs if pair.overlap is not None]
    _say(f"The same reply word for word: {n_same}. {_overlap(overlaps)}")
    live, candidate = _arms(rollout, pairs)
    _print(_table(live, candidate, differences([live, candidate], None)))


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{n} of {name}" for name, n in counted.items())


def _overlap(overlaps: Sequence[float]) -> str:
    if not overlaps:
        return "Neither lists a source."
    return f"Sources that both list, of those that one lists: {fmean(overlaps):.0%}."


def _arms(rollout: Rollout, pairs: Sequence[Pair]) -> tuple[ArmResult, ArmResult]:
    live = [CaseScore(one.answer_id, (), is_good=True, measures=one.live.measures) for one in pairs]
    other = [
        CaseScore(one.answer_id, (), is_good=True, measures=one.candidate.measures) for one in pairs
    ]
    nothing = Configuration(())
    return (
        summed_up(LIVE, nothing, "", (), live),
        summed_up(rollout.name, nothing, "", (), other),
    )


def _table(live: ArmResult, candidate: ArmResult, compared: Iterable[Difference]) -> Table:
    table = Table(
        *("", "pairs", live.arm, candidate.arm, "difference", "p", ""),
        box=None,
        padding=(0, 2, 0, 0),
    )
    means = [{one.measure: one.value for one in arm.figures} for arm in (live, candidate)]
    by_name = {one.measure: one for one in compared}
    for name in dict.fromkeys([*map(str, shadows.OUTCOMES), *means[0], *means[1]]):
        values = [f"{mean[name]:.3f}" if name in mean else "-" for mean in means]
        table.add_row(*map(Text, (_CALLED.get(name, name), *_compared(by_name.get(name), values))))
    return table


def _compared(one: Difference | None, values: Sequence[str]) -> Iterator[str]:
    if one is None:
        yield from ("-", *values, "-", "-", "")
        return
    is_judged = one.measure in MEASURES or one.measure.startswith("voice")
    yield from (str(one.n), *values, f"{one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f})")
    yield from (f"{one.p_value:.3f}", one.verdict if is_judged else "")


def _show_votes(rule: Rule, rollout: Rollout, *, candidate: Thumbs, live: Thumbs) -> None:
    _say("\nAnswers that people voted on, and the share that was voted down (95 % interval):")
    table = Table.grid(padding=(0, 2))
    for arm, counted in ((LIVE, live), (rollout.name, candidate)):
        interval = wilson(counted.downs, counted.n)
        known = f"{counted.down_share:.1%} ({interval.low:.1%} to {interval.high:.1%})"
        rate = known if counted.n else ""
        table.add_row(*map(Text, (arm, f"{counted.downs} of {counted.n}", rate)))
    _print(table)
    if rollout.ended_at is None and candidate.n < rule.min_votes:
        _say(f"With fewer than {rule.min_votes}, votes do not roll {rollout.name} back.")
    elif candidate.n and live.n:
        _say(f"Voted down more often: p = {chance_of_worse(candidate, live):.4f}.")


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[House, Rollouts]]:
    require_database(settings)
    configure("WARNING")  # its wide events are for a log
    with open_house(settings) as house:
        writer = Writer(house.engine)
        try:
            yield house, Rollouts(house.engine, writer, lambda: datetime.now(UTC))
        finally:
            writer.close()


def _when(rollout: Rollout) -> str:
    if rollout.ended_at:
        return f"from {_moment(rollout.started_at)} to {_moment(rollout.ended_at)}"
    return f"since {_moment(rollout.started_at)}, {_where(rollout)}"


def _where(rollout: Rollout) -> str:
    if rollout.is_in_shadow:
        return "in the shadow: its answers are stored and not shown"
    return f"in {rollout.share} % of the channels"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _say(text: str) -> None:
    _print(Text(text))


def _print(thing: Table | Text) -> None:
    Console(soft_wrap=True, highlight=False).print(thing)
