"""The trained reader, between the registry and the reading of passages. Loads it when asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.cross_encoder import CrossEncoder, laid_out
from adapters.errors import AdapterRejectedError
from adapters.manifests import AdapterRef
from adapters.registry import Registry
from bot.models import FoundModel
from bot.voices import PROMOTED
from knowledge.judging import Sheet

DOMAIN = "reader"
"""Where the registry keeps readers."""


@dataclass(frozen=True, slots=True)
class TrainedJudge:
    """A version of the reader, in memory; belongs to the thread that reads.

    Attributes:
        name: Stands in the configuration of each answer.
        trust, veto: Of the reading, as they were tuned for it.
    """

    name: str
    trust: float
    veto: float
    encoder: CrossEncoder

    def judge(self, question: str, passages: Sequence[Sheet]) -> Sequence[Sequence[float]]:
        """Return for each sentence of each passage the log-odds that the answer stands in it."""
        laid = [laid_out(one.title, one.sentences) for one in passages]
        return self.encoder.judge(question, laid)


def wanted_reader(setting: str, registry: Registry) -> AdapterRef | None:
    """Return the version that is to read; None where nobody has promoted one.

    Args:
        setting: ``promoted``, or a version, with or without its domain.
        registry: Holds it.

    Raises:
        AdapterRejectedError: If there is no such version, or it is not what was registered.
    """
    if setting != PROMOTED:
        return registry.ref(DOMAIN, setting.removeprefix(f"{DOMAIN}-"))
    pointer = registry.state().domains.get(DOMAIN)
    return registry.ref(DOMAIN, pointer.current) if pointer and pointer.current else None


def load_judge(ref: AdapterRef, base: FoundModel, *, threads: int) -> TrainedJudge:
    """Load a version.

    Args:
        ref: Verified.
        base: The encoder, the one that embeds too.
        threads: Of torch; 0 leaves it to torch.

    Raises:
        AdapterRejectedError: If it was trained on another base, or lacks its thresholds.
        ModelUnreadableError: If the base is no encoder.
    """
    if ref.manifest.base.sha256 != base.sha256:
        raise AdapterRejectedError(ref.name, "it was trained on another base")
    config = ref.manifest.training.config
    try:
        trust, veto = (float(config[name]) for name in ("trust", "veto"))
        max_tokens = int(config["max_tokens"])
    except (KeyError, ValueError) as error:
        raise AdapterRejectedError(
            ref.name, "its manifest does not say how it was tuned"
        ) from error
    encoder = CrossEncoder(base.folder, ref.folder, threads=threads, max_tokens=max_tokens)
    return TrainedJudge(ref.name, trust, veto, encoder)
