"""Frames on the pipes between the parent and its parsing child: a JSON head and a body.

No pickle: what comes from the child is data, whatever the child has become.
"""

import json
import struct
from typing import IO, Any

_LENGTHS = struct.Struct(">II")


class FrameError(Exception):
    """The other side broke the protocol, or ended in the middle of a frame."""


def write_frame(pipe: IO[bytes], head: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame."""
    encoded = json.dumps(head, default=str).encode()
    pipe.write(_LENGTHS.pack(len(encoded), len(body)) + encoded)
    pipe.write(body)
    pipe.flush()


def read_frame(pipe: IO[bytes], *, limit: int) -> tuple[dict[str, Any], bytes] | None:
    """Receive one frame; None where the other side has closed its end.

    Args:
        pipe: The end that is read.
        limit: Longest head and longest body that is accepted [bytes].

    Raises:
        FrameError: If the frame is cut, too long, or its head is no JSON object.
    """
    lengths = pipe.read(_LENGTHS.size)
    if not lengths:
        return None
    if len(lengths) < _LENGTHS.size:
        raise FrameError
    head_length, body_length = _LENGTHS.unpack(lengths)
    if max(head_length, body_length) > limit:
        raise FrameError
    return _head(_exactly(pipe, head_length)), _exactly(pipe, body_length)


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise FrameError
    return data


def _head(data: bytes) -> dict[str, Any]:
    try:
        head = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError from error
    if not isinstance(head, dict):
        raise FrameError
    return head
