"""Which messages are answered without a look into the documents, and which are not."""

import pytest

from bot.listeners.small_talk import SmallTalk, small_talk


@pytest.mark.parametrize(
    "typed",
    [
        "hello",
        "Hello!",
        "hi",
        "Hi there :wave:",
        "hey housevoice 👋",
        "Good morning, everyone.",
        "who are you and what can you do?",
        "Who are you? What can you do?",
        "Hi, what can you do for me?",
        "what can I ask you?",
        "what can you help me with?",
        "help",
        "Help me, please!",
    ],
)
def test_somebody_who_says_hello_is_told_what_to_ask(typed: str) -> None:
    """A greeting and a question about the bot itself get the same line of help."""
    assert small_talk(typed) is SmallTalk.OPENING


@pytest.mark.parametrize(
    "typed",
    [
        "thanks",
        "thank you",
        "Thanks, that helped",
        "Thank you very much!",
        "OK, great, thanks a lot :+1:",
        "that was very helpful, thank you",
        "that helped",
        "Thanks for your help, housevoice 🙏",
    ],
)
def test_somebody_who_says_thanks_is_not_told_that_nothing_was_found(typed: str) -> None:
    """Thanks are thanks, with or without praise."""
    assert small_talk(typed) is SmallTalk.THANKS


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "?",
        "hi, how many days of leave do I have?",
        "Hello Berit",
        "hello 2024?",
        "hi ändern",
        "thanks, and for contractors?",
        "Thanks! Who approves it?",
        "thank you gifts",
        "help desk",
        "help me with the VPN",
        "who can help me?",
        "what can you do about a broken badge?",
        "who are the first aiders?",
        "what is this?",
        "that helped, but how long does it take?",
        "great",
        "ok",
        "hello " * 400,
    ],
)
def test_a_message_that_asks_something_is_still_answered(typed: str) -> None:
    """Only whole messages count: politeness before a question does not swallow it."""
    assert small_talk(typed) is None
