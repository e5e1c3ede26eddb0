"""Chat messages as a model reads them: its template and its tokens. Loads no weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.errors import ModelUnreadableError
from adapters.responder import Message, defused

LOCAL: Mapping[str, bool] = {"local_files_only": True, "trust_remote_code": False}
"""How everything is read from a folder: nothing is looked up elsewhere, nothing of it is run."""

_PER_MESSAGE = 16  # tokens that a chat template puts around a message, at most


class ChatTokens:
    """The tokenizer and chat template of one model. Any thread may use it.

    Args:
        folder: Holds both.

    Raises:
        ModelUnreadableError: If it does not.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer  # noqa: PLC0415  # takes seconds to import

        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL)
        except (OSError, ValueError, LookupError, RuntimeError) as error:
            raise ModelUnreadableError(str(folder), type(error).__name__) from error
        self._special = tuple(self.tokenizer.get_added_vocab())

    def encoded(self, messages: Sequence[Message], *, is_prompt: bool) -> list[int]:
        """Return the tokens of messages; a prompt ends where the answer begins."""
        text = self.tokenizer.apply_chat_template(
            self.safe(messages), tokenize=False, add_generation_prompt=is_prompt
        )
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def safe(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages in which no text poses as a role."""
        return [
            Message(role=one["role"], content=defused(one["content"], self._special))
            for one in messages
        ]

    def count(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt is [tokens], with all that the chat template adds."""
        return len(self.encoded(messages, is_prompt=True))


class MostTokens:
    """An upper bound where no tokenizer is at hand: each byte may be a token of its own."""

    def safe(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages as they are: nobody knows which tokens steer that model."""
        return list(messages)

    def count(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt can be at most [tokens]."""
        return sum(len(one["content"].encode()) + _PER_MESSAGE for one in messages) + _PER_MESSAGE
