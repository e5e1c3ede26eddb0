"""Exchanges to rows: the columns, what goes where, and that nothing is lost unsaid."""

from dataclasses import replace

from exchanged import ACCEPTED, an_exchange, as_it_is, disliked, edited, liked, votes

from adapters.datasets import DataSet, build
from adapters.exchanges import Edit, Exchange
from adapters.names import Names
from adapters.rows import Row
from adapters.scrubbing import Scrubber
from adapters.selection import Drop, Policy
from adapters.splitting import Part, part_of

POLICY = Policy(least=1_000)
TRAIN, OTHER = [n for n in range(100) if part_of(f"a{n:04d}", POLICY.seed) is Part.TRAIN][:2]
MEASURED = next(n for n in range(OTHER, 200) if part_of(f"a{n:04d}", 13) is Part.EVALUATION)


def built(*exchanges: Exchange, policy: Policy = POLICY) -> DataSet:
    """Build without scrubbing."""
    return build(exchanges, policy, as_it_is)


def rows_of(data_set: DataSet) -> list[Row]:
    """Every row of every file."""
    return [row for rows in data_set.files.values() for row in rows]


def test_a_liked_answer_makes_a_row_to_learn_and_one_to_prefer() -> None:
    """In TRL's columns, with the prompt as it was served."""
    exchange = liked(TRAIN)
    files = built(exchange, disliked(OTHER)).files

    (sft,), (kto,) = files["sft/train"], [row for row in files["kto/train"] if row["label"]]
    assert sft["prompt"] == list(exchange.messages)
    assert sft["completion"] == [{"role": "assistant", "content": exchange.text}]
    assert (sft["origin"], sft["domain"]) == ("upvoted", "default")
    assert kto == {**sft, "label": True}
    assert files["dpo/train"] == []


def test_a_correction_makes_a_row_to_learn_and_a_pair() -> None:
    """What was approved is chosen, what the model had written is rejected."""
    exchange = edited(TRAIN)
    data_set = built(exchange)

    (sft,), (dpo,) = data_set.files["sft/train"], data_set.files["dpo/train"]
    assert sft["completion"] == dpo["chosen"]
    assert dpo["chosen"] == [{"role": "assistant", "content": exchange.edits[0].text}]
    assert dpo["rejected"] == [{"role": "assistant", "content": exchange.text}]
    assert data_set.files["kto/train"] == []


def test_a_disliked_answer_is_only_preferred_against() -> None:
    """Nothing that people dislike is taught."""
    files = built(liked(TRAIN), disliked(OTHER)).files

    assert [row["label"] for row in files["kto/train"]] == [True, False]
    assert len(files["sft/train"]) == 1


def test_one_sided_labels_teach_no_preference() -> None:
    """With nothing to hold against it, there is no row for KTO; the rest stays."""
    data_set = built(*(liked(n, [f"A{n}", f"B{n}", f"C{n}"]) for n in range(60)))

    assert data_set.files["kto/train"] == data_set.files["kto/validation"] == []
    assert data_set.n_unbalanced == sum(
        len(data_set.files[f"sft/{part}"]) for part in ("train", "validation")
    )


def test_a_pair_holds_against_people_only_what_they_saw() -> None:
    """Where something else was posted, the correction is taught without a rejected text."""
    files = built(edited(TRAIN, is_as_written=False)).files

    assert len(files["sft/train"]) == 1
    assert files["dpo/train"] == []


def test_only_what_is_used_counts_as_replaced() -> None:
    """A row that is left out later leaves no figure behind."""
    same = {"question": "How many days?", "text": "Ana Silva gives you 30 days of leave."}
    scrub = Scrubber(Names(["Ana Silva"]), lambda _: "", lambda _: []).scrub
    data_set = build([liked(1, **same), liked(2, people="DEF", **same)], POLICY, scrub)

    assert (data_set.n_out, data_set.hits) == (1, {"PERSON": 1})


def test_what_was_measured_never_comes_back_as_something_else() -> None:
    """A correction of an answer that was held out, joined to an older question, is not taught."""
    first = liked(MEASURED, asker="T1/X")
    before = built(first)
    assert before.files["evaluation"]
    older = liked(TRAIN, people="DEF", asker="T1/X")
    again = edited(MEASURED, asker="T1/X", question=first.question, text=first.text)

    later = build([older, again], POLICY, as_it_is, before.held_out)

    assert rows_of(later) == []
    assert later.dropped[Drop.HELD_OUT_BEFORE] == 2
    assert set(later.held_out) == set(before.held_out)


def test_what_joins_two_groups_need_not_be_fit() -> None:
    """An answer that may not be used still holds its asker's questions together."""
    link = liked(TRAIN, asker="T1/X", thread="T1/C1/t", reviews=())
    joined = liked(MEASURED, people="DEF", asker="T1/Y", thread="T1/C1/t")

    assert [name for name, rows in built(joined).files.items() if rows] == ["evaluation"]
    assert [name for name, rows in built(link, joined).files.items() if rows] == ["sft/train"]


def test_forgotten_answers_are_not_alike() -> None:
    """Without texts they say nothing, so that they join nothing."""
    older, newer = (liked(n, question="", text="", reviews=()) for n in (TRAIN, MEASURED))
    said = liked(OTHER, people="DEF", asker=newer.asker)

    (alone,), (beside,) = rows_of(built(said)), rows_of(built(older, said, newer))
    assert alone["group"] == beside["group"]


def test_what_comes_in_goes_out_or_is_counted() -> None:
    """Of everything that could have become an example, the reason is there."""
    proposed = replace(edited(4).edits[0], review=None)
    data_set = built(
        liked(1),
        liked(2, people="AB"),
        an_exchange(3, ballots=votes("up", "ABC")),
        edited(4, edits=(proposed,)),
        liked(5, is_readable=False),
    )

    assert data_set.n_in == 6
    assert data_set.n_out == 1
    assert data_set.dropped == {
        Drop.TOO_FEW_PEOPLE: 2,  # the complaints beside the correction give no reason
        Drop.NOT_REVIEWED: 2,
        Drop.NOT_READABLE: 1,
    }


def test_a_row_with_a_secret_is_dropped_and_a_name_is_replaced() -> None:
    """In prompt, answer and rejected answer alike, with one placeholder for one person."""
    scrub = Scrubber(Names(["Ana Silva"]), lambda _: "", lambda _: []).scrub
    leaky = liked(TRAIN, text="The password is Tr0ub4dor&3 now.")
    named = edited(TRAIN + 200, text="Silva knows.", answer_id=f"a{TRAIN:04d}")
    named = replace(named, edits=(replace(named.edits[0], text="Ask Ana Silva."),))

    data_set = build([leaky, named], POLICY, scrub)

    (dpo,) = data_set.files["dpo/train"]
    assert dpo["chosen"][0]["content"] == "Ask <PERSON_1>."
    assert dpo["rejected"][0]["content"] == "<PERSON_1> knows."
    assert data_set.dropped[Drop.SECRET] == 1
    assert data_set.hits == {"PERSON": 1}


def test_of_near_duplicates_one_is_kept() -> None:
    """What was edited before what was liked, then the older one."""
    same = {"question": "How many days of leave do I get?", "text": "You get 30 days of leave."}
    first, second = liked(1, **same), liked(2, people="DEF", **same)
    better = edited(3, question=same["question"])
    better = replace(better, edits=(Edit("T1/A", same["text"], ACCEPTED, is_supported=True),))

    assert [row["origin"] for row in rows_of(built(first, second))] in (
        ["upvoted"] * 2,
        ["upvoted"],  # if it is held out
    )
    assert built(second, first).dropped == {Drop.DUPLICATE: 1}
    assert {row["origin"] for row in rows_of(built(first, second, better))} == {"edited"}


def test_what_hangs_together_is_on_one_side() -> None:
    """No thread, asker or near-duplicate is in two parts, over many exchanges."""
    exchanges = [
        liked(n, [f"A{n}", f"B{n}", f"C{n}"], asker=f"T1/{n % 37}", thread=f"T1/C1/{n % 53}")
        for n in range(120)
    ]
    data_set = built(*exchanges)
    sides = dict[str, set[str]]()
    for name, rows in data_set.files.items():
        for row in rows:
            sides.setdefault(row["group"], set()).add(name.partition("/")[2])

    assert rows_of(data_set)
    assert all(len(found) == 1 for found in sides.values())
    alone = [liked(n, [f"A{n}", f"B{n}", f"C{n}"]) for n in range(120)]
    parts = {name for name, rows in built(*alone).files.items() if rows}
    assert {"sft/train", "sft/validation", "evaluation"} <= parts


def test_what_is_for_measuring_is_nowhere_else() -> None:
    """Both labels are in it, and none of its rows in a file to train on."""
    each = [f"P{n}" for n in range(3)]
    exchanges = [(disliked if n % 2 else liked)(n, each) for n in range(150)]
    files = built(*exchanges).files
    measured = {row["row_id"] for row in files["evaluation"]}
    trained = {row["row_id"] for name, rows in files.items() for row in rows if "train" in name}

    assert {row["label"] for row in files["evaluation"]} == {True, False}
    assert not measured & trained


def test_a_row_that_was_held_out_is_never_trained_on() -> None:
    """Not even when a newer one joins its group to one that is for training."""
    exchange = liked(TRAIN)
    (row,) = rows_of(built(exchange))

    again = build([exchange], POLICY, as_it_is, held_out_before=[row["row_id"], "x"])

    assert rows_of(again) == []
    assert again.dropped == {Drop.HELD_OUT_BEFORE: 1}
    assert again.held_out == tuple(sorted([row["row_id"], "x"]))


def test_labels_are_mixed_and_not_one_sided() -> None:
    """At most four liked answers for each disliked one, never a block of either."""
    many = [liked(n, [f"A{n}", f"B{n}", f"C{n}"]) for n in range(60)]
    few = [disliked(n, [f"A{n}", f"B{n}", f"C{n}"]) for n in range(60, 66)]
    data_set = built(*many, *few)

    labels = [row["label"] for row in data_set.files["kto/train"]]
    n_false = labels.count(False)
    assert n_false >= 3
    assert labels.count(True) == 4 * n_false
    assert not any(labels[at : at + 6] == [True] * 6 for at in range(len(labels)))
    assert data_set.n_unbalanced > 0
    assert len(data_set.files["sft/train"]) > labels.count(True)


def test_the_order_of_what_comes_in_does_not_matter() -> None:
    """The same exchanges give the same rows, however they are read."""
    exchanges = [
        liked(n, [f"A{n % 9}", f"B{n % 7}", f"C{n}"], asker=f"T1/{n % 11}") for n in range(60)
    ]
    few = Policy(least=3)
    one = build(exchanges, few, as_it_is)

    assert one == build(reversed(exchanges), few, as_it_is)
    assert one.dropped[Drop.TOO_MUCH_OF_ONE] > 0
    assert len(one.vote_ids) > 0
