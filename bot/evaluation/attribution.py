"""Which stage lost a golden case: the first that no longer had what a right answer needs. Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from bot.conversation import Outcome
from bot.evaluation.results import CaseRun, Seen
from knowledge.documents import path_of
from knowledge.golden import GoldenCase, holds


class Stage(StrEnum):
    """Where a case can be lost, in the order of an answer."""

    FAILED = "failed"
    NOT_INDEXED = "not indexed"
    HIDDEN = "hidden"
    NOT_RETRIEVED = "not retrieved"
    CUT = "cut"
    IGNORED = "ignored by the model"
    DROPPED = "dropped by grounding"
    LET_THROUGH = "let through"
    LEAKED = "leaked"


def lost_at(case: GoldenCase, run: CaseRun) -> tuple[Stage, str]:
    """Return the stage that lost a case which did not go well, and why in a sentence."""
    if run.failed:
        return Stage.FAILED, f"the answer ended with {run.failed}"
    if run.leaks:
        return (
            Stage.LEAKED,
            f"used, shown or logged although it must not be: {', '.join(run.leaks)}",
        )
    if case.expect == "decline":
        told = f"answered with evidence of {run.trace.bearing:.2f}"
        return Stage.LET_THROUGH, f"{told} from {', '.join(run.cited) or 'nothing'}"
    return _before_the_search(case, run) or _after_the_search(case, run)


def _before_the_search(case: GoldenCase, run: CaseRun) -> tuple[Stage, str] | None:
    """Look at the sources; one that is missing or hidden counts only if it is needed."""
    names_facts = bool(case.facts or case.answers)
    lacking = _unheld(case, run.facts_in) if case.sources and names_facts else []
    if run.missing and (lacking or len(run.missing) == len(case.sources)):
        return Stage.NOT_INDEXED, f"the index has no {', '.join(run.missing)}"
    if lacking:
        return Stage.NOT_INDEXED, f"no indexed text of the sources holds {_listed(lacking)}"
    if run.hidden and _lacking(case, run.retrieved):
        return Stage.HIDDEN, f"the audience may not read {', '.join(run.hidden)}"
    return None


def _after_the_search(case: GoldenCase, run: CaseRun) -> tuple[Stage, str]:
    if lacking := _lacking(case, run.retrieved):
        return Stage.NOT_RETRIEVED, f"no passage holds {_listed(lacking)}"
    if run.outcome == Outcome.DECLINED:
        scores = f"cosine {run.trace.top_cosine:.2f}, evidence {run.trace.bearing:.2f}"
        return Stage.CUT, f"declined, {run.trace.reason}: {scores}"
    if lacking := _lacking(case, run.shown):
        return Stage.CUT, f"the evidence leaves out {_listed(lacking)}"
    if not run.said:
        return Stage.CUT, "the quotation leaves it out"
    return _in_the_model(case, run)


def _in_the_model(case: GoldenCase, run: CaseRun) -> tuple[Stage, str]:
    if not case.facts and not case.answers:
        return Stage.IGNORED, f"the answer rests on {', '.join(run.cited) or 'nothing'}"
    if untold := _unheld_in(case, run.said):
        return Stage.IGNORED, f"the model does not say {_listed(untold)}"
    return Stage.DROPPED, f"verdicts: {', '.join(run.trace.verdicts)}"


def _lacking(case: GoldenCase, seen: Sequence[Seen]) -> list[str]:
    """Return what a stage has not in its hands: facts, or sources where a case names no fact."""
    if case.facts or case.answers:
        return _unheld_in(case, "\n".join(one.text for one in seen))
    have = {path_of(one.doc_id) for one in seen}
    return [] if have & set(case.sources) else list(case.sources)


def _unheld_in(case: GoldenCase, text: str) -> list[str]:
    return _unheld(case, [one for one in (*case.facts, *case.answers) if holds(text, one)])


def _unheld(case: GoldenCase, held: Iterable[str]) -> list[str]:
    known = set(held)
    lacking = [fact for fact in case.facts if fact not in known]
    is_answered = not case.answers or bool(known & set(case.answers))
    return lacking if is_answered else [*lacking, " or ".join(case.answers)]


def _listed(facts: Sequence[str]) -> str:
    return ", ".join(f'"{fact}"' for fact in facts)
