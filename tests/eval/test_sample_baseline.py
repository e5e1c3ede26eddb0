"""The sample company, asked all of its golden questions without a language model."""

from pathlib import Path

import pytest

from bot.evaluation.comparing import AMOUNTS, differences, summed_up
from bot.evaluation.results_file import load_baseline
from bot.evaluation.running import ArmRun
from bot.evaluation.scoring import score
from bot.house import open_house
from bot.settings import ModelSettings, Settings
from knowledge.golden import load_golden

SAMPLE = Path(__file__).parents[2] / "knowledge" / "sample"


@pytest.mark.timeout(600)
def test_nothing_became_worse_than_the_baseline(tmp_path: Path) -> None:
    """What `housevoice evaluate --arm quote --baseline knowledge/sample/baseline.json` says.

    Make the baseline anew with ``--save-baseline`` where a drop is meant, and say so in the lab
    book.
    """
    golden = load_golden(SAMPLE / "golden.yaml")
    baseline = load_baseline(
        SAMPLE / "baseline.json",
        {golden.name: f"version {golden.version}, sha256 {golden.sha256}"},
    )
    with open_house(Settings(data=tmp_path, model=ModelSettings(base="none"))) as house:
        house.ingest()
        runs = ArmRun(house, golden.cases, None).run()
        scores = [score(case, run) for case, run in zip(golden.cases, runs, strict=True)]
        arm = summed_up("quote", house.configuration, house.index.version, runs, scores)

    found = [one for one in differences([arm], baseline) if one.measure not in AMOUNTS]
    assert {one.n for one in found if one.measure == "correct"} == {len(golden.cases)}
    assert [one for one in found if one.verdict == "worse"] == []
    assert [one.case_id for one in scores if one.measures["leaks"]] == []
