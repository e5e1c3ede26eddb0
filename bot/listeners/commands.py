"""The slash command: help, status, reindex, export. For administrators, named by user id.

Knows neither how an index is made nor what is in it. Everybody else is told how to ask a
question, and whatever they try of the rest, one and the same sentence.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bot.errands import EXPORT, Errand
from bot.errors import explain
from bot.inert import cut, inert
from bot.listeners.exporting import Exporting
from bot.listeners.questions import BotUser
from bot.listeners.reindexing import Reindexing
from bot.tracing import note, note_failure, trace_id

_HELP = "Mention me in a channel or write me a direct message, and I will look it up for you."
_ADMINS_HELP = (
    "{0} status: what I am made of. {0} reindex [source]: read the documents again."
    " {0} export: write what was approved as a data set."
)
_LONGEST_VERB = 30
_FOR_ADMINS = frozenset({"status", "reindex", "export"})
_DENIED = "Only my administrators can do that."
_UNCONFIRMED = "Slack does not confirm just now that you are a full member. Please try again."


@dataclass(frozen=True, slots=True)
class Status:
    """What the bot is made of just now.

    Attributes:
        index_age_s: Since the last change of the index; None without an index.
        chunks: None where the index is not loaded yet.
        adapter: Empty where there is none.
        waiting: Questions that wait for the worker.
        trial: What candidate is on trial, in a sentence; empty if none is.
    """

    index_age_s: float | None
    documents: int
    chunks: int | None
    model: str
    adapter: str
    waiting: int
    trial: str = ""


class _Command(BaseModel):
    command: str
    user_id: str
    team_id: str
    trigger_id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Commands:
    """The command on one side, the house on the other.

    Attributes:
        admins: User ids, as the settings name them.
        is_full_member: Whether somebody is one yet, quick enough for an acknowledgement.
        status: Quick enough for an acknowledgement.
    """

    us: BotUser
    admins: Collection[str]
    is_full_member: Callable[[str], bool]
    status: Callable[[], Status]
    reindexing: Reindexing
    exporting: Exporting

    def on_command(self, body: dict[str, Any], ack: Callable[[str], object]) -> None:
        """Answer a command where only its sender sees it.

        Raises:
            StoreDownError: If a reindex or an export is not stored; then Slack shows an error.
        """
        command = _Command.model_validate(body)
        verb, *rest = command.text.split() or ["help"]
        if verb == "help":
            ack(self._help(command))
        elif verb not in _FOR_ADMINS:
            ack(f"{_unknown(verb)} {self._help(command)}")
        elif denial := self._denial(command):
            note(reason="denied", asker=command.user_id)
            ack(denial)
        elif verb == "status":
            ack(self._described())
        else:
            ack(self._begun(command, verb, tuple(rest)))

    def _begun(self, command: _Command, verb: str, words: tuple[str, ...]) -> str:
        chore, most_words = (self.exporting, 0) if verb == EXPORT else (self.reindexing, 1)
        if len(words) > most_words:
            return self._help(command)
        return chore.begin(Errand(command.trigger_id, command.user_id, words, verb=verb))

    def _help(self, command: _Command) -> str:
        if not self._is_named(command):
            return _HELP
        return f"{_HELP} {_ADMINS_HELP.format(command.command)}"

    def _is_named(self, command: _Command) -> bool:
        # As an administrator in the settings: known without asking Slack.
        return command.team_id == self.us.team and command.user_id in self.admins

    def _denial(self, command: _Command) -> str:
        if not self._is_named(command):
            return _DENIED
        return "" if self.is_full_member(command.user_id) else _UNCONFIRMED

    def _described(self) -> str:
        try:
            return described(self.status())
        except Exception as error:  # noqa: BLE001  the end of a job: a person waits
            note_failure(error)
            return explain(error, trace_id.get())


def _unknown(verb: str) -> str:
    # Slack would read its own markup in what was typed, even where only the sender sees it.
    word = cut(inert(re.sub(r"[^\w-]", "", verb)), _LONGEST_VERB)
    return f"I do not know the command {word}." if word else "I do not know that command."


def described(status: Status) -> str:
    """Put a status into sentences."""
    index = "There is no index yet."
    if status.index_age_s is not None:
        chunks = "not loaded yet" if status.chunks is None else f"{status.chunks:,} chunks"
        index = f"Index: {_age(status.index_age_s)} old, {status.documents:,} documents, {chunks}."
    voice = f"Model: {status.model}. Voice adapter: {status.adapter or 'none'}."
    sentences = (index, voice, f"Questions waiting: {status.waiting}.", status.trial)
    return " ".join(filter(None, sentences))


def _age(seconds: float) -> str:
    for unit, size_s in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"
