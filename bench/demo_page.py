"""The page of the demo, used over HTTP as people use it: ask, vote, say why, call a command.

Knows what stands on the page, by the words that stand there; opens no file of the bot.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from subprocess import Popen
from typing import Any, TypeVar
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from bot.workspace.seed import SEED_HELP

_LOOK_EVERY_S = 0.05
_SPOKEN, _QUOTED, _STATUS = "AI-generated", "Quotations", "Voice adapter: "
_Found = TypeVar("_Found")


class LoopBrokenError(Exception):
    """What was to happen did not; the sentence says what."""


def page_of(process: Popen[str]) -> str:
    """Wait until the demo says where its page is.

    Raises:
        LoopBrokenError: If it ends before that.
    """
    for line in process.stdout or ():
        if found := re.search(r"Open (http://\S+)", line):
            return found[1]
    message = "the demo did not start"
    raise LoopBrokenError(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the bot, as it stands in a thread."""

    thread: str
    ts: str
    blocks: Sequence[Mapping[str, Any]]

    @property
    def answer_id(self) -> str:
        """Its id, which the buttons carry."""
        return self.button("up").split(":")[1]

    @property
    def text(self) -> str:
        """What it says, sources and label apart."""
        return " ".join(_texts(self.blocks[0]))

    @property
    def label(self) -> str:
        """What stands below it."""
        return " ".join(" ".join(_texts(one)) for one in self.blocks if one["type"] == "context")

    @property
    def kind(self) -> str:
        """``spoken`` in the words of the model, ``quoted``, or ``declined``."""
        kinds = {_SPOKEN: "spoken", _QUOTED: "quoted"}
        return next((kinds[one] for one in kinds if one in self.label), "declined")

    def button(self, verdict: str) -> str:
        """Return the value of a thumb: ``up`` or ``down``."""
        name = {"up": "positive_button", "down": "negative_button"}[verdict]
        rows = (one for one in self.blocks if one["type"] == "context_actions")
        return next(str(one["elements"][0][name]["value"]) for one in rows)


@dataclass(frozen=True, slots=True)
class DemoPage:
    """The page in a person's browser.

    Attributes:
        patience_s: How long a person waits for anything.
    """

    url: str
    patience_s: float = 180.0
    channel: str = SEED_HELP

    def ask(self, user: str, question: str) -> Answer:
        """Mention the bot in a channel, and wait for its answer."""
        thread = str(self._act(user, do="say", text=f"@housevoice {question}")["ts"])
        return self._wait(lambda: self._answer(user, thread), f"an answer to {question!r}")

    def vote(self, user: str, answer: Answer, verdict: str) -> Mapping[str, Any]:
        """Press a thumb, and wait for the thanks that only this person sees."""
        known = {one["ts"] for one in self._whispers(user, answer.thread)}
        self._act(user, do="click", ts=answer.ts, value=answer.button(verdict))
        return self._wait(
            lambda: self._new(user, answer.thread, known), f"thanks for {user}'s vote"
        )

    def say_why(self, user: str, answer: Answer, why: str, better: str = "") -> None:
        """Vote an answer down, and fill in the form behind the button in the thanks.

        Args:
            user: Who.
            answer: On what.
            why: The reason, as the form words it.
            better: How the answer should have been.

        Raises:
            LoopBrokenError: If the form does not open, or is not taken.
        """
        thanks = self.vote(user, answer, "down")
        (button,) = (e for one in thanks["blocks"] for e in one["elements"] if "value" in e)
        self._act(user, do="click", ts=thanks["ts"], value=button["value"])
        form = self._wait(lambda: self._look(user)["modal"], "the form")
        self._act(user, do="submit", values=dict(_filled(form["blocks"], why, better)))
        self._wait(lambda: self._is_taken(user), "the form to be taken")

    def status(self, user: str) -> str:
        """Ask who speaks; return what ``/housevoice status`` says of the voice adapter."""
        known = {one["ts"] for one in self._whispers(user)}
        self._act(user, do="command", text="/housevoice status")
        told = str(self._wait(lambda: self._new(user, "", known), "the status")["text"])
        if _STATUS not in told:
            message = f"the status says nothing of a voice adapter: {told}"
            raise LoopBrokenError(message)
        return told.partition(_STATUS)[2].partition(". ")[0]

    def _answer(self, user: str, thread: str) -> Answer | None:
        for one in (self._look(user, thread)["thread"] or [])[1:]:
            if any(block["type"] == "context_actions" for block in one["blocks"]):
                return Answer(thread, one["ts"], one["blocks"])
        return None

    def _is_taken(self, user: str) -> bool:
        form = self._look(user)["modal"]
        if form and form["errors"]:
            message = f"the form was not taken: {form['errors']}"
            raise LoopBrokenError(message)
        return form is None

    def _new(self, user: str, thread: str, known: set[str]) -> Mapping[str, Any] | None:
        new = (one for one in self._whispers(user, thread) if one["ts"] not in known)
        found = next(new, None)
        if found and found["is_warning"]:
            raise LoopBrokenError(found["text"])
        return found

    def _whispers(self, user: str, thread: str = "") -> list[Mapping[str, Any]]:
        """List what this person alone sees: in a thread, or else in the channel."""
        seen = self._look(user, thread)
        return [one for one in seen["thread" if thread else "messages"] if one["is_ephemeral"]]

    def _look(self, user: str, thread: str = "") -> Any:
        query = urlencode({"as": user, "channel": self.channel, "thread": thread})
        return self._open(f"/page/view?{query}")

    def _act(self, user: str, **what: Any) -> Any:
        done = self._open("/page/act", {"as": user, "channel": self.channel, **what})
        if not done["ok"]:
            message = f"{user} may not {what['do']}: {done['reason']}"
            raise LoopBrokenError(message)
        return done

    def _open(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, sent, {"Content-Type": "application/json"})  # noqa: S310  # our own page
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)

    def _wait(self, look: Callable[[], _Found | None], what: str) -> _Found:
        until = time.monotonic() + self.patience_s
        while not (found := look()):
            if time.monotonic() > until:
                message = f"{what}: not there within {self.patience_s:.0f} s"
                raise LoopBrokenError(message)
            time.sleep(_LOOK_EVERY_S)
        return found


def _filled(
    blocks: Sequence[Mapping[str, Any]], why: str, better: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each field of a form with what a person puts there, as a browser sends it."""
    for block in (one for one in blocks if one["type"] == "input"):
        element = block["element"]
        filled: dict[str, Any] = {"type": element["type"], "value": better or None}
        if "options" in element:
            options = {one["text"]["text"]: one for one in element["options"]}
            filled = {"type": element["type"], "selected_option": options[why]}
        yield block["block_id"], {element["action_id"]: filled}


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        yield from _texts(list(node.values()))
    if isinstance(node, list | tuple):
        for one in node:
            yield from _texts(one)
