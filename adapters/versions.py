"""The versions of adapters that are kept: listed, found, verified, added, never changed.

Knows neither which of them speaks nor who may decide that.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from adapters import registry_files
from adapters.errors import AdapterRejectedError
from adapters.manifests import MANIFEST, AdapterRef, Manifest
from adapters.registry_files import Contents

NONE = "there is none of that name"
DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_VERSION = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that is there; nobody has looked into it."""

    domain: str
    version: str


@dataclass(frozen=True, slots=True)
class Versions:
    """The folders of all versions, by domain.

    Attributes:
        root: Absolute; need not be there yet.
    """

    root: Path

    def listed(self, domain: str | None = None) -> list[Kept]:
        """List what is kept, of one domain or of all."""
        kept = [Kept(path.parent.name, path.name) for path in sorted(self.root.glob("*/*"))]
        return [
            one for one in kept if _VERSION.fullmatch(one.version) and domain in {None, one.domain}
        ]

    def find(self, version: str) -> Kept:
        """Find a version by its name or the beginning of it.

        Raises:
            AdapterRejectedError: If there is none, or several begin so.
        """
        found = [one for one in self.listed() if version and one.version.startswith(version)]
        if len(found) != 1:
            raise AdapterRejectedError(version, f"{len(found)} begin so" if found else NONE)
        return found[0]

    def verify(self, domain: str, version: str) -> AdapterRef:
        """Check that a version is what it was when it was added.

        Raises:
            AdapterRejectedError: If it is not there, or a file was changed, added or taken away.
        """
        folder = self.folder(domain, version)
        manifest, _ = registry_files.read_version(folder, version)
        return AdapterRef(domain, version, folder, manifest)

    def manifest(self, domain: str, version: str) -> Manifest | None:
        """Return what a version says of itself; None if it is not what was added."""
        try:
            return self.verify(domain, version).manifest
        except AdapterRejectedError:
            return None

    def add(self, manifest: Manifest, contents: Contents) -> AdapterRef:
        """Keep a version for good; once is as good as twice.

        Raises:
            AdapterRejectedError: If it is there and not what was added then.
        """
        home = self.folder(manifest.domain, manifest.version)
        if not home.exists():
            registry_files.make_folder(home.parent)
            registry_files.write_version(home, {**contents, MANIFEST: manifest.canonical})
        return self.verify(manifest.domain, manifest.version)

    def heirs(self, version: str) -> list[Kept]:
        """List a version, and those with it among their parents, and so on."""
        kept, found = self.listed(), {version}
        parents = {
            one: frozenset(manifest.parents)
            for one in kept
            if (manifest := self.manifest(one.domain, one.version))
        }
        for _ in kept:  # a line of descent is no longer than that
            found |= {one.version for one, named in parents.items() if found & named}
        return [one for one in kept if one.version in found]

    def ancestors(self, manifest: Manifest) -> list[AdapterRef]:
        """List the parents of a version, theirs, and so on.

        Raises:
            AdapterRejectedError: If one is not kept, or was changed.
        """
        found, named = dict[str, AdapterRef](), list(manifest.parents)
        while named:
            if (version := named.pop()) not in found:
                kept = self.find(version)
                found[version] = self.verify(kept.domain, version)
                named += found[version].manifest.parents
        return list(found.values())

    def folder(self, domain: str, version: str) -> Path:
        """Say where a version lies, or would.

        Raises:
            AdapterRejectedError: If nothing can have such a name.
        """
        if not DOMAIN.fullmatch(domain) or not _VERSION.fullmatch(version):
            name = f"{domain}-{version}"
            raise AdapterRejectedError(name, NONE)
        return self.root / domain / version
