"""One golden case and its runs, for tests that judge them."""

from dataclasses import replace

from bot.conversation import Outcome, Trace
from bot.evaluation.results import CaseRun, Seen
from knowledge.golden import GoldenCase

CASE = GoldenCase(
    id="c1",
    question="How many days?",
    roles=("everyone",),
    sources=("leave.md",),
    facts=("25 days",),
)
HELD = Seen("wiki:leave.md#00000", "wiki:leave.md", "You get 25 days of leave.")
OTHER = Seen("wiki:lunch.md#00000", "wiki:lunch.md", "Lunch is at noon.")
GOOD = CaseRun(
    case_id="c1",
    outcome=Outcome.ANSWERED,
    reply="You get 25 days. [1]",
    trace=Trace("everyone", verdicts=("kept",)),
    spoken=("You get 25 days.",),
    cited=("wiki:leave.md",),
    ranked=("wiki:leave.md", "wiki:lunch.md"),
    retrieved=(HELD, OTHER),
    shown=(HELD,),
    said="You get 25 days.",
    facts_in=("25 days",),
)
SILENT = replace(GOOD, reply="You get leave. [1]")
DECLINED = replace(GOOD, outcome=Outcome.DECLINED, reply="I do not know.", cited=(), said="")
