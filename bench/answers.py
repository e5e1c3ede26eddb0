"""The whole path on company articles that nobody here wrote: answers, refusals, leaks.

    python bench/answers.py [--limit N] [--quote-only] [--out FILE]

500 questions with known values are asked by someone who may read everything, then by someone
who may read all but the one article that answers; 300 questions that no article answers.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from corpora import build, embedder, rows_of, workarena

from adapters.responder import LocalResponder, Responder
from adapters.voice import Voice
from bot.answering import Answerer
from bot.conversation import Answer, Outcome, Question
from bot.models import open_shelf
from bot.prompt import fixed_messages
from bot.settings import Settings
from knowledge.access import Audience
from knowledge.reading import SentenceReader
from knowledge.retrieval import HybridRetriever

LONGEST = 80  # words of a reply


def main() -> None:
    """Run all three and print shares."""
    arguments = _arguments()
    answer, voice = _answerer(quote_only=arguments.quote_only)
    questions = rows_of("workarena_kb/questions.jsonl")
    articles = {row["doc_id"]: row for row in rows_of("workarena_kb/articles.jsonl")}
    roles = frozenset(articles)
    step = max(1, len(questions) // arguments.limit) if arguments.limit else 1
    log: list[dict[str, object]] = []

    hits, seconds, words, outcomes = [], [], [], []
    for row in questions[::step]:
        started = time.monotonic()
        got = answer(row["question"], roles)
        seconds.append(time.monotonic() - started)
        values = [row["answer"], *row["alternative_answers"]]
        words.append(len(got.reply.text.split()))
        hits.append(_holds(got.reply.text, values) and words[-1] <= LONGEST)
        outcomes.append(str(got.reply.outcome))
        log.append(
            {
                "set": "answer",
                "qid": row["qid"],
                "question": row["question"],
                "hit": hits[-1],
                "outcome": outcomes[-1],
                "reply": got.reply.text,
                "answer": row["answer"],
                "dropped": got.trace.dropped,
                "reason": got.trace.reason,
                "bearing": got.trace.bearing,
            }
        )
    print(
        f"answered with an accepted value: {sum(hits)} of {len(hits)} ({statistics.fmean(hits):.1%})"
    )
    print(
        f"  outcomes: { ({kind: outcomes.count(kind) for kind in sorted(set(outcomes))}) }; longest reply {max(words)} words"
    )
    print(
        f"  seconds per answer: median {statistics.median(seconds):.2f}, p95 {sorted(seconds)[int(len(seconds) * 0.95)]:.2f}"
    )

    declined, leaks = [], 0
    hidden = [row for row in questions if not articles[row["doc_id"]]["other_docs_with_value"]]
    for row in hidden[::step]:
        got = answer(row["question"], roles - {row["doc_id"]})
        declined.append(got.reply.outcome is Outcome.DECLINED)
        shown = f"{got.reply.text} {got.reply.sources} {got.trace}"
        leaks += articles[row["doc_id"]]["value"].lower() in shown.lower() or row["doc_id"] in shown
        log.append(
            {
                "set": "hidden",
                "qid": row["qid"],
                "question": row["question"],
                "declined": declined[-1],
                "reply": got.reply.text,
                "bearing": got.trace.bearing,
            }
        )
    print(
        f"asked without the right to read the article: declined {sum(declined)} of {len(declined)} ({statistics.fmean(declined):.1%}); replies, sources or traces with the value or the article: {leaks}"
    )

    outside = [
        answer(row["text"], roles).reply.outcome is Outcome.DECLINED
        for row in rows_of("out_of_scope/queries.jsonl")[::step]
    ]
    print(
        f"out of scope: declined {sum(outside)} of {len(outside)} ({statistics.fmean(outside):.1%})"
    )
    print(f"voice: {voice}")
    if arguments.out:
        arguments.out.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in log))


def _answerer(*, quote_only: bool) -> tuple[Callable[[str, frozenset[str]], Answer], str]:
    settings = Settings()
    model = embedder()
    corpus = workarena()
    index = build(corpus, Path(tempfile.mkdtemp()), model)
    truth = {d.doc_id: frozenset({d.doc_id}) for d in corpus.documents}
    index.set_roles(truth)
    path = settings.model.voice
    voice = Voice.from_yaml(path.read_text(), path=str(path))
    use = Answerer(
        retriever=HybridRetriever(index, model, lambda ids: {i: truth[i] for i in ids}),
        reader=SentenceReader(model, limit=settings.model.evidence_sentences),
        responder=None if quote_only else _responder(settings, voice),
        voice=voice,
        contact="the desk",
        clock=time.monotonic,
    )

    def answer(text: str, roles: frozenset[str]) -> Answer:
        return use.answer(Question("q", text, Audience.from_role_sets([roles])))

    return answer, voice.label


def _responder(settings: Settings, voice: Voice) -> Responder:
    found = open_shelf(settings).find(settings.model.base)
    assert found is not None
    local = LocalResponder(found.folder, base_id=found.version)
    local.warm_up(fixed_messages(voice))
    return local


def _holds(text: str, values: list[str]) -> bool:
    return any(value.lower() in text.lower() for value in values if value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=0, help="about so many questions of each kind")
    parser.add_argument("--quote-only", action="store_true", help="without the language model")
    parser.add_argument(
        "--out", type=Path, help="write each question and reply here, as JSON lines"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
