"""The front matter of a text: found, loaded, or a problem. Knows YAML, not what keys mean.

Whoever writes ``roles`` into the first lines means to close the page. So what looks like that
and is not read as front matter is a problem, never text that the wider rule lets everybody read.
"""

import re
from typing import Any

import yaml

from knowledge.parsers.reading import Reading, cleaned
from knowledge.strict_yaml import StrictLoader

_LIMIT = 16_384  # characters
_DEEPEST = 8  # levels
_HEAD = 20  # lines in which an author names the readers, if anywhere
_FENCE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_ODD_FENCE = re.compile(r"---(?!-)|\+\+\+(?!\+)|;;;")
_COMMENTS = re.compile(r"(?:<!--.*?-->\s*)+", re.DOTALL)
_CODE = re.compile(r"\n[ \t]{0,9}(?:```|~~~)")
_MARK = (
    r"""^[^\w\n#*>-]{0,40}(?:<!--|/\*|//|\{)?\s{0,9}["']?"""  # before a key: of a comment, of JSON
)
_SAYS = r"""["']?[ \t]{0,9}[:=]"""
_READERS = re.compile(
    rf"{_MARK}(?:roles|role|access|acl|audience|visibility|permissions){_SAYS}",
    re.IGNORECASE | re.MULTILINE,
)
_ROLES = re.compile(rf"{_MARK}roles{_SAYS}", re.IGNORECASE | re.MULTILINE)


def opened(text: str) -> Reading:
    """Take the front matter off a text.

    Args:
        text: As decoded; breaks, blanks and unseen characters before a fence do not count.
    """
    text = cleaned(text)
    opening = _FENCE.match(text)
    if opening is None or not text.startswith("---"):
        return Reading(text, front_problem=_objection(text))
    closing = _FENCE.search(text, opening.end(), opening.end() + _LIMIT)
    if closing is None:
        return Reading(text, front_problem="opens with --- but never closes it")
    block, rest = text[opening.end() : closing.start()], text[closing.end() :]
    front, problem = _loaded(block)
    if not problem and "roles" not in front and _ROLES.search(block):
        problem = "names roles where they are not read: make them a key of the first level"
    if not problem and not front:
        problem = _objection(rest.lstrip())
    return Reading(rest, front=front, front_problem=problem)


def _objection(text: str) -> str:
    """Say why a text without front matter may be one whose author meant to have some."""
    if _ODD_FENCE.match(text):
        return "opens with an odd line: three dashes alone open and close it"
    if _READERS.search(_head(text)):
        return "is not read: the first lines name readers, but not between lines of ---"
    return ""


def _head(text: str) -> str:
    """Return the comments that a text begins with, and the first lines below, up to code."""
    comments = _COMMENTS.match(text, 0, _LIMIT)
    start = comments.end() if comments else 0
    prose = _CODE.split(text[start : start + _LIMIT], maxsplit=1)[0]
    lines = (line for line in prose.split("\n") if line.strip())
    return "\n".join([text[:start], *(line for _, line in zip(range(_HEAD), lines, strict=False))])


def _loaded(block: str) -> tuple[dict[str, Any], str]:
    try:
        if not _is_modest(block):
            return {}, "has aliases or is nested too deep"
        loaded = yaml.load(block, StrictLoader)  # noqa: S506  # a SafeLoader that is stricter
    except yaml.YAMLError as error:
        return {}, f"is not YAML ({type(error).__name__})"
    except ValueError:
        return {}, "has a key twice, or a value or key that cannot be read"
    if loaded is None:
        return {}, ""
    if not isinstance(loaded, dict):
        return {}, "is not a list of keys and values"
    return {str(key): value for key, value in loaded.items()}, ""


def _is_modest(block: str) -> bool:
    """Tell whether YAML stays small when loaded; stops at the first sign that it does not."""
    depth = 0
    for event in yaml.parse(block, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
            return False
    return True
