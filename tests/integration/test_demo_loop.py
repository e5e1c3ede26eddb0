"""The voice's whole way in the demo: votes to adapter, promoted, spoken with, rolled back.

The program that people start with `make demo-loop`, as a process, with a base that says nonsense:
so every answer is a quotation, and corrections alone become examples.
"""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tiny_voices import save_base

from adapters.exports import exports_in
from adapters.promotions import NEVER_FORCED
from adapters.registry import Registry

ROOT = Path(__file__).parents[2]


def drive(data: Path, *options: str) -> list[str]:
    """Run the program to its end; returns its lines."""
    command = [sys.executable, "-m", "bench.demo_loop", "--data", str(data), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout.splitlines()


def speakers(lines: list[str]) -> list[str]:
    """Who spoke, each time that it was asked."""
    return re.findall(r"Asked again: (.+?) speaks", "\n".join(lines))


def check(data: Path, lines: list[str]) -> None:
    """Look on the disk for what was printed: the data set, the decisions, who speaks now."""
    registry = Registry(data / "demo" / "adapters", lambda: datetime.now(UTC))
    old, new, now = speakers(lines)
    forced, back = registry.decisions()[-2:]
    (written,) = exports_in(data / "demo" / "exports")

    assert old == now != new == f"default-{forced.version}"
    assert (forced.action, back.action) == ("promote", "rollback")
    assert registry.state().pointer("default").current == back.after == forced.before
    assert {one.name for one in forced.decision.gates if one.passed} >= NEVER_FORCED
    assert forced.decision.forced == any(not one.passed for one in forced.decision.gates)
    assert registry.ref("default", forced.version).manifest.dataset.version == written.folder.name
    assert written.rows["sft/train"] >= 1


@pytest.mark.serial
@pytest.mark.timeout(900)
def test_the_whole_way_with_a_tiny_base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Five people's corrections become a version that is asked without a restart, and no more."""
    monkeypatch.setenv("HOUSEVOICE_MODEL__PROMPT_TOKENS", "1800")  # a token of it is one byte
    monkeypatch.setenv("HOUSEVOICE_MODEL__EXAMPLES", "1")
    monkeypatch.setenv("HOUSEVOICE_MODEL__ANSWER_TOKENS", "16")
    base = save_base(tmp_path / "base")
    small = ("--questions", "5", "--steps", "2", "--held-out", "2", "--set", "max_length=2048")

    lines = drive(tmp_path / "data", "--base", str(base), *small)

    check(tmp_path / "data", lines)
    assert any("5 of 11, rows" in line for line in lines)


@pytest.mark.nightly
@pytest.mark.model
@pytest.mark.timeout(7200)
def test_the_whole_way_with_the_real_base(tmp_path: Path) -> None:
    """The same with the model that is installed, and twelve questions."""
    lines = drive(tmp_path / "data")

    check(tmp_path / "data", lines)
