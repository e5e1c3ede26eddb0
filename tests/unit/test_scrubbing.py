"""A planted corpus: secrets rule a row out, personal data becomes placeholders, prose stays."""

import pytest

from adapters.names import Names, ordinary_words
from adapters.scrubbing import Scrubber, rules_sha256
from adapters.secrets import known_secret, phones, rules

PEOPLE = (
    *("Ana Silva", "Bo Lindgren", "Mark Twain", "Lena Twain", "ana.silva", "Jo"),
    *(
        "\u738b\u82b3",
        "Jos\u00e9 N\u00fa\u00f1ez",
        "Li Na",
        "Jane HR",
        "\u041b\u0438 \u0418\u043d\u043d\u0430",
    ),
)
SCRUBBER = Scrubber(Names(PEOPLE), known_secret, lambda text: phones(text, ("US", "DE")))


@pytest.mark.parametrize(
    "text",
    [
        "The key is AKIAIOSFODNN7EXAMPLE for now.",
        "Use xoxb-" + "123456789012-1234567890123-abcdefghijklmnopqrstuvwx here.",
        "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
        "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "Send eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N along.",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "Open https://bob:hunter2@intra.example/x first.",
        'password = "swordfish"',
        "The password is Tr0ub4dor&3, do not tell.",
        "The password for the guest wifi is correcthorse.",
        "Our wifi password is: sunshine42",
        "The vault code 483 291 770 opens it.",
        "The door code is 4711.",
        "My PIN is 0815.",
        "The token is 'abcdef'.",
        "Commit 3f786850e387550fdab836ed7e6dc881de23001b broke it.",
        "Take Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFC as the header.",
        "password=hunter2",
        "Password: Welcome1",
        "Wifi password: Welcome!",
        "The passcode: Sommer7",
        "The token: abc1",
        "db_password=hunter22",
        "client_secret: abcd1234",
        "The password is Welcome1 for guests.",
        "Wifi password: Sommer",
        "The password for the wifi: bluebird",
        "The key is AKIAIOSFODNN7EXAMPLE # pragma: allowlist secret",
    ],
)
def test_a_secret_rules_the_row_out(text: str) -> None:
    """Whatever kind it is of, and in whichever text of the row it stands."""
    scrubbed = SCRUBBER.scrub(["You get 30 days.", text])

    assert scrubbed.secret
    assert scrubbed.texts == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Write to it-help@acme.example.", "Write to <EMAIL_1>."),
        ("Ask <mailto:a@b.example|a@b.example>, please.", "Ask <EMAIL_1>, please."),
        ("Ask <@U0ANA123> or <@W0BO|bo>.", "Ask <PERSON_1> or <PERSON_2>."),
        ("Call +49 30 901820 now.", "Call <PHONE_1> now."),
        ("Call 030 901820 or 212-555-0123.", "Call <PHONE_1> or <PHONE_2>."),
        ("Pay to DE89 3704 0044 0532 0130 00.", "Pay to <IBAN_1>."),
        ("Card 4111 1111 1111 1111 works.", "Card <CARD_1> works."),
        ("The printer is at 10.20.30.40.", "The printer is at <IP_1>."),
        ("Try fe80::1ff:fe23:4567:890a.", "Try <IP_1>."),
        ("Ask Ana Silva or BO LINDGREN.", "Ask <PERSON_1> or <PERSON_2>."),
        ("Ana's desk, near @ana.silva.", "<PERSON_1>'s desk, near <PERSON_1>."),
        ("_Ana Silva_ said *Ana*.", "_<PERSON_1>_ said *<PERSON_1>*."),
        ("Ana-Silva, a Silva-led team.", "<PERSON_1>, a <PERSON_1>-led team."),
        ("Ask Jose\u0301 Nu\u0301n\u0303ez.", "Ask <PERSON_1>."),
        ("Ask Bo, Jo or Li Na.", "Ask <PERSON_1>, <PERSON_2> or <PERSON_3>."),
        ("\u8bf7\u95ee\u738b\u82b3\u5427", "\u8bf7\u95ee<PERSON_1>\u5427"),
        ("Ask \u041b\u0438.", "Ask <PERSON_1>."),
        ("Ask U0ANA123 or <@U0ANA123|ana>.", "Ask <PERSON_1> or <PERSON_1>."),
        ("See <#C0PRIV|layoffs-2027>, <!subteam^S12|@hr>.", "See <CHANNEL_1>, <GROUP_1>."),
        (
            "See C0PRIVATE1 or https://x.slack.com/archives/C0P/p1.",
            "See <CHANNEL_1> or <CHANNEL_2>",
        ),
        ("Ask Twain; Mark knows Lena.", "Ask <PERSON_1>; <PERSON_2> knows <PERSON_3>."),
    ],
)
def test_personal_data_becomes_a_placeholder(text: str, shown: str) -> None:
    """Addresses, numbers and names, told apart and numbered in the order they come."""
    assert SCRUBBER.scrub([text]).texts == (shown,)


@pytest.mark.parametrize(
    "text",
    [
        "You get 25 days of leave from 2026-11-21, or 1,200 euros.",
        "Report a lost badge to the front desk, extension 4410.",
        "All projects build with Foundry 7.2; it starts at 10:30:00.",
        "Please mark the form, and jot down a jo.",
        "HR pays in CHF, and customers wait for CUSTOMERS.",
        "Your password is needed for the portal.",
        "The password must have 12 characters, and is reset every year.",
        "The wifi code is on the door.",
        "The dress code is casual.",
        "Book it at https://intra.example/handbook/parental-leave-policy-in-detail.",
        "Invoice 2026-000123 is due in 30 days.",
        "Card 4111 1111 1111 1112 is no card, and DE88 3704 0044 0532 0130 00 no account.",
    ],
)
def test_prose_stays_as_it_is(text: str) -> None:
    """Dates, money, versions, links and ordinary words are facts to keep."""
    scrubbed = SCRUBBER.scrub([text])

    assert (scrubbed.secret, scrubbed.texts) == ("", (text,))


def test_one_person_has_one_placeholder_throughout_a_row() -> None:
    """In full, by a part and in another case, in prompt and answer; rows share nothing."""
    scrubbed = SCRUBBER.scrub(["Who is Ana Silva?", "ana silva leads; ask Silva, or Bo."])

    assert scrubbed.texts == (
        "Who is <PERSON_1>?",
        "<PERSON_1> leads; ask <PERSON_1>, or <PERSON_2>.",
    )
    assert SCRUBBER.scrub(["Ask Lindgren."]).texts == ("Ask <PERSON_1>.",)
    assert scrubbed.hits == {"PERSON": 2}


def test_the_same_address_is_counted_once() -> None:
    """Hits are different things, so that a signature does not look like a flood."""
    scrubbed = SCRUBBER.scrub(["a@b.example, A@B.example", "c@d.example"])

    assert scrubbed.texts == ("<EMAIL_1>, <EMAIL_1>", "<EMAIL_2>")
    assert scrubbed.hits == {"EMAIL": 2}


def test_many_names_cost_little() -> None:
    """Ten thousand people are looked up word by word, not tried one by one."""
    names = Names(f"Person{n} Family{n}" for n in range(10_000))
    text = "Ask Person77 Family77 about leave. " * 100

    assert len(list(names.found(text))) == 100


def test_a_name_for_display_rewrites_no_words_of_the_house() -> None:
    """What nobody typed stays, and so do ordinary words, wherever they are no name."""
    ours = "If you keep it short, please answer with text, Frank."
    names = Names(
        ["Frank Keep", "Please Answer Text", "It Will"], {"it", "will"}, ordinary_words([ours])
    )
    scrubber = Scrubber(
        names, lambda _: "secret" if _ == ours else "", lambda _: [], frozenset([ours])
    )

    assert scrubber.scrub([ours, "Keep the answer. It will do."]).texts == (
        ours,
        "Keep the answer. It will do.",
    )
    assert scrubber.scrub(["Ask Keep, or Frank."]).texts == ("Ask <PERSON_1>, or <PERSON_1>.",)


def test_a_placeholder_is_no_name() -> None:
    """Somebody may be called like one."""
    scrubber = Scrubber(Names(["Person Email"]), lambda _: "", lambda _: [])

    assert scrubber.scrub(["Write to a@b.example."]).texts == ("Write to <EMAIL_1>.",)


def test_without_names_nobody_is_named() -> None:
    """An empty list is no pattern that matches everything."""
    assert list(Names(()).found("Ask Ana Silva.")) == []


def test_the_rules_have_a_name() -> None:
    """It is stable within a version, for the manifest."""
    assert rules_sha256() == rules_sha256()
    assert len(rules_sha256()) == 64
    assert len({rules_sha256(), rules_sha256(rules(["US"])), rules_sha256(rules(["DE"]))}) == 3
