"""What the gates found of one adapter, as it is kept in a file beside it."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from adapters.errors import AdapterRejectedError
from adapters.gates import GateResult
from adapters.manifests import Manifest


@dataclass(frozen=True, slots=True)
class GateReport:
    """The part of a report or record that a promotion depends on.

    Attributes:
        version: Of the adapter.
        compared_with: What spoke when the gates ran; empty for the base.
        asked: So many held-out questions.
        of: So many there were.
    """

    gates: tuple[GateResult, ...] = ()
    version: str = ""
    domain: str = ""
    compared_with: str = ""
    asked: int = 0
    of: int = 0

    @property
    def is_limited(self) -> bool:
        """Tell whether questions were left out, or nobody says that none were."""
        return self.asked < max(self.of, 1)


def read_record(path: Path, manifest: Manifest) -> GateReport:
    """Read what the gates found of an adapter beside whose manifest it stands; nothing if none.

    Raises:
        AdapterRejectedError: If the file is no report, or that of another version.
    """
    record = read_report(path) or GateReport((), manifest.version, manifest.domain)
    if (record.domain, record.version) != (manifest.domain, manifest.version):
        problem = f"it is about {record.version or 'nothing'} of {record.domain or 'nowhere'}"
        raise AdapterRejectedError(str(path), problem)
    return record


_REPORT = TypeAdapter(GateReport)


def read_report(path: Path) -> GateReport | None:
    """Read a report; None if there is none.

    Raises:
        AdapterRejectedError: If the file is no report.
    """
    try:
        return _REPORT.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise AdapterRejectedError(str(path), f"{place}: {first['msg'].lower()}") from error
