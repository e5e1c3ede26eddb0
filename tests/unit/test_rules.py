from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import AccessRulesError
from knowledge.frontmatter import FrontMatter, narrowed
from knowledge.rules import SourceAccess, load_rules

HEAD = "version: 1\nsources:\n- name: wiki\n  folder: pages\n  link: '{base}/docs/{path}'\n"
RULES = "  rules:\n  - {match: 'hr/**', roles: [hr]}\n  - {match: '**', roles: [everyone]}\n"


def written(folder: Path, text: str) -> Path:
    """Write access.yaml."""
    path = folder / "access.yaml"
    path.write_text(text)
    return path


def wiki(folder: Path, *rules: tuple[str, str]) -> SourceAccess:
    """Load one source with these patterns and roles."""
    lines = "".join(f"  - {{match: '{match}', roles: [{roles}]}}\n" for match, roles in rules)
    path = written(folder, f"{HEAD}  rules:\n{lines}")
    return load_rules(path, base_url="https://wiki.example/").sources[0]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**", "a.md", True),
        ("**", "a/b/c.md", True),
        ("hr/**", "hr/a.md", True),
        ("hr/**", "hr/a/b.md", True),
        ("hr/**", "hr", False),
        ("hr/**", "hrx/a.md", False),
        ("hr/**", "x/hr/a.md", False),
        ("*.md", "a.md", True),
        ("*.md", "a/b.md", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "a/b/c.md", True),
        ("a/**/z.md", "a/z.md", True),
        ("a/**/z.md", "a/b/c/z.md", True),
        ("a/*/z.md", "a/b/c/z.md", False),
        ("pay-202?.md", "pay-2026.md", True),
        ("pay.md", "payxmd", False),
        ("[draft].md", "[draft].md", True),
        ("[draft].md", "d.md", False),
        ("*.md", "a.md\n", False),
        ("*", "a\nb", True),
    ],
)
def test_a_pattern_matches_whole_paths_part_by_part(
    tmp_path: Path, pattern: str, path: str, *, matches: bool
) -> None:
    """One star stays in one part of the path, two stars cross folders, the rest is literal."""
    ruling = wiki(tmp_path, (pattern, "staff")).ruling(path)

    assert (ruling.roles == {"staff"}) == matches
    assert bool(ruling.reason) != matches


def test_the_first_rule_that_matches_decides(tmp_path: Path) -> None:
    """A later rule does not add its readers."""
    access = wiki(tmp_path, ("hr/pay/**", "payroll"), ("hr/**", "hr"), ("**", "everyone"))

    assert access.ruling("hr/pay/2026.md").roles == {"payroll"}
    assert access.ruling("hr/leave.md").roles == {"hr"}
    assert access.ruling("it/wifi.md").roles == {"everyone"}


def test_a_path_without_a_rule_has_no_readers(tmp_path: Path) -> None:
    """What nobody thought of is nobody's."""
    ruling = wiki(tmp_path, ("hr/**", "hr")).ruling("it/wifi.md")

    assert ruling.roles == frozenset()
    assert ruling.reason == "no rule matches"


def test_another_spelling_of_a_closed_folder_does_not_open_it(tmp_path: Path) -> None:
    """HR/pay.md is not caught by the wide rule below hr/**."""
    ruling = wiki(tmp_path, ("hr/**", "hr"), ("**", "everyone")).ruling("HR/pay.md")

    assert ruling.roles == frozenset()
    assert "case only" in ruling.reason


def test_an_accent_written_in_two_characters_matches(tmp_path: Path) -> None:
    """Patterns are compared in the normal form in which paths arrive."""
    access = wiki(tmp_path, ("cafe\u0301/**", "staff"))

    assert access.ruling("caf\u00e9/menu.md").roles == {"staff"}


def test_a_link_quotes_its_path(tmp_path: Path) -> None:
    """No character of a file name can change where a link leads."""
    url = wiki(tmp_path, ("**", "everyone")).url("a b/#x?y=%41@z.md")

    assert url == "https://wiki.example/docs/a%20b/%23x%3Fy%3D%2541%40z.md"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "valid dictionary"),
        ("version: 2\n" + HEAD[11:] + RULES, "version"),
        (HEAD + RULES + "extra: 1\n", "extra"),
        (HEAD, "rules"),
        (HEAD + "  rules: []\n", "rules"),
        (HEAD + "  rules:\n  - {match: '**', roles: []}\n", "roles"),
        (HEAD + "  rules:\n  - {match: '**'}\n", "roles"),
        (HEAD + "  rules:\n  - {match: '**', roles: everyone}\n", "roles"),
        (HEAD + "  rules:\n  - {match: '**', roles: [Everyone]}\n", "Everyone"),
        (HEAD + "  rules:\n  - {match: '**', roles: [on]}\n", "roles"),
        (HEAD + "  rules:\n  - {match: '**', roles: ['x'') OR true']}\n", "must match"),
        (HEAD + "  rules:\n  - {match: '**', roles: [hr], role: [x]}\n", "role"),
        (HEAD + "  rules:\n  - {match: '/hr/**', roles: [hr]}\n", "relative"),
        (HEAD + "  rules:\n  - {match: 'hr/', roles: [hr]}\n", "relative"),
        (HEAD + "  rules:\n  - {match: '../**', roles: [hr]}\n", "relative"),
        (HEAD + "  rules:\n  - {match: 'hr**', roles: [hr]}\n", "alone"),
        (HEAD + "  rules:\n  - {match: '**', roles: [hr], roles: [everyone]}\n", "twice"),
        (HEAD.replace("{path}", "{secret}") + RULES, "{base} and {path}"),
        (HEAD.replace("{path}", "{path.__class__}") + RULES, "{base} and {path}"),
        (HEAD.replace("{base}", "javascript:") + RULES, "http"),
        (HEAD.replace("{base}", "https://me:pw@host") + RULES, "login"),
        (HEAD.replace("wiki", "Wiki!") + RULES, "name"),
        (HEAD + RULES + HEAD[20:] + RULES, "two sources are called wiki"),
        ("version: [1\n", "parsing"),
        ("a: !!python/object/apply:os.system ['true']\n", "python"),
    ],
)
def test_rules_that_are_not_understood_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """A rule that is guessed at might let the wrong people read."""
    path = written(tmp_path, text)

    with pytest.raises(AccessRulesError) as caught:
        load_rules(path, base_url="https://wiki.example")

    assert said in caught.value.problem
    assert caught.value.path == str(path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """The sentence names the file and the remedy."""
    with pytest.raises(AccessRulesError, match=r"access\.yaml: there is no such file: write one"):
        load_rules(tmp_path / "access.yaml", base_url="https://wiki.example")


def test_a_folder_starts_beside_the_file(tmp_path: Path) -> None:
    """A relative folder does not depend on where the program was started."""
    assert wiki(tmp_path, ("**", "everyone")).folder == tmp_path / "pages"


ROLE_SETS = st.frozensets(st.sampled_from(["everyone", "hr", "it", "sales"]))


@given(rule=ROLE_SETS, asked=ROLE_SETS, reader=ROLE_SETS)
def test_front_matter_never_adds_a_reader(
    rule: frozenset[str], asked: frozenset[str], reader: frozenset[str]
) -> None:
    """Who may read a page could have read it by its rule; all members hold everyone."""
    member = reader | {"everyone"}

    if member & narrowed(rule, asked):
        assert member & rule


def test_front_matter_narrows_an_open_rule() -> None:
    """The natural case: one page of an open folder is for one group."""
    assert narrowed(frozenset({"everyone"}), frozenset({"hr"})) == {"hr"}
    assert narrowed(frozenset({"hr", "it"}), frozenset({"hr", "sales"})) == {"hr"}
    assert narrowed(frozenset({"hr"}), frozenset({"everyone"})) == frozenset()
    assert narrowed(frozenset({"hr"}), frozenset()) == {"hr"}


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        ({"roles": None}, "roles"),
        ({"roles": []}, "roles"),
        ({"roles": ["Eng"]}, "Eng"),
        ({"roles": [True]}, "roles"),
        ({"roles": "hr, it"}, "hr, it"),
        ({"roles": {"hr": True}}, "roles"),
        ({"role": ["hr"]}, "'role'"),
        ({"Roles": ["hr"]}, "'Roles'"),
        ({"visibility": "private"}, "'visibility'"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "//evil.example/x"}, "url"),
        ({"url": "https://wiki.example@evil.example"}, "url"),
        ({"url": "https://wiki.example/a b"}, "url"),
        ({"url": "https://wiki.example/\u202ex"}, "url"),
        ({"url": "https:///x"}, "url"),
        ({"url": "https://[x"}, "url"),
        ({"updated": "soon"}, "updated"),
        ({"title": ["x"]}, "title"),
    ],
)
def test_front_matter_that_is_not_understood_is_refused(
    loaded: dict[str, object], said: str
) -> None:
    """An author who tried to close a page must not find it open."""
    with pytest.raises(ValueError, match="front matter") as caught:
        FrontMatter.from_loaded(loaded)

    assert said in str(caught.value)


def test_front_matter_lets_other_keys_be() -> None:
    """Pages come with keys of other tools."""
    front = FrontMatter.from_loaded(
        {"title": 2026, "roles": "hr", "updated": "2026-03-01 10:00:00", "layout": "wide"}
    )

    assert (front.title, front.roles, str(front.updated)) == ("2026", ("hr",), "2026-03-01")


def test_rules_beyond_the_longest_file_are_not_cut_off_in_silence(tmp_path: Path) -> None:
    """The last rules were dropped unread, and others decided in their place."""
    path = written(tmp_path, f"{HEAD}{RULES}" + "# more rules below\n" * 60_000)

    with pytest.raises(AccessRulesError, match="longer than"):
        load_rules(path, base_url="https://wiki.example")


@pytest.mark.parametrize("text", ["? [a]\n: b\n", "version: 1\nversion: 1\n"])
def test_rules_with_a_double_or_composite_key_are_refused(tmp_path: Path, text: str) -> None:
    """Neither the last of two keys nor a stack trace decides who reads."""
    with pytest.raises(AccessRulesError, match="stands twice"):
        load_rules(written(tmp_path, text), base_url="https://wiki.example")
