"""The composition root, piece by piece: what the demo changes, what it starts, what it ingests."""

import socket
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from asking import CONTACT, EVERYONE, LEAVE, QUESTION, VOICE, VOICE_FILE
from pydantic import SecretStr

from bot.conversation import Outcome, Question
from bot.demo import demo_settings, local_workspace
from bot.errors import PortTakenError
from bot.house import open_house
from bot.settings import KnowledgeSettings, ModelSettings, Settings, SlackSettings
from bot.workspace.seed import SEED_ADMIN, demo_seed
from knowledge.access import Audience

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
PAGES = {
    "leave.md": f"# Leave\n\n{LEAVE}\n",
    "hr/bonus.md": "# Bonus\n\nThe yearly bonus pool is 412,000 euros.\n",
}
URL = "http://127.0.0.1:1"


def test_the_demo_touches_nothing_that_is_in_service(tmp_path: Path) -> None:
    """Tokens, database, index and documents are its own; the models are those of the settings."""
    real = Settings(
        data=tmp_path,
        database_url="postgresql+psycopg://db.example/bot",
        slack=SlackSettings(bot_token=SecretStr("xoxb-real"), admins=("U0REAL",)),
        knowledge=KnowledgeSettings(folder=tmp_path / "real", floor=0.4),
        model=ModelSettings(base="none"),
    )
    demo = demo_settings(real, URL)

    assert demo.slack.base_url == f"{URL}/api/"
    assert demo.slack.bot_token.get_secret_value() == demo_seed().app.bot_token
    assert demo.slack.admins == (SEED_ADMIN,)
    assert demo.store_url == f"sqlite:///{tmp_path}/demo/housevoice.db"
    assert demo.index_folder == tmp_path / "demo" / "index"
    assert demo.knowledge.folder == Path("knowledge/sample")
    assert demo.knowledge.documents_url == URL
    assert (demo.knowledge.floor, demo.model) == (0.4, real.model)


def test_the_workspace_lives_as_long_as_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page and the documents are served while the block runs, and nothing after it."""
    monkeypatch.chdir(Path(__file__).parents[2])
    with local_workspace(0) as url:
        with urlopen(url, timeout=5) as page:  # noqa: S310 - our own server
            assert page.status == 200
        with urlopen(f"{url}/docs/people/leave.md", timeout=5) as document:  # noqa: S310 - as above
            assert b"leave" in document.read().lower()

    with pytest.raises(URLError):
        urlopen(url, timeout=5)  # noqa: S310 - as above


def test_a_port_in_use_is_said_with_a_remedy() -> None:
    """Two demos at once are a common mistake; the second one names its port and the option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"port {port}.*--port"), local_workspace(port):
            pytest.fail("it must not start")


def test_a_house_answers_from_what_it_has_ingested(tmp_path: Path) -> None:
    """Real files, parser, embedder and index, and no model that speaks: it quotes, with a link."""
    for name, text in {
        "access.yaml": ACCESS,
        **{f"pages/{p}": t for p, t in PAGES.items()},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    settings = Settings(
        data=tmp_path / "data",
        slack=SlackSettings(human_contact=CONTACT),
        knowledge=KnowledgeSettings(folder=tmp_path, documents_url=URL),
        model=ModelSettings(base="none", voice=VOICE_FILE),
    )
    bonus = "How large is the yearly bonus pool?"
    seen = list[tuple[str, int, int]]()
    with open_house(settings) as house:
        report = house.ingest(progress=lambda *step: seen.append(step))
        again = house.ingest()
        leave = house.work(Question("q1", QUESTION, EVERYONE)).answer.reply
        refused = house.work(Question("q2", bonus, EVERYONE)).answer.reply
        unknown = house.work(Question("q3", QUESTION, None)).answer.reply
        hr = Audience.from_role_sets([{"hr", "everyone"}])
        allowed = house.work(Question("q4", bonus, hr)).answer.reply

    assert (report.documents, again.documents) == (2, 2)
    assert seen
    assert leave.text == f"{VOICE.sayings.quoting}\n> {LEAVE} [1]"
    assert leave.sources[0].url == f"{URL}/docs/leave.md#leave"
    assert (refused.outcome, unknown) == (Outcome.DECLINED, refused)
    assert CONTACT in refused.text
    assert "412,000" in allowed.text
