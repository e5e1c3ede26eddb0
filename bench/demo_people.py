"""What five people of the sample company ask in the demo, and what they think of the answers.

Each correction is what a sentence of the company's own documents says, for nobody can teach the
voice another fact. Knows neither the page nor the bot.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.workspace.seed import (
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_FINANCE,
    SEED_HR,
    SEED_MANAGER,
)

PEOPLE = (SEED_EMPLOYEE, SEED_HR, SEED_FINANCE, SEED_ENGINEER, SEED_MANAGER)
TONE, LENGTH, WRONG = "The tone is off", "It is too long", "It is wrong"
MISSING = "A document is missing or does not fit"
"""Reasons, as the form words them."""

_VOTERS = 3  # as many as must be behind an example


@dataclass(frozen=True, slots=True)
class Wish:
    """A question, and the answer that people would like to have.

    Attributes:
        fact: What a right answer holds.
    """

    question: str
    fact: str
    better: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person thinks of one answer; without a reason it is a thumb up."""

    user: str
    why: str = ""
    better: str = ""


WISHES = (
    Wish(
        "How many days of annual leave do I get if I work full time?",
        "27 days",
        "You get 27 days of annual leave in a calendar year as a full-time employee, beside"
        " public holidays.",
    ),
    Wish(
        "How much leftover holiday may I take into the next year?",
        "5 days",
        "Yes, you may carry over 5 days into the next year.",
    ),
    Wish(
        "How many days a week can I work from home?",
        "3 days",
        "You may work from home up to 3 days a week as office staff.",
    ),
    Wish(
        "What are our core hours?",
        "10:00 to 15:00",
        "Our core hours are 10:00 to 15:00, wherever you are.",
    ),
    Wish(
        "By when must I book a desk for tomorrow?",
        "18:00",
        "Please book your desk in Roost by 18:00 the day before.",
    ),
    Wish(
        "I am sick: by what time do I tell my manager?",
        "09:30",
        "Please tell your manager before 09:30, by phone or message.",
    ),
    Wish(
        "From which day of illness is a certificate needed?",
        "fourth",
        "You need a certificate from the fourth calendar day of illness on.",
    ),
    Wish(
        "When does the salary arrive each month?",
        "26th",
        "Your salary reaches your account on the 26th of each month.",
    ),
    Wish(
        "In which month is the 13th salary paid?",
        "November",
        "Your 13th salary is paid with the November salary.",
    ),
    Wish(
        "How long is the probation period?",
        "6 months",
        "Your probation lasts 6 months.",
    ),
    Wish(
        "By what day must a new joiner finish the mandatory courses?",
        "day 30",
        "Please finish the mandatory courses by day 30.",
    ),
    Wish(
        "I lost a receipt, which form is it?",
        "F-12",
        "You need form F-12 for a receipt that is lost for good.",
    ),
    Wish(
        "How heavy may a pallet from a supplier be?",
        "800 kg",
        "Our pallets may be 1.80 m high and weigh 800 kg.",
    ),
    Wish(
        "Until what time are deliveries taken on a Friday at the Works?",
        "11:30",
        "We take deliveries at Ramp 1 of the Works on Fridays until 11:30.",
    ),
    Wish(
        "From when does the canteen serve lunch?",
        "11:15",
        "We serve lunch in the canteen of the Works from 11:15 to 13:45 for EUR 5.80.",
    ),
)

UNANSWERED = "Which dentist does the company recommend?"
"""No document says."""


def asker(number: int) -> str:
    """Say who asks a question: they take turns."""
    return PEOPLE[number % len(PEOPLE)]


def opinions(number: int, wish: Wish, kind: str, text: str) -> Iterator[Opinion]:
    """Yield what others than the asker think of an answer.

    Every second answer that holds the fact in the bot's own words is liked; the others are
    disliked for their form or for being wrong, and corrected by the first who votes.
    """
    voters = [asker(number + step) for step in range(1, _VOTERS + 1)]
    is_right = wish.fact in text
    if kind == "spoken" and is_right and number % 2 == 0:
        yield from map(Opinion, voters)
        return
    first, *others = voters
    yield Opinion(first, TONE if is_right else WRONG, wish.better)
    yield from (Opinion(one, LENGTH if kind == "quoted" else TONE) for one in others)
