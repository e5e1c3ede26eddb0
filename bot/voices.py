"""Which version of the voice speaks: follows the registry, and chooses for each question.

Everything that loads runs in the thread that asks; `serving` may be read from any. Knows
neither how an adapter is loaded nor who may decide that it speaks.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from adapters.errors import AdapterRejectedError, AdaptersError, RegistryBrokenError
from adapters.manifests import AdapterRef
from adapters.promotions import Pointer, State, state_after
from adapters.registry import Registry
from adapters.responder import Responder
from adapters.routing import DEFAULT, Router, Vector
from adapters.voice import Voice
from bot.prompt import fixed_messages, prompt_sha256
from bot.speakers import Failure, Serving, Spoken
from bot.tracing import note, note_failure, wide_event

PROMOTED, NO_ADAPTER = "promoted", "none"
"""What ``model.adapter`` may say, beside the name of one version."""

NOT_FOR_ALL = "not for every reader"
NOT_READY = "not ready"
_RETRY_S = 60.0
_REGISTRY = "the registry"

Readers = frozenset[frozenset[str]]
Swap = Literal["done", "failed"]


class Voices:
    """The versions that speak for one house.

    Args:
        registry: Says what is promoted.
        responder: Loads them.
        voice: The written one.
        router: Sends questions to domains.
        pinned: One version that speaks whatever is promoted; None: what is promoted.
        follows: Whether the registry is followed at all.
        on_swap: Told of each version that came into service, or could not.
        clock: Seconds that only grow.

    Raises:
        AdapterRejectedError: If the pinned version cannot speak.
    """

    def __init__(  # noqa: PLR0913  what is followed, what loads it, what chooses
        self,
        registry: Registry,
        responder: Responder,
        voice: Voice,
        router: Router,
        *,
        pinned: AdapterRef | None = None,
        follows: bool = True,
        on_swap: Callable[[Swap], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._responder = responder
        self._voice = voice
        self._router = router
        self._pinned = pinned
        self._looks = follows or pinned is not None
        self._rules_sha256 = prompt_sha256(voice)
        self._on_swap = on_swap
        self._clock = clock
        self._retry_at: float | None = None
        self._followed = dict[str, Pointer]()
        self._prepared = dict[str, AdapterRef]()
        self.serving = Serving()
        if pinned:
            self._prepare(pinned)
            self.serving = Serving(0, {DEFAULT: pinned})
        self.refresh()

    def refresh(self) -> None:
        """Take over what was decided since the last look; what fails leaves the old voice."""
        if not self._looks:
            return
        try:
            if self._is_due(self._registry.generation()):
                self._drop(self._registry.tainted())  # whatever else is wrong
                self._take_over(self._decided())
        except (AdaptersError, OSError) as error:
            self._note_unread(error)

    def choose(self, vector: Vector, readers: Readers, channel: str = "") -> Spoken:
        """Say who speaks: the domain of the question, else the default voice, else the base.

        Args:
            vector: Of the question, as retrieval made it.
            readers: Role sets of all who can read the reply; nobody outside an adapter's
                audience ever hears it.
            channel: Where it was asked.
        """
        self.refresh()
        route = self._router.route(vector, channel)
        serving, why = self.serving, route.why
        domains = [DEFAULT] if self._pinned else [*dict.fromkeys((route.domain, DEFAULT))]
        chosen: AdapterRef | None = None
        for domain in (one for one in domains if one in serving.speaking):
            chosen = serving.speaking[domain]
            objection = self._objection(chosen, readers)
            if not objection:
                break
            chosen, why = None, objection
        return Spoken(chosen, self._cut(chosen), route.domain, route.score, why, serving.generation)

    def _objection(self, ref: AdapterRef | None, readers: Readers) -> str:
        if ref is None:
            return ""
        if not ref.may_speak_to(readers):
            return NOT_FOR_ALL
        return "" if self._is_ready(ref) else NOT_READY

    def _is_ready(self, ref: AdapterRef) -> bool:
        """Tell whether a version can speak; one that could not is left alone for a while."""
        if ref.name in self.serving.failed and not self._pinned:
            return False
        try:
            self._prepare(ref)  # quick, unless it had to make room for others
        except (AdaptersError, OSError) as error:
            note_failure(error)
            failed = {**self.serving.failed, ref.name: self._failure(ref.version, error)}
            self.serving = replace(self.serving, failed=failed)
            if self._pinned:
                raise
            return False
        return True

    def _cut(self, ref: AdapterRef | None) -> Voice:
        if ref is None:
            return self._voice
        return replace(self._voice, examples=self._voice.examples[: ref.manifest.examples])

    def _is_due(self, generation: int) -> bool:
        is_retry_due = self._retry_at is not None and self._clock() >= self._retry_at
        was_unread = _REGISTRY in self.serving.failed
        return generation != self.serving.generation or is_retry_due or was_unread

    def _note_unread(self, error: Exception) -> None:
        failed = self.serving.failed
        if _REGISTRY not in failed:
            note_failure(error)
            self._on_swap("failed")
        unread = Failure("", type(error).__name__)
        self.serving = replace(self.serving, failed={**failed, _REGISTRY: unread})

    def _decided(self) -> State:
        """Return what speaks where as it was decided, if nobody has edited the pointers since.

        Raises:
            RegistryBrokenError: If they do not follow from the decisions.
        """
        pointed = self._registry.state()  # first: a decision may be added in between
        decided = state_after(self._registry.decisions())
        if pointed.generation >= decided.generation and pointed != decided:
            raise RegistryBrokenError(_REGISTRY, "the pointers do not follow from the decisions")
        return decided

    def _drop(self, tainted: frozenset[str]) -> None:
        """Let go of what may never speak again, be it pinned, or the old voice of a failed swap."""
        refused = [one for one in self._prepared.values() if _is_tainted(one, tainted)]
        speaking = {
            domain: ref
            for domain, ref in self.serving.speaking.items()
            if not (ref and _is_tainted(ref, tainted))
        }
        self.serving = replace(self.serving, speaking=speaking)
        for ref in refused:
            self._responder.forget(ref)
            del self._prepared[ref.name]

    def _take_over(self, state: State) -> None:
        """Follow the domains in which something was decided, and those that may work by now."""
        retried = {one for one, failure in self.serving.failed.items() if failure.may_pass}
        self._retry_at = None
        followed, speaking = dict(self._followed), dict(self.serving.speaking)
        domains = state.domains.keys() & (frozenset() if self._pinned else self._router.domains)
        failed = {one: failure for one, failure in self.serving.failed.items() if one in domains}
        if self._pinned and not speaking:
            failed[DEFAULT] = Failure(self._pinned.version, AdapterRejectedError.__name__)
        for domain in sorted(domains):
            pointer = state.domains[domain]
            if pointer == followed.get(domain) and domain not in retried:
                continue
            failed.pop(domain, None)
            try:
                speaking[domain] = self._swapped(domain, pointer.current)
            except (AdaptersError, OSError) as error:
                failed[domain] = self._failure(pointer.current, error)
            followed[domain] = pointer
            self._stand_by(domain, pointer.previous)
        self.serving, self._followed = Serving(state.generation, speaking, failed), followed

    def _failure(self, version: str, error: Exception) -> Failure:
        may_pass = not isinstance(error, AdapterRejectedError)  # it may be there in a minute
        if may_pass:
            self._retry_at = self._clock() + _RETRY_S
        return Failure(version, type(error).__name__, may_pass)

    def _swapped(self, domain: str, version: str) -> AdapterRef | None:
        """Return what speaks in a domain from now on, once it can."""
        if not version:
            return None
        with wide_event("swap", domain=domain, adapter=f"{domain}-{version}"):
            try:
                ref = self._registry.ref(domain, version)
                self._prepare(ref)
            except (AdaptersError, OSError) as error:
                note(state="kept the old voice", failed=type(error).__name__)
                self._on_swap("failed")
                raise
            note(state="swapped")
            self._on_swap("done")
        return ref

    def _stand_by(self, domain: str, previous: str) -> None:
        """Have the version before in memory, so that going back loads nothing."""
        if not previous or f"{domain}-{previous}" in self._prepared:
            return
        try:
            self._prepare(self._registry.ref(domain, previous))
        except (AdaptersError, OSError) as error:
            note_failure(error)

    def _prepare(self, ref: AdapterRef) -> None:
        if ref.manifest.prompt_sha256 not in {"", self._rules_sha256}:
            raise AdapterRejectedError(ref.name, "it was trained under other rules of the voice")
        self._responder.ensure(ref)
        self._responder.warm_up(fixed_messages(self._cut(ref)), ref)
        self._prepared[ref.name] = ref


def _is_tainted(ref: AdapterRef, tainted: frozenset[str]) -> bool:
    return not tainted.isdisjoint({ref.version, *ref.manifest.parents})
