"""What a reply looks like, and how text is made inert; hostile text has a file of its own."""

from typing import Any

import pytest

from bot.blocks import (
    Post,
    plain_post,
    reply_post,
    thanks_post,
    working_post,
)
from bot.conversation import Outcome, Reply, Sentence, Source
from bot.inert import cut, inert, safe_url

VPN = Source(1, "VPN guide", "https://kb.example.test/vpn", "kb:vpn.md", "Ana Ruiz", "2026-03-02")
WIFI = Source(2, "Guest Wi-Fi", "https://kb.example.test/wifi#guests", "kb:wifi.md")
LINK_1 = {"type": "link", "url": VPN.url, "text": "[1]"}
LINK_2 = {"type": "link", "url": WIFI.url, "text": "[2]"}


def an_answer(*sentences: Sentence, quotes: tuple[Sentence, ...] = ()) -> Reply:
    """Build a reply from two sources."""
    return Reply(Outcome.ANSWERED, sentences, quotes, (VPN, WIFI))


def text(words: str) -> dict[str, Any]:
    """Build a text element."""
    return {"type": "text", "text": words}


def block(post: Post, kind: str, n: int = 0) -> dict[str, Any]:
    """Return the nth block of a type."""
    return [one for one in post.blocks if one["type"] == kind][n]


def test_each_sentence_is_followed_by_links_to_its_sources() -> None:
    """Text is literal; the number links to the document."""
    post = reply_post(an_answer(Sentence("Restart it.", (1, 2)), Sentence("Call Bo.", (2,))), "a1")

    [section] = block(post, "rich_text")["elements"]
    space = text(" ")
    assert section["elements"] == [
        *(text("Restart it."), space, LINK_1, space, LINK_2),
        *(space, text("Call Bo."), space, LINK_2),
    ]


def test_the_version_that_spoke_stands_below_its_words() -> None:
    """Below a quotation or a refusal it does not: nobody spoke."""
    spoken = reply_post(an_answer(Sentence("Restart it.", (1,))), "a1", "default-7f41")
    quoted = Reply(Outcome.QUOTED, (), (Sentence("Use port 443.", (1,)),), (VPN,))

    [label] = block(spoken, "context")["elements"]
    assert label["text"] == "AI-generated answer: check the sources. Voice: default-7f41."
    [label] = block(reply_post(quoted, "a1", "default-7f41"), "context")["elements"]
    assert "default-7f41" not in label["text"]


def test_quotes_stand_as_quotations() -> None:
    """What is verbatim looks verbatim, and is cited."""
    post = reply_post(an_answer(quotes=(Sentence("Use port 443.", (1,)),)), "a1")

    [quote] = block(post, "rich_text")["elements"]
    assert quote["type"] == "rich_text_quote"
    assert quote["elements"] == [text("Use port 443."), text(" "), LINK_1]


def test_the_sources_are_listed_below_with_owner_and_date() -> None:
    """Number, linked title, who keeps it and since when it stands."""
    post = reply_post(an_answer(Sentence("Restart it.", (1,))), "a1")

    heading, first, second = (one["elements"] for one in block(post, "rich_text", 1)["elements"])
    assert heading == [text("Sources") | {"style": {"bold": True}}]
    title = {"type": "link", "url": VPN.url, "text": "VPN guide"}
    assert first == [text("[1] "), title, text(" · Ana Ruiz · 2026-03-02")]
    assert second == [text("[2] "), {"type": "link", "url": WIFI.url, "text": "Guest Wi-Fi"}]


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED])
def test_what_was_said_can_be_voted_on(outcome: Outcome) -> None:
    """The buttons are Slack's own and carry the opaque id, nothing else."""
    post = reply_post(Reply(outcome, (Sentence("So it is."),)), "a1")

    assert block(post, "context_actions") == {
        "type": "context_actions",
        "block_id": "fb_a1",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "answer_feedback",
                "positive_button": {
                    "text": {"type": "plain_text", "text": "Good answer"},
                    "accessibility_label": "Mark as good",
                    "value": "v1:a1:up",
                },
                "negative_button": {
                    "text": {"type": "plain_text", "text": "Bad answer"},
                    "accessibility_label": "Mark as bad",
                    "value": "v1:a1:down",
                },
            }
        ],
    }


@pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.FAILED])
def test_a_failure_cannot_be_voted_on(outcome: Outcome) -> None:
    """There is no answer to judge."""
    post = reply_post(Reply(outcome, (Sentence("Please ask again."),)), "a1")

    assert {one["type"] for one in post.blocks} == {"rich_text", "context"}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_reply_says_that_it_is_automatic(outcome: Outcome) -> None:
    """People are told that they read the words of a machine."""
    sourced = reply_post(Reply(outcome, (Sentence("Yes.", (1,)),), sources=(VPN,)), "a1")
    bare = reply_post(Reply(outcome, (Sentence("No."),)), "a1")

    assert "AI" in str(block(sourced, "context"))
    assert "AI assistant" in str(block(bare, "context"))
    assert "AI assistant" in str(block(plain_post("Something went wrong."), "context"))


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        (Outcome.ANSWERED, "AI-generated answer: check the sources."),
        (Outcome.QUOTED, "Quotations found by an AI assistant: check the sources."),
    ],
)
def test_quotations_are_not_called_generated(outcome: Outcome, label: str) -> None:
    """What is verbatim from a document was found by a machine, not written by one."""
    quote = Sentence("Use port 443.", (1,))
    post = reply_post(Reply(outcome, (), (quote,), (VPN,)), "a1")

    assert block(post, "context")["elements"] == [{"type": "plain_text", "text": label}]


def test_what_is_ours_to_say_is_said() -> None:
    """An error or a report keeps its words."""
    assert (
        text("Ask again in 5 minutes.")
        in (block(plain_post("Ask again in 5 minutes."), "rich_text")["elements"][0]["elements"])
    )


def test_the_notification_says_nothing_of_the_sources() -> None:
    """Fixed words: a phone's lock screen is a place of its own."""
    replies = [an_answer(Sentence(one, (1,))) for one in ("The pool is 4 M.", "The pool is 5 M.")]

    one, other = (reply_post(reply, "a1").text for reply in replies)
    assert one == other
    assert "pool" not in one


def test_a_new_message_unfurls_nothing_and_an_update_has_no_such_flags() -> None:
    """``chat.update`` would refuse them; without ids it leaves the metadata alone."""
    post = working_post("q1")
    metadata = {"event_type": "housevoice_answer", "event_payload": {"question_id": "q1"}}

    assert post.as_update() == {
        "text": post.text,
        "blocks": list(post.blocks),
        "metadata": metadata,
    }
    assert post.as_post() == post.as_update() | {"unfurl_links": False, "unfurl_media": False}
    assert "metadata" not in thanks_post().as_update()


@pytest.mark.parametrize("post", [working_post("q1"), plain_post("Hello."), thanks_post()])
def test_every_message_begins_with_rich_text(post: Post) -> None:
    """Rich text only ever replaces rich text."""
    assert post.blocks[0]["type"] == "rich_text"


def test_an_updated_message_has_new_block_ids() -> None:
    """Slack asks for new ones whenever blocks change."""
    ids = [str(one.get("block_id")) for one in reply_post(an_answer(), "a1").blocks]

    assert all("block_id" not in one for one in working_post("q1").blocks)
    assert len(ids) == len(set(ids))


def test_a_citation_of_nothing_is_left_out() -> None:
    """A number that stands in no table links nowhere."""
    post = reply_post(an_answer(Sentence("Restart it.", (7, 1, 1))), "a1")

    [section] = block(post, "rich_text")["elements"]
    assert section["elements"] == [text("Restart it."), text(" "), LINK_1]


def test_a_reply_of_nothing_still_says_something() -> None:
    """Slack refuses an empty rich text, and a person deserves a word."""
    post = reply_post(Reply(Outcome.ANSWERED, (Sentence("https://evil.test/x"),)), "a1")

    assert "nothing" in str(block(post, "rich_text"))


def test_a_long_reply_is_cut_at_a_word() -> None:
    """Never refused by Slack: about 9,500 characters at most, the sources always among them."""
    words = Sentence("wording " * 400, (1,))
    post = reply_post(an_answer(*[words] * 20, quotes=(words,) * 20), "a1")

    said = [one["text"] for one in block(post, "rich_text")["elements"][0]["elements"]]
    assert said[0].endswith("wording…")
    assert block(post, "rich_text", 1)["elements"][1]["elements"][1]["url"] == VPN.url
    assert 8_000 < len(str(post.blocks)) < 14_000


def test_at_most_five_sources_are_listed() -> None:
    """The list helps as long as it is short."""
    sources = tuple(
        Source(n, f"Page {n}", f"https://kb.example.test/{n}", f"kb:{n}") for n in range(1, 9)
    )
    post = reply_post(Reply(Outcome.ANSWERED, (Sentence("Yes.", (8,)),), sources=sources), "a1")

    assert len(block(post, "rich_text", 1)["elements"]) == 6
    assert block(post, "rich_text")["elements"][0]["elements"][2]["url"] == sources[7].url


@pytest.mark.parametrize(
    "url",
    [
        *("", "javascript:alert(1)", "data:text/html,x", "ftp://kb.test/x", "//kb.test/x", "kb"),
        *("https://ana:pw@kb.test/", "https://kb.test@evil.test/", "https://kb.test\\@evil.test/"),
        *("https://kb.test/a b", "https://kb.test/\u202ex", "https://kb.test/\x00", "https://"),
        *("https://\u0430pple.test/", "https://kb\u3002test/", "https://kb.test:99999/"),
        *(
            "https://kb.test:0/",
            "https://kb.test:x/",
            "https://-kb.test/",
            "https://kb.test/<x>",
            "https://[::1",
            "/x",
        ),
        "https://kb.test/" + "x" * 1_000,
    ],
)
def test_a_bad_address_is_shown_as_plain_text(url: str) -> None:
    """Only http(s), a host that IDNA leaves alone, no credentials, no hidden characters."""
    bad = Source(1, "VPN guide", url, "kb:vpn.md")
    post = reply_post(Reply(Outcome.ANSWERED, (Sentence("Yes.", (1,)),), sources=(bad,)), "a1")

    assert "'link'" not in str(post.blocks)
    assert text("VPN guide") in block(post, "rich_text", 1)["elements"][1]["elements"]


@pytest.mark.parametrize(
    "url",
    [
        *("https://kb.test/a?b=c#d", "http://127.0.0.1:8080/doc/1", "http://localhost/x"),
        *("https://xn--bcher-kva.test/", "https://KB.test/a_(b)", "https://kb.test/%C3%BC"),
    ],
)
def test_a_good_address_is_linked_as_it_is(url: str) -> None:
    """Not a character of it is changed."""
    assert safe_url(url) == url


@pytest.mark.parametrize(
    "plain",
    [
        "Call +44 20 7946 0000 or write to it-help@acme.co.uk.",
        "It costs $1,200.50, i.e. 3.5 % more (and/or less) than v1.2.3.",
        "Open Settings > Network, choose node.js, run setup.py; see README.md.",
        "If x < 5 and y > 3, use <b> or a: b.",
        "Mañana, 10:30/11:30 a.m. \u2013 “quoted” text… 日本語 ✓",
        "Use the C:\\Temp folder and ~/docs/x.",
    ],
)
def test_plain_text_stays_as_it_is(plain: str) -> None:
    """Prices, times, versions, paths and e-mail addresses are what answers are made of."""
    assert inert(plain) == plain


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("See https://evil.test/x for more.", "See for more."),
        ("See [the page](https://evil.test/?q=1) now", "See the page now"),
        ("![](https://evil.test/pixel.png) hello", "hello"),
        ("<https://evil.test|VPN guide> says", "VPN guide says"),
        ("<!channel> read <@U123> this <#C1|x>", "read this"),
        ("@channel @here you", "channel here you"),
        ("<!subteam^S1|@team> <@U1|ana> <!date^1^{date}|soon> there", "there"),
        ("go to evil.test/x?q=1 now", "go to now"),
        ("go to evil.com now", "go to evil[.]com now"),
        ("go to www.evil.test now", "go to now"),
        ("e\u0301", "\u00e9"),
        ("a\u200bb\u202ec\u00add\ud800e\x07f\ufe0f\U000e0041", "abcdef"),
        ("one\n\n> two\tthree", "one > two three"),
        ("<<!channel>!channel>", "< !channel>"),
        ("[<](x)!here>", ""),
        ("htt\u200bps://evil.test", ""),
        ("mailto:a@evil.test javascript:alert(1)", ""),
        ("a@@evil.com", "a evil[.]com"),
    ],
)
def test_text_loses_its_teeth(hostile: str, harmless: str) -> None:
    """It cannot ping, link, hide or reorder, and what it says stays readable."""
    assert inert(hostile) == harmless


@pytest.mark.parametrize(
    ("words", "limit", "expected"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("onetwothree", 5, "onet…"),
        ("one", 1, "…"),
    ],
)
def test_too_long_is_cut_at_a_word(words: str, limit: int, expected: str) -> None:
    """With an ellipsis, and never longer than the limit."""
    assert cut(words, limit) == expected
