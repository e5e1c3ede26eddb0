"""What an app wants to post, checked as Slack checks it before anything is stored."""

import json
from dataclasses import dataclass
from typing import Any

from bot.workspace.arguments import Args
from bot.workspace.blocks_check import block_problems, text_length, with_ids
from bot.workspace.state import Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError

POST_CHARACTERS = 40_000
UPDATE_CHARACTERS = 4_000
MARKDOWN_CHARACTERS = 12_000


@dataclass(frozen=True, slots=True)
class Draft:
    """Text, blocks and metadata that passed the checks."""

    text: str
    blocks: tuple[JsonObject, ...]
    metadata: JsonObject | None
    unfurl_links: bool
    unfurl_media: bool


def checked_draft(workspace: Workspace, args: Args) -> Draft:
    """Check what is to be posted.

    Raises:
        RefusedError: With the code that Slack gives for each violation.
    """
    markdown = _markdown(args)
    blocks = checked_blocks(workspace, args.blocks())
    if markdown:
        blocks = ({"type": "markdown", "block_id": workspace.new_id("b"), "text": markdown},)
    text = args.text("text")
    if not (text or blocks):
        raise RefusedError(Code.NO_TEXT)
    return Draft(
        text=text[:POST_CHARACTERS],
        blocks=blocks,
        metadata=checked_metadata(workspace, args),
        unfurl_links=args.flag("unfurl_links", default=True),
        unfurl_media=args.flag("unfurl_media", default=True),
    )


def _markdown(args: Args) -> str:
    markdown = args.text("markdown_text")
    if markdown and (args.has("text") or args.has("blocks")):
        raise RefusedError(Code.MARKDOWN_TEXT_CONFLICT)
    if len(markdown) > MARKDOWN_CHARACTERS:
        raise RefusedError(Code.MSG_TOO_LONG)
    return markdown


def checked_blocks(workspace: Workspace, blocks: list[Any] | None) -> tuple[JsonObject, ...]:
    """Check the blocks of a message and give ids to those without.

    Raises:
        RefusedError: ``invalid_blocks`` with its places, or ``msg_blocks_too_long``.
    """
    if not blocks:
        return ()
    if problems := block_problems(blocks):
        raise invalid_blocks(problems)
    if text_length(blocks) > workspace.options.block_text_characters:
        raise RefusedError(Code.MSG_BLOCKS_TOO_LONG)
    return with_ids(blocks, workspace.new_id)


def invalid_blocks(problems: list[str]) -> RefusedError:
    """Build the refusal of blocks that break the rules."""
    messages = [f"[ERROR] {problem}" for problem in problems]
    return RefusedError(
        Code.INVALID_BLOCKS, errors=problems, response_metadata={"messages": messages}
    )


def checked_metadata(workspace: Workspace, args: Args) -> JsonObject | None:
    """Check ``metadata``; None if there is none, empty if it is to be removed.

    Raises:
        RefusedError: ``invalid_metadata_format``, ``..._schema`` or ``metadata_too_large``.
    """
    metadata = args.object("metadata", Code.INVALID_METADATA_FORMAT)
    if not metadata:
        return metadata
    payload = metadata.get("event_payload")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(payload, dict):
        raise RefusedError(Code.INVALID_METADATA_SCHEMA)
    if len(json.dumps(metadata)) > workspace.options.metadata_characters:
        raise RefusedError(Code.METADATA_TOO_LARGE)
    return metadata
