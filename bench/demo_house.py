"""A running demo with nothing in it, and the commands of the product beside it.

Knows how both are started and how to read what they say; nothing of what is to happen in it.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from adapters.gate_report import read_report
from adapters.gates import GateResult
from adapters.heldout import read_held_out
from bench.corpora import ROOT
from bench.demo_page import Answer, DemoPage, LoopBrokenError, page_of
from bench.demo_people import PEOPLE
from bench.processes import command, running
from bot.settings import Settings
from bot.workspace.app import BOT_TOKEN
from bot.workspace.seed import SEED_ADMIN

_PATIENCE_S = 300.0  # the first answer waits for the model to load


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of the product, as an administrator types them beside the running demo."""

    settings: Mapping[str, str]

    def run(self, *words: str) -> str:
        """Run one, and return what it says.

        Raises:
            LoopBrokenError: If it fails.
        """
        done = self.tried(*words)
        require(not done.returncode, f"`housevoice {' '.join(words)}`: {last_line(done.stderr)}")
        return done.stdout

    def refused(self, told: str, *words: str) -> str:
        """Run one that must be refused, and return the sentence that says so.

        Raises:
            LoopBrokenError: If it is not, or for another reason.
        """
        done = self.tried(*words)
        is_refused = done.returncode == 1 and told in done.stderr
        said = last_line(done.stderr) or "it was done"
        require(is_refused, f"`housevoice {' '.join(words)}` was not refused ({told}): {said}")
        return done.stderr

    def tried(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one, however it ends."""
        shell = ["env", "COLUMNS=250", *command(self.settings, *words)]
        return subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # our own program


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo as it runs.

    Attributes:
        data: Folder with all that it keeps.
    """

    page: DemoPage
    house: Commands
    process: Popen[str]
    data: Path

    def speaker_of(self, answer: Answer) -> str:
        """Return which version was asked for an answer; empty: the base alone.

        Raises:
            LoopBrokenError: If no model was asked.
        """
        model = found(r"^model +(.+?) *$", self.house.run("trace", answer.answer_id))
        require(model != "none was asked", f"no model was asked for {answer.answer_id}")
        return model.partition(" + ")[2]

    def gates_of(self, version: str, n_questions: int) -> tuple[GateResult, ...]:
        """Return what the gates found of a version, with a voice that holds so few questions out.

        Raises:
            LoopBrokenError: If they did not run.
        """
        voice = {"MODEL__VOICE": str(_small_voice(self.data.parent / "voice", n_questions))}
        gating = Commands({**self.house.settings, **voice})
        done = gating.tried("adapters", "gate", version)
        report = read_report(self.data / "adapters" / "gates" / version / "report.json")
        if report is None or report.version != version:
            message = f"the gates did not run: {last_line(done.stderr)}"
            raise LoopBrokenError(message)
        objects = any(not one.passed for one in report.gates)
        require(done.returncode == int(objects), "the exit code does not say what the gates do")
        return report.gates


def _small_voice(folder: Path, n_questions: int) -> Path:
    """Copy the voice with some of what it holds out; return its file."""
    whole = Settings().model.voice
    aside = (
        whole.parent / "examples" / f"{name}.jsonl"
        for name in read_held_out(whole.parent).companies
    )
    lines = [line for file in aside for line in file.read_text(encoding="utf-8").splitlines()]
    n = min(n_questions, len(lines))
    few = "".join(f"{lines[place * len(lines) // n]}\n" for place in range(n))
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    (folder / "examples" / "demo.jsonl").write_text(few, encoding="utf-8")
    (folder / "recipe.yaml").write_text("held_out: [demo]\n", encoding="utf-8")
    copy = folder / whole.name
    copy.write_bytes(whole.read_bytes())
    return copy


@contextmanager
def running_demo(folder: Path, base: str) -> Iterator[Demo]:
    """Start the demo as a newcomer does, and end it with the block.

    Args:
        folder: Empty; all that is kept goes there.
        base: Folder of a base model; empty: the one of the settings.
    """
    model = {"MODEL__BASE": base} if base else {}
    words = command({"DATA": str(folder), **model}, "demo", "--port", "0")
    with running(words, folder / "demo.log") as process:
        url = page_of(process)
        settings = model | {
            "DATA": str(folder / "demo"),
            "DATABASE_URL": "",
            "SLACK__BASE_URL": f"{url}/api/",
            "SLACK__BOT_TOKEN": BOT_TOKEN,
            # All of them, so that what keeps an author from approving is that they wrote it.
            "SLACK__ADMINS": json.dumps([SEED_ADMIN, *PEOPLE]),
        }
        yield Demo(DemoPage(url, _PATIENCE_S), Commands(settings), process, folder / "demo")


def require(is_so: bool, otherwise: str) -> None:  # noqa: FBT001  # reads like an assertion
    """Break the loop off with a sentence unless something is so.

    Raises:
        LoopBrokenError: If it is not.
    """
    if not is_so:
        raise LoopBrokenError(otherwise)


def found(pattern: str, text: str) -> str:
    """Return the group of a pattern in what a command said.

    Raises:
        LoopBrokenError: If it is not there.
    """
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        message = f"nothing like {pattern!r} was said: {last_line(text)}"
        raise LoopBrokenError(message)
    return match[1]


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return ([line for line in text.splitlines() if line.strip()] or [""])[-1].strip()
