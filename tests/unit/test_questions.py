"""Which events of Slack are questions, edits, deletions, or none of our business."""

from typing import Any

import pytest

from bot.arrivals import Asked, Reworded
from bot.listeners.questions import LONGEST_QUESTION, BotUser, arrival, plain

US = BotUser(team="T1", user="UBOT", bot="BBOT")


def a_body(**event: Any) -> dict[str, Any]:
    """An envelope around a message of a person; None takes a field away."""
    usual = {"type": "message", "user": "U1", "channel": "C1", "ts": "5.000001", "text": "hm?"}
    merged = {name: value for name, value in (usual | event).items() if value is not None}
    return {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": "T1",
        "is_ext_shared_channel": False,
        "event": merged,
    }


@pytest.mark.parametrize(
    ("event", "is_addressed", "thread_ts"),
    [
        ({"type": "app_mention", "text": "<@UBOT> hm?"}, True, "5.000001"),
        ({"channel_type": "im"}, True, "5.000001"),
        ({"channel_type": "im", "thread_ts": "4.0"}, True, "4.0"),
        ({"channel_type": "channel", "text": "say, <@UBOT>, hm?"}, True, "5.000001"),
        ({"channel_type": "channel", "text": "<@UBOT|housevoice> hm?"}, True, "5.000001"),
        ({"channel_type": "channel", "thread_ts": "4.0"}, False, "4.0"),
        ({"channel_type": "mpim", "thread_ts": "4.0"}, False, "4.0"),
        ({"channel_type": "im", "subtype": "file_share"}, True, "5.000001"),
        ({"channel_type": "im", "subtype": "thread_broadcast", "thread_ts": "4.0"}, True, "4.0"),
    ],
    ids=str,
)
def test_these_are_questions(event: dict[str, Any], is_addressed: bool, thread_ts: str) -> None:  # noqa: FBT001  a column
    """A mention, a DM, or perhaps a follow-up; the reply belongs to the thread."""
    found = arrival(a_body(**event), US)

    assert isinstance(found, Asked)
    assert (found.is_addressed, found.thread_ts, found.ts) == (is_addressed, thread_ts, "5.000001")
    assert "UBOT" not in found.text


@pytest.mark.parametrize(
    "event",
    [
        {"channel_type": "channel"},
        {"channel_type": "mpim"},
        {"channel_type": "channel", "thread_ts": "4.0", "text": "<@U2> look"},
        {"channel_type": "im", "bot_id": "B9"},
        {"channel_type": "im", "user": "UBOT"},
        {"channel_type": "im", "user": "USLACKBOT"},
        {"channel_type": "im", "user": None},
        {"channel_type": "im", "subtype": "channel_join"},
        {"channel_type": "im", "subtype": "bot_message"},
        {"channel_type": "im", "subtype": "message_replied"},
        {"type": "reaction_added"},
        {"type": None},
        {"channel_type": "im", "ts": None},
        {"channel_type": "im", "ts": 5},
        {"channel_type": "im", "text": ["hm?"]},
        {"channel_type": "im", "channel": None},
    ],
    ids=str,
)
def test_these_are_none_of_our_business(event: dict[str, Any]) -> None:
    """People among themselves, bots, notices of Slack, and what is malformed."""
    assert arrival(a_body(**event), US) is None


def test_an_event_without_an_event_is_harmless() -> None:
    """It is acknowledged and dropped, not an error at every redelivery."""
    assert arrival({"type": "event_callback", "event_id": "Ev1"}, US) is None
    assert arrival({"type": "event_callback", "event": {"type": "message"}}, US) is None


def a_change(**message: Any) -> dict[str, Any]:
    """The envelope of an edit."""
    usual = {"ts": "4.0", "user": "U1", "text": "<@UBOT> nights off?"}
    changed = {"subtype": "message_changed", "hidden": True, "user": None, "text": None}
    return a_body(**changed, message=usual | message)


def test_an_edit_names_the_message_and_its_new_text() -> None:
    """Not the time of the edit, and without the mention."""
    assert arrival(a_change(), US) == Reworded("T1", "C1", "4.0", "nights off?")


def test_a_deletion_has_no_text() -> None:
    """Also where replies keep a tombstone in its place."""
    gone = Reworded("T1", "C1", "4.0", None)

    assert arrival(a_change(subtype="tombstone", user="USLACKBOT"), US) == gone
    deleted = {"subtype": "message_deleted", "deleted_ts": "4.0", "user": None, "text": None}
    assert arrival(a_body(**deleted), US) == gone


def test_our_own_updates_are_no_edits() -> None:
    """Each `chat.update` comes back as an event."""
    assert arrival(a_change(user="UBOT"), US) is None
    assert arrival(a_change(bot_id="BBOT"), US) is None


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("<@UBOT> days off?", "days off?"),
        ("hi <@UBOT|housevoice>, days off?", "hi  , days off?"),
        ("see <https://x.example/a|the page> &amp; <#C1|help>", "see the page & help"),
        ("is 3 &lt; 4 in <https://x.example>?", "is 3 < 4 in https://x.example?"),
        ("&lt;@UBOT&gt;", "<@UBOT>"),
        ("nul\0 and \ud800 surrogate", "nul and  surrogate"),
        ("   ", ""),
    ],
)
def test_markup_is_read_as_what_was_typed(typed: str, read: str) -> None:
    """Entities, links and channel names as people see them; nothing a database refuses."""
    assert plain(typed, US) == read


def test_too_long_stays_visible() -> None:
    """One character over the limit is kept, so that the person can be told."""
    assert len(plain("a" * 50_000, US)) == LONGEST_QUESTION + 1
    assert len(plain("<@UBOT> " + "a" * LONGEST_QUESTION, US)) == LONGEST_QUESTION
