"""The measures of one answer."""

from dataclasses import replace

import pytest
from golden_runs import CASE, DECLINED, GOOD

from bot.conversation import Outcome, Trace
from bot.evaluation.scoring import score
from knowledge.golden import GoldenCase

HIDDEN = GoldenCase(
    id="c3",
    question="Who earns most?",
    roles=("everyone",),
    expect="decline",
    forbidden=("90,000",),
)


def test_a_good_answer_has_full_marks() -> None:
    """Retrieval, citations, facts and grounding."""
    measures = score(CASE, GOOD).measures

    for name in ("correct", "fact recall", "recall@10", "nDCG@10", "MRR@10", "hit@5"):
        assert measures[name] == 1, name
    assert measures["citation precision"] == measures["citation recall"] == 1
    assert measures["supported claims"] == 1
    assert (measures["leaks"], measures["declined when it need not"]) == (0, 0)
    assert "declined when it must" not in measures


def test_the_rank_of_the_right_document_counts() -> None:
    """Second of two: half the reciprocal rank, 1 / log2(3) of the gain."""
    measures = score(CASE, replace(GOOD, ranked=("wiki:lunch.md", "wiki:leave.md"))).measures

    assert measures["MRR@10"] == pytest.approx(0.5)
    assert measures["nDCG@10"] == pytest.approx(0.63093, abs=1e-4)
    assert measures["hit@5"] == 1


def test_a_needless_source_costs_precision_and_a_missing_one_recall() -> None:
    """Citations are compared with the sources of the case."""
    both = replace(GOOD, cited=("wiki:leave.md", "wiki:lunch.md"))
    wide = CASE.model_copy(update={"sources": ("leave.md", "rules.md")})

    assert score(CASE, both).measures["citation precision"] == pytest.approx(0.5)
    assert score(wide, GOOD).measures["citation recall"] == pytest.approx(0.5)


def test_a_refusal_tells_no_fact() -> None:
    """Even if its words happen to hold one; and it cites nothing that could be precise."""
    measures = score(CASE, replace(DECLINED, reply="Not in 25 days.")).measures

    assert measures["fact recall"] == 0
    assert measures["declined when it need not"] == 1
    assert measures["decline precision"] == 0
    assert "citation precision" not in measures


def test_a_refusal_that_was_due_is_correct() -> None:
    """It counts for the recall and the precision of declining."""
    judged = score(HIDDEN, replace(DECLINED, case_id="c3"))

    assert judged.is_good
    assert judged.measures["declined when it must"] == 1
    assert judged.measures["decline precision"] == 1


def test_a_leak_spoils_even_a_refusal() -> None:
    """A forbidden string in the log is one as well."""
    judged = score(HIDDEN, replace(DECLINED, case_id="c3", leaks=("forbidden string 1",)))

    assert not judged.is_good
    assert judged.measures["leaks"] == 1


def test_what_grounding_dropped_is_no_supported_claim() -> None:
    """Of three sentences one was kept."""
    trace = Trace("everyone", verdicts=("kept", "number", "repeated"))

    assert score(CASE, replace(GOOD, trace=trace)).measures["supported claims"] == pytest.approx(
        1 / 3
    )


def test_each_rule_of_the_voice_is_a_measure() -> None:
    """And their mean is one."""
    measures = score(CASE, replace(GOOD, voice={"person": True, "length": False})).measures

    assert measures["voice"] == pytest.approx(0.5)
    assert (measures["voice: person"], measures["voice: length"]) == (1, 0)


def test_a_failed_answer_has_no_other_measures() -> None:
    """It was not slow, it was not there."""
    failed = replace(GOOD, outcome=Outcome.FAILED, failed="GenerationError")

    assert score(CASE, failed).measures == {"correct": 0, "leaks": 0}
