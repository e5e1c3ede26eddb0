"""Versions of adapters on disk, which one speaks in each domain, and all that was decided of it.

    promoted.json                   which version speaks in each domain; made from the decisions
    decisions.jsonl                 append-only
    adapters/DOMAIN/VERSION/        weights, config, manifest; never changed
    .lock                           one process at a time decides or registers

Knows neither models nor what a gate measures. The empty version is the base without an adapter.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from adapters import decision_lines, promotions, registry_files
from adapters.decision_lines import Action, Decision, Line
from adapters.errors import AdapterRejectedError, NotPromotedError, RegistryBrokenError
from adapters.gate_report import read_record
from adapters.manifests import MANIFEST, AdapterRef, Manifest
from adapters.promotions import BASE, Pointer, State, objections, speaks_after, state_after
from adapters.versions import DOMAIN, NONE, Kept, Versions

__all__ = ["BASE", "Decision", "Kept", "Line", "Pointer", "Registry", "State"]

RECORD = "record.json"
"""Beside a shipped adapter: what its gates found."""

_US = "housevoice"  # who decides that something shipped speaks

_STATE = TypeAdapter(State)


class Registry:
    """The registry in a folder, which need not be there yet.

    Opening it finishes what a process that was killed had decided.

    Args:
        root: Its folder.
        now: The time of day.

    Raises:
        RegistryBrokenError: If somebody changed a decision or the pointers.
    """

    def __init__(self, root: Path, now: Callable[[], datetime]) -> None:
        self._root = root.absolute()
        self._now = now
        self._versions = Versions(self._root / "adapters")
        self._lock = FileLock(self._root / ".lock")
        self._promoted = self._root / "promoted.json"
        self._decisions = self._root / "decisions.jsonl"
        if self._decisions.exists() or self._promoted.exists():
            with self._locked():
                pass

    def state(self) -> State:
        """Return what speaks where; it reads one small file.

        Raises:
            RegistryBrokenError: If the file is damaged.
        """
        try:
            return _STATE.validate_json(self._promoted.read_bytes())
        except FileNotFoundError:
            return State()
        except ValidationError as error:
            raise RegistryBrokenError(str(self._promoted), "it is no list of pointers") from error

    def generation(self) -> int:
        """Count the decisions; another number means that something may speak that did not."""
        return self.state().generation

    def decisions(self) -> list[Line]:
        """List all decisions, oldest first.

        Raises:
            RegistryBrokenError: If one was changed, dropped, moved or added.
        """
        return decision_lines.read_lines(self._decisions)

    def versions(self, domain: str | None = None) -> list[Kept]:
        """List what is kept, of one domain or all, without looking into it."""
        return self._versions.listed(domain)

    def find(self, version: str) -> Kept:
        """Find a version by its name or the beginning of it.

        Raises:
            AdapterRejectedError: If there is none, or several begin so.
        """
        return self._versions.find(version)

    def verify(self, domain: str, version: str) -> AdapterRef:
        """Check that a version is what it was when it was registered, tainted or not.

        Raises:
            AdapterRejectedError: If it is not there, or a file was changed, added or taken away.
        """
        return self._versions.verify(domain, version)

    def ref(self, domain: str, version: str) -> AdapterRef:
        """Return a version that may be loaded.

        Raises:
            AdapterRejectedError: If it is not what was registered, or tainted.
        """
        found = self.verify(domain, version)
        _refuse_tainted(found.manifest, self.tainted())
        return found

    def ancestors(self, manifest: Manifest) -> list[AdapterRef]:
        """List what a version was trained from; `AdapterRejectedError` if one of them is gone."""
        return self._versions.ancestors(manifest)

    def tainted(self) -> frozenset[str]:
        """Name the versions that may never speak again."""
        return frozenset(line.version for line in self.decisions() if line.action == "taint")

    def register(self, folder: Path, manifest: Manifest) -> AdapterRef:
        """Keep a new version, for good; once is as good as twice.

        Args:
            folder: Holds weights and config; anything else in it stays there.
            manifest: Says what they are.

        Raises:
            AdapterRejectedError: If the files are not those of the manifest, say what none may
                say, or the version or a parent is tainted.
        """
        contents = registry_files.read_source(folder, manifest.version)
        registry_files.check(manifest, contents)
        with self._locked():
            _refuse_tainted(manifest, self.tainted())
            return self._versions.add(manifest, contents)

    def install(self, folder: Path, *, may_speak: bool = True) -> AdapterRef:
        """Register a shipped adapter, and let it speak where nobody has decided anything yet.

        Args:
            folder: Holds weights, config and manifest, and ``record.json`` with the gates. If one
                is missing or failed, the adapter is registered and no more.
            may_speak: Whether it could be put in service here; if not, it is registered and no
                more.

        Raises:
            AdapterRejectedError: If it is not what its manifest says, or the record is not its own.
        """
        text = registry_files.read_file(folder / MANIFEST, str(folder))
        manifest = Manifest.from_json(text, path=str(folder / MANIFEST))
        record = read_record(folder / RECORD, manifest)
        decision = Decision(_US, "shipped", record.gates)
        is_limited = manifest.kind == "voice" and record.is_limited
        is_good = may_speak and not is_limited and not any(objections(decision, manifest.kind))
        with self._locked():
            ref = self.register(folder, manifest)
            made = [line for line in self.decisions() if line.domain == ref.domain]
            is_decided = any(line.decision.actor != _US for line in made)
            is_known = any(line.version == ref.version for line in made)
            if is_good and not is_decided and not is_known:
                self._decide("promote", ref.domain, ref.version, decision)
        return ref

    def promote(
        self, domain: str, version: str, decision: Decision, *, beside: str | None = None
    ) -> Line:
        """Let a version speak in its domain from the next question on.

        What stops the process once the decision is written does not undo it: the pointer follows
        when the registry is opened next.

        Args:
            domain: Where it speaks.
            version: Of that domain; the empty one needs no gates.
            decision: If forced, it overrules the failed gates that may be overruled.
            beside: What spoke when the gates ran, if they compared; it must speak still.

        Raises:
            NotPromotedError: If a gate objects or was not run, or it speaks already.
            AdapterRejectedError: If it is not what was registered, or tainted.
        """
        with self._locked():
            pointer = self.state().domains.get(domain)
            current = pointer.current if pointer else BASE
            against = (
                [*objections(decision, promotions.kind_in(domain), current)] if version else []
            )
            if pointer is not None and current == version:
                against = ["it speaks already"]
            elif beside not in {None, current}:
                against.append(promotions.compared_with_another(beside, current))
            self._require(domain, version, against)
            return self._decide("promote", domain, version, decision)

    def rollback(self, domain: str, decision: Decision, to: str | None = None) -> Line:
        """Let a version speak again that spoke before.

        Args:
            domain: Where it speaks.
            decision: Needs no gates, for the version had to pass them once.
            to: One of the versions that ever spoke there, or the empty one; by default the one
                before. Done twice without it, one is back where one was.

        Raises:
            NotPromotedError: If it never spoke there, or speaks now.
            AdapterRejectedError: If it is not what was registered, or tainted.
        """
        with self._locked():
            pointer = self.state().pointer(domain)
            version = pointer.previous if to is None else to
            spoke = {line.after for line in self.decisions() if line.domain == domain}
            against = [] if decision.actor else ["nobody decided it"]
            if version not in spoke | {BASE}:
                against.append("it never spoke there")
            if version == pointer.current:
                against.append("it speaks already")
            self._require(domain, version, against)
            return self._decide("rollback", domain, version, decision)

    def taint(self, domain: str, version: str, decision: Decision) -> list[Line]:
        """Let a version, and all that were trained from it, never be promoted or loaded again.

        Where one of them speaks, the base does from now on.

        Returns:
            A decision about each that was not tainted before.

        Raises:
            AdapterRejectedError: If there is no such version.
        """
        with self._locked():
            if not self._versions.folder(domain, version).is_dir():
                raise AdapterRejectedError(version, NONE)
            heirs, tainted = self._versions.heirs(version), self.tainted()
            clean = [one for one in heirs if one.version not in tainted]
            return [self._decide("taint", one.domain, one.version, decision) for one in clean]

    def _require(self, domain: str, version: str, against: list[str]) -> None:
        if not DOMAIN.fullmatch(domain):
            against.append("there is no such domain")
        if against:
            name = f"{domain}-{version or 'base'}"
            raise NotPromotedError(name, tuple(against))
        if version:
            self.ref(domain, version)  # within the lock, or it could change in between

    def _decide(self, action: Action, domain: str, version: str, decision: Decision) -> Line:
        """Write the decision first and the pointer second, for the second follows from the first.

        The lock must be held.
        """
        lines = self.decisions()
        state = state_after(lines)
        before = state.pointer(domain).current
        manifest = self._versions.manifest(domain, version) if version else None
        line = Line(
            generation=state.generation + 1,
            at=self._now(),
            action=action,
            domain=domain,
            version=version,
            before=before,
            after=speaks_after(action, version, before),
            decision=decision,
            base=manifest.base.sha256 if manifest else "",
            dataset=manifest.dataset.sha256 if manifest else "",
            prompt=manifest.prompt_sha256 if manifest else "",
        ).chained(lines)
        decision_lines.append_line(self._decisions, line)
        self._point(state.moved(line))
        return line

    def _point(self, state: State) -> None:
        tree = _STATE.dump_python(state, mode="json")
        registry_files.write_durably(self._promoted, decision_lines.canonical(tree))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        registry_files.make_folder(self._root)
        with self._lock:
            self._finish()
            yield

    def _finish(self) -> None:
        """Do what a process had decided that was stopped before it could."""
        decision_lines.cut_torn_line(self._decisions)
        decided, pointed = state_after(self.decisions()), self.state()
        if pointed.generation < decided.generation:
            self._point(decided)
        elif pointed != decided:
            problem = "it does not follow from the decisions"
            raise RegistryBrokenError(str(self._promoted), problem)


def _refuse_tainted(manifest: Manifest, tainted: frozenset[str]) -> None:
    if named := {manifest.version, *manifest.parents} & tainted:
        problem = f"what {', '.join(sorted(named))} was trained on may not be used"
        raise AdapterRejectedError(manifest.version, problem)
