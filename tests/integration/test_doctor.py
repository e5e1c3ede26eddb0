"""The doctor against a real folder, a real database and the local workspace."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.database import open_engine
from bot.doctor import examine
from bot.findings import Finding, State
from bot.manifest import SCOPES
from bot.settings import KnowledgeSettings, ModelSettings, Settings, SlackSettings
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import demo_seed
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.index import Index
from knowledge.parsing import PARSER_VERSION
from knowledge.pointer import IndexVersions

ACCESS = """
version: 1
sources:
  - name: wiki
    folder: pages
    link: "{base}/{path}"
    rules:
      - match: "hr/**"
        roles: [hr]
      - match: "**"
        roles: [everyone]
"""
EMBEDDER = KnowledgeSettings().embedder
ROLES = """
version: 1
groups:
  people-team: [hr]
"""


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Build a house in which all is well but Slack; no ``.env`` of the developer's is near."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents" / "pages").mkdir(parents=True)
    (tmp_path / "documents" / "access.yaml").write_text(ACCESS)
    (tmp_path / "documents" / "roles.yaml").write_text(ROLES)
    return tmp_path


@pytest.fixture(scope="module")
def whole() -> Iterator[RunningWorkspace]:
    """Serve a workspace in which the app was granted what the manifest asks for."""
    with running_workspace(demo_seed(scopes=SCOPES)) as workspace:
        yield workspace


def settings(house: Path, **changes: Any) -> Settings:
    """Point the settings at the house; no model, so that none is looked for."""
    given: dict[str, Any] = {
        "data": house / "data",
        "knowledge": KnowledgeSettings(folder=house / "documents", embedder="none"),
        "model": ModelSettings(base="none", cache=house / "cache"),
    }
    return Settings(**given | changes)


def slack(workspace: RunningWorkspace, **changes: Any) -> SlackSettings:
    """Point the bot at a local workspace."""
    given = {
        "bot_token": workspace.bot_token,
        "app_token": workspace.app_token,
        "base_url": workspace.api_url,
        "admins": ("U0HUGO",),
    }
    return SlackSettings(**given | changes)


def found(settings: Settings, name: str) -> Finding:
    """Examine, and pick one finding."""
    (finding,) = [one for one in examine(settings) if one.name == name]
    return finding


def an_index(house: Path, *, parser: str = PARSER_VERSION, is_agreed: bool = True) -> None:
    """Make an empty index and a catalogue that says so."""
    versions = IndexVersions(embedder="", chunker=CHUNKER_VERSION, parser=parser)
    index = Index.open_or_create(house / "data" / "index", versions, dim=4)
    index.publish()
    engine = open_engine(f"sqlite:///{house}/data/housevoice.db")
    catalogue = Catalogue(engine)
    catalogue.create()
    if is_agreed:
        catalogue.finish([], index_version=index.version, at=datetime.now(UTC))
    engine.dispose()


def test_a_house_in_order(house: Path, whole: RunningWorkspace) -> None:
    """With everything in place nothing fails, and Slack was asked about each part."""
    an_index(house)

    findings = {one.name: one for one in examine(settings(house, slack=slack(whole)))}

    assert [one for one in findings.values() if one.state is State.FAIL] == []
    parts = ("roles", "database", "index", "catalogue")
    for name in (*parts, "Slack app", "scopes", "socket", "user groups", "admins"):
        assert findings[name].is_ok, findings[name]
    assert findings["Slack app"].seen == "housevoice in Larkfield"


def test_without_tokens_it_says_where_to_get_them(house: Path) -> None:
    """A newcomer without a Slack app is pointed to the manifest, and nothing is asked of Slack."""
    finding = found(settings(house), "Slack")

    assert finding.state is State.WARN
    assert "`housevoice manifest`" in finding.remedy


@pytest.mark.parametrize("swapped", [True, False])
def test_tokens_of_the_wrong_kind_fail(
    house: Path, whole: RunningWorkspace, *, swapped: bool
) -> None:
    """Swapped or missing tokens are told apart before Slack is asked."""
    given = {"bot_token": whole.app_token, "app_token": whole.bot_token if swapped else ""}

    findings = list(examine(settings(house, slack=slack(whole, **given))))

    kinds = [one for one in findings if one.name in {"bot token", "app token"}]
    assert [one.state for one in kinds] == [State.FAIL, State.FAIL]
    assert kinds[1].seen == ("does not begin with xapp-" if swapped else "missing")
    assert not [one for one in findings if one.name == "Slack app"]


def test_no_token_is_ever_shown(house: Path, whole: RunningWorkspace) -> None:
    """Neither good nor bad tokens stand in what the doctor prints."""
    planted = {"bot_token": "xoxb-planted", "app_token": "xapp-planted"}

    for changes in ({}, planted, {"bot_token": "planted"}):
        shown = str(list(examine(settings(house, slack=slack(whole, **changes)))))
        assert "planted" not in shown
        assert whole.bot_token not in shown


def test_a_token_that_slack_does_not_know(house: Path, whole: RunningWorkspace) -> None:
    """Slack's code is shown with what to do; what depends on the token is not asked."""
    broken = settings(house, slack=slack(whole, bot_token="xoxb-other"))  # noqa: S106  # no secret

    findings = {one.name: one for one in examine(broken)}

    assert findings["Slack app"].state is State.FAIL
    assert "invalid_auth" in findings["Slack app"].seen
    assert "Copy the token" in findings["Slack app"].remedy
    assert "scopes" not in findings
    assert findings["socket"].is_ok


def test_a_missing_scope_is_named(house: Path) -> None:
    """An app installed before the manifest grew is told which scopes it lacks."""
    some = tuple(scope for scope in SCOPES if scope not in {"groups:history", "users:read"})
    with running_workspace(demo_seed(scopes=some)) as workspace:
        finding = found(settings(house, slack=slack(workspace)), "scopes")

    assert finding.state is State.FAIL
    assert finding.seen == "without groups:history, users:read"


def test_a_group_that_is_not_in_slack(house: Path, whole: RunningWorkspace) -> None:
    """A misspelt handle would silently leave its members without a role."""
    (house / "documents" / "roles.yaml").write_text(ROLES.replace("people-team", "people-taem"))

    finding = found(settings(house, slack=slack(whole)), "user groups")

    assert finding.state is State.WARN
    assert "people-taem" in finding.seen


@pytest.mark.parametrize(
    "fault",
    [
        Fault("apps.connections.open", is_reset=True),
        Fault("apps.connections.open", status=500),
        Fault("apps.connections.open", error="internal_error"),
    ],
)
def test_a_slack_that_stumbles_is_a_finding(
    house: Path, whole: RunningWorkspace, fault: Fault
) -> None:
    """A cut connection, a page of HTML or an error code ends in a sentence, not in a traceback."""
    whole.order(fault)

    finding = found(settings(house, slack=slack(whole)), "socket")

    assert finding.state is State.FAIL
    assert finding.remedy


def test_a_slack_that_is_not_there(house: Path, whole: RunningWorkspace) -> None:
    """A wrong address says that nothing was reached, and which setting holds it."""
    nowhere = slack(whole, base_url="http://127.0.0.1:9/api/")

    finding = found(settings(house, slack=nowhere), "Slack app")

    assert finding.state is State.FAIL
    assert "HOUSEVOICE_SLACK__BASE_URL" in finding.remedy


@pytest.mark.parametrize(
    ("admins", "state"),
    [((), State.WARN), (("@hugo",), State.FAIL), (("U0HUGO", "W012"), State.OK)],
)
def test_admins_are_user_ids(
    house: Path, whole: RunningWorkspace, admins: tuple[str, ...], state: State
) -> None:
    """A name instead of an id would leave nobody who can reindex."""
    assert found(settings(house, slack=slack(whole, admins=admins)), "admins").state is state


@pytest.mark.parametrize("file", ["access.yaml", "roles.yaml"])
@pytest.mark.parametrize("content", [None, "version: 2\n", "- [", "version: 1\nsurprise: 1\n"])
def test_a_broken_file_is_named(house: Path, file: str, content: str | None) -> None:
    """A missing, unreadable or misspelt file fails the check that bears its name."""
    path = house / "documents" / file
    path.unlink()
    if content is not None:
        path.write_text(content)

    finding = found(settings(house), file)

    assert finding.state is State.FAIL
    assert str(path) in finding.seen


def test_a_source_without_its_folder(house: Path) -> None:
    """A source whose folder is not there would index as empty."""
    (house / "documents" / "pages").rmdir()

    finding = found(settings(house), "access.yaml")

    assert finding.state is State.FAIL
    assert "pages" in finding.seen


def test_a_role_that_nobody_can_hold(house: Path) -> None:
    """Documents opened to a role that no group and no person has are read by nobody."""
    (house / "documents" / "roles.yaml").write_text("version: 1\n")

    finding = found(settings(house), "roles")

    assert finding.state is State.WARN
    assert finding.seen == "nobody can hold hr, so nobody reads what they open"


def test_a_model_that_is_not_here(house: Path) -> None:
    """A missing model fails with the reason and what to run or set."""
    missing = ModelSettings(base="wheel:no-such-wheel", cache=house / "cache")

    finding = found(settings(house, model=missing), "model (voice)")

    assert finding.state is State.FAIL
    assert "pip install" in finding.remedy


def test_a_database_that_takes_no_write(house: Path) -> None:
    """A file that is no database fails before the first vote is lost to it."""
    (house / "data").mkdir()
    (house / "data" / "housevoice.db").write_text("this is not a database, it is a note " * 40)

    assert found(settings(house), "database").state is State.FAIL


def test_a_database_is_left_as_it_was(house: Path) -> None:
    """The doctor's probe leaves no table behind, and makes no file where none was."""
    assert found(settings(house), "database").is_ok
    assert not (house / "data").exists()

    (house / "data").mkdir()
    (house / "data" / "housevoice.db").touch()

    assert found(settings(house), "database").is_ok
    assert found(settings(house), "database").is_ok


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch, house: Path) -> None:
    """One underscore instead of two sets nothing, and nothing else would say so."""
    monkeypatch.setenv("HOUSEVOICE_SLACK_BOT_TOKEN", "x")

    finding = found(settings(house), "settings")

    assert finding.state is State.WARN
    assert "HOUSEVOICE_SLACK_BOT_TOKEN" in finding.seen


def test_an_index_that_is_not_there_yet(house: Path) -> None:
    """The first run of a new house ends in the command that fills its library."""
    finding = found(settings(house), "index")

    assert finding.state is State.FAIL
    assert finding.remedy == "Run `housevoice index`."


def test_an_index_of_another_embedder(house: Path) -> None:
    """After a change of the embedder the old vectors mean nothing; the doctor says so."""
    an_index(house)
    knowledge = KnowledgeSettings(folder=house / "documents", embedder=EMBEDDER)

    finding = found(settings(house, knowledge=knowledge), "index")

    assert finding.state is State.FAIL
    assert "built with embedder" in finding.seen
    assert finding.remedy == "Run `housevoice index --rebuild`."


def test_a_damaged_index(house: Path) -> None:
    """A cut file ends in a finding with a remedy."""
    an_index(house)
    (house / "data" / "index" / "index.json").write_text('{"table": ')

    finding = found(settings(house), "index")

    assert finding.state is State.FAIL
    assert "damaged" in finding.seen


@pytest.mark.parametrize(
    ("state", "remedy"),
    [({"is_agreed": False}, "housevoice index`"), ({"parser": "old"}, "index --rebuild`")],
)
def test_a_catalogue_that_is_behind(house: Path, state: dict[str, Any], remedy: str) -> None:
    """A run that broke off, and files read by an older parser, are told before people notice."""
    an_index(house, **state)

    finding = found(settings(house), "catalogue")

    assert finding.state is State.WARN
    assert remedy in finding.remedy


@pytest.mark.parametrize(("mode", "states"), [(0o644, [State.WARN]), (0o600, [])])
def test_a_file_of_tokens_that_others_can_read(house: Path, mode: int, states: list[State]) -> None:
    """Tokens that every user of the machine can read are worth a warning."""
    (house / ".env").write_text("")
    (house / ".env").chmod(mode)

    assert [one.state for one in examine(settings(house)) if one.name == ".env"] == states
