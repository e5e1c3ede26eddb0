"""What looks after one running bot: budgets, canaries, drift, and alerts to the administrators.

Puts the parts together; knows what each of them needs of the bot, not how it works.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from bot.database import Writer
from bot.house import House
from bot.monitoring import tallies
from bot.monitoring.breaches import Breaches
from bot.monitoring.canaries import AccessCanary
from bot.monitoring.checks import AccessCheck, DriftCheck, GoldenCheck, StartCheck
from bot.monitoring.metrics import Metrics
from bot.monitoring.outbox import Outbox, Poster
from bot.monitoring.rounds import Check, IdleTime, Rounds
from bot.monitoring.usage import Usage
from bot.tracing import note_failure
from bot.worker import Worker
from knowledge.errors import AccessRulesError
from knowledge.golden import load_golden
from knowledge.rules import load_rules

_LONGEST_WAIT_S = 300.0  # of a canary for idle time; then it goes before the next question


@dataclass(frozen=True, slots=True)
class Means:
    """What a sentry works with, beside the house.

    Attributes:
        poster: Posts alerts; may wait where Slack asks for it.
        now: The time of day.
    """

    worker: Worker
    writer: Writer
    poster: Poster
    metrics: Metrics
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Sentry:
    """The alerts of a bot, its budgets, and the rounds that are made around it."""

    outbox: Outbox
    usage: Usage
    rounds: Rounds


def post_sentry(house: House, means: Means, *also: Check) -> Sentry:
    """Put a sentry together; from then on the house asks its budgets who may speak.

    A house whose index was in doubt before, and was not rebuilt since, is in doubt from the start.

    Args:
        house: Looked after.
        means: What it works with.
        also: More checks of its rounds, which need no model.

    Raises:
        GoldenSetError: If the settings name a golden set that cannot be used.
    """
    settings, metrics, now = house.settings, means.metrics, means.now
    tallies.create_tables(house.engine)
    outbox = Outbox(
        house.engine,
        means.writer,
        means.poster,
        channel=settings.slack.admin_channel,
        metrics=metrics,
        now=now,
    )
    usage = Usage(
        house.engine, means.writer, settings.budget, metrics=metrics, tell=outbox.tell, now=now
    )
    house.may_speak = usage.may_speak
    breaches = Breaches(house.engine, means.writer, now)
    if breach := breaches.current():
        house.distrust(str(breach.record["found"]))
    house.on_distrust = breaches.note
    idle_time = IdleTime(partial(means.worker.when_idle, within_s=_LONGEST_WAIT_S))
    canary = AccessCanary(lambda: house.retriever, house.catalogue.canary, lambda: _roles(house))
    checks: list[Check] = [
        StartCheck(lambda: house.configuration, house.engine, means.writer, now),
        DriftCheck(house.engine, means.writer, outbox, metrics, now),
        *also,
    ]
    canaries: list[Check] = [
        AccessCheck(canary, idle_time, house.distrust, breaches, outbox, metrics, now),
        *_golden(house, means, outbox, usage, idle_time),
    ]
    every = timedelta(minutes=settings.monitoring.round_minutes)
    rounds = Rounds(checks, outbox.deliver, every, idle_time, canaries)
    outbox.on_new = rounds.wake
    return Sentry(outbox, usage, rounds)


def _golden(
    house: House, means: Means, outbox: Outbox, usage: Usage, in_worker: IdleTime
) -> Iterator[Check]:
    monitoring = house.settings.monitoring
    if monitoring.golden:
        yield GoldenCheck(
            golden=load_golden(Path(monitoring.golden)),
            work=usage.booked(house.work),
            in_worker=in_worker,
            engine=house.engine,
            outbox=outbox,
            metrics=means.metrics,
            now=means.now,
            every=timedelta(minutes=monitoring.round_minutes),
        )


def _roles(house: House) -> frozenset[str]:
    """Return the roles of ``access.yaml``; none where it cannot be read just now."""
    knowledge = house.settings.knowledge
    try:
        rules = load_rules(knowledge.folder / "access.yaml", base_url=knowledge.documents_url)
    except AccessRulesError as error:
        note_failure(error)
        return frozenset()
    return rules.role_names
