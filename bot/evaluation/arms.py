"""Which configurations are compared: names, and the settings in which each differs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.candidates import MAY_DIFFER
from bot.conversation import LIVE
from bot.errors import UserInputError
from bot.voices import NO_ADAPTER

_BUILT_IN: Mapping[str, Mapping[str, str]] = {
    LIVE: {},
    "quote": {"model.base": "none"},
    "base": {"model.examples": "0", "model.adapter": NO_ADAPTER},
    "few-shot": {"model.adapter": NO_ADAPTER},
}
_ADAPTER, _VOICES = "adapter", "voices"
_COMPARABLE = sorted(MAY_DIFFER | {"data", "knowledge.index_version"})


@dataclass(frozen=True, slots=True)
class Arm:
    """One configuration: the settings as they are, but for these."""

    name: str
    values: Mapping[str, str]


def read_arms(given: Iterable[str], voices: Path) -> tuple[Arm, ...]:
    """Read what the command line asks to compare.

    Args:
        given: ``live`` (with what is promoted), ``quote`` (no model), ``base`` (no adapter, and
            no examples in the prompt), ``few-shot`` (no adapter), ``adapter:VERSION``, ``voices``
            (one for each folder of ``voices``), or ``NAME:setting=value,...``.
        voices: Folder of the registered voices.

    Raises:
        UserInputError: If one is none of these, or a name stands twice.
    """
    arms = tuple(arm for text in given for arm in _read(text, voices)) or (Arm(LIVE, {}),)
    names = [arm.name for arm in arms]
    if doubled := {name for name in names if names.count(name) > 1}:
        problem = f"two configurations are called {', '.join(sorted(doubled))}"
        raise UserInputError(problem)
    return arms


def _read(text: str, voices: Path) -> Iterator[Arm]:
    name, colon, listed = text.partition(":")
    if text == _VOICES:
        yield from _registered(voices)
    elif name == _ADAPTER and listed and "=" not in listed:
        yield Arm(f"{_ADAPTER}-{listed}", {"model.adapter": listed})
    elif colon:
        if not name or name in _BUILT_IN:
            problem = f"{text}: give it a name of its own"
            raise UserInputError(problem)
        yield Arm(name, dict(_assignment(text, part) for part in listed.split(",")))
    elif name in _BUILT_IN:
        yield Arm(name, _BUILT_IN[name])
    else:
        known = ", ".join([*_BUILT_IN, f"{_ADAPTER}:VERSION", _VOICES])
        problem = f"there is no configuration {name}: use {known}, or NAME:setting=value,..."
        raise UserInputError(problem)


def _registered(voices: Path) -> list[Arm]:
    found = sorted(voices.glob("*/voice.yaml"))
    if not found:
        problem = f"there is no voice in {voices}"
        raise UserInputError(problem)
    return [Arm(path.parent.name, {"model.voice": str(path)}) for path in found]


def _assignment(text: str, part: str) -> tuple[str, str]:
    setting, equals, value = part.partition("=")
    if not equals or not setting.strip():
        problem = f"{text}: after the colon stand settings such as knowledge.floor=0.4"
        raise UserInputError(problem)
    if setting.strip() not in _COMPARABLE:
        problem = f"{setting.strip()} makes no other answer: compare {', '.join(_COMPARABLE)}"
        raise UserInputError(problem)
    return setting.strip(), value.strip()
