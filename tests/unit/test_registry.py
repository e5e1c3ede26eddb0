"""The registry of adapters: nothing changed is loaded, nothing ungated speaks, nothing is lost."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from trained_adapters import NOON, all_gates, flip, opened, shipped, trained, yes

from adapters.decision_lines import Decision, canonical
from adapters.errors import AdapterRejectedError, NotPromotedError, RegistryBrokenError
from adapters.gates import GateResult
from adapters.manifests import WEIGHTS, AdapterRef
from adapters.registry import RECORD, Pointer, Registry, State

PASSED = GateResult("grounding", passed=True, value=0.97, limit=0.95, n=120)
FAILED = GateResult("win rate", passed=False, value=0.48, limit=0.5, n=200)
YES = yes()
WHOLE = all_gates()
BACK = Decision("U0CHIEF", "worse in a thread")


def pointers(root: Path) -> Any:
    """Read the pointer file as another program would."""
    return json.loads((root / "promoted.json").read_bytes())


def test_nothing_is_made_before_something_is_registered(root: Path) -> None:
    """Looking into a registry that is not there makes no folder, and the base speaks."""
    registry = opened(root)

    assert registry.state() == State(0, {})
    assert registry.state().pointer("default") == Pointer("", "")
    assert registry.versions() == []
    assert registry.decisions() == []
    assert not root.exists()


def test_a_promotion_moves_one_pointer_and_says_why(
    root: Path, registry: Registry, first: AdapterRef
) -> None:
    """The pointer file has one spelling; the decision names actor, reason, gates and makings."""
    registry.promote("default", first.version, YES)

    pointer = f'{{"current":"{first.version}","previous":""}}'
    expected = f'{{"domains":{{"default":{pointer}}},"generation":1}}'
    assert (root / "promoted.json").read_text() == expected
    (line,) = registry.decisions()
    assert (line.action, line.before, line.after, line.decision) == (
        *("promote", "", first.version),
        YES,
    )
    assert (line.at, line.base, line.dataset) == (NOON, "a" * 64, "c" * 64)
    assert sorted(path.name for path in root.iterdir()) == [
        *(".lock", "adapters", "decisions.jsonl", "promoted.json"),
    ]


def test_each_decision_is_one_generation(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """Who polls the number misses no change, and domains do not touch each other."""
    seen = [registry.generation()]
    registry.promote("default", first.version, YES)
    seen.append(registry.generation())
    registry.promote("default", second.version, YES)
    seen.append(registry.generation())
    registry.rollback("default", BACK)
    seen.append(registry.generation())
    registry.promote("people", "", Decision("U0CHIEF", "no voice of their own"))
    seen.append(registry.generation())

    assert seen == [0, 1, 2, 3, 4]
    assert registry.state().domains == {
        "default": Pointer(first.version, second.version),
        "people": Pointer("", ""),
    }
    assert [line.generation for line in registry.decisions()] == [1, 2, 3, 4]


def test_the_base_needs_no_gates(registry: Registry, first: AdapterRef) -> None:
    """Going back to the model alone is always possible."""
    registry.promote("default", first.version, YES)

    registry.promote("default", "", Decision("U0CHIEF", "quiet"))

    assert registry.state().pointer("default") == Pointer("", first.version)


INTEGRITY = GateResult("integrity", passed=False, value=0, limit=1, n=1)
CANARY = GateResult("memorisation: canaries", passed=False, value=9, limit=7.6, n=10)
ROOM = GateResult("audience", passed=False, value=1, limit=0, n=200)
AGAINST = [
    (Decision("U0CHIEF", "", ()), "12 gates were not run: audience, citation, format"),
    (Decision("U0CHIEF", "hurry", (), forced=True), "12 gates were not run"),
    (Decision("U0CHIEF", "hurry", (PASSED, PASSED), forced=True), "11 gates were not run"),
    (Decision("", "", WHOLE), "nobody decided it"),
    (yes(FAILED), "win rate failed with 0.48, limit 0.5, n 200"),
    (yes(replace(PASSED, n=0)), "grounding failed with 0.97, limit 0.95, n 0"),
    (Decision("U0CHIEF", " ", (*WHOLE, FAILED), forced=True), "force needs a reason"),
    (replace(yes(INTEGRITY), forced=True), "integrity failed"),
    (replace(yes(CANARY), forced=True), "memorisation: canaries failed"),
    (replace(yes(ROOM, FAILED), forced=True), "audience failed"),
    (replace(yes(replace(ROOM, passed=True, n=0)), forced=True), "audience failed"),
]


@pytest.mark.parametrize(("decision", "objection"), AGAINST)
def test_a_gate_is_a_veto(
    registry: Registry, first: AdapterRef, decision: Decision, objection: str
) -> None:
    """No gates, a failed one, force without a reason, and what no force overrules."""
    with pytest.raises(NotPromotedError, match=objection):
        registry.promote("default", first.version, decision)

    assert registry.state() == State(0, {})


def test_every_failed_gate_is_named(registry: Registry, first: AdapterRef) -> None:
    """Who is refused learns all that stands against it at once."""
    other = replace(FAILED, name="latency", value=1.4, limit=1.2)

    with pytest.raises(NotPromotedError) as refused:
        registry.promote("default", first.version, yes(FAILED, other))

    assert [one.split(" failed")[0] for one in refused.value.objections] == ["latency", "win rate"]


def test_force_is_written_down(registry: Registry, first: AdapterRef) -> None:
    """What was overruled stands in the log, with who did it and why, even without a figure."""
    unmeasured = GateResult("latency", passed=False, value=float("nan"), limit=float("inf"), n=0)
    forced = replace(yes(FAILED, unmeasured), reason="the fair is today", forced=True)

    registry.promote("default", first.version, forced)

    (line,) = registry.decisions()
    assert (line.decision.forced, line.decision.actor) == (True, "U0CHIEF")
    assert line.decision.reason == "the fair is today"
    failed = [gate.name for gate in line.decision.gates if not gate.passed]
    assert failed == ["latency", "win rate"]


def test_what_speaks_already_is_not_promoted(registry: Registry, first: AdapterRef) -> None:
    """Or a repeated command would make the version its own predecessor."""
    registry.promote("default", first.version, YES)

    with pytest.raises(NotPromotedError, match="it speaks already"):
        registry.promote("default", first.version, YES)

    assert registry.state() == State(1, {"default": Pointer(first.version, "")})


def test_a_version_speaks_in_its_own_domain(registry: Registry, first: AdapterRef) -> None:
    """The voice of one domain is not put into another, whose audience may be wider."""
    with pytest.raises(AdapterRejectedError):
        registry.promote("people", first.version, YES)


def test_rolling_back_twice_returns(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """The version before is one step; twice, and one is where one was."""
    registry.promote("default", first.version, YES)
    registry.promote("default", second.version, YES)

    assert registry.rollback("default", BACK).after == first.version
    assert registry.rollback("default", BACK).after == second.version


def test_a_rollback_reaches_as_far_as_the_log(
    registry: Registry, first: AdapterRef, second: AdapterRef, tmp_path: Path
) -> None:
    """By name any version that ever spoke there; never one that only lies there ungated."""
    third = registry.register(tmp_path / "three", trained(tmp_path / "three", seed=3))
    registry.promote("default", first.version, YES)
    registry.promote("default", second.version, YES)
    registry.promote("default", "", BACK)

    assert registry.rollback("default", BACK, to=first.version).generation == 4
    assert registry.rollback("default", BACK, to="").after == ""
    assert registry.state().pointer("default") == Pointer("", first.version)
    with pytest.raises(NotPromotedError, match="it never spoke there"):
        registry.rollback("default", BACK, to=third.version)
    with pytest.raises(NotPromotedError, match="it speaks already"):
        registry.rollback("default", BACK, to="")
    assert registry.generation() == 5


def test_a_rollback_needs_somebody_and_somewhere(registry: Registry) -> None:
    """Where nothing was decided there is no way back, and nobody's decision is none."""
    with pytest.raises(NotPromotedError, match="nobody decided it; it speaks already"):
        registry.rollback("default", Decision("", ""))


def test_a_rollback_checks_what_it_goes_back_to(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """A version that was changed since it last spoke does not speak again; the base may."""
    registry.promote("default", first.version, YES)
    registry.promote("default", second.version, YES)
    flip(first.folder / WEIGHTS)

    with pytest.raises(AdapterRejectedError):
        registry.rollback("default", BACK)
    assert registry.rollback("default", BACK, to="").after == ""


def test_the_pointer_follows_a_decision_that_was_written(
    root: Path, registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """The decision is on the disk first; opening the registry carries it out."""
    registry.promote("default", first.version, YES)
    blocking = root / "promoted.json.new"
    blocking.mkdir()

    with pytest.raises(IsADirectoryError):
        registry.promote("default", second.version, YES)

    assert pointers(root)["generation"] == 1
    blocking.rmdir()
    reopened = opened(root)
    assert pointers(root)["domains"]["default"]["current"] == second.version
    assert reopened.state() == State(2, {"default": Pointer(second.version, first.version)})


def test_a_lost_pointer_file_is_made_anew(
    root: Path, registry: Registry, first: AdapterRef
) -> None:
    """The decisions say all that the pointers do."""
    registry.promote("default", first.version, YES)
    (root / "promoted.json").unlink()

    assert opened(root).state().pointer("default").current == first.version


@pytest.mark.parametrize("torn", [b'{"generation":2,"at":"20', b"\x00" * 40])
def test_a_torn_line_is_cut(
    root: Path, registry: Registry, first: AdapterRef, second: AdapterRef, torn: bytes
) -> None:
    """What a loss of power left of a line was never decided, and the next one stands alone."""
    registry.promote("default", first.version, YES)
    whole = (root / "decisions.jsonl").read_bytes()
    (root / "decisions.jsonl").write_bytes(whole + torn)

    assert len(registry.decisions()) == 1
    reopened = opened(root)
    assert (root / "decisions.jsonl").read_bytes() == whole
    reopened.promote("default", second.version, YES)

    assert [line.after for line in reopened.decisions()] == [first.version, second.version]


def decided(root: Path) -> list[bytes]:
    """Read the lines of the log."""
    return (root / "decisions.jsonl").read_bytes().splitlines(keepends=True)


def rehashed(line: bytes, old: bytes, new: bytes) -> bytes:
    """Change a line, and the hash that it carries of itself."""
    tree = json.loads(line.replace(old, new) or "{}") | {"sha256": ""}
    tree["sha256"] = sha256(canonical(tree)).hexdigest()
    return canonical(tree) + b"\n"


def edits(lines: list[bytes]) -> Mapping[str, list[bytes]]:
    """List what somebody might do to three decisions."""
    one, two, three = lines
    return {
        "a word": [one.replace(b"better", b"bettor"), two, three],
        "the last word": [one, two, three.replace(b"better", b"bettor")],
        "a gate": [one.replace(b'"passed":true', b'"passed":false'), two, three],
        "dropped": [one, three],
        "swapped": [two, one, three],
        "added": [one, two, three, three],
        "the end": [one, two],
        "spelled anew": [one, two, three.replace(b":", b": ", 1)],
        "hashed anew": [rehashed(one, b"better", b"bettor"), two, three],
        "no decision": [one, two, b"{}\n"],
    }


@pytest.mark.parametrize("what", edits([b"", b"", b""]))
def test_an_edited_log_is_noticed(
    root: Path, registry: Registry, first: AdapterRef, second: AdapterRef, what: str
) -> None:
    """A word, a gate, a line or the end of the log: nothing is decided on top of it."""
    for ref in (first, second, first):
        registry.promote("default", ref.version, YES)
    written = decided(root)
    (root / "decisions.jsonl").write_bytes(b"".join(edits(written)[what]))

    assert decided(root) != written
    with pytest.raises(RegistryBrokenError):
        opened(root)
    with pytest.raises(RegistryBrokenError):
        registry.promote("default", second.version, YES)


def test_a_pointer_that_nobody_decided_is_noticed(
    root: Path, registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """Who writes another version into the pointer file puts nothing in service."""
    registry.promote("default", first.version, YES)
    text = (root / "promoted.json").read_text().replace(first.version, second.version)
    (root / "promoted.json").write_text(text)

    with pytest.raises(RegistryBrokenError, match="does not follow from the decisions"):
        opened(root)


def test_a_damaged_pointer_file_is_a_sentence(
    root: Path, registry: Registry, first: AdapterRef
) -> None:
    """Polling a damaged file raises what the bot knows how to tell."""
    registry.promote("default", first.version, YES)
    (root / "promoted.json").write_bytes(b"{")

    with pytest.raises(RegistryBrokenError, match="it is no list of pointers"):
        registry.generation()


def test_a_tainted_version_is_neither_loaded_nor_promoted(
    registry: Registry, first: AdapterRef, second: AdapterRef, tmp_path: Path
) -> None:
    """Where it speaks the base takes over at once; it is not gone back to, nor registered anew."""
    registry.promote("default", second.version, YES)
    registry.promote("default", first.version, YES)

    (line,) = registry.taint("default", first.version, BACK)

    assert (line.version, line.after) == (first.version, "")

    assert registry.state() == State(3, {"default": Pointer("", second.version)})
    for attempt in (
        lambda: registry.ref("default", first.version),
        lambda: registry.promote("default", first.version, YES),
        lambda: registry.rollback("default", BACK, to=first.version),
        lambda: registry.register(tmp_path / "one", first.manifest),
    ):
        with pytest.raises(AdapterRejectedError, match="was trained on may not be used"):
            attempt()
    assert registry.verify("default", first.version) == first
    assert registry.taint("default", first.version, BACK) == []
    assert registry.rollback("default", BACK).after == second.version


def test_a_taint_of_the_one_before_closes_the_way_back(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """What speaks goes on; a rollback leads to the base."""
    registry.promote("default", first.version, YES)
    registry.promote("default", second.version, YES)

    registry.taint("default", first.version, BACK)

    assert registry.state().pointer("default") == Pointer(second.version, "")


def test_a_taint_passes_on_to_what_was_trained_from_it(
    registry: Registry, first: AdapterRef, tmp_path: Path
) -> None:
    """Children and grandchildren, in other domains too, registered before or after."""
    made = [first]
    for seed, domain in ((11, "people"), (12, "default")):
        folder = tmp_path / f"child {seed}"
        manifest = trained(folder, seed, domain=domain, parents=(made[-1].version,))
        made.append(registry.register(folder, manifest))
    registry.promote("people", made[1].version, YES)

    tainted = registry.taint("default", first.version, BACK)

    assert sorted(line.version for line in tainted) == sorted(ref.version for ref in made)
    assert registry.state().pointer("people") == Pointer("", "")
    late = trained(tmp_path / "late", 13, parents=(made[2].version,))
    with pytest.raises(AdapterRejectedError, match=made[2].version):
        registry.register(tmp_path / "late", late)


def test_a_shipped_adapter_speaks_on_the_first_start(registry: Registry, tmp_path: Path) -> None:
    """It is registered and promoted with the gates of its record; a second start does nothing."""
    manifest = shipped(tmp_path / "adapter", *WHOLE)

    for _ in range(2):
        ref = registry.install(tmp_path / "adapter")

    assert ref.manifest == manifest
    assert registry.state() == State(1, {"default": Pointer(ref.version, "")})
    (line,) = registry.decisions()
    assert line.decision == Decision("housevoice", "shipped", WHOLE)


def test_an_operators_choice_outlasts_what_is_shipped(registry: Registry, tmp_path: Path) -> None:
    """After a rollback to the base, neither the old nor a new shipped adapter takes over."""
    shipped(tmp_path / "adapter", *WHOLE)
    registry.install(tmp_path / "adapter")
    registry.rollback("default", BACK)
    shipped(tmp_path / "newer", *WHOLE, seed=2)

    registry.install(tmp_path / "adapter")
    registry.install(tmp_path / "newer")

    assert registry.state().pointer("default").current == ""
    assert registry.generation() == 2
    assert len(registry.versions()) == 2


def test_a_newer_shipped_adapter_follows_an_older_one(registry: Registry, tmp_path: Path) -> None:
    """Where nobody but the program decided, an update brings its voice, once; nothing goes back."""
    shipped(tmp_path / "adapter", *WHOLE)
    newer = shipped(tmp_path / "newer", *WHOLE, seed=2)

    for name in ("adapter", "newer", "newer", "adapter"):
        registry.install(tmp_path / name)

    assert registry.state().pointer("default").current == newer.version
    assert registry.generation() == 2


def test_a_shipped_adapter_that_cannot_be_served_is_only_kept(
    registry: Registry, tmp_path: Path
) -> None:
    """Nothing is promoted that would be refused with the next question."""
    shipped(tmp_path / "adapter", *WHOLE)

    registry.install(tmp_path / "adapter", may_speak=False)

    assert len(registry.versions()) == 1
    assert registry.state() == State(0, {})


@pytest.mark.parametrize(
    "gates", [(), (PASSED,), (*WHOLE, FAILED)], ids=["none", "one alone", "a failed one"]
)
def test_a_shipped_adapter_without_its_gates_stays_silent(
    registry: Registry, tmp_path: Path, gates: tuple[GateResult, ...]
) -> None:
    """It is there to be gated and promoted by hand."""
    shipped(tmp_path / "adapter", *gates)

    registry.install(tmp_path / "adapter")

    assert len(registry.versions()) == 1
    assert registry.state() == State(0, {})


@pytest.mark.parametrize("about", [{"version": "0" * 16}, {"domain": "people"}, {"version": ""}])
def test_a_record_of_another_version_is_refused(
    registry: Registry, tmp_path: Path, about: dict[str, str]
) -> None:
    """Weights that nobody measured do not speak with the gates of others."""
    shipped(tmp_path / "adapter", *WHOLE, **about)

    with pytest.raises(AdapterRejectedError, match=r"record\.json is refused: it is about"):
        registry.install(tmp_path / "adapter")

    assert registry.state() == State(0, {})


@pytest.mark.parametrize("asked", [{"asked": 6}, {"asked": 0, "of": 0}])
def test_a_shipped_voice_with_a_limited_record_stays_silent(
    registry: Registry, tmp_path: Path, asked: dict[str, int]
) -> None:
    """Its gates saw a part of the questions, or nobody says how many."""
    shipped(tmp_path / "adapter", *WHOLE, **asked)

    registry.install(tmp_path / "adapter")

    assert registry.state() == State(0, {})


def test_what_was_measured_beside_another_version_is_not_promoted(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """Two administrators, one report each beside the base: within the lock the second is late."""
    registry.promote("default", first.version, YES, beside="")

    with pytest.raises(NotPromotedError, match="it was compared with base, not with what speaks"):
        registry.promote("default", second.version, replace(YES, forced=True), beside="")
    registry.promote("default", second.version, YES, beside=first.version)

    assert registry.generation() == 2


def test_a_voice_must_win_over_the_one_that_speaks(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """Beside the base alone nobody was compared with it."""
    without = tuple(gate for gate in WHOLE if gate.name != "wins over previous")
    alone = Decision("U0CHIEF", "hurry", without, forced=True)
    registry.promote("default", first.version, alone)

    with pytest.raises(NotPromotedError, match="1 gates were not run: wins over previous"):
        registry.promote("default", second.version, alone)


def test_a_reader_has_gates_of_its_own(registry: Registry) -> None:
    """It needs all of them, and none of a voice."""
    gates = all_gates("reader")

    assert {gate.name for gate in gates} == {"integrity", "answerable", "evidence", "latency"}
    for given in (WHOLE, gates[1:]):
        with pytest.raises(NotPromotedError, match="not run"):
            registry.promote("reader", "0" * 16, Decision("U0CHIEF", "hurry", given, forced=True))
    with pytest.raises(AdapterRejectedError, match="none of that name"):
        registry.promote("reader", "0" * 16, Decision("U0CHIEF", "", gates))


def test_a_line_of_descent_is_known_to_its_end(registry: Registry, first: AdapterRef) -> None:
    """Parents of parents, each once; one that is gone is an error."""
    root = first.folder.parents[3]
    made = [first]
    for seed in (21, 22):
        parents = tuple(ref.version for ref in made)
        manifest = trained(root / f"heir {seed}", seed, parents=parents)
        made.append(registry.register(root / f"heir {seed}", manifest))

    found = registry.ancestors(made[2].manifest)
    assert {ref.version for ref in found} == {ref.version for ref in made[:2]}
    assert len(found) == 2
    orphan = trained(root / "orphan", 23, parents=("0" * 16,))
    with pytest.raises(AdapterRejectedError, match="none of that name"):
        registry.ancestors(orphan)


def test_a_shipped_adapter_without_a_record_stays_silent(
    registry: Registry, tmp_path: Path
) -> None:
    """Nothing says that it passed anything; a damaged record is refused in a sentence."""
    shipped(tmp_path / "adapter", *WHOLE)
    (tmp_path / "adapter" / RECORD).write_text("{")

    with pytest.raises(AdapterRejectedError, match=r"record\.json"):
        registry.install(tmp_path / "adapter")
    (tmp_path / "adapter" / RECORD).unlink()
    registry.install(tmp_path / "adapter")

    assert registry.state() == State(0, {})


def test_a_version_is_found_by_how_it_begins(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """A few digits do if they are enough; none, or those of several, do not."""
    assert registry.find(first.version[:6]).version == first.version
    for unknown in ("", "zz", first.version + "0"):
        with pytest.raises(AdapterRejectedError, match="none of that name"):
            registry.find(unknown)
    assert {one.version for one in registry.versions("default")} == {first.version, second.version}
    assert registry.versions("people") == []


PROMOTING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from adapters.decision_lines import Decision
from adapters.errors import NotPromotedError
from adapters.gates import GateResult
from adapters.promotions import required
from adapters.registry import Registry
root, actor, *versions = sys.argv[1:]
names = required("voice", "another")
decision = Decision(actor, "", tuple(GateResult(one, True, 1.0, 0.9, 10) for one in names))
print("ready", flush=True)
sys.stdin.readline()
registry = Registry(Path(root), lambda: datetime.now(UTC))
for turn in range(int(sys.stdin.readline())):
    try:
        registry.promote("default", versions[turn % 2], decision)
        print(turn, flush=True)
    except NotPromotedError as error:
        assert error.objections == ("it speaks already",), error
"""


def promoter(root: Path, actor: str, *versions: str) -> "subprocess.Popen[str]":
    """Start a process that promotes two versions in turn once it is told how often."""
    process = subprocess.Popen(  # noqa: S603  our own code
        [sys.executable, "-c", PROMOTING, str(root), actor, *versions],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_decide_one_after_the_other(
    root: Path, registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """Each decision follows from the one before, whoever made it, and none is lost."""
    names = (first.version, second.version)
    both = [promoter(root, "ana", *names), promoter(root, "bo", *reversed(names))]
    for process in both:
        assert process.stdin
        process.stdin.write("go\n12\n")
        process.stdin.flush()
    done = [len(process.communicate(timeout=60)[0].splitlines()) for process in both]

    assert [process.returncode for process in both] == [0, 0]
    lines = opened(root).decisions()
    assert len(lines) == sum(done) == registry.generation()
    assert {line.decision.actor for line in lines} == {"ana", "bo"}
    speaking = [line.after for line in lines]
    assert [line.before for line in lines] == ["", *speaking[:-1]]
    assert registry.state().pointer("default") == Pointer(speaking[-1], speaking[-2])


def test_a_killed_process_leaves_a_registry_that_goes_on(
    root: Path, registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """Whatever it was doing, what it said was decided is, and the lock is free."""
    for stop_after in (1, 4, 9):
        process = promoter(root, "ana", first.version, second.version)
        assert process.stdin
        assert process.stdout
        before = registry.generation()
        process.stdin.write("go\n1000000\n")
        process.stdin.flush()
        said = [process.stdout.readline() for _ in range(stop_after)]
        process.kill()
        process.communicate()

        reopened = opened(root)
        assert reopened.generation() == len(reopened.decisions()) >= before + len(said)
        assert reopened.state() == registry.state()
