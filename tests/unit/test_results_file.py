"""Evaluations and baselines as files."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from evaluated import HOSTILE, an_evaluation, with_texts

from bot.errors import ResultsFileError
from bot.evaluation.comparing import differences
from bot.evaluation.results import CaseScore, Figure
from bot.evaluation.results_file import dump, load, load_baseline, save_baseline

WRITABLE = HOSTILE.replace("\ud800", "")


def test_an_evaluation_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every value and text is kept, also intervals that reach to infinity."""
    evaluation = with_texts(an_evaluation(n_cases=12), WRITABLE)
    unknown = Figure("correct", 1, 1.0, float("-inf"), float("inf"))
    first = replace(evaluation.arms[0], figures=(unknown,))
    evaluation = replace(evaluation, arms=(first, *evaluation.arms[1:]))
    path = tmp_path / "found.json"

    path.write_text(dump(evaluation), encoding="utf-8")

    assert load(path) == evaluation


def test_a_dump_is_json_for_other_programs() -> None:
    """It names its form, and infinity is a string, for JSON has none."""
    evaluation = an_evaluation(arms=("live",), n_cases=6)
    unknown = Figure("correct", 1, 1.0, float("-inf"), float("inf"))
    evaluation = replace(evaluation, arms=(replace(evaluation.arms[0], figures=(unknown,)),))

    read = json.loads(dump(evaluation), parse_constant=pytest.fail)

    assert (read["form"], read["form_version"]) == ("housevoice evaluation", 1)
    assert read["evaluation"]["arms"][0]["figures"][0]["high"] == "Infinity"


def test_a_baseline_has_the_first_arm_case_by_case(tmp_path: Path) -> None:
    """So later runs can be compared in pairs."""
    evaluation = an_evaluation(n_cases=12)
    path = tmp_path / "baseline.json"

    save_baseline(path, evaluation)
    kept = load_baseline(path, evaluation.golden)

    assert list(kept) == sorted(one.case_id for one in evaluation.cases)
    for score in evaluation.arms[0].scores:
        for name, value in score.measures.items():
            if name != "seconds":
                assert kept[score.case_id][name] == pytest.approx(value, abs=1e-6)


def test_a_baseline_holds_no_text_and_nothing_of_the_machine(tmp_path: Path) -> None:
    """It can be committed: no question or reply, and the same answers give the same bytes."""
    evaluation = with_texts(an_evaluation(n_cases=12), " SECRET")
    evaluation = replace(
        evaluation, arms=(replace(evaluation.arms[0], index_version="v1"), *evaluation.arms[1:])
    )
    slower = tuple(
        replace(one, measures={**one.measures, "seconds": 9.0}) for one in evaluation.arms[0].scores
    )
    rerun = replace(evaluation, arms=(replace(evaluation.arms[0], scores=slower),))

    save_baseline(tmp_path / "a.json", evaluation)
    save_baseline(tmp_path / "b.json", rerun)

    assert "SECRET" not in (tmp_path / "a.json").read_text()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_baseline_of_an_older_set_is_refused(tmp_path: Path) -> None:
    """Who raised the version of a set wanted old figures not to be compared with new ones."""
    evaluation = an_evaluation(n_cases=6)
    save_baseline(tmp_path / "baseline.json", evaluation)

    with pytest.raises(ResultsFileError, match="it is of version 3 of the set larkfield, which"):
        load_baseline(tmp_path / "baseline.json", {"larkfield": "version 4, sha256 00"})

    assert load_baseline(tmp_path / "baseline.json", {"larkfield": "version 3, sha256 00"})


def test_a_baseline_of_other_sets_is_refused(tmp_path: Path) -> None:
    """Nothing of it could be compared, and nothing would be worse."""
    save_baseline(tmp_path / "baseline.json", an_evaluation(n_cases=6))
    both = {"larkfield": "version 3, sha256 00", "another": "version 1, sha256 00"}

    for golden in ({"another": "version 3, sha256 00"}, both):
        with pytest.raises(ResultsFileError, match="it is of the set larkfield, and this run of"):
            load_baseline(tmp_path / "baseline.json", golden)


def test_an_unchanged_bot_is_not_worse_than_its_baseline(tmp_path: Path) -> None:
    """The file had kept six decimals of each score, and the last one told against the bot."""
    scores = tuple(
        CaseScore(f"c{n}", (), is_good=True, measures={"nDCG@10": 1 / math.log2(2 + n % 5)})
        for n in range(60)
    )
    arm = replace(an_evaluation(n_cases=6).arms[0], scores=scores)
    evaluation = replace(an_evaluation(n_cases=6), arms=(arm,))
    save_baseline(tmp_path / "baseline.json", evaluation)

    kept = load_baseline(tmp_path / "baseline.json", evaluation.golden)

    assert {one.verdict for one in differences([arm], kept)} == {"same"}


def read_baseline(path: Path) -> object:
    """Read a baseline of whatever sets."""
    return load_baseline(path, {})


@pytest.mark.parametrize("read", [load, read_baseline])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\x00\xff",
        '{"form": "housevoice evaluation", "form_version": 2}',
        '{"form": "housevoice baseline", "form_version": 1, "measures": {}}',
        '{"questions": [{"secret": "the pool is 4 M"}]}',
    ],
)
def test_a_file_of_another_form_is_named(
    tmp_path: Path, read: Callable[[Path], object], text: str
) -> None:
    """The error says which file and what is wrong with it, and quotes nothing of it."""
    path = tmp_path / "other.json"
    path.write_text(text, encoding="latin-1")

    with pytest.raises(ResultsFileError, match=r"other\.json: it has another form: ") as caught:
        read(path)

    assert "4 M" not in str(caught.value)


def test_one_kind_of_file_is_not_taken_for_the_other(tmp_path: Path) -> None:
    """A baseline is no evaluation, nor the other way round."""
    evaluation = an_evaluation(n_cases=6)
    (tmp_path / "found.json").write_text(dump(evaluation), encoding="utf-8")
    save_baseline(tmp_path / "baseline.json", evaluation)

    with pytest.raises(ResultsFileError, match="form: input should be 'housevoice evaluation'"):
        load(tmp_path / "baseline.json")
    with pytest.raises(ResultsFileError, match="form: input should be 'housevoice baseline'"):
        read_baseline(tmp_path / "found.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A wrong path is told, not a traceback."""
    with pytest.raises(ResultsFileError, match="it cannot be read"):
        read_baseline(tmp_path / "none.json")
    with pytest.raises(ResultsFileError, match="it cannot be written"):
        save_baseline(tmp_path / "none" / "x.json", an_evaluation(n_cases=6))
