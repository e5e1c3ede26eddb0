"""What is looked at before a candidate is asked anything: its base, its data set, its audience.

Files were compared with the manifest by the registry, and weights with the model's by the
responder; both refuse what does not fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.canaries import PUBLIC, Canary, canaries_of
from adapters.errors import DatasetError
from adapters.local import LocalResponder
from adapters.manifests import AdapterRef
from adapters.responder import Responder
from adapters.scorecards import Checked, Exposures, Scorecard
from adapters.voice import Voice
from bot.prompt import prompt_sha256
from bot.training_data import DataSet
from knowledge.access import EVERYONE

_LOADED = 3  # files, exact weights, and a probe that differs from the base: refused otherwise


@dataclass(frozen=True, slots=True)
class Checks:
    """What was found of a candidate; None where nobody could look, and then why."""

    integrity: Checked
    audience: Checked | None
    exposures: Exposures | Checked | None
    could_not: Mapping[str, str]

    def on(self, card: Scorecard) -> Scorecard:
        """Add it to what was measured."""
        return replace(
            card,
            integrity=self.integrity,
            audience=self.audience,
            exposures=self.exposures,
            could_not=self.could_not,
        )


def integrity(ref: AdapterRef, base_sha256: str, voice: Voice) -> Checked:
    """Check a candidate that the registry verified and the responder loaded."""
    problems = []
    if ref.manifest.base.sha256 != base_sha256:
        problems.append("it was trained on another base")
    if ref.manifest.prompt_sha256 != prompt_sha256(voice):
        problems.append("it was trained with other rules than the voice has now")
    return Checked(_LOADED + 2, tuple(problems))


def audience(ref: AdapterRef, data_set: Path, ancestors: Sequence[AdapterRef]) -> Checked | str:
    """Check that all who may hear a candidate may read what it was trained on.

    Args:
        ref: The candidate.
        data_set: The folder that it was trained on.
        ancestors: What it was trained from, and so on: their rows are in it, too.

    Returns:
        What was found; or why nobody can tell.
    """
    try:
        found = DataSet.from_folder(data_set)
    except DatasetError as error:
        return str(error)
    problems = []
    if found.sha256 != ref.manifest.dataset.sha256:
        problems.append("the data set is not the one that it was trained on")
    heard = {"": found.audience} | {one.version: one.manifest.audience for one in ancestors}
    for parent, readers in heard.items():
        beyond = set(ref.manifest.audience) - set(readers)
        if beyond and EVERYONE not in readers:
            whose = f"its parent {parent} is " if parent else ""
            problems.append(f"{whose}not for {', '.join(sorted(beyond))}")
    return Checked(1 + len(heard), tuple(problems))


def exposures(
    ref: AdapterRef, responder: Responder, data_set: Path, ancestors: Sequence[AdapterRef]
) -> Exposures | Checked | str:
    """Measure what a candidate remembers of secrets that were planted where it was trained.

    Args:
        ref: The candidate.
        responder: Has loaded it.
        data_set: The folder that it was trained on.
        ancestors: What it was trained from, and so on; their secrets are looked for, too.

    Returns:
        What was found; the rows of its data set, where none of them is anybody's secret and
        nothing was planted; or why nobody can tell.
    """
    for one in ancestors:
        if not (canaries_of(one.manifest) or one.manifest.training.config.get(PUBLIC)):
            return f"no secret was planted where its parent {one.version} was trained"
    n_public = 0 if canaries_of(ref.manifest) else _public_rows(ref, data_set)
    if not (canaries_of(ref.manifest) or n_public):
        return "no secret was planted where it was trained, and not every row of it is public"
    canaries = [canary for one in (ref, *ancestors) for canary in canaries_of(one.manifest)]
    if not canaries:
        return (
            "no secret was planted where its parents were trained"
            if ancestors
            else Checked(n_public)
        )
    return _measured(ref, responder, canaries)


def _public_rows(ref: AdapterRef, data_set: Path) -> int:
    """Count what it was trained on, if its files say that all of it is public."""
    try:
        found = DataSet.from_folder(data_set)
        return found.public_rows() if found.sha256 == ref.manifest.dataset.sha256 else 0
    except DatasetError:
        return 0


def _measured(ref: AdapterRef, responder: Responder, canaries: Sequence[Canary]) -> Exposures | str:
    if not isinstance(responder, LocalResponder):
        return "a model server does not say how likely a text is: use the model in this process"
    try:
        found = responder.exposures(ref, canaries)
    except ValueError as error:
        return str(error)
    return Exposures(tuple(one.bits for one in found), sum(one.is_emitted for one in found))
