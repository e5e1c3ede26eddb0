"""The voice's whole way in a demo of its own: from thumbs to an adapter that speaks, and back.

    python -m bench.demo_loop [--base FOLDER] [--questions 12] [--steps 6] [--held-out 6]
        [--set NAME=VALUE ...] [--data FOLDER]

Starts ``housevoice demo`` with nothing in it. Five people ask, vote and correct through its page;
an administrator who did neither reviews; the commands of the product export, train, gate, promote
and roll back, while the demo goes on. A line for each step with its figures; exit code 1 and a
sentence as soon as something is not as it must be. ``--set`` is that of ``housevoice train``.

So few rows teach no voice anything. Where a gate objects that may be overruled, it is overruled
and named; integrity, audience and memorisation must hold.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.exports import Export, exports_in
from adapters.gates import GateResult
from adapters.promotions import NEVER_FORCED
from bench.demo_house import Demo, found, last_line, require, running_demo
from bench.demo_page import Answer, LoopBrokenError
from bench.demo_people import MISSING, PEOPLE, UNANSWERED, WISHES, asker, opinions
from bot.workspace.seed import SEED_ADMIN

_REASON = "demo loop: a handful of rows teaches no voice; this shows the way there and back"
_SEED = 13


def main(arguments: Sequence[str] | None = None) -> None:
    """Go the whole way, or say where it broke off."""
    chosen = _parser().parse_args(arguments)
    try:
        with _folder(chosen.data) as folder, running_demo(folder, chosen.base) as demo:
            _Loop(demo, chosen).drive()
    except LoopBrokenError as error:
        sys.exit(f"It broke off: {error}")


@dataclass
class _Loop:
    """The steps, in order, and how many were taken."""

    demo: Demo
    chosen: argparse.Namespace
    n_told: int = 0

    def drive(self) -> None:
        """Take every step."""
        self._tell(f"A clean workspace stands at {self.demo.page.url}.")
        answers = self._ask()
        first = answers[0]
        old = self.demo.speaker_of(first)
        self._speaks(old, first)
        self._vote(answers)
        self._complain()
        self._review()
        version = self._train(self._export())
        self._speaks(f"default-{version}", first)
        self._run("adapters", "rollback", "--as", SEED_ADMIN, "--reason", "demo loop: back again")
        self._tell(f"Rolled back; the demo is process {self.demo.process.pid} all the time.")
        self._speaks(old, first)
        self._tell(last_line(self._run("log", "verify")))

    def _tell(self, what: str) -> None:
        require(self.demo.process.poll() is None, "the demo has ended by itself")
        self.n_told += 1
        print(f"{self.n_told:>2}. {what}", flush=True)

    def _run(self, *words: str) -> str:
        return self.demo.house.run(*words)

    def _ask(self) -> list[Answer]:
        wishes = WISHES[: self.chosen.questions]
        answers = [self.demo.page.ask(asker(at), one.question) for at, one in enumerate(wishes)]
        counts = Counter(one.kind for one in answers)
        told = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
        self._tell(f"{len(PEOPLE)} people asked {len(answers)} questions: {told}.")
        return answers

    def _speaks(self, name: str, before: Answer) -> None:
        """Ask again, and require that this version was asked, and that the bot says so."""
        page = self.demo.page
        answer, called = page.ask(PEOPLE[0], WISHES[0].question), name or "the base"
        speaker, status = self.demo.speaker_of(answer), page.status(SEED_ADMIN)
        require(speaker == name, f"{speaker or 'the base'} was asked, not {called}")
        require(status == (name or "none"), f"the status says {status!r}, but {called} was asked")
        is_named = f"Voice: {name}." in answer.label if name else "Voice:" not in answer.label
        require(is_named or answer.kind != "spoken", "the answer does not say who speaks")
        words = "the same words as" if answer.text == before.text else "other words than"
        self._tell(f"Asked again: {called} speaks, say trace and status; {words} at first.")

    def _vote(self, answers: Sequence[Answer]) -> None:
        counts = Counter[str]()
        for at, answer in enumerate(answers):
            for one in opinions(at, WISHES[at], answer.kind, answer.text):
                if one.why:
                    self.demo.page.say_why(one.user, answer, one.why, one.better)
                else:
                    self.demo.page.vote(one.user, answer, "up")
                counts[f"{one.why.lower()!r}" if one.why else "thumbs up"] += 1
                counts["corrections"] += bool(one.better)
        told = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
        self._tell(f"{len(PEOPLE)} people voted: {told}.")

    def _complain(self) -> None:
        answer = self.demo.page.ask(PEOPLE[0], UNANSWERED)
        require(answer.kind == "declined", f"{UNANSWERED!r} was answered")
        self.demo.page.say_why(PEOPLE[1], answer, MISSING)
        require("1 missing source" in self._run("gaps"), "the missing document is in no list")
        self._tell("One question was declined; the missing document is in the list of gaps.")

    def _review(self) -> None:
        self.demo.house.refused("not reviewed", "export")
        proposed = re.findall(r"correction +(\w{12}) by (\w+)", self._run("corrections", "list"))
        require(bool(proposed), "no correction waits for a review")
        name, author = proposed[0]
        approve = ("corrections", "approve")
        self.demo.house.refused("the author of", *approve, name, "--as", author)
        self._tell(f"Unreviewed nothing is exported, and {author} may not approve their own words.")
        for name, _ in proposed:
            self._run(*approve, name, "--as", SEED_ADMIN)
        nominated = re.findall(r"candidate +(\w{12}):", self._run("export", "candidates"))
        for name in nominated:
            self._run("export", "accept", name, "--as", SEED_ADMIN)
        told = f"{len(proposed)} corrections and {len(nominated)} voted answers"
        self._tell(f"{SEED_ADMIN}, who neither wrote nor voted, approved {told}.")

    def _export(self) -> Export:
        self._run("export")
        (written,) = exports_in(self.demo.data / "exports")
        counts, rows = written.manifest.counts, written.rows
        require("sft/train" in rows, "by chance all rows are held out: start again")
        told = ", ".join(f"{name} {n}" for name, n in rows.items())
        dropped = ", ".join(f"{n} {why}" for why, n in counts.dropped.items())
        examples = f"{counts.examples} of {counts.considered}, rows: {told}"
        self._tell(f"Exported {written.folder.name}: {examples}; left out: {dropped or 'none'}.")
        self._tell("That took no approval, for the workspace is the demo's invented one.")
        return written

    def _train(self, data_set: Export) -> str:
        """Train, gate and promote; once more if chance alone may have failed the canaries."""
        version, gates = self._candidate(data_set, _SEED)
        if not gates["memorisation"].passed:
            self._tell("One clean adapter of twenty knows its canaries by chance; another seed.")
            version, gates = self._candidate(data_set, _SEED + 1)
        held = [name for name in sorted(NEVER_FORCED) if not gates[name].passed]
        require(not held, f"a gate objects that nobody overrules: {', '.join(held)}")
        self._promote(version, [one.name for one in gates.values() if not one.passed])
        return version

    def _candidate(self, data_set: Export, seed: int) -> tuple[str, dict[str, GateResult]]:
        version = self._trained(data_set, seed)
        return version, {one.name: one for one in self._gated(version)}

    def _trained(self, data_set: Export, seed: int) -> str:
        options = [f"max_steps={self.chosen.steps}", "log_steps=1", *self.chosen.set]
        more = [word for one in options for word in ("--set", one)]
        told = self._run("train", data_set.folder.name, "--seed", str(seed), *more)
        version = found(r"^(\w{16}): a voice", told)
        kept = (self.demo.data / "training" / f"{version}.json").read_text(encoding="utf-8")
        stage = json.loads(kept)["stages"]["sft"]
        losses = [loss for _, loss in stage["losses"]]
        self._tell(
            f"Trained {version} on {stage['rows']} rows and {stage['canaries']} canaries:"
            f" {stage['steps']} steps, loss {losses[0]:.2f} to {losses[-1]:.2f}."
        )
        return version

    def _gated(self, version: str) -> tuple[GateResult, ...]:
        gates = self.demo.gates_of(version, self.chosen.held_out)
        told = ", ".join(f"{one.name} {'passed' if one.passed else 'FAILED'}" for one in gates)
        n_passed = sum(one.passed for one in gates)
        self._tell(f"Gates of {version}: {n_passed} of {len(gates)} passed: {told}.")
        return gates

    def _promote(self, version: str, failed: Sequence[str]) -> None:
        words = ("adapters", "promote", version, "--as", SEED_ADMIN)
        if not failed:
            self._run(*words)
            self._tell(f"Promoted {version}: every gate passed.")
            return
        self.demo.house.refused(failed[0], *words)
        self._run(*words, "--force", "--reason", _REASON)
        told = f"by force over {', '.join(failed)}, after it was refused without"
        self._tell(f"Promoted {version} {told}; who and why stand in the log.")


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    require(not (data.exists() and any(data.iterdir())), f"{data} is not empty")
    data.mkdir(parents=True, exist_ok=True)
    yield data.resolve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="", help="folder of a base model [of the settings]")
    parser.add_argument("--questions", type=int, default=12, choices=range(1, len(WISHES) + 1))
    parser.add_argument("--steps", type=int, default=6, help="of the training [6]")
    parser.add_argument("--held-out", type=int, default=6, help="questions of the gates [6]")
    parser.add_argument("--set", action="append", default=[], help="of housevoice train")
    parser.add_argument("--data", type=Path, help="empty folder in which all is kept [nowhere]")
    return parser


if __name__ == "__main__":
    main()
