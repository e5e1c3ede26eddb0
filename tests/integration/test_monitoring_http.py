"""`/metrics` and `/healthz` over real sockets, and on a running bot."""

import http.client
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from asking import LEAVE, QUESTION, VOICE_FILE, a_passage, an_answerer
from fakes import HashingEmbedder, ScriptedResponder
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from running_bot import Parts, running_bot, utc_now, wait_for_reply

from adapters.responder import Generate
from bot.bootstrap import runner
from bot.conversation import Outcome, Question, Trace
from bot.errors import EndpointError
from bot.house import House, open_house
from bot.monitoring.endpoint import Endpoint
from bot.monitoring.health import Health, Part, State
from bot.monitoring.metrics import Metrics
from bot.settings import (
    KnowledgeSettings,
    ModelSettings,
    MonitoringSettings,
    Settings,
    SlackSettings,
)
from bot.watch import Kept, Watch, watching
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_ADMIN, SEED_EMPLOYEE, SEED_HELP, demo_seed, seed_dm
from knowledge.access import Audience
from knowledge.errors import FilterBrokenError

LOCAL = "127.0.0.1"
VOTES = ("up", "down")
WELL = Health((Part("desk", State.OK),))


def well() -> Health:
    """Nothing is wrong."""
    return WELL


@contextmanager
def serving(
    metrics: Metrics | None = None,
    health: Callable[[], Health] = well,
    *,
    host: str = LOCAL,
    patience_s: float = 10.0,
) -> Iterator[tuple[str, int]]:
    """Serve figures for as long as the block runs; yield where."""
    registry = (metrics or Metrics()).registry
    endpoint = Endpoint(host, 0, registry, health, patience_s=patience_s)
    endpoint.start()
    try:
        yield host, int(endpoint.url.rpartition(":")[2])
    finally:
        endpoint.stop()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, int]]:
    """Figures of a bot that has not done anything."""
    with serving() as where:
        yield where


def get(
    where: tuple[str, int], path: str, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    """Ask, and return status, headers and text."""
    connection = http.client.HTTPConnection(*where, timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Read what a scrape got: name, and values in the order of their labels' names, to figure."""
    families = text_string_to_metric_families(text)
    samples = [one for family in families for one in family.samples]
    return {(one.name, *(one.labels[n] for n in sorted(one.labels))): one.value for one in samples}


def test_prometheus_can_read_the_figures() -> None:
    """What was counted is there, in Prometheus' own format."""
    metrics = Metrics()
    metrics.answered(Trace(audience="a"), Outcome.ANSWERED, 1.5)

    with serving(metrics) as where:
        status, headers, text = get(where, "/metrics")

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert figures(text)["housevoice_questions_total", "live", "answered", "none"] == 1


@pytest.mark.parametrize(
    ("state", "status"), [(State.OK, 200), (State.DEGRADED, 200), (State.FAILING, 503)]
)
def test_only_a_failing_bot_is_unavailable(state: State, status: int) -> None:
    """A degraded bot still answers, so nothing should start it again."""
    health = Health((Part("desk", State.OK), Part("store", state, "slow")))

    with serving(health=lambda: health) as where:
        answered, headers, text = get(where, "/healthz")

    assert answered == status
    assert headers["Content-Type"] == "application/json"
    assert json.loads(text) == {
        "status": state,
        "parts": [
            {"name": "desk", "status": "ok", "note": ""},
            {"name": "store", "status": state, "note": "slow"},
        ],
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/metrics", 200),
        ("HEAD", "/healthz", 200),
        ("POST", "/metrics", 405),
        ("DELETE", "/healthz", 405),
        ("OPTIONS", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/favicon.ico", 404),
        ("GET", "/healthz/../metrics", 404),
        ("GET", "/" + "a" * 70_000, 414),
    ],
)
def test_there_is_nothing_else(
    served: tuple[str, int], method: str, path: str, status: int
) -> None:
    """Two paths, two methods."""
    answered, _, _ = get(served, path, method)

    assert answered == status


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/"])
def test_a_head_has_no_body(served: tuple[str, int], path: str) -> None:
    """Whoever asks for the head alone gets nothing after it."""
    with ExitStack() as stack:
        connection = connected(
            stack, served, f"HEAD {path} HTTP/1.0\r\nHost: [::1]\r\n\r\n".encode()
        )
        received = b"".join(iter(lambda: connection.recv(4096), b""))

    assert received.startswith(b"HTTP/1.0 ")
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:9464", 200),
        ("127.0.0.1:9464", 200),
        ("127.8.8.8", 200),
        ("[::1]:9464", 200),
        ("attacker.example", 421),
        ("localhost.attacker.example", 421),
        ("127.0.0.1.attacker.example:9464", 421),
        ("169.254.169.254", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_a_page_in_a_browser_cannot_read_the_figures(
    served: tuple[str, int], name: str, path: str, status: int
) -> None:
    """Who points a name of its own at this machine is told nothing (DNS rebinding)."""
    answered, _, text = get(served, path, Host=name)

    assert answered == status
    assert status == 200 or "housevoice" not in text


def test_elsewhere_the_operator_chooses_the_name() -> None:
    """Bound to more than loopback, it answers by any name, for a monitor has its own for it."""
    with serving(host="0.0.0.0") as (_, port):  # noqa: S104  what is tested
        status, _, _ = get((LOCAL, port), "/healthz", Host="bot.internal:9464")

    assert status == 200


def connected(stack: ExitStack, where: tuple[str, int], said: bytes = b"") -> socket.socket:
    """Open a connection and say something, or nothing."""
    connection = stack.enter_context(socket.create_connection(where, timeout=5))
    connection.sendall(said)
    return connection


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_a_client_that_says_no_more_is_hung_up_on(said: bytes) -> None:
    """A connection has its time, and then its thread is free."""
    with serving(patience_s=0.1) as where, ExitStack() as stack:
        stuck = connected(stack, where, said)

        assert stuck.recv(1) == b""


def test_a_crowd_of_stuck_clients_takes_a_handful_of_threads() -> None:
    """While four hold theirs, a fifth is hung up on; once they are gone there is room again."""
    with serving() as where, ExitStack() as stack:
        stuck = [connected(stack, where) for _ in range(4)]
        fifth = connected(stack, where)

        assert fifth.recv(1) == b""
        for one in stuck:
            one.close()
        while True:  # their threads end in their own time
            try:
                status, _, _ = get(where, "/healthz")
                break
            except (http.client.RemoteDisconnected, ConnectionResetError):
                continue
        assert status == 200


def test_a_taken_port_is_said_in_a_sentence() -> None:
    """Who starts a second bot learns which setting to change."""
    with serving() as (host, port), pytest.raises(EndpointError) as caught:
        Endpoint(host, port, Metrics().registry, well)

    assert (caught.value.host, caught.value.port) == (LOCAL, port)
    assert str(caught.value) == (
        f"/metrics cannot be served at 127.0.0.1, port {port}: Address already in use"
    )


def test_the_port_is_free_after_the_end() -> None:
    """Nothing answers any more, and the next start can have it."""
    with serving() as where:
        pass

    with pytest.raises(ConnectionRefusedError):
        get(where, "/healthz")
    again = Endpoint(*where, Metrics().registry, well)
    again.stop()


def test_a_figure_from_a_slow_store_holds_one_reader() -> None:
    """While one reads, the others take the figure from before."""
    inside = list[float | None]()

    def read() -> float:
        inside.append(kept())  # somebody else asks meanwhile
        return float(len(inside))

    kept = Kept(read, for_s=0.0)

    assert [kept(), kept()] == [1.0, 2.0]
    assert inside == [None, 1.0]


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def settings_for(workspace: RunningWorkspace, data: Path, **monitoring: Any) -> Settings:
    """Build settings that reach a workspace."""
    if not (data / "roles.yaml").exists():
        (data / "roles.yaml").write_text("version: 1\n")
    return Settings(
        data=data,
        slack=SlackSettings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            base_url=workspace.api_url,
            admins=(SEED_ADMIN,),
        ),
        knowledge=KnowledgeSettings(folder=data),
        model=ModelSettings(base="none", voice=VOICE_FILE),
        monitoring=MonitoringSettings(**monitoring),
    )


@contextmanager
def watched_bot(
    workspace: RunningWorkspace, house: House
) -> Iterator[tuple[Watch, tuple[str, int]]]:
    """Run the whole bot on a house, with its figures served."""
    with watching(house, utc_now, 0) as watch:
        bot = runner(house, watch)
        bot.start()
        try:
            workspace.wait_until_connected()
            yield watch, (LOCAL, int(watch.url.rpartition(":")[2]))
        finally:
            assert bot.stop(5.0)


def states(text: str) -> dict[str, str]:
    """Return the states of the parts."""
    return {part["name"]: part["status"] for part in json.loads(text)["parts"]}


def test_a_question_shows_in_the_figures(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """Figures and health of the whole bot tell of what was asked in Slack, but not the words."""
    with open_house(settings_for(workspace, tmp_path)) as house:
        house.embedder = HashingEmbedder()
        house.answerer = an_answerer([a_passage()], f"{LEAVE}")
        with watched_bot(workspace, house) as (_, where):
            asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {QUESTION}")
            said = wait_for_reply(workspace, SEED_HELP, asked)
            workspace.wait_until_settled()
            _, _, text = get(where, "/metrics")
            status, _, told = get(where, "/healthz")

    seen = figures(text)
    ended = ("live", "declined", "audience unknown")  # no roles are known here
    assert seen["housevoice_questions_total", *ended] == 1
    assert seen["housevoice_answer_seconds_count", "declined"] == 1
    assert seen["housevoice_decisions_total",] >= 1
    assert seen["housevoice_inbox_open",] <= 1  # it is closed a moment after it is shown
    assert seen["housevoice_queue_waiting",] == 0
    assert status == 200
    parts = {"answering": "ok", "filter": "ok", "worker": "ok", "desk": "ok", "slack": "ok"}
    assert parts.items() <= states(told).items()
    assert states(told)["store"] == states(told)["rounds"] == "ok"
    assert states(told)["index"] == "degraded"  # there is none
    private = (QUESTION, said[:20], SEED_EMPLOYEE, SEED_HELP, "leave.md")
    assert [one for one in private if one in text or one in told] == []


def test_a_job_that_never_ends_is_failing(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The worker is stuck while one question takes longer than the setting, and then well again."""
    begun, gate = Event(), Event()

    def slow(_: Generate) -> str:
        begun.set()
        gate.wait(timeout=10)
        return LEAVE

    shutil.copy("knowledge/sample/roles.yaml", tmp_path)
    settings = settings_for(workspace, tmp_path, stuck_after_s=0.001)
    with open_house(settings) as house:
        house.answerer = an_answerer([a_passage()], ScriptedResponder(slow))
        with watched_bot(workspace, house) as (_, where):
            asked = workspace.say(SEED_EMPLOYEE, seed_dm(SEED_EMPLOYEE), QUESTION)
            assert begun.wait(timeout=10)
            workspace.wait_until(lambda: states(get(where, "/healthz")[2])["worker"] == "failing")
            status, _, _ = get(where, "/healthz")
            gate.set()
            wait_for_reply(workspace, seed_dm(SEED_EMPLOYEE), asked)
            workspace.wait_until(lambda: states(get(where, "/healthz")[2])["worker"] == "ok")

    assert status == 503


def test_votes_and_remarks_are_counted_once(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """A vote that counts is in the figures with the arm of its answer; a forged one is not."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {QUESTION}")
        wait_for_reply(workspace, SEED_HELP, asked)
        (reply,) = workspace.thread(SEED_HELP, asked)
        answer_id = bot.answer_at(SEED_HELP, reply.ts).answer_id
        workspace.click(SEED_EMPLOYEE, SEED_HELP, reply.ts, f"v1:{answer_id}:down")
        workspace.wait_until(lambda: bot.votes(answer_id) == [(SEED_EMPLOYEE, "down")])
        workspace.wait_until_settled()

    read = parts.metrics.registry.get_sample_value
    votes = {one: read("housevoice_votes_total", {"verdict": one, "arm": "live"}) for one in VOTES}
    assert votes == {"up": None, "down": 1}


def test_a_doubt_about_the_filter_is_failing(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """A bot that has stopped answering says so to its monitor, and not what it has found."""
    with open_house(settings_for(workspace, tmp_path)) as house:
        watch = Watch(house, utc_now)
        house.answerer = an_answerer([a_passage()], LEAVE)
        question = Question("q1", QUESTION, Audience.from_role_sets([{"everyone"}]))
        watch.work(question)
        before = watch.health()
        house.distrust("wiki:bonus.md#1")
        with pytest.raises(FilterBrokenError):
            watch.work(question)

        health = watch.health()

    assert before.state is State.OK
    assert health.state is State.FAILING
    found = {part.name: part for part in health.parts}
    assert found["answering"].note == "FilterBrokenError"
    assert found["filter"].status is State.FAILING
    assert not any("bonus" in part.note for part in health.parts)


def test_a_spent_budget_is_degraded(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The bot then quotes, which is no reason to start it again."""
    with open_house(settings_for(workspace, tmp_path)) as house:
        watch = Watch(house, utc_now)
        house.may_speak = lambda _team, _source: False

        found = {part.name: part.status for part in watch.health().parts}

    assert found["budget"] is State.DEGRADED


def test_a_store_that_refuses_is_failing_until_it_takes_again(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """The figures count the writes that were refused."""
    with open_house(settings_for(workspace, tmp_path)) as house:
        house.answerer = an_answerer([a_passage()], LEAVE)
        with watched_bot(workspace, house) as (_, where):
            with house.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE events RENAME TO elsewhere")
            workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {QUESTION}")
            workspace.wait_until(lambda: states(get(where, "/healthz")[2])["store"] == "failing")
            status, _, _ = get(where, "/healthz")
            _, _, text = get(where, "/metrics")
            with house.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO events")
            asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {QUESTION} Please?")
            wait_for_reply(workspace, SEED_HELP, asked)
            again, _, told = get(where, "/healthz")

    assert status == 503
    assert figures(text)["housevoice_store_errors_total",] >= 1
    assert (again, states(told)["store"]) == (200, "ok")


def test_nothing_is_served_where_the_port_is_none(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Port 0 in the settings turns it off."""
    with (
        open_house(settings_for(workspace, tmp_path)) as house,
        watching(house, utc_now, None) as watch,
    ):
        assert watch.url == ""
