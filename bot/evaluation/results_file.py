"""Evaluations and baselines as JSON files. Knows nothing of how either is made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import ResultsFileError
from bot.evaluation.comparing import Measured, by_case
from bot.evaluation.results import Evaluation

_NOT_KEPT = frozenset({"seconds"})  # of one machine: the same answers give the same file
_FORM = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class _EvaluationFile(BaseModel):
    model_config = _FORM

    form: Literal["housevoice evaluation"] = "housevoice evaluation"
    form_version: Literal[1] = 1
    evaluation: Evaluation


class _BaselineFile(BaseModel):
    """What later runs are compared with: figures by case, and no text.

    Attributes:
        golden: As in `Evaluation`.
        measures: By case.
    """

    model_config = _FORM

    form: Literal["housevoice baseline"] = "housevoice baseline"
    form_version: Literal[1] = 1
    made_at: str
    arm: str
    index_version: str
    golden: Mapping[str, str]
    measures: Mapping[str, Mapping[str, float]] = Field(min_length=1)


F = TypeVar("F", bound=BaseModel)


def dump(evaluation: Evaluation) -> str:
    """Write an evaluation as JSON, all texts included."""
    return f"{_EvaluationFile(evaluation=evaluation).model_dump_json(indent=1)}\n"


def load(path: Path) -> Evaluation:
    """Read what `dump` wrote.

    Raises:
        ResultsFileError: If it cannot be read or has another form.
    """
    return _read(path, _EvaluationFile).evaluation


def save_baseline(path: Path, evaluation: Evaluation) -> None:
    """Keep the first arm's scores of each case; seconds are left out, for another machine's differ.

    Raises:
        ResultsFileError: If the file cannot be written.
    """
    first = evaluation.arms[0]
    file = _BaselineFile(
        made_at=evaluation.made_at,
        arm=first.arm,
        index_version=first.index_version,
        golden=evaluation.golden,
        measures={case: _kept(each) for case, each in sorted(by_case(first.scores).items())},
    )
    try:
        path.write_text(f"{file.model_dump_json(indent=1)}\n", encoding="utf-8")
    except OSError as error:
        raise ResultsFileError(str(path), "it cannot be written") from error


def load_baseline(path: Path, golden: Mapping[str, str]) -> Measured:
    """Read the scores that `save_baseline` kept, by case.

    Args:
        path: Of the file.
        golden: The sets that are measured now, as in `Evaluation`.

    Raises:
        ResultsFileError: If it cannot be read, has another form, or was made of other sets or of
            another version of one.
    """
    file = _read(path, _BaselineFile)
    if file.golden.keys() != golden.keys():
        made_of, now = (", ".join(sorted(one)) for one in (file.golden, golden))
        raise ResultsFileError(str(path), f"it is of the set {made_of}, and this run of {now}")
    for name, said in golden.items():
        was, now = _version(file.golden[name]), _version(said)
        if was != now:
            raise ResultsFileError(str(path), f"it is of {was} of the set {name}, which has {now}")
    return file.measures


def _kept(measures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in sorted(measures.items()) if name not in _NOT_KEPT}


def _version(golden: str) -> str:
    return golden.partition(",")[0]


def _read(path: Path, form: type[F]) -> F:
    try:
        return form.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ResultsFileError(str(path), "it cannot be read: check the path") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        problem = f"it has another form: {place}: {first['msg'].lower()}"
        raise ResultsFileError(str(path), problem) from error
