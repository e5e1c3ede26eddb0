"""The guard before every Office file, which is a zip archive of XML parts."""

from io import BytesIO
from zipfile import ZipFile, ZipInfo

from knowledge.parsers.reading import UnreadableError

_PARTS = 5_000
_UNPACKED_BYTES = 200 << 20
_RATIO = 100
_RATIO_FROM_BYTES = 1 << 20  # below that, a high ratio is harmless and common
_ARCHIVES = (".7z", ".bz2", ".gz", ".jar", ".rar", ".tar", ".tgz", ".xz", ".zip")


def checked_package(data: bytes) -> BytesIO:
    """Return an Office file that may be opened: no zip bomb, no archive inside it.

    Embedded Office files (the data behind a chart) are let be: nobody opens them.

    Raises:
        UnreadableError: If it may not be opened.
    """
    with ZipFile(BytesIO(data)) as package:
        parts = package.infolist()
    for problem, is_so in _objections(parts).items():
        if is_so:
            raise UnreadableError(problem)
    return BytesIO(data)


def _objections(parts: list[ZipInfo]) -> dict[str, bool]:
    unpacked = sum(part.file_size for part in parts)
    return {
        f"holds more than {_PARTS} parts": len(parts) > _PARTS,
        f"unpacks to more than {_UNPACKED_BYTES >> 20} MB": unpacked > _UNPACKED_BYTES,
        f"is packed more than {_RATIO} to 1": any(map(_is_bomb, parts)),
        "holds an archive": any(part.filename.lower().endswith(_ARCHIVES) for part in parts),
    }


def _is_bomb(part: ZipInfo) -> bool:
    is_large = part.file_size > _RATIO_FROM_BYTES
    return is_large and part.file_size > _RATIO * max(part.compress_size, 1)
