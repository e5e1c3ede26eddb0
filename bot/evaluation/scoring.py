"""One answer judged against its golden case. Pure."""

from collections.abc import Iterator
from statistics import fmean

from bot.conversation import KEPT, Outcome
from bot.evaluation.attribution import lost_at
from bot.evaluation.results import CaseRun, CaseScore
from knowledge.documents import path_of
from knowledge.evaluation import rank_metrics
from knowledge.golden import GoldenCase, holds

_K = 10
_HIT_K = 5


def score(case: GoldenCase, run: CaseRun) -> CaseScore:
    """Judge one run, and name the stage that lost it if it did not go well."""
    measures = dict(_measures(case, run))
    is_good = measures["correct"] == 1
    stage, why = ("", "") if is_good else lost_at(case, run)
    return CaseScore(case.id, case.tags, is_good, measures, stage, why)


def _measures(case: GoldenCase, run: CaseRun) -> Iterator[tuple[str, float]]:
    yield "correct", float(_is_correct(case, run))
    yield "leaks", float(bool(run.leaks))
    if run.failed:
        return
    yield from _of_the_reply(case, run)
    if case.sources:
        yield from _of_the_search(case, run)
    if run.trace.verdicts:
        yield "supported claims", fmean(one == KEPT for one in run.trace.verdicts)
    if run.voice:
        yield "voice", fmean(run.voice.values())
        yield from ((f"voice: {rule}", float(is_kept)) for rule, is_kept in run.voice.items())
    yield "seconds", run.seconds
    yield "tokens", float(run.trace.prompt_tokens + run.trace.completion_tokens)


def _is_correct(case: GoldenCase, run: CaseRun) -> bool:
    if run.failed or run.leaks:
        return False
    is_declined = run.outcome == Outcome.DECLINED
    if case.expect == "decline":
        return is_declined
    names_facts = bool(case.facts or case.answers)
    return not is_declined and (case.is_told(run.reply) if names_facts else _cites(case, run))


def _cites(case: GoldenCase, run: CaseRun) -> bool:
    return bool({path_of(one) for one in run.cited} & set(case.sources))


def _of_the_reply(case: GoldenCase, run: CaseRun) -> Iterator[tuple[str, float]]:
    is_declined = run.outcome == Outcome.DECLINED
    if case.expect == "decline":
        yield "declined when it must", float(is_declined)
    else:
        yield "declined when it need not", float(is_declined)
    if is_declined:
        yield "decline precision", float(case.expect == "decline")
    told = [float(holds(run.reply, fact)) for fact in case.facts]
    if case.answers:
        told.append(float(any(holds(run.reply, one) for one in case.answers)))
    if told:
        yield "fact recall", 0.0 if is_declined else fmean(told)


def _of_the_search(case: GoldenCase, run: CaseRun) -> Iterator[tuple[str, float]]:
    ranked = list(dict.fromkeys(map(path_of, run.ranked)))
    found, near = rank_metrics(ranked, case.sources, _K), rank_metrics(ranked, case.sources, _HIT_K)
    yield "recall@10", found.recall
    yield "nDCG@10", found.ndcg
    yield "MRR@10", found.mrr
    yield "hit@5", near.hit
    cited, right = {path_of(one) for one in run.cited}, set(case.sources)
    yield "citation recall", len(cited & right) / len(right)
    if cited:
        yield "citation precision", len(cited & right) / len(cited)
