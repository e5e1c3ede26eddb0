"""`python -m adapters.training SPEC.json`: a data set in, a LoRA adapter out.

Its own process, so that it can be stopped, and so that nothing that trains is loaded where
questions are answered. Progress goes to stdout, a line of JSON each; the last line is the result
or the error. Knows nothing of registries: it writes a folder.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from adapters.errors import AdaptersError, TrainingFailedError
from adapters.tokens import ChatTokens
from adapters.training_rows import held_out_rows, stage_rows
from adapters.training_spec import RESULT, Spec

Report = Callable[[dict[str, Any]], None]
LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets", "accelerate")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a training; return 1 if it failed, with the reason as the last line of stdout."""
    parser = argparse.ArgumentParser(prog="python -m adapters.training", description=__doc__)
    parser.add_argument("spec", type=Path, help="a Spec, as JSON")
    parser.add_argument("--resume", action="store_true", help="go on where a run was interrupted")
    given = parser.parse_args(arguments)
    spec = Spec.model_validate_json(given.spec.read_text(encoding="utf-8"))
    try:
        train(spec, _print, is_resumed=given.resume)
    except AdaptersError as error:
        _print({"error": str(error)})
        return 1
    return 0


def train(spec: Spec, report: Report, *, is_resumed: bool = False) -> dict[str, Any]:
    """Train an adapter, and put its folder in place when all of it is done.

    Args:
        spec: What to do.
        report: Takes a line of progress.
        is_resumed: Whether to go on with what an interrupted run left; without it, or where
            nothing is left, the training starts anew.

    Returns:
        What stands in ``result.json``.

    Raises:
        TrainingError: If the data set cannot be used.
        ModelUnreadableError: If the base cannot.
    """
    started = time.monotonic()
    _check(spec)
    tokens = ChatTokens(spec.base)
    rows = {stage: stage_rows(stage, tokens, spec) for stage in spec.stages}
    held_out = held_out_rows(tokens, spec)
    _open_partial(spec, is_resumed=is_resumed)
    report({"rows": {stage: one.n_rows for stage, one in rows.items()}})
    # These take seconds to load, and bad rows are refused before.
    from adapters.stages import trained  # noqa: PLC0415
    from adapters.trainers import Setting  # noqa: PLC0415

    result = trained(Setting(spec, tokens.tokenizer, report), rows, held_out)
    result |= {
        "seconds": round(time.monotonic() - started, 1),
        "versions": {name: version(name) for name in LIBRARIES},
    }
    _finish(spec, result)
    report({"result": str(spec.out), "seconds": result["seconds"]})
    return result


def _check(spec: Spec) -> None:
    if not (constants.HF_HUB_OFFLINE and constants.HF_HUB_DISABLE_TELEMETRY):
        problem = "set HF_HUB_OFFLINE=1 and HF_HUB_DISABLE_TELEMETRY=1, or TRL reports its use"
        raise TrainingFailedError(problem)
    if spec.out.exists():
        problem = f"{spec.out} is there already"
        raise TrainingFailedError(problem)


def _open_partial(spec: Spec, *, is_resumed: bool) -> None:
    note, text = spec.partial / "spec.json", f"{spec.model_dump_json(indent=2)}\n"
    if is_resumed and note.exists():
        if note.read_text(encoding="utf-8") != text:
            problem = f"{spec.partial} was begun with other values; begin anew, without --resume"
            raise TrainingFailedError(problem)
        return
    shutil.rmtree(spec.partial, ignore_errors=True)
    spec.partial.mkdir(parents=True)
    note.write_text(text, encoding="utf-8")


def _finish(spec: Spec, result: dict[str, Any]) -> None:
    last = spec.partial / f"adapter-{spec.stages[-1]}"
    text = json.dumps(result, indent=2, sort_keys=True, allow_nan=False)
    (last / RESULT).write_text(f"{text}\n", encoding="utf-8")
    last.replace(spec.out)
    shutil.rmtree(spec.partial)


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
