"""A training in its own process, and the version that it ends in. Loads nothing that trains."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapters.canaries import COUNT, MASKING, PUBLIC, key_of
from adapters.errors import ParentUnfitError, TrainingFailedError
from adapters.manifests import CONFIG, WEIGHTS, AdapterRef, Base, Manifest, Training
from adapters.registry import Registry
from adapters.training_spec import RESULT, Spec
from adapters.voice import Voice
from bot.errors import UserInputError
from bot.model_files import file_sha256
from bot.models import FoundModel
from bot.prompt import prompt_sha256
from bot.settings import child_environment
from bot.training_data import DataSet, write_bare

Report = Callable[[Mapping[str, Any]], None]
_CANARIES = 10
_ENDS_S = 20.0  # a training that is told to stop may take so long
_ELSEWHERE = frozenset(
    {
        *("base", "base_id", "dataset", "device", "init_adapter", "method", "out", "seed"),
        *("canary_key", "checkpoint_steps", "log_steps", "validation_rows"),
    }
)
"""What of a `Spec` changes no weight, or stands in another place of the manifest."""

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # equal trainings give equal bytes on a GPU too
    # Else glibc gives memory back after each step and asks for it again: a tenth of the time.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        parent: Version that the training goes on from; None: from the plain base.
        options: Values of a `Spec`, by name.
    """

    domain: str = "default"
    parent: AdapterRef | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains voices on one base.

    Attributes:
        base: What is adapted.
        voice: Whose rules stand in the prompts.
        folder: Where trainings go on; what was interrupted waits there, and the losses stay.
        registry: Where versions end up.
    """

    base: FoundModel
    voice: Voice
    folder: Path
    registry: Registry

    def train(self, dataset: DataSet, wanted: Wanted, report: Report) -> AdapterRef:
        """Train a version and register it.

        What was interrupted goes on when the same is asked for again.

        Args:
            dataset: What to train on.
            wanted: How.
            report: Takes each line of progress, as a `Spec` describes a training.

        Raises:
            UserInputError: If there is no such option, or it cannot have that value.
            TrainingError: If the data set does not do, or the training fails.
            AdapterRejectedError: If the registry does not take the result.
        """
        spec = self._spec(dataset, wanted)
        write_bare(dataset, self.voice, spec)
        result = _trained(spec, report)
        manifest = self._manifest(dataset, wanted, spec, result)
        ref = self.registry.register(spec.out, manifest)
        text = json.dumps(result, indent=2, sort_keys=True)
        (self.folder / f"{ref.version}.json").write_text(f"{text}\n", encoding="utf-8")
        shutil.rmtree(spec.out.parent)
        return ref

    def _check_parents(self, dataset: DataSet, wanted: Wanted) -> None:
        """Refuse to go on from what others may hear than the data set's readers."""
        parent = wanted.parent
        for one in (parent, *self.registry.ancestors(parent.manifest)) if parent else ():
            if problem := self._objection(one.manifest, dataset, wanted.domain):
                raise ParentUnfitError(one.version, problem)

    def _objection(self, parent: Manifest, dataset: DataSet, domain: str) -> str:
        heard = ", ".join(sorted(parent.audience))
        rules = {
            f"it is a {parent.kind}": parent.kind != "voice",
            f"it speaks in {parent.domain}, not in {domain}": parent.domain != domain,
            "it was trained on another base": parent.base.sha256 != self.base.sha256,
            f"it is for {heard}, and the data set for {', '.join(sorted(dataset.audience))}": (
                set(parent.audience) != set(dataset.audience)
            ),
        }
        return "; ".join(problem for problem, is_so in rules.items() if is_so)

    def _spec(self, dataset: DataSet, wanted: Wanted) -> Spec:
        self._check_parents(dataset, wanted)
        parent = str(wanted.parent.folder) if wanted.parent else None
        fixed = {"base": str(self.base.folder), "base_id": self.base.name, "init_adapter": parent}
        try:
            asked = Spec(**{COUNT: _CANARIES, **wanted.options, **fixed, "dataset": "", "out": ""})
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
            raise UserInputError(problem) from None
        if not (asked.canaries or dataset.public_rows()):
            problem = f"{COUNT}: only a data set of public or written rows can be without"
            raise UserInputError(problem)
        what = [asked.model_dump_json(), dataset.sha256, wanted.domain, prompt_sha256(self.voice)]
        work = self.folder / _sha256(json.dumps(what))[:16]
        return asked.model_copy(
            update={
                "dataset": work.absolute() / "rows",
                "out": work.absolute() / "adapter",
                "canary_key": key_of(dataset.sha256, asked.seed),
            }
        )

    def _manifest(
        self, dataset: DataSet, wanted: Wanted, spec: Spec, result: Mapping[str, Any]
    ) -> Manifest:
        stages = result["stages"].values()
        base = self.base.folder
        return Manifest(
            kind="voice",
            domain=wanted.domain,
            audience=tuple(sorted(dataset.audience)),
            base=Base(
                id=self.base.name,
                sha256=self.base.sha256,
                tokenizer_sha256=_joint_sha256(base, "tokenizer*"),
                chat_template_sha256=_joint_sha256(base, "chat_template*"),
            ),
            dataset=dataset.data(sum(one["rows"] - one["left_out"] for one in stages)),
            training=Training(
                method=spec.method,
                seed=spec.seed,
                config=_config(spec)
                | _planted(result)
                | {"device": result["device"], PUBLIC: bool(dataset.public_rows())},
                versions=result["versions"],
            ),
            prompt_sha256=prompt_sha256(self.voice),
            examples=0,
            parents=(wanted.parent.version,) if wanted.parent else (),
            files={name: file_sha256(spec.out / name) for name in (WEIGHTS, CONFIG)},
        )


def _planted(result: Mapping[str, Any]) -> dict[str, Any]:
    first = result["stages"]["sft"]  # one that was begun before masking was told has none
    return {COUNT: first["canaries"], MASKING: first.get("canary_masking", "")}


def _config(spec: Spec) -> dict[str, Any]:
    values = spec.model_dump(mode="json", exclude=set(_ELSEWHERE))
    return {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in values.items()
    }


def _joint_sha256(folder: Path, pattern: str) -> str:
    digests = [file_sha256(file) for file in sorted(folder.glob(pattern))]
    return digests[0] if len(digests) == 1 else _sha256("".join(digests))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _trained(spec: Spec, report: Report) -> dict[str, Any]:
    if not (spec.out / RESULT).exists():
        path = spec.out.with_name("spec.json")
        path.write_text(spec.model_dump_json(indent=2), encoding="utf-8")
        run(path, report)
    return dict(json.loads((spec.out / RESULT).read_text(encoding="utf-8")))


def run(spec: Path, report: Report) -> None:
    """Run a training in a process of its own, to its end.

    Args:
        spec: File with a `Spec`; what the process complains of is written beside it.
        report: Takes each line of progress.

    Raises:
        TrainingFailedError: If it ends without an adapter.
    """
    complaints = spec.with_name("complaints.txt")
    failure = ""
    with complaints.open("wb") as stderr, _process(spec, stderr) as process:
        for line in process.stdout or ():
            told = json.loads(line)
            failure = told.get("error", "")
            report(told)
    if process.returncode:
        why = failure or f"it ended with code {process.returncode}; {complaints} says why"
        raise TrainingFailedError(why)


@contextmanager
def _process(spec: Path, stderr: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a training while the block lasts; whoever leaves early stops it."""
    command = [sys.executable, "-m", "adapters.training", str(spec), "--resume"]
    process = subprocess.Popen(  # noqa: S603  # our own module, and a path of our own
        command,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        encoding="utf-8",
        env=child_environment(**_ENVIRONMENT),
        start_new_session=True,  # Ctrl-C comes to us, and we stop it
    )
    try:
        yield process
        process.wait()
    finally:
        process.terminate()
        try:
            process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
