"""A running bot looks after itself: canaries, index runs, settings, and what it then does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import LEAVE, QUESTION, VOICE_FILE
from pydantic import SecretStr
from running_bot import wait_for_reply
from tame import strings

from bot import decisions
from bot.blocks import Post
from bot.bootstrap import runner
from bot.conversation import Question
from bot.database import Writer
from bot.decisions import Kind
from bot.house import House, open_house
from bot.listeners.runner import SlackRunner
from bot.monitoring.canaries import CanaryResult, ask_case, lost
from bot.monitoring.metrics import Metrics
from bot.sentry import Means, Sentry, post_sentry
from bot.settings import (
    KnowledgeSettings,
    ModelSettings,
    MonitoringSettings,
    Settings,
    SlackSettings,
)
from bot.worker import Worker
from bot.worksheet import Working
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_EMPLOYEE,
    SEED_ENGINEERING_CHANNEL,
    SEED_HELP,
    demo_seed,
)
from knowledge.access import Audience
from knowledge.errors import FilterBrokenError, GoldenSetError
from knowledge.golden import Exchange, GoldenCase

ACCESS = """
version: 1
sources:
  - name: wiki
    folder: pages
    link: "{base}/docs/{path}"
    rules:
      - {match: "hr/**", roles: [hr]}
      - {match: "**", roles: [everyone]}
"""
GOLDEN = """
version: 1
cases:
  - id: leave
    question: How many days of annual leave do I get?
    roles: [everyone]
    facts: ["25 days"]
    tags: [canary]
  - id: untagged
    question: Who painted the ceiling?
    roles: [everyone]
    facts: ["nobody knows"]
"""
EVERYONE = Audience.from_role_sets([{"everyone"}])
CHAPEL = "Who painted the ceiling of the chapel?"
ADMINS = SEED_ENGINEERING_CHANNEL


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


@dataclass
class Firm:
    """The documents and the settings of a small company, whose bot only quotes."""

    root: Path
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        files = {"access.yaml": ACCESS, "roles.yaml": "version: 1\n", "golden.yaml": GOLDEN}
        for name, text in files.items():
            (self.root / name).write_text(text)
        self.page("leave.md", f"# Leave\n\n{LEAVE}\n")
        self.page("hr/pay.md", "# Pay\n\nThe bonus pool is four million.\n")
        self.settings = Settings(
            data=self.root / "data",
            knowledge=KnowledgeSettings(folder=self.root, documents_url="http://127.0.0.1:1"),
            model=ModelSettings(base="none", voice=VOICE_FILE),
            monitoring=MonitoringSettings(golden=str(self.root / "golden.yaml")),
        )

    def page(self, path: str, text: str) -> Path:
        """Write one page."""
        file = self.root / "pages" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def reachable_in(self, workspace: RunningWorkspace) -> Settings:
        """Settings of a bot in a workspace that tells its administrators."""
        slack = SlackSettings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            base_url=workspace.api_url,
            admins=(SEED_ADMIN,),
            admin_channel=ADMINS,
        )
        return self.settings.model_copy(update={"slack": slack})


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    """Two pages, not indexed yet."""
    return Firm(tmp_path)


@contextmanager
def serving(workspace: RunningWorkspace, house: House) -> Iterator[SlackRunner]:
    """Run the whole bot on a house, in a channel for its administrators too."""
    workspace.join(workspace.state.app.bot_user_id, ADMINS)
    bot = runner(house)
    bot.start()
    try:
        workspace.wait_until_connected()
        yield bot
    finally:
        assert bot.stop(10.0)


def records(house: House, kind: Kind) -> list[Any]:
    """All records of a kind, oldest first."""
    with house.engine.connect() as connection:
        start = datetime(2000, 1, 1, tzinfo=UTC)
        return [one.record for one in decisions.since(connection, start, {kind})]


def canaries(house: House, subject: str) -> list[Any]:
    """What the rounds of one canary wrote down."""
    with house.engine.connect() as connection:
        found = decisions.since(connection, datetime(2000, 1, 1, tzinfo=UTC), {Kind.CANARY})
        return [one.record for one in found if one.subject == subject]


@contextmanager
def sentry_of(house: House) -> Iterator[Sentry]:
    """Put a sentry on a house, with a worker and a writer of its own, and nobody to post to."""
    worker, writer = Worker(capacity=1), Writer(house.engine)
    means = Means(worker, writer, Nobody(), Metrics(), lambda: datetime.now(UTC))
    try:
        yield post_sentry(house, means)
    finally:
        worker.stop(5.0)
        writer.close()


class Nobody:
    """Posts nothing."""

    def announce(self, channel: str, post: Post) -> None:
        raise AssertionError(channel)

    def has_announced(self, channel: str, ids: dict[str, str], since: datetime) -> bool:
        return False


def alerts(workspace: RunningWorkspace) -> list[str]:
    """What the administrators were told."""
    ours = [one for one in workspace.messages(ADMINS) if one.bot_id]
    return [" ".join(strings(list(one.blocks))) for one in ours]


def test_a_bot_that_is_well_tells_nobody_anything(firm: Firm, workspace: RunningWorkspace) -> None:
    """Its first round looks at access and at the golden question, and writes both down."""
    with open_house(firm.reachable_in(workspace)) as house:
        house.ingest()
        with serving(workspace, house):
            workspace.wait_until(lambda: bool(canaries(house, "golden")), timeout_s=60)
        access, golden = canaries(house, "access"), canaries(house, "golden")
        starts = records(house, Kind.START)

    assert access == [{"asked_as": 2, "seen_by": [], "is_blind": False}]
    assert [(one["passed"], one["failed"]) for one in golden] == [(["leave"], {})]
    assert [one["changed"] for one in starts] == [{}]
    assert alerts(workspace) == []


def test_a_document_that_everybody_finds_stops_the_bot(
    firm: Firm, workspace: RunningWorkspace
) -> None:
    """Nothing is answered any more, in this process, and the administrators know why."""
    with open_house(firm.reachable_in(workspace)) as house:
        house.ingest()
        canary = house.catalogue.canary()
        assert canary is not None
        house.index.set_roles({canary: frozenset({"everyone"})})
        with serving(workspace, house):
            workspace.wait_until(lambda: bool(alerts(workspace)), timeout_s=60)
            asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {QUESTION}")
            said = wait_for_reply(workspace, SEED_HELP, asked)
        with pytest.raises(FilterBrokenError):
            house.work(Question("q", QUESTION, EVERYONE))
        (told,) = canaries(house, "access")

    assert told["seen_by"] == ["everyone"]
    assert said.startswith("I have stopped answering")
    titles = [text[:47] for text in alerts(workspace)]
    assert "Access is broken: I have stopped answering The " in titles
    assert LEAVE not in said


def test_a_breach_outlives_a_restart_until_the_index_is_rebuilt(
    firm: Firm, workspace: RunningWorkspace
) -> None:
    """A supervisor's restart mends nothing and tells nothing twice; a rebuild ends the doubt."""
    settings = firm.reachable_in(workspace)
    trusted, told = list[bool](), list[int]()
    for step in ("found", "restarted", "rebuilt", "found again"):
        with open_house(settings) as house:
            house.ingest(rebuild=step == "rebuilt")
            canary = house.catalogue.canary()
            assert canary is not None
            if step.startswith("found"):
                house.index.set_roles({canary: frozenset({"everyone"})})
            n_before = len(canaries(house, "access"))
            bot = runner(house)
            trusted.append(house.is_trusted)  # before anything is asked or looked for
            bot.start()
            workspace.wait_until(
                lambda house=house, n=n_before: len(canaries(house, "access")) > n, timeout_s=60
            )
            assert bot.stop(10.0)
            titles = [one["title"] for one in records(house, Kind.ALERT)]
            told.append(sum("Access is broken" in one for one in titles))

    assert trusted == [True, False, True, True]
    assert told == [1, 1, 1, 2]


def test_a_filter_that_broke_in_a_question_is_remembered(firm: Firm) -> None:
    """No canary need have seen it; an index run that is no rebuild does not end the doubt."""
    trusted = list[bool]()
    with open_house(firm.settings) as house, sentry_of(house):
        house.ingest()
        house.distrust("wiki:leave.md#00000")
    for is_rebuild in (False, True):
        with open_house(firm.settings) as house:
            house.ingest(rebuild=is_rebuild)
            with sentry_of(house):
                trusted.append(house.is_trusted)

    assert trusted == [False, True]


def test_a_bot_without_an_index_has_nothing_to_look_at(
    firm: Firm, workspace: RunningWorkspace
) -> None:
    """That there is no index is no breach; the golden question is not asked in vain."""
    with open_house(firm.reachable_in(workspace)) as house:
        with serving(workspace, house):
            workspace.wait_until(lambda: bool(records(house, Kind.START)), timeout_s=60)
        assert canaries(house, "access") == canaries(house, "golden") == []

    assert alerts(workspace) == []


def test_a_golden_question_that_fails_now_is_told_with_its_id(
    firm: Firm, workspace: RunningWorkspace
) -> None:
    """It passed before its page was changed; the message names the case, the source, the way back.

    A restart within the interval asks nothing, so the second bot makes its rounds more often.
    """
    settings = firm.reachable_in(workspace)
    with open_house(settings) as house:
        house.ingest()
        with serving(workspace, house):
            workspace.wait_until(lambda: bool(canaries(house, "golden")), timeout_s=60)
    firm.page("leave.md", "# Leave\n\nAnnual leave is what your annual contract says.\n")
    often = settings.monitoring.model_copy(update={"round_minutes": 0.001})
    with open_house(settings.model_copy(update={"monitoring": often})) as house:
        house.ingest()
        with serving(workspace, house):
            workspace.wait_until(lambda: len(canaries(house, "golden")) > 2, timeout_s=60)
    (message,) = alerts(workspace)

    assert message.startswith("Golden questions fail that passed before: 1 Failing now: leave (")
    assert "0 of 1 pass" in message
    assert "index run, source wiki: 1 changed" in message
    assert "`housevoice index --source wiki`" in message


def test_a_wrong_golden_set_is_told_at_the_start(firm: Firm, workspace: RunningWorkspace) -> None:
    """A misspelt path would else be a check that never runs."""
    wrong = MonitoringSettings(golden="nowhere.yaml")
    settings = firm.reachable_in(workspace).model_copy(update={"monitoring": wrong})

    with open_house(settings) as house, pytest.raises(GoldenSetError, match="nowhere"):
        runner(house)


def test_a_change_right_after_a_run_has_a_lag(firm: Firm) -> None:
    """File times come from a slower clock: such a change may bear a time before the run's end."""
    with open_house(firm.settings) as house:
        house.ingest()
        (firm.root / "pages" / "hr" / "pay.md").unlink()
        ended = house.catalogue.state().indexed_at
        assert ended is not None
        just_before = ended.timestamp() - 0.005
        os.utime(firm.root / "pages" / "hr", (just_before, just_before))
        report = house.ingest()

    assert report.revocation_lag_s is not None
    assert 0 <= report.revocation_lag_s < 60


def test_an_index_run_is_written_down(firm: Firm) -> None:
    """What changed by source, the versions before and after, and the time that a closing took."""
    with open_house(firm.settings) as house:
        first = house.ingest()
        (firm.root / "pages" / "hr" / "pay.md").unlink()
        firm.page("new.md", "# New\n\nA new page.\n")
        second = house.ingest(source="wiki")
        house.ingest()
        told = records(house, Kind.INDEX)

    assert [one["sources"] for one in told] == [
        {"wiki": {"added": 2}},
        {"wiki": {"added": 1, "removed": 1}},
        {},
    ]
    assert [one["only"] for one in told] == ["", "wiki", ""]
    assert told[1]["before"] == first.index_version
    assert told[1]["after"] == told[2]["after"] == second.index_version
    assert (told[0]["lag_s"], told[2]["lag_s"]) == (None, None)
    assert 0 <= told[1]["lag_s"] < 60


def test_the_lag_counts_from_the_change_of_the_rules(firm: Firm) -> None:
    """Rules that were closed ten minutes ago and are indexed now: ten minutes of wrong readers."""
    rules = firm.root / "access.yaml"
    with open_house(firm.settings) as house:
        house.ingest()
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        house.catalogue.confirm(at=hour_ago)
        rules.write_text(ACCESS.replace("[everyone]", "[hr]"))
        changed = (hour_ago + timedelta(minutes=50)).timestamp()
        os.utime(rules, (changed, changed))
        lag_s = house.ingest().revocation_lag_s

    assert lag_s == pytest.approx(600, abs=30)


def test_a_change_of_unknown_time_is_no_lag(firm: Firm) -> None:
    """A file that keeps its old date tells nothing; neither does a page that was opened."""
    rules = firm.root / "access.yaml"
    with open_house(firm.settings) as house:
        house.ingest()
        rules.write_text(ACCESS.replace("[everyone]", "[hr]"))
        os.utime(rules, (1.0, 1.0))
        closed = house.ingest().revocation_lag_s
        rules.write_text(ACCESS)
        opened = house.ingest().revocation_lag_s

    assert (closed, opened) == (None, None)


def test_a_start_with_other_settings_is_written_down(
    firm: Firm, workspace: RunningWorkspace
) -> None:
    """The same settings twice are one record; the third start says what it changed."""
    settings = firm.reachable_in(workspace)
    quiet = MonitoringSettings()
    settings = settings.model_copy(update={"monitoring": quiet})
    knowledge = settings.knowledge.model_copy(update={"floor": 0.6})
    other = settings.model_copy(update={"knowledge": knowledge})
    for one in (settings, settings, other):
        with open_house(one) as house:
            house.ingest()
            n_before = len(canaries(house, "access"))
            with serving(workspace, house):
                workspace.wait_until(
                    lambda house=house, n=n_before: len(canaries(house, "access")) > n,
                    timeout_s=60,
                )
            starts = records(house, Kind.START)

    assert [one["changed"] for one in starts] == [{}, {"knowledge.floor": [0.3, 0.6]}]


# Golden cases, judged


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that can be asked, for several tests."""
    with open_house(Firm(tmp_path_factory.mktemp("firm")).settings) as house:
        house.ingest()
        yield house


def a_case(**values: Any) -> GoldenCase:
    """Build the golden question about leave."""
    usual = {"id": "leave", "question": QUESTION, "roles": ("everyone",), "facts": ("25 days",)}
    return GoldenCase(**usual | values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, ""),
        ({"facts": (), "sources": ("leave.md",)}, ""),
        ({"facts": ("30 days",)}, "a fact is missing"),
        ({"facts": (), "sources": ("other.md",)}, "none of its sources is cited"),
        ({"facts": (), "expect": "decline"}, "is answered, and should be declined"),
        ({"forbidden": ("annual leave",)}, "says what it must not"),
        ({"question": CHAPEL}, "declined: below the floor"),
        ({"question": CHAPEL, "facts": (), "expect": "decline"}, ""),
    ],
)
def test_a_golden_answer_is_judged(indexed: House, values: dict[str, Any], why: str) -> None:
    """Told, cited or declined as the case wants it; else why not, without any text."""
    result = ask_case(a_case(**values), indexed.work)

    assert result.why.startswith(why)
    assert result.has_passed is (why == "")


def test_an_earlier_turn_without_an_answer_is_asked_for(indexed: House) -> None:
    """A follow-up is judged on what the bot itself has said before."""
    asked = list[Question]()
    case = a_case(
        question="And how many days is that in a week?",
        history=(Exchange(asked="Hello?", answered="Yes."), Exchange(asked=QUESTION)),
    )

    def work(question: Question) -> Working:
        asked.append(question)
        return indexed.work(question)

    ask_case(case, work)

    assert [one.text for one in asked] == [QUESTION, case.question]
    assert [turn.text for turn in asked[1].history[:3]] == ["Hello?", "Yes.", QUESTION]
    assert LEAVE in asked[1].history[3].text


def test_only_what_passed_before_can_be_lost() -> None:
    """A case that is new, or has failed all along, is no news."""
    results = [CanaryResult("a", "declined"), CanaryResult("b", "declined"), CanaryResult("c")]

    assert lost(results, ["a", "c"]) == (results[0],)
    assert lost(results, []) == ()
