"""`housevoice train`: a data set in, a version of the voice out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from adapters.manifests import AdapterRef
from bot.errors import ExtraMissingError, ModelMissingError, UserInputError
from bot.house import House, open_house
from bot.settings import Settings
from bot.tracing import configure
from bot.training import Report, Trainer, Wanted
from bot.training_data import DataSet

_EXTRA = "train"
_NO_BASE = "no model is there to train: set HOUSEVOICE_MODEL__BASE"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for.

    Attributes:
        domain: Where the version may speak.
        parent: Version to go on from; empty: the plain base.
        options: Of a training; None is the default.
        more: Further ones, each like ``r=8``.
    """

    domain: str
    parent: str
    options: Mapping[str, Any]
    more: Sequence[str]

    def values(self) -> dict[str, Any]:
        """Return all options that were given.

        Raises:
            UserInputError: If one has no value.
        """
        if nameless := [pair for pair in self.more if "=" not in pair]:
            problem = f"{nameless[0]} is no option of a training: write it like r=8"
            raise UserInputError(problem)
        pairs = (pair.partition("=") for pair in self.more)
        given = {name: value for name, value in self.options.items() if value is not None}
        return given | {name: value for name, _, value in pairs}


def train(settings: Settings, dataset: Path, asked: Asked) -> None:
    """Train a version, register it, and say what comes next.

    Args:
        settings: With the base and the voice.
        dataset: A folder, or the name of one among the exports.
        asked: How.

    Raises:
        ExtraMissingError: If what trains is not installed.
        UserInputError: If there is no such option.
        AdaptersError: If the data set does not do, or the training fails.
    """
    configure("ERROR")
    if find_spec("trl") is None:
        raise ExtraMissingError(_EXTRA, setting="a training")
    folder = dataset if dataset.is_dir() else settings.export_folder / dataset
    data = DataSet.from_folder(folder)
    with open_house(settings) as house, _bar() as bar:
        wanted = Wanted(asked.domain, _parent(house, asked.parent), asked.values())
        ref = _trainer(house).train(data, wanted, _shown(bar))
    _say(f"{ref.version}: a voice for {ref.domain}, trained on {data.folder.name}.")
    _say(f"Now measure it: housevoice adapters gate {ref.version}")


def _trainer(house: House) -> Trainer:
    base = house.base_model
    if base is None:
        raise ModelMissingError(house.settings.model.base, _NO_BASE)
    return Trainer(base, house.voice, house.settings.data / "training", house.registry)


def _parent(house: House, version: str) -> AdapterRef | None:
    if not version:
        return None
    found = house.registry.find(version)
    return house.registry.ref(found.domain, found.version)


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _shown(bar: Progress) -> Report:
    tasks = dict[str, Any]()

    def show(line: Mapping[str, Any]) -> None:
        if "step" not in line:
            return
        stage = line["stage"]
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=line["steps"], told="")
        told = f"loss {line['loss']:.3f}, {_span(line['seconds_left'])} left"
        bar.update(tasks[stage], completed=line["step"], told=told)

    return show


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _say(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(Text(text))
