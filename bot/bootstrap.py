"""The composition root: puts the house, Slack and the threads together, and runs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from slack_sdk import WebClient

from bot.candidates import Candidates
from bot.commissions import exported, reindexed
from bot.configurations import remember
from bot.database import Writer
from bot.directory import SlackDirectory
from bot.errands import Errands
from bot.evaluation.running import forget_runs
from bot.house import House, open_house
from bot.inbox import Inbox
from bot.listeners.commands import Commands, Status
from bot.listeners.delivery import (
    Delivery,
    hasty_client,
    reading_client,
    reporting_client,
    writing_client,
)
from bot.listeners.desk import Desk
from bot.listeners.exporting import Exporting
from bot.listeners.feedback import Feedback
from bot.listeners.ingress import Ingress
from bot.listeners.questions import BotUser
from bot.listeners.reindexing import Reindexing
from bot.listeners.remarks import Remarks
from bot.listeners.replies import Replies
from bot.listeners.runner import Listeners, SlackRunner, Threads, build_app, who_we_are
from bot.memory import Memory
from bot.people import People
from bot.retention import Limits, Sweep
from bot.roles import RoleMap, read_roles
from bot.rollback import Rollback, Rule
from bot.rollouts import Rollouts
from bot.sentry import Means, Sentry, post_sentry
from bot.settings import Settings, SlackSettings
from bot.speakers import told as told_voices
from bot.tracing import configure
from bot.trials import Shadowing, Trials, ended_notice, told
from bot.voices import PROMOTED
from bot.watch import Running, Watch, watching
from bot.worker import Worker

_COURTESIES = 200  # thanks that may wait; more are left out


def serve(settings: Settings) -> None:
    """Answer in Slack until SIGTERM or SIGINT.

    Raises:
        SlackSetupError: If Slack refuses a token or cannot be reached.
        EndpointError: If the figures cannot be served where the settings say.
        ExtraMissingError: If packages for a setting are missing.
    """
    configure(settings.log_level)
    port = settings.monitoring.port or None
    with open_house(settings) as house, watching(house, utc_now, port) as watch:
        runner(house, watch).run()


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def runner(house: House, watch: Watch | None = None) -> SlackRunner:
    """Put one bot together; nothing listens before it is started."""
    watch = watch or Watch(house, utc_now)
    ends = _Ends.of(
        house.settings.slack, read_roles(house.settings.knowledge.folder / "roles.yaml")
    )
    threads = _Threads.of(house, watch)
    around = _Around.of(house, watch, ends, threads)
    inbox = Inbox(house.engine, threads.writer, utc_now)
    replies = Replies(
        around.trials.work,
        ends.people,
        Memory(house.engine, house.catalogue.roles_of),
        house.engine,
        inbox,
        ends.delivery,
        watch.metrics,
        watch.traces,
        around.trials.after,
    )
    kept = Limits(**house.settings.retention.model_dump())
    sweep = Sweep(house.engine, threads.writer, kept, utc_now)

    def forget() -> None:
        sweep.run()
        forget_runs(house.settings, utc_now())

    desk = Desk(replies, threads.worker, sweep=forget)
    errands = Errands(house.engine, threads.writer, utc_now)
    reindexing = Reindexing(partial(reindexed, watch), ends.is_admin, errands, ends.reports)
    export = partial(exported, house, ends.directory, threads.writer, utc_now)
    exporting = Exporting(export, ends.is_admin, errands, ends.reports)
    listeners = Listeners(
        ingress=Ingress(ends.us, inbox, ends.heard, desk.wake, lambda: desk.is_open),
        feedback=Feedback(
            ends.us,
            threads.writer,
            ends.delivery,
            threads.courtesies,
            metrics=watch.metrics,
            on_vote=around.rollback.on_vote,
        ),
        remarks=Remarks(
            house.engine,
            threads.writer,
            ends.forms,
            threads.courtesies,
            kept.texts_days,
            kept.votes_days,
            utc_now,
            watch.metrics,
        ),
        commands=Commands(
            ends.us,
            ends.admins,
            ends.quick.is_full_member,
            lambda: _status(house, threads.worker, told(around.rollouts, around.trials)),
            reindexing,
            exporting,
        ),
        command=house.settings.slack.command,
    )

    def resume() -> None:
        reindexing.resume()
        exporting.resume()
        threads.worker.submit(watch.warm_up, asker="")
        around.trials.prepare()

    bot = SlackRunner(
        build_app(ends.writes, listeners),
        house.settings.slack.app_token.get_secret_value(),
        Threads(desk, threads.courtesies, threads.writer, around.sentry.rounds),
        resume=resume,
        concurrency=house.settings.slack.listener_threads,
    )
    running = Running(
        threads.worker,
        desk,
        threads.writer,
        inbox,
        around.sentry.rounds,
        lambda: bot.is_connected,
    )
    watch.begin(running)
    return bot


@dataclass(frozen=True, slots=True)
class _Ends:
    """One Slack app as the bot meets it: who it is there, whom it asks, what it writes with.

    Attributes:
        directory: For what may take its time.
        people, quick: From answers that may take their time, and for an acknowledgement.
        at_once: As ``people``, but who cannot be read without waiting is not known.
        delivery, reports, forms: For replies, for what may wait, and for what must not.
    """

    us: BotUser
    admins: tuple[str, ...]
    writes: WebClient
    directory: SlackDirectory
    people: People
    quick: People
    at_once: People
    delivery: Delivery
    reports: Delivery
    forms: Delivery

    @classmethod
    def of(cls, slack: SlackSettings, roles: RoleMap) -> "_Ends":
        token, url = slack.bot_token.get_secret_value(), slack.base_url
        reads, writes, hasty = (
            client(token, url) for client in (reading_client, writing_client, hasty_client)
        )
        us = who_we_are(reads)
        return cls(
            us=us,
            admins=slack.admins,
            writes=writes,
            directory=SlackDirectory(reads, us.team),
            people=People(SlackDirectory(reads, us.team), roles),
            quick=People(SlackDirectory(hasty, us.team), RoleMap(version=1)),
            at_once=People(SlackDirectory(hasty, us.team), roles),
            delivery=Delivery(writes, reads, us.user),
            reports=Delivery(reporting_client(token, url), reads, us.user),
            forms=Delivery(hasty, reads, us.user),
        )

    def is_admin(self, user: str) -> bool | None:
        if user not in self.admins:
            return False
        return self.people.is_full_member(user) if self.people.knows(user) else None

    def heard(self, event: Mapping[str, Any]) -> None:
        self.people.notice(event)
        self.quick.notice(event)
        self.at_once.notice(event)


@dataclass(frozen=True, slots=True)
class _Threads:
    """What writes, what answers, and what may be late."""

    writer: Writer
    worker: Worker
    courtesies: Worker

    @classmethod
    def of(cls, house: House, watch: Watch) -> "_Threads":
        writer = Writer(house.engine, on_refused=watch.metrics.store_failed)
        house.on_swap = watch.metrics.swapped
        house.on_configured = lambda one: writer.run(
            partial(remember, configuration=one, at=utc_now())
        )
        return cls(
            writer,
            Worker(capacity=house.settings.queue_capacity),
            Worker(capacity=_COURTESIES, name="courtesies"),
        )


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around the house: budgets, canaries, alerts, and candidates on trial."""

    sentry: Sentry
    rollouts: Rollouts
    rollback: Rollback
    trials: Trials

    @classmethod
    def of(cls, house: House, watch: Watch, ends: _Ends, threads: _Threads) -> "_Around":
        writer, worker = threads.writer, threads.worker
        rollouts = Rollouts(house.engine, writer, utc_now)
        rule = Rule(**house.settings.rollout.model_dump())
        rollback = Rollback(house.engine, rollouts, rule, threads.courtesies)
        means = Means(worker, writer, ends.reports, watch.metrics, utc_now)
        sentry = post_sentry(house, means, rollback.look)
        rollouts.on_end = lambda one, ended: sentry.outbox.put(one, ended_notice(ended))
        memory = Memory(house.engine, house.catalogue.roles_of)
        trials = Trials(
            sentry.usage.booked(watch.work),
            house,
            Candidates(house, rollouts, worker.when_idle),
            worker,
            Shadowing(house.engine, writer, ends.at_once, memory, utc_now),
            booked=sentry.usage.booked,
        )
        return cls(sentry, rollouts, rollback, trials)


def _status(house: House, worker: Worker, trial: str) -> Status:
    indexed_at = house.catalogue.state().indexed_at
    return Status(
        index_age_s=(utc_now() - indexed_at).total_seconds() if indexed_at else None,
        documents=house.catalogue.count(),
        chunks=house.chunks_loaded(),
        model=house.settings.model.base,
        adapter=_speaking(house),
        waiting=worker.waiting,
        trial=trial,
    )


def _speaking(house: House) -> str:
    serving = house.serving
    if serving is None:
        return "not loaded yet"
    is_pinned = house.settings.model.adapter != PROMOTED
    return told_voices(
        serving, lambda: serving.generation if is_pinned else house.registry.generation()
    )
