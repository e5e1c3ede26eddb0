"""The page of the local workspace over HTTP: who sees what, documents, and closed doors."""

import json
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import urlsplit

import pytest
from scripted_bot import feedback_block, rich_text, web_client, words

from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_EMPLOYEE,
    SEED_GUEST,
    SEED_GUEST_CORNER,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_PEOPLE_PRIVATE,
    demo_seed,
    seed_dm,
)

LEAVE = """---
title: Parental leave
roles: [everyone, hr]
owner: People <team>
---
# Parental leave

Take **16 weeks**. <script>alert(1)</script> [bad](javascript:alert(1))

## How to apply?

| Step | Who |
|---|---|
| form | you |
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkspace]:
    """Larkfield with two documents and a secret beside their folder."""
    home = tmp_path_factory.mktemp("home")
    documents = home / "documents"
    (documents / "people").mkdir(parents=True)
    (documents / "people" / "leave.md").write_text(LEAVE, encoding="utf-8")
    (documents / "guide.pdf").write_bytes(b"%PDF-1.4")
    (documents / ".hidden.md").write_text("hidden", encoding="utf-8")
    (home / "secret.md").write_text("secret", encoding="utf-8")
    (documents / "link.md").symlink_to(home / "secret.md")
    with running_workspace(demo_seed(), documents=documents) as running:
        yield running


class Answered:
    """What came back over plain HTTP."""

    def __init__(self, workspace: RunningWorkspace, method: str, path: str, **more: Any) -> None:
        connection = HTTPConnection(urlsplit(workspace.url).netloc, timeout=5)
        connection.request(method, path, **more)
        response = connection.getresponse()
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        connection.close()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


def get(workspace: RunningWorkspace, path: str, **more: Any) -> Answered:
    """Ask for a page."""
    return Answered(workspace, "GET", path, **more)


def act(workspace: RunningWorkspace, **what: Any) -> Any:
    """Do something as the page does."""
    headers = {"Content-Type": "application/json"}
    return Answered(workspace, "POST", "/page/act", body=json.dumps(what), headers=headers).json


def view(workspace: RunningWorkspace, user: str, channel: str) -> Any:
    """What one person sees of one conversation."""
    return get(workspace, f"/page/view?as={user}&channel={channel}").json


@pytest.mark.parametrize(
    ("user", "sees"),
    [
        (SEED_EMPLOYEE, {"help", "engineering", "partner-orchard", "guest-corner"}),
        (SEED_HR, {"help", "engineering", "partner-orchard", "guest-corner", "people-private"}),
        (SEED_GUEST, {"guest-corner"}),
        (SEED_OUTSIDER, {"partner-orchard"}),
    ],
)
def test_everybody_sees_their_own_channels(
    workspace: RunningWorkspace, user: str, sees: set[str]
) -> None:
    """The page shows what each person may see and nothing else (13.5)."""
    channels = view(workspace, user, "")["channels"]

    assert {each["name"] for each in channels if each["kind"] != "im"} == sees
    assert [each["id"] for each in channels if each["kind"] == "im"] == [seed_dm(user)]


def test_a_channel_out_of_sight_gives_nothing_away(workspace: RunningWorkspace) -> None:
    """It answers like one that does not exist, on reading and on writing."""
    workspace.say(SEED_HR, SEED_PEOPLE_PRIVATE, "salaries")
    forbidden = view(workspace, SEED_MANAGER, SEED_PEOPLE_PRIVATE)
    missing = view(workspace, SEED_MANAGER, "C0NOWHERE")

    assert forbidden == missing
    assert forbidden["channel"] is None
    said = act(workspace, do="say", **{"as": SEED_GUEST}, channel=SEED_HELP, text="hi")
    assert said["error"] == "channel_not_found"


def test_a_chosen_side_shows_to_its_clicker_alone(workspace: RunningWorkspace) -> None:
    """Feedback is private (8.1)."""
    blocks = [rich_text(words("Yes.")), feedback_block("page")]
    ts = web_client(workspace).chat_postMessage(channel=SEED_HELP, text="x", blocks=blocks)["ts"]
    clicked = {"as": SEED_EMPLOYEE, "channel": SEED_HELP, "ts": ts, "value": "v1:page:down"}
    assert act(workspace, do="click", **clicked)["ok"]

    def chosen(user: str) -> Any:
        shown = view(workspace, user, SEED_HELP)["messages"]
        return next(each["chosen"] for each in shown if each["ts"] == ts)

    assert chosen(SEED_EMPLOYEE) == {"answer_feedback": "v1:page:down"}
    assert chosen(SEED_HR) == {}


def test_loading_the_page_drops_ephemerals(workspace: RunningWorkspace) -> None:
    """They are dropped on reload, for their reader alone (13.3)."""
    client = web_client(workspace)
    for user in (SEED_EMPLOYEE, SEED_HR):
        client.chat_postEphemeral(channel=SEED_HELP, user=user, text="psst")
    act(workspace, do="reload", **{"as": SEED_EMPLOYEE})

    assert workspace.whispers_to(SEED_EMPLOYEE) == ()
    assert len(workspace.whispers_to(SEED_HR)) == 1


def test_joining_is_for_those_who_may(workspace: RunningWorkspace) -> None:
    """A full member joins a public channel and can write; a guest cannot."""
    say = {"do": "say", "channel": SEED_GUEST_CORNER, "text": "hi"}
    assert act(workspace, **say, **{"as": SEED_HR})["error"] == "not_in_channel"
    assert act(workspace, do="join", channel=SEED_GUEST_CORNER, **{"as": SEED_HR})["ok"]
    assert act(workspace, **say, **{"as": SEED_HR})["ok"]
    joined = act(workspace, do="join", channel=SEED_HELP, **{"as": SEED_GUEST})
    assert joined["error"] == "channel_not_found"


def test_what_the_page_is_told_is_explained(workspace: RunningWorkspace) -> None:
    """Each refusal has a sentence for the person."""
    command = {"do": "command", "text": "/housevoice status"}
    threaded = act(workspace, **command, **{"as": SEED_HR}, channel=SEED_HELP, thread_ts="1.000000")
    foreign = act(workspace, **command, **{"as": SEED_OUTSIDER}, channel=SEED_PARTNER_ORCHARD)
    unknown = act(workspace, do="no such thing", **{"as": SEED_HR})

    assert threaded["reason"] == "Slash commands do not work in threads."
    assert (foreign["error"], unknown["error"]) == ("foreign_command", "unknown_action")


def test_the_page_is_locked_down(workspace: RunningWorkspace) -> None:
    """Strict CSP, no sniffing, no inline script or style."""
    page = get(workspace, "/")
    policy = page.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "style=" not in page.text
    assert get(workspace, "/seed.py").status == 404


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
@pytest.mark.parametrize("path", ["/page/people", "/api/auth.test", "/docs/people/leave.md"])
def test_other_sites_are_kept_out(
    workspace: RunningWorkspace, headers: dict[str, str], path: str
) -> None:
    """Neither a foreign page nor a host name bent to loopback gets an answer."""
    assert get(workspace, path, headers=headers).status == 403


def test_the_page_acts_on_json_alone(workspace: RunningWorkspace) -> None:
    """A form of another site cannot send JSON without asking first."""
    headers = {"Content-Type": "text/plain"}
    answered = Answered(workspace, "POST", "/page/act", body="{}", headers=headers)

    assert answered.status == 415


def test_a_document_reads_well_and_runs_nothing(workspace: RunningWorkspace) -> None:
    """Front matter on top, anchors as the index links them, no markup from the text."""
    page = get(workspace, "/docs/people/leave.md")

    assert "<b>For</b> everyone, hr" in page.text
    assert "People &lt;team&gt;" in page.text
    assert '<h2 id="how-to-apply">' in page.text
    assert "<table>" in page.text
    assert "<script>" not in page.text
    assert 'href="javascript' not in page.text
    assert get(workspace, "/docs/people/leave").text == page.text


def test_what_browsers_cannot_show_is_a_download(workspace: RunningWorkspace) -> None:
    """PDF and Word come as files."""
    answered = get(workspace, "/docs/guide.pdf")

    assert answered.headers["Content-Disposition"] == "attachment"
    assert answered.headers["Content-Type"] == "application/pdf"


@pytest.mark.parametrize(
    "path", ["../secret.md", "%2e%2e/secret.md", "link.md", ".hidden.md", "people", "none.md"]
)
def test_nothing_outside_the_documents_is_served(workspace: RunningWorkspace, path: str) -> None:
    """No way up, no links out, no hidden files, no listings."""
    answered = get(workspace, f"/docs/{path}")

    assert answered.status == 404
    assert "secret" not in answered.text


def test_a_permalink_leads_into_the_page(workspace: RunningWorkspace) -> None:
    """To the channel and the thread."""
    answered = get(workspace, f"/archives/{SEED_HELP}/p1790000000000001")

    assert answered.status == 302
    assert answered.headers["Location"] == f"/#/{SEED_HELP}/1790000000.000001"


def test_a_taken_port_is_named() -> None:
    """Two demos on one port do not share it."""
    with (
        running_workspace(demo_seed()) as first,
        pytest.raises(OSError, match="in use"),
        running_workspace(demo_seed(), port=urlsplit(first.url).port or 0),
    ):
        pass


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """The first line is the URL; an interrupt ends it cleanly."""
    command = [sys.executable, "-m", "bot.workspace", "--documents", str(tmp_path)]
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
        connection.request("GET", "/page/people")
        people = json.loads(connection.getresponse().read())["people"]
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""

    assert len(people) == 8


def test_a_tab_that_is_closed_quickly_leaves_no_traceback(
    workspace: RunningWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    """Pages that are gone before their stream begins are nothing to complain of."""
    host, port = str(urlsplit(workspace.url).hostname), urlsplit(workspace.url).port or 0
    tabs = [socket.create_connection((host, port)) for _ in range(20)]
    get(workspace, "/page/people")  # all of them are accepted by now
    with workspace.lock:  # the server stands still with this one
        busy = HTTPConnection(host, port)
        busy.request("GET", "/page/people")
        for tab in tabs:
            tab.sendall(f"GET /page/stream HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            tab.close()
    with closing(busy):
        assert busy.getresponse().read()
    get(workspace, "/page/people")  # they were looked at before this

    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []
