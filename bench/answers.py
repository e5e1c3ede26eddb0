"""The whole path on company articles that nobody here wrote: answers, refusals, leaks.

    python -m bench.answers [--limit N] [--quote-only] [--out FILE]

500 questions with known values are asked by someone who may read everything, then by someone
who may read all but the one article that answers; 300 questions that no article answers.
"""

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adapters.responder import LocalResponder, Responder
from adapters.voice import Voice
from bench.corpora import DATA, build, embedder, found_model, rows_of, workarena
from bench.timing import Stopwatch
from bot.answering import Answerer
from bot.conversation import Answer, Outcome, Question
from bot.prompt import fixed_messages
from bot.settings import Settings
from knowledge.access import Audience
from knowledge.reading import SentenceReader
from knowledge.retrieval import HybridRetriever

LONGEST = 80  # words of a reply
_ARTICLES = "workarena_kb/articles.jsonl"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all three and print shares."""
    chosen = _parser().parse_args(arguments)
    if not DATA.is_dir():
        print(f"skipped: no data in {DATA}")
        return
    with tempfile.TemporaryDirectory() as folder:
        exam = _Exam(_answerer(Path(folder), quote_only=chosen.quote_only), chosen.limit)
        exam.answers()
        exam.hidden()
        exam.outside()
    if chosen.out:
        chosen.out.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in exam.log))


@dataclass
class _Exam:
    """Asks, and prints what share went well."""

    answerer: Answerer
    limit: int
    log: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(
        default_factory=lambda: rows_of("workarena_kb/questions.jsonl")
    )
    articles: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            row["doc_id"]: row for row in rows_of("workarena_kb/articles.jsonl")
        }
    )

    def answers(self) -> None:
        """Ask as someone who may read everything."""
        watch, hits, longest = Stopwatch(), Counter[bool](), 0
        outcomes = Counter[str]()
        for row in self._some(self.questions):
            with watch.lap():
                got = self._ask(row["question"], frozenset(self.articles))
            words = len(got.reply.text.split())
            hit = _holds(got.reply.text, row) and words <= LONGEST
            hits[hit] += 1
            outcomes[str(got.reply.outcome)] += 1
            longest = max(longest, words)
            self._note("answer", row, got, hit=hit, expected=row["answer"])
        print(f"answered with an accepted value: {_share(hits)}")
        print(f"  outcomes: {dict(outcomes)}; longest reply {longest} words")
        print(f"  seconds an answer: median {watch.median:.2f}, p95 {watch.quantile(0.95):.2f}")

    def hidden(self) -> None:
        """Ask as someone who may read all but the article that answers."""
        declined, leaks = Counter[bool](), 0
        unique = [r for r in self.questions if not self._article(r)["other_docs_with_value"]]
        for row in self._some(unique):
            got = self._ask(row["question"], frozenset(self.articles) - {row["doc_id"]})
            declined[got.reply.outcome is Outcome.DECLINED] += 1
            leak = _tells(got, [str(self._article(row)["value"]), row["doc_id"]])
            leaks += leak
            self._note("hidden", row, got, leak=leak)
        print(f"asked without the right to read the article: declined {_share(declined)}")
        print(f"  replies, sources or traces with the value or the article: {leaks}")

    def outside(self) -> None:
        """Ask what no article answers."""
        declined = Counter[bool]()
        for row in self._some(rows_of("out_of_scope/queries.jsonl")):
            got = self._ask(row["text"], frozenset(self.articles))
            declined[got.reply.outcome is Outcome.DECLINED] += 1
            self._note("outside", {"question": row["text"]}, got)
        print(f"out of scope: declined {_share(declined)}", flush=True)

    def _some(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        return rows[:: max(1, len(rows) // self.limit)] if self.limit else rows

    def _article(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return self.articles[row["doc_id"]]

    def _ask(self, text: str, roles: frozenset[str]) -> Answer:
        return self.answerer.answer(Question("q", text, Audience.from_role_sets([roles])))

    def _note(self, part: str, row: Mapping[str, Any], got: Answer, **more: object) -> None:
        reply, trace = got.reply, got.trace
        self.log.append(
            {"set": part, "qid": row.get("qid"), "question": row["question"], **more}
            | {"outcome": reply.outcome, "reply": reply.text, "reason": trace.reason}
            | {"bearing": trace.bearing, "dropped": trace.dropped}
        )


def _share(counts: Counter[bool]) -> str:
    return f"{counts[True]} of {counts.total()} ({counts[True] / max(1, counts.total()):.1%})"


def _holds(text: str, row: Mapping[str, Any]) -> bool:
    values = [row["answer"], *row["alternative_answers"]]
    return any(value.lower() in text.lower() for value in values if value)


def _tells(got: Answer, secrets: Sequence[str]) -> bool:
    """Look for a secret in every text of reply and trace; figures and citations are no leak."""
    known = got.trace.audience  # it names the roles that the asker does have
    texts = [text for text in _texts([got.reply.text, asdict(got)]) if text != known]
    whole = [rf"(?<![\w\[]){re.escape(secret)}(?!\w)" for secret in secrets]
    return any(re.search(one, text, re.IGNORECASE) for one in whole for text in texts)


def _texts(value: object) -> Iterator[str]:
    """Yield every text inside, and no number."""
    if isinstance(value, str):
        yield value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _texts(one)


def _answerer(folder: Path, *, quote_only: bool) -> Answerer:
    settings, model, corpus = Settings(), embedder(), workarena()
    index = build(corpus, folder, model)
    truth = {d.doc_id: frozenset({d.doc_id}) for d in corpus.documents}
    index.set_roles(truth)
    path = settings.model.voice
    voice = Voice.from_yaml(path.read_text(), path=str(path))
    return Answerer(
        retriever=HybridRetriever(index, model, lambda ids: {one: truth[one] for one in ids}),
        reader=SentenceReader(model, limit=settings.model.evidence_sentences),
        responder=None if quote_only else _responder(settings, voice),
        voice=voice,
        contact="the desk",
        clock=time.monotonic,
    )


def _responder(settings: Settings, voice: Voice) -> Responder:
    found = found_model(settings.model.base)
    local = LocalResponder(found.folder, base_id=found.version)
    local.warm_up(fixed_messages(voice))
    return local


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=0, help="about so many questions of each kind")
    parser.add_argument("--quote-only", action="store_true", help="without the language model")
    parser.add_argument("--out", type=Path, help="write questions and replies here, as JSON lines")
    return parser


if __name__ == "__main__":
    main()
