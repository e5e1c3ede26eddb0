"""Who speaks, as values: for one question, and for a whole house. Decides and loads nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from adapters.errors import AdaptersError
from adapters.manifests import AdapterRef
from adapters.voice import Voice


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who speaks for one question, and why.

    Attributes:
        ref: None: the base model.
        voice: With as many of its examples as that version was trained with.
        domain: Where the question belongs; another may speak for it.
        score: Cosine to the domain [-1..1].
        why: What decided it.
        generation: Of the registry.
    """

    ref: AdapterRef | None
    voice: Voice
    domain: str = ""
    score: float = 0.0
    why: str = ""
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that is to speak and cannot.

    Attributes:
        problem: The kind of its error.
        may_pass: Whether it is tried again before somebody decides anew.
    """

    version: str
    problem: str
    may_pass: bool = False


@dataclass(frozen=True, slots=True)
class Serving:
    """What speaks, in one value that any thread may read.

    Attributes:
        generation: Of the registry, as far as it was followed.
        speaking: Version by domain; None: the base, since somebody decided so.
        failed: By domain where the version before goes on speaking; by its name where a version
            spoke and cannot any more.
    """

    generation: int = 0
    speaking: Mapping[str, AdapterRef | None] = field(default_factory=lambda: MappingProxyType({}))
    failed: Mapping[str, Failure] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def label(self) -> str:
        """All versions that speak, in one line; empty: only the base does."""
        refs = (self.speaking[domain] for domain in sorted(self.speaking))
        return ", ".join(ref.name for ref in refs if ref and ref.name not in self.failed)


def told(serving: Serving, generation: Callable[[], int]) -> str:
    """Say what speaks, for the administrators.

    Args:
        serving: What speaks.
        generation: Reads the one of the registry by now.
    """
    parts = [serving.label or "none"]
    parts += [
        f"{one.version or domain} could not be put in service ({one.problem})"
        for domain, one in sorted(serving.failed.items())
    ]
    try:
        is_behind = generation() != serving.generation
    except (AdaptersError, OSError) as error:
        parts.append(f"the registry cannot be read ({type(error).__name__})")
    else:
        parts += ["a later decision takes effect with the next question"] if is_behind else []
    return "; ".join(parts)
