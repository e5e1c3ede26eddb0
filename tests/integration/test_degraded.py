"""I-25: with a part missing the bot acknowledges, stores votes, tells its status and says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from asking import LEAVE, QUESTION, VOICE_FILE, a_passage, an_answerer
from fakes import HashingEmbedder
from pydantic import SecretStr
from running_bot import shown, wait_for_reply
from written_index import a_row, put

from adapters import ledger
from bot.bootstrap import runner
from bot.house import House, open_house
from bot.model_files import write_manifest
from bot.settings import KnowledgeSettings, ModelSettings, Settings, SlackSettings
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_ADMIN, SEED_EMPLOYEE, SEED_HELP, demo_seed
from knowledge.chunking import CHUNKER_VERSION
from knowledge.index import Index
from knowledge.pointer import IndexVersions

LIBRARY = "My library is not available just now. Please ask again shortly."
MODEL = "A model of mine is not installed. Please tell my keepers."
VOICE = "My voice is not available just now. Please tell my keepers."
NOTHING = "I found nothing that I can use here"
STATUS = "Questions waiting: 0."


@dataclass(frozen=True)
class Fault:
    """What is wrong at a start.

    Attributes:
        model, knowledge: Settings that differ.
        spoil: Breaks something in the data folder of a house.
        said: The one sentence that a person gets.
        status: What stands in the answer to the command.
    """

    said: str
    model: tuple[tuple[str, object], ...] = ()
    knowledge: tuple[tuple[str, object], ...] = ()
    spoil: Callable[[House], None] = lambda _: None
    status: str = STATUS


def damage_the_model(house: House) -> None:
    """Put a model where the settings name one, and change a byte after it was recorded."""
    folder = house.settings.data / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    write_manifest(folder, "model")
    (folder / "model.safetensors").write_bytes(b"Weights")


def drop_the_catalogue(house: House) -> None:
    """Lose the table that says who may read what."""
    with house.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE documents")


def write_an_index(house: House, embedder: str = "") -> None:
    """Fill the index, as an embedder that counts words would."""
    version = embedder or house.embedder_model.version
    versions = IndexVersions(version, CHUNKER_VERSION, parser="plain")
    index = Index.open_or_create(house.settings.index_folder, versions, HashingEmbedder.dim)
    index.publish()
    put(index, [a_row("leave", LEAVE)])


FAULTS = {
    "no index": Fault(LIBRARY),
    "index of another embedder": Fault(LIBRARY, spoil=lambda h: write_an_index(h, "other-1")),
    "no catalogue": Fault(
        LIBRARY, spoil=lambda h: (write_an_index(h), drop_the_catalogue(h))[0], status=LIBRARY
    ),
    "no embedder": Fault(MODEL, knowledge=(("embedder", "wheel:no-such-wheel"),)),
    "no model": Fault(MODEL, model=(("base", "wheel:no-such-wheel"),), spoil=write_an_index),
    "damaged model": Fault(
        VOICE,
        model=(("base", "{data}/model"),),
        spoil=lambda h: (write_an_index(h), damage_the_model(h))[0],
    ),
    "no voice": Fault(VOICE, model=(("voice", "{data}/no.yaml"),), spoil=write_an_index),
    "broken voice": Fault(VOICE, model=(("voice", "{data}/roles.yaml"),), spoil=write_an_index),
}


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def settings_for(workspace: RunningWorkspace, data: Path, fault: Fault | None = None) -> Settings:
    """Build settings that reach the workspace, with what is wrong in them."""
    (data / "roles.yaml").write_text("version: 1\n")
    in_model = {name: str(value).format(data=data) for name, value in fault.model} if fault else {}
    return Settings(
        data=data,
        slack=SlackSettings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            base_url=workspace.api_url,
            admins=(SEED_ADMIN,),
        ),
        knowledge=KnowledgeSettings(folder=data, **dict(fault.knowledge if fault else ())),
        model=ModelSettings(**{"base": "none", "voice": VOICE_FILE} | in_model),
    )


@contextmanager
def serving(workspace: RunningWorkspace, house: House) -> Iterator[None]:
    """Run the whole bot on a house."""
    bot = runner(house)
    bot.start()
    try:
        workspace.wait_until_connected()
        yield
    finally:
        assert bot.stop(5.0)


def ask(workspace: RunningWorkspace) -> str:
    """Ask, wait for the reply, and return the root of its thread."""
    asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {QUESTION}")
    wait_for_reply(workspace, SEED_HELP, asked)
    return asked


@pytest.mark.parametrize("name", FAULTS)
def test_a_missing_part_is_told_and_the_rest_goes_on(
    workspace: RunningWorkspace, tmp_path: Path, name: str
) -> None:
    """The bot had answered before a part went missing, and people still press its buttons."""
    fault = FAULTS[name]
    with open_house(settings_for(workspace, tmp_path, fault)) as house:
        house.embedder = HashingEmbedder()
        house.answerer = an_answerer([a_passage()], "Your annual leave is 25 days.")
        fault.spoil(house)
        with serving(workspace, house):
            (answer,) = workspace.thread(SEED_HELP, ask(workspace))
            del house.answerer  # from now on it is made of what the settings name
            failed = ask(workspace)
            with house.engine.connect() as connection:
                row = ledger.answer_at(connection, workspace.state.home.id, SEED_HELP, answer.ts)
            assert row is not None
            workspace.click(SEED_EMPLOYEE, SEED_HELP, answer.ts, f"v1:{row.answer_id}:up")
            workspace.command(SEED_ADMIN, SEED_HELP, "/housevoice status")
            workspace.wait_until_settled()
            with house.engine.connect() as connection:
                votes = [vote.user for vote in ledger.votes_of(connection, row.answer_id)]
        said = shown(workspace, SEED_HELP, failed)
        whispered = [one.text for one in workspace.whispers_to(SEED_ADMIN)]

    assert len(said) == 1
    assert said[0].startswith(fault.said)
    assert votes == [SEED_EMPLOYEE]
    assert any(fault.status in text for text in whispered)
    assert max(one.latency_s for one in workspace.acks) < 2.5


def test_a_part_that_comes_back_is_used(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """Nobody has to start the bot again after `housevoice index`."""
    with open_house(settings_for(workspace, tmp_path)) as house:
        house.embedder = HashingEmbedder()
        with serving(workspace, house):
            assert LIBRARY in shown(workspace, SEED_HELP, ask(workspace))[0]
            write_an_index(house)
            assert NOTHING in shown(workspace, SEED_HELP, ask(workspace))[0]
