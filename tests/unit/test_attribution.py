"""Which stage lost a case: the first that had no longer what the answer needs."""

from dataclasses import replace

import pytest
from golden_runs import CASE, DECLINED, GOOD, OTHER, SILENT

from bot.conversation import Trace
from bot.evaluation.attribution import Stage, lost_at
from bot.evaluation.results import CaseRun
from bot.evaluation.scoring import score
from knowledge.golden import GoldenCase


def test_a_case_that_went_well_is_not_lost() -> None:
    """Every fact is told, from the right document."""
    judged = score(CASE, GOOD)

    assert judged.is_good
    assert (judged.lost_at, judged.why) == ("", "")


@pytest.mark.parametrize(
    ("run", "stage"),
    [
        (replace(GOOD, failed="GenerationError"), Stage.FAILED),
        (replace(GOOD, leaks=("wiki:pay.md",)), Stage.LEAKED),
        (replace(DECLINED, missing=("leave.md",)), Stage.NOT_INDEXED),
        (replace(DECLINED, facts_in=()), Stage.NOT_INDEXED),
        (replace(DECLINED, hidden=("leave.md",), retrieved=(OTHER,)), Stage.HIDDEN),
        (replace(DECLINED, retrieved=(OTHER,), shown=()), Stage.NOT_RETRIEVED),
        (DECLINED, Stage.CUT),
        (replace(SILENT, shown=(OTHER,)), Stage.CUT),
        (replace(SILENT, said=""), Stage.CUT),
        (replace(SILENT, said="You get leave."), Stage.IGNORED),
        (replace(SILENT, trace=Trace("everyone", verdicts=("name",))), Stage.DROPPED),
    ],
    ids=lambda value: str(value) if isinstance(value, Stage) else "",
)
def test_the_first_stage_without_the_fact_lost_it(run: CaseRun, stage: Stage) -> None:
    """From the index to the grounding, in the order of an answer."""
    judged = score(CASE, run)

    assert not judged.is_good
    assert judged.lost_at == stage
    assert judged.why


def test_a_wrong_answer_where_none_was_due_was_let_through() -> None:
    """The reader took something beside the point for an answer."""
    case = GoldenCase(id="c2", question="Who won?", roles=("everyone",), expect="decline")

    assert lost_at(case, replace(GOOD, case_id="c2"))[0] is Stage.LET_THROUGH


def test_without_facts_the_sources_are_looked_for() -> None:
    """A case may say only which document answers."""
    case = CASE.model_copy(update={"facts": ()})

    assert score(case, GOOD).is_good
    assert score(case, replace(GOOD, cited=("wiki:lunch.md",))).lost_at
    assert lost_at(case, replace(DECLINED, retrieved=(OTHER,)))[0] is Stage.NOT_RETRIEVED


def test_one_of_several_answers_is_enough() -> None:
    """Alternatives are for wording; facts must all be told."""
    case = CASE.model_copy(update={"facts": (), "answers": ("25 days", "five weeks")})

    assert score(case, replace(GOOD, facts_in=("25 days",))).is_good
    assert score(case, replace(GOOD, reply="Five weeks. [1]")).is_good
    lost = score(case, replace(GOOD, reply="Some.", said="Some."))
    assert lost.lost_at == Stage.IGNORED
    assert '"25 days or five weeks"' in lost.why


def test_a_case_without_facts_that_rests_on_another_page_was_ignored_by_the_model() -> None:
    """Its page was shown, and nothing of it was dropped."""
    case = CASE.model_copy(update={"facts": ()})

    stage, why = lost_at(case, replace(GOOD, cited=("wiki:lunch.md",)))

    assert stage is Stage.IGNORED
    assert "wiki:lunch.md" in why


def test_a_missing_page_counts_only_where_it_is_needed() -> None:
    """Another source of the case holds the fact and was found; the evidence left it out."""
    case = CASE.model_copy(update={"sources": ("leave.md", "old-leave.md")})
    run = replace(SILENT, missing=("old-leave.md",), hidden=(), shown=(OTHER,))

    assert lost_at(case, run)[0] is Stage.CUT
    assert lost_at(case, replace(run, missing=(), hidden=("old-leave.md",)))[0] is Stage.CUT
