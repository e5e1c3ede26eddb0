"""A candidate on trial: in the shadow, for a share of the channels, and what ends its trial.

The whole bot on real files, embedder, index, worker and a local Slack. The live arm only quotes;
the candidate speaks through a model that says what a test gives it.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from asking import LEAVE, QUESTION, VOICE_FILE
from fakes import ScriptedResponder
from pydantic import SecretStr
from running_bot import shown, utc_now, wait_for_reply
from typer.testing import CliRunner

from adapters import ledger
from adapters.manifests import AdapterRef
from adapters.responder import Generate, Generated, Message
from bot import decisions
from bot.__main__ import app
from bot.bootstrap import runner
from bot.candidates import Candidates
from bot.conversation import LIVE, Outcome, Question
from bot.database import Writer
from bot.decisions import Kind
from bot.errors import CandidateError, RolloutOpenError
from bot.house import House, open_house, open_variant
from bot.listeners.runner import SlackRunner
from bot.models import FoundModel, open_shelf
from bot.records import trace_of
from bot.rollouts import Ending, Rollout, Rollouts
from bot.settings import (
    KnowledgeSettings,
    ModelSettings,
    MonitoringSettings,
    RolloutSettings,
    Settings,
    SlackSettings,
)
from bot.shadows import pairs_of, reply_in_shadow
from bot.watch import Watch
from bot.worksheet import Working
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_ENGINEERING_CHANNEL,
    SEED_HELP,
    SEED_MANAGER,
    demo_seed,
    seed_dm,
)

ACCESS = """
version: 1
sources:
  - name: wiki
    folder: pages
    link: "{base}/docs/{path}"
    rules:
      - {match: "**", roles: [everyone]}
"""
OTHER = "When does the canteen open at noon?"
PAGES = {
    "leave.md": f"# Leave\n\n{LEAVE}\n",
    "canteen.md": "# Canteen\n\nThe canteen opens at 11:30 at noon.\n",
}
SPOKEN = "You get 25 days of annual leave, every year [1]."
ADMINS = SEED_ENGINEERING_CHANNEL
DM = seed_dm(SEED_MANAGER)
WHO = {SEED_HELP: SEED_EMPLOYEE, ADMINS: SEED_ENGINEER, DM: SEED_MANAGER}
Spoil = Callable[[Generate], object]


@dataclass
class CandidateModel(ScriptedResponder):
    """A model that says its text, after it has done what a test wants."""

    before: Spoil = lambda _: None
    warmed: list[Sequence[Message]] = field(default_factory=list)

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt."""
        self.before(request)
        return super().generate(request)

    def warm_up(self, prefix: Sequence[Message], adapter: AdapterRef | None = None) -> None:
        """Remember what to read first."""
        self.warmed.append(prefix)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents, their index, and something that looks like a model."""
    folder = tmp_path_factory.mktemp("indexed")
    for name, text in {
        "access.yaml": ACCESS,
        "roles.yaml": "version: 1\n",
        "model/model.safetensors": "weights",
        "voice.yaml": VOICE_FILE.read_text(),
        **{f"pages/{path}": text for path, text in PAGES.items()},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with open_house(settings_of(folder)) as house:
        assert house.ingest().documents == 2
    return folder


@pytest.fixture
def folder(indexed: Path, tmp_path: Path) -> Path:
    """The same, for one test to change."""
    return Path(shutil.copytree(indexed, tmp_path / "copy"))


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def settings_of(folder: Path, workspace: RunningWorkspace | None = None) -> Settings:
    """Settings of a bot that only quotes; three votes are enough to roll back."""
    slack = SlackSettings()
    if workspace is not None:
        slack = SlackSettings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            base_url=workspace.api_url,
            admins=(SEED_ADMIN,),
            admin_channel=ADMINS,
        )
    return Settings(
        data=folder / "data",
        slack=slack,
        knowledge=KnowledgeSettings(folder=folder, documents_url="http://127.0.0.1:1"),
        model=ModelSettings(base="none", voice=folder / "voice.yaml"),
        monitoring=MonitoringSettings(port=0),
        rollout=RolloutSettings(min_votes=3, level=0.25),  # 3 of 3 at a share of .6: .216
    )


@contextmanager
def rollouts_of(house: House) -> Iterator[Rollouts]:
    """The rollouts, as the command line has them."""
    writer = Writer(house.engine)
    try:
        yield Rollouts(house.engine, writer, utc_now)
    finally:
        writer.close()


def begun(house: House, *, share: int = 0, rollout_id: str = "", **settings: str) -> Rollout:
    """Start a rollout; settings are those of the model, the given one unless others are named."""
    data = house.settings.data.parent
    values = {f"model.{name}": value for name, value in settings.items()}
    values = values or {"model.base": str(data / "model")}
    with open_variant(house, "loud", values) as candidate:
        configuration = candidate.configuration.sha256
    rollout = Rollout(
        rollout_id or uuid4().hex, "loud", values, share, configuration, datetime.now(UTC)
    )
    with rollouts_of(house) as rollouts:
        rollouts.start(rollout)
    return rollout


def put_model(house: House, model: CandidateModel) -> None:
    """Let the candidate's model be loaded already."""
    base = str(house.settings.data.parent / "model")
    found = open_shelf(house.settings).find(base)
    assert isinstance(found, FoundModel)
    house.models.responders[found.version] = model  # type: ignore[assignment]


@dataclass
class Serving:
    """A running bot, and what a test wants to know of it."""

    house: House
    workspace: RunningWorkspace
    bot: SlackRunner
    watch: Watch

    def ask(self, text: str = QUESTION, channel: str = SEED_HELP) -> ledger.AnswerRow:
        """Ask, wait for the reply, and return its row."""
        asked = self.say(text, channel)
        wait_for_reply(self.workspace, channel, asked)
        (reply,) = (one for one in self.workspace.thread(channel, asked) if one.bot_id)
        with self.house.engine.connect() as connection:
            row = ledger.answer_at(connection, self.workspace.state.home.id, channel, reply.ts)
        assert row is not None
        return row

    def say(self, text: str, channel: str = SEED_HELP) -> str:
        """Ask, as somebody who is there, and wait for nothing."""
        mention = "" if channel == DM else "@housevoice "
        return self.workspace.say(WHO[channel], channel, f"{mention}{text}")

    def arm(self, *where: Any) -> str:
        """Ask and return which arm answered."""
        return trace_of(self.ask(*where)).arm

    def click(self, row: ledger.AnswerRow, verdict: str) -> None:
        """Vote on an answer, as who asked."""
        value = f"v1:{row.answer_id}:{verdict}"
        self.workspace.click(row.asker, row.channel, row.message_ts, value)

    def wait_until(self, claim: Callable[[], object]) -> None:
        """Wait until something holds."""
        self.workspace.wait_until(lambda: bool(claim()))

    def decided(self, kind: Kind) -> list[decisions.Decision]:
        """What the decision log has of a kind."""
        with self.house.engine.connect() as connection:
            return decisions.since(connection, datetime(2020, 1, 1, tzinfo=UTC), [kind])

    def events(self) -> list[object]:
        """What became of rollouts."""
        return [one.record["event"] for one in self.decided(Kind.ROLLOUT)]

    def said_to_admins(self) -> str:
        """All that stands in their channel from the bot."""
        posts = self.workspace.messages(ADMINS)
        return str([one.blocks for one in posts if one.bot_id])

    def waits_for_the_candidate(self) -> None:
        """Ask until the candidate answers, for it is loaded when nobody waits."""
        self.wait_until(lambda: self.arm(QUESTION) == "loud")


@contextmanager
def serving(workspace: RunningWorkspace, house: House) -> Iterator[Serving]:
    """Run the whole bot on a house."""
    watch = Watch(house, utc_now)
    bot = runner(house, watch)
    bot.start()
    try:
        workspace.wait_until_connected()
        yield Serving(house, workspace, bot, watch)
    finally:
        assert bot.stop(5.0)


@contextmanager
def tried(
    workspace: RunningWorkspace, folder: Path, model: CandidateModel, **how: Any
) -> Iterator[Serving]:
    """Run the bot with a candidate on trial."""
    with open_house(settings_of(folder, workspace)) as house:
        put_model(house, model)
        begun(house, **how)
        with serving(workspace, house) as running:
            yield running


def test_a_shadow_is_kept_and_never_shown(workspace: RunningWorkspace, folder: Path) -> None:
    """The person sees the live quotation; the log has figures of both and no text of either."""
    with tried(workspace, folder, CandidateModel(SPOKEN)) as bot:
        row = bot.ask()
        bot.wait_until(lambda: bot.decided(Kind.SHADOW))
        (shadow,) = bot.decided(Kind.SHADOW)
        with bot.house.engine.connect() as connection:
            kept = reply_in_shadow(connection, row.answer_id)
            votes_on_it = ledger.answer(connection, row.answer_id)
        sent = str(workspace.calls)

    assert (row.outcome, trace_of(row).arm) == (Outcome.QUOTED, LIVE)
    assert "every year" not in sent
    assert len(workspace.calls_of("chat.postMessage")) == 1
    assert len(workspace.calls_of("chat.update")) == 1
    assert "every year" in str(kept)
    assert "every year" not in votes_on_it.reply
    assert (shadow.subject, shadow.record["arm"]) == (row.answer_id, "loud")
    assert shadow.record["outcome"] == Outcome.ANSWERED
    assert shadow.record["is_same"] is False
    assert shadow.record["live"]["measures"]["quoted"] == 1  # type: ignore[index,call-overload]
    assert not any(text in str(shadow.record) for text in ("annual", "25 days", LEAVE))


def test_a_person_does_not_wait_for_a_shadow(workspace: RunningWorkspace, folder: Path) -> None:
    """Bo asks while Ann is answered: both are, before the candidate is asked anything."""
    order, begins, gate = list[str](), Event(), Event()
    model = CandidateModel(SPOKEN, before=lambda _: order.append("candidate"))
    with tried(workspace, folder, model) as bot:
        answerer = bot.house.answerer

        class Held:
            """Answers as before, once the gate is open."""

            def work(self, question: Question) -> Working:
                begins.set()
                assert gate.wait(timeout=10)
                order.append("live")
                return answerer.work(question)

        bot.house.answerer = Held()  # type: ignore[assignment]
        asked = bot.say(QUESTION)
        assert begins.wait(timeout=10)
        also = bot.say(QUESTION, ADMINS)
        registry = bot.watch.metrics.registry
        bot.wait_until(lambda: registry.get_sample_value("housevoice_queue_waiting") == 1)
        gate.set()
        wait_for_reply(workspace, SEED_HELP, asked)
        wait_for_reply(workspace, ADMINS, also)
        bot.wait_until(lambda: len(bot.decided(Kind.SHADOW)) == 2)

    assert order == ["live", "live", "candidate", "candidate"]


def test_a_reply_is_shown_while_its_shadow_is_at_work(
    workspace: RunningWorkspace, folder: Path
) -> None:
    """However long the candidate takes, its live answer stands there already."""
    begins, gate = Event(), Event()

    def hold(_: Generate) -> None:
        begins.set()
        assert gate.wait(timeout=10)

    with tried(workspace, folder, CandidateModel(SPOKEN, before=hold)) as bot:
        asked = bot.say(QUESTION)
        assert begins.wait(timeout=10)
        seen = shown(workspace, SEED_HELP, asked)
        gate.set()

    assert LEAVE in seen[0]


def test_a_shadow_does_not_wait_where_slack_asks_for_it(
    workspace: RunningWorkspace, folder: Path
) -> None:
    """Readers that cannot be read at once leave no pair; the next person has a reply at once."""
    spoke, gate = Event(), Event()

    def refuse(_: Generate) -> None:
        if not spoke.is_set():
            workspace.order(Fault("conversations.members", retry_after_s=30))
            spoke.set()
            assert gate.wait(timeout=10)

    with tried(workspace, folder, CandidateModel(SPOKEN, before=refuse)) as bot:
        first = bot.ask()
        assert spoke.wait(timeout=10)
        asked = bot.say(OTHER, ADMINS)
        gate.set()
        said = wait_for_reply(workspace, ADMINS, asked)  # for ten seconds at most
        bot.wait_until(lambda: bot.decided(Kind.SHADOW))
        pairs = [one.subject for one in bot.decided(Kind.SHADOW)]

    assert "11:30" in said
    assert len(pairs) == 1
    assert first.answer_id not in pairs


def test_a_deleted_question_leaves_no_shadow(workspace: RunningWorkspace, folder: Path) -> None:
    """Deleted while the candidate speaks, or after: its texts are nowhere."""
    begins, gate = Event(), Event()

    def hold(_: Generate) -> None:
        begins.set()
        assert gate.wait(timeout=10)

    model = CandidateModel(SPOKEN, before=hold)
    with tried(workspace, folder, model) as bot:
        early = bot.ask()
        assert begins.wait(timeout=10)
        workspace.delete(SEED_EMPLOYEE, SEED_HELP, early.question_ts)
        bot.wait_until(lambda: bot.decided(Kind.ERASURE))
        model.before = lambda _: None
        gate.set()
        late = bot.ask()
        bot.wait_until(lambda: bot.decided(Kind.SHADOW))
        workspace.delete(SEED_EMPLOYEE, SEED_HELP, late.question_ts)
        bot.wait_until(lambda: len(bot.decided(Kind.ERASURE)) == 2)
        with bot.house.engine.connect() as connection:
            kept = [reply_in_shadow(connection, one.answer_id) for one in (early, late)]
        shadows = [one.subject for one in bot.decided(Kind.SHADOW)]

    assert kept == [None, None]
    assert shadows == [late.answer_id]


def split(share: int) -> str:
    """Return the id of a rollout that has one of two channels at a share, but not the other."""
    for number in range(10_000):
        rollout = Rollout(f"{number:032x}", "loud", {}, share, "", datetime.now(UTC))
        if rollout.takes(SEED_HELP) and not rollout.takes(ADMINS):
            return rollout.rollout_id
    pytest.fail("there is one")


def test_a_channel_keeps_its_arm(workspace: RunningWorkspace, folder: Path) -> None:
    """Over several questions and a restart; a larger share adds channels and a DM, takes none."""
    how = {"share": 40, "rollout_id": split(40)}
    with tried(workspace, folder, CandidateModel(SPOKEN), **how) as bot:
        bot.waits_for_the_candidate()
        arms = [bot.arm(text, place) for text in (QUESTION, OTHER) for place in (SEED_HELP, ADMINS)]
        said = shown(workspace, SEED_HELP, bot.ask().thread_ts)
        workspace.command(SEED_ADMIN, SEED_HELP, "/housevoice status")
        bot.wait_until(lambda: workspace.whispers_to(SEED_ADMIN))
        status = workspace.whispers_to(SEED_ADMIN)[-1].text
    with open_house(settings_of(folder, workspace)) as house:
        put_model(house, CandidateModel(SPOKEN))
        with serving(workspace, house) as bot:
            bot.waits_for_the_candidate()
            after = [bot.arm(QUESTION, place) for place in (SEED_HELP, ADMINS)]
            with rollouts_of(house) as rollouts:
                rollouts.share(100)
            grown = [bot.arm(QUESTION, place) for place in (SEED_HELP, ADMINS, DM)]
            shadows = bot.decided(Kind.SHADOW)

    assert arms == ["loud", LIVE, "loud", LIVE]
    assert "every year" in said[0]
    assert "On trial: loud in 40 % of the channels." in status
    assert after == ["loud", LIVE]
    assert grown == ["loud", "loud", "loud"]
    assert shadows == []


def test_a_candidate_that_raises_harms_nobody(workspace: RunningWorkspace, folder: Path) -> None:
    """The person gets the live answer; the trial ends with the kind of the error, and is told."""
    broken = Event()

    def fail(_: Generate) -> None:
        if broken.is_set():
            raise RuntimeError(LEAVE)

    with tried(workspace, folder, CandidateModel(SPOKEN, before=fail), share=100) as bot:
        bot.waits_for_the_candidate()
        broken.set()
        row = bot.ask()
        bot.wait_until(lambda: "failed" in bot.said_to_admins())
        after = bot.arm()
        told, (_, ended) = bot.said_to_admins(), bot.decided(Kind.ROLLOUT)

    assert (row.outcome, trace_of(row).arm, after) == (Outcome.QUOTED, LIVE, LIVE)
    assert (ended.record["event"], ended.record["reason"]) == ("failed", "RuntimeError")
    assert "RuntimeError" in told
    assert LEAVE not in told


def test_a_shadow_that_raises_ends_the_trial(workspace: RunningWorkspace, folder: Path) -> None:
    """Nothing is kept of it, and the bot answers on."""

    def fail(_: Generate) -> None:
        raise MemoryError

    with tried(workspace, folder, CandidateModel(SPOKEN, before=fail)) as bot:
        first = bot.ask()
        bot.wait_until(lambda: bot.events() == ["started", "failed"])
        second = bot.ask()
        shadows = bot.decided(Kind.SHADOW)

    assert [trace_of(one).arm for one in (first, second)] == [LIVE, LIVE]
    assert shadows == []


def test_a_candidate_that_cannot_be_opened_harms_nobody(
    workspace: RunningWorkspace, folder: Path
) -> None:
    """Its voice was good when it was started, and is no voice any more when it is loaded."""
    voice = folder / "candidate.yaml"
    voice.write_text(VOICE_FILE.read_text().replace("here", "in here"))
    with open_house(settings_of(folder, workspace)) as house:
        begun(house, share=100, voice=str(voice))
        voice.write_text("nothing: at all")
        with serving(workspace, house) as bot:
            arms = [bot.arm()]
            bot.wait_until(lambda: bot.events() == ["started", "failed"])
            arms.append(bot.arm())
            reason = bot.decided(Kind.ROLLOUT)[-1].record["reason"]

    assert (arms, reason) == ([LIVE, LIVE], "VoiceError")


def test_a_candidate_that_was_changed_is_not_used(
    workspace: RunningWorkspace, folder: Path
) -> None:
    """What was tried out at the start is what people get, or nothing is."""
    voice = folder / "candidate.yaml"
    written = VOICE_FILE.read_text()
    voice.write_text(written.replace("here", "in here"))
    with open_house(settings_of(folder, workspace)) as house:
        begun(house, share=100, voice=str(voice))
        voice.write_text(written.replace("here", "over here"))
        with serving(workspace, house) as bot:
            bot.ask()
            bot.wait_until(lambda: bot.events() == ["started", "failed"])
            reason = bot.decided(Kind.ROLLOUT)[-1].record["reason"]

    assert reason == "CandidateError"


def test_votes_roll_a_candidate_back(workspace: RunningWorkspace, folder: Path) -> None:
    """Three of three answers are clicked down: the next question is answered as before."""
    with tried(workspace, folder, CandidateModel(SPOKEN), share=100) as bot:
        bot.waits_for_the_candidate()
        rows = [bot.ask() for _ in range(3)]
        for row in rows[:2]:
            bot.click(row, "down")
        workspace.wait_until_settled()
        before = bot.arm()
        bot.click(rows[2], "down")
        bot.wait_until(lambda: "rolled back" in bot.events())
        after = bot.arm()
        bot.wait_until(lambda: "rolled back" in bot.said_to_admins())
        told = bot.said_to_admins()
        alerts = bot.watch.metrics.registry.get_sample_value(
            "housevoice_alerts_total", {"signal": "rollout"}
        )

    assert (before, after) == ("loud", LIVE)
    assert "3 of 3 voted answers down" in told
    assert alerts == 1
    assert max(one.latency_s for one in workspace.acks) < 2.5


def test_votes_on_other_answers_do_not_count(workspace: RunningWorkspace, folder: Path) -> None:
    """Three thumbs down on live answers leave the candidate where it is."""
    how = {"share": 40, "rollout_id": split(40)}
    with tried(workspace, folder, CandidateModel(SPOKEN), **how) as bot:
        bot.waits_for_the_candidate()
        for _ in range(3):
            bot.click(bot.ask(QUESTION, ADMINS), "down")
        bot.click(bot.ask(), "down")
        workspace.wait_until_settled()

        assert bot.arm() == "loud"
        assert bot.events() == ["started"]


def test_stopping_by_hand_is_noticed_by_the_next_question(
    workspace: RunningWorkspace, folder: Path
) -> None:
    """The running bot closes the candidate, and nobody is alarmed."""
    with tried(workspace, folder, CandidateModel(SPOKEN), share=100) as bot:
        bot.waits_for_the_candidate()
        with rollouts_of(bot.house) as rollouts:
            current = rollouts.current()
            assert current is not None
            rollouts.end(current.rollout_id, Ending.STOPPED, "enough")
        arms = [bot.arm() for _ in range(2)]

        assert arms == [LIVE, LIVE]
        assert bot.said_to_admins() == "[]"


def test_an_index_in_doubt_silences_the_candidate_too(
    workspace: RunningWorkspace, folder: Path
) -> None:
    """Where the live arm has stopped answering, no other settings answer instead."""
    with tried(workspace, folder, CandidateModel(SPOKEN), share=100) as bot:
        bot.waits_for_the_candidate()
        bot.house.distrust("wiki:leave.md#00000")
        row = bot.ask()

    assert row.outcome == Outcome.FAILED


def test_a_candidate_that_takes_the_bot_down_is_given_up(folder: Path) -> None:
    """After three starts that it did not survive, it is not loaded again."""
    idle = list[Callable[[], None]]()
    opened = list[str]()

    @contextmanager
    def die(_: House, rollout: Rollout) -> Iterator[House]:
        opened.append(rollout.name)
        raise SystemExit
        yield

    with open_house(settings_of(folder)) as house, rollouts_of(house) as rollouts:
        put_model(house, CandidateModel(SPOKEN))
        rollout = begun(house, share=100)
        for _ in range(3):
            Candidates(house, rollouts, idle.append, die).current()
            with pytest.raises(SystemExit):
                idle.pop()()
        Candidates(house, rollouts, idle.append, die).current()
        idle.pop()()
        ended = rollouts.latest()

    assert opened == ["loud"] * 3
    assert ended is not None
    assert (ended.rollout_id, ended.ending) == (rollout.rollout_id, Ending.FAILED)


def test_one_rollout_at_a_time(folder: Path) -> None:
    """A second one is refused until the first has ended, by the database itself if need be."""
    with open_house(settings_of(folder)) as house, rollouts_of(house) as rollouts:
        first = begun(house, share=100)
        with pytest.raises(RolloutOpenError, match="loud"):
            begun(house)
        rollouts.end(first.rollout_id, Ending.STOPPED, "")
        second = begun(house)

        assert rollouts.current() == second
        assert rollouts.end(first.rollout_id, Ending.STOPPED, "") is None


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Type a command of the command line, and return what it says."""
    made = settings_of(folder)
    environment = {
        "HOUSEVOICE_DATA": made.data,
        "HOUSEVOICE_KNOWLEDGE__FOLDER": folder,
        "HOUSEVOICE_MODEL__BASE": "none",
        "HOUSEVOICE_MODEL__VOICE": VOICE_FILE,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(folder)

    def typed(*words: str) -> str:
        result = CliRunner().invoke(app, ["rollout", *words], catch_exceptions=True)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return typed


def test_a_rollout_from_start_to_promotion(command: Callable[..., str]) -> None:
    """What a person types, and what they read, in order."""
    started = command("start", "strict", "--set", "knowledge.floor=0.9")
    shown_first = command("show")
    shared = command("share", "25")
    promoted = command("promote")
    ended = command("show")
    with pytest.raises(Exception, match="no candidate is on trial"):
        command("stop")

    assert "strict is on trial in the shadow" in started
    assert "knowledge.floor=0.9" in shown_first
    assert "Replies that people were shown: 0 of live, 0 of strict." in shown_first
    assert "in 25 % of the channels" in shared
    assert "HOUSEVOICE_KNOWLEDGE__FLOOR=0.9" in promoted
    assert "Settings are read at the start" in promoted
    assert "promoted" in ended


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("knowledge.folder=/tmp", "cannot be tried"),
        ("knowledge.documents_url=http://evil.example", "cannot be tried"),
        ("knowledge.embedder=wheel:other", "cannot be tried"),
        ("model.cache=/tmp", "cannot be tried"),
        ("model.allow_hub=true", "cannot be tried"),
        ("data=/tmp", "cannot be tried"),
        ("database_url=sqlite://", "cannot be tried"),
        ("slack.admins=[]", "cannot be tried"),
        ("knowledge.floor", "cannot be tried"),
        ("knowledge.floor=high", "HOUSEVOICE_KNOWLEDGE__FLOOR"),
        ("knowledge.floor=0.30", "answers already"),
        ("model.base=no/such", "there is no such folder|name a folder"),
        ("model.voice=no.yaml", "cannot be read"),
    ],
)
def test_what_may_not_or_cannot_be_tried_is_refused(
    command: Callable[..., str], setting: str, why: str
) -> None:
    """Nothing that moves the store or widens access, and nothing that does not answer."""
    with pytest.raises(CandidateError, match=why):
        command("start", "odd", "--set", setting)
    with pytest.raises(Exception, match="no candidate is on trial"):
        command("show")


@pytest.mark.parametrize("name", ["live", "Loud", "a_b", "", "x" * 33, "%"])
def test_a_name_that_cannot_stand_on_an_answer_is_refused(
    command: Callable[..., str], name: str
) -> None:
    """It is a word of its own, and not the one of the live arm."""
    with pytest.raises(CandidateError, match="cannot be tried"):
        command("start", name, "--set", "knowledge.floor=0.9")


def test_both_arms_are_compared_side_by_side(
    workspace: RunningWorkspace, folder: Path, command: Callable[..., str]
) -> None:
    """Outcomes, words, sources, figures with their tests, and the votes of each arm."""
    with tried(workspace, folder, CandidateModel(SPOKEN)) as bot:
        rows = [bot.ask() for _ in range(3)]
        bot.click(rows[0], "down")
        bot.wait_until(lambda: len(bot.decided(Kind.SHADOW)) == 3)
        with bot.house.engine.connect() as connection, rollouts_of(bot.house) as rollouts:
            current = rollouts.current()
            assert current is not None
            (pair, *_) = pairs_of(connection, current)
    told = command("show")

    assert "people were shown: 3 of live, 0 of loud." in told
    assert "replies of both to 3 of the 3 of live." in told
    assert "The same reply word for word: 0." in told
    assert "Sources that both list, of those that one lists: 100%." in told
    assert pair.live.measures["quoted"] == pair.candidate.measures["answered"] == 1
    assert pair.candidate.measures["voice: citations"] == 1
    (quoted,) = (line for line in told.splitlines() if line.startswith("quoted"))
    assert quoted.split()[1:5] == ["3", "1.000", "0.000", "-1.000"]
    assert "1 of 1" in told
    assert "100.0% (20.7% to 100.0%)" in told
    (spoken,) = (line for line in told.splitlines() if line.startswith("in the model's words"))
    assert spoken.split()[4:7] == ["3", "0.000", "1.000"]
    (unpaired,) = (line for line in told.splitlines() if line.startswith("voice: citations"))
    assert unpaired.split()[2:] == ["-", "-", "1.000", "-", "-"]


def test_a_rollout_that_was_stopped_is_not_shown_as_if_it_went_on(
    workspace: RunningWorkspace, folder: Path, command: Callable[..., str]
) -> None:
    """No share of the channels and no rollback any more; how often it answered stays."""
    with tried(workspace, folder, CandidateModel(SPOKEN), share=100) as bot:
        bot.waits_for_the_candidate()
        bot.ask()
    during = command("show")
    command("stop", "--reason", "seen enough")
    after = command("show")

    assert "in 100 % of the channels" in during
    assert "do not roll loud back" in during
    (shown,) = (line for line in during.splitlines() if line.startswith("Replies that"))
    assert shown.endswith(" of live, 2 of loud.")
    assert "of the channels" not in after
    assert "roll loud back" not in after
    assert shown in after
    assert "seen enough" in after
