"""What a running bot needs, one check after another, each with what to do about it.

It looks and asks, changes nothing, and shows no token. It ends at what can be seen from here:
whether somebody invited the bot to a channel, it cannot know.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.database import open_engine
from bot.doctor_index import examine_index
from bot.doctor_slack import examine_slack
from bot.errors import SettingsError
from bot.findings import Finding, fail, ok, warn
from bot.models import ModelLine, describe_models
from bot.roles import RoleMap, read_roles
from bot.settings import Settings, unknown_variables
from knowledge.errors import AccessRulesError
from knowledge.rules import AccessRules, load_rules

_ANY_BASE = "https://documents.invalid"  # links are only built here, and not shown


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, in the order in which a house is built; results come as they are had."""
    yield _variables()
    yield from _secrets(Path(".env"))
    roles = yield from examine_access(settings.knowledge.folder)
    yield from map(_model, describe_models(settings))
    yield _database(settings)
    yield from examine_index(settings)
    yield from examine_slack(settings.slack, roles)


def examine_access(folder: Path) -> Generator[Finding, None, RoleMap | None]:
    """Look at the two files that say who may read what; return the roles, if they can be read."""
    roles = yield from _roles(folder / "roles.yaml")
    rules = yield from _rules(folder / "access.yaml")
    if roles and rules:
        yield _holders(rules, roles)
    return roles


def _variables() -> Finding:
    unknown = unknown_variables()
    if not unknown:
        return ok("settings", "every HOUSEVOICE_ variable is known")
    seen = f"{', '.join(unknown)} sets nothing"
    return warn("settings", seen, "Look it up in .env.example; a section takes two underscores.")


def _secrets(path: Path) -> Iterator[Finding]:
    if path.exists() and path.stat().st_mode & 0o077:
        yield warn(".env", "others on this machine can read it", "Run `chmod 600 .env`.")


def _roles(path: Path) -> Generator[Finding, None, RoleMap | None]:
    try:
        roles = read_roles(path)
    except SettingsError as error:
        yield fail("roles.yaml", error.problem, "Correct the file; the README shows one.")
        return None
    yield ok("roles.yaml", f"{len(roles.groups)} user groups, {len(roles.users)} people")
    return roles


def _rules(path: Path) -> Generator[Finding, None, AccessRules | None]:
    try:
        rules = load_rules(path, base_url=_ANY_BASE)
    except AccessRulesError as error:
        yield fail("access.yaml", str(error), "Correct the file; the README shows one.")
        return None
    missing = [str(source.folder) for source in rules.sources if not source.folder.is_dir()]
    if missing:
        yield fail("access.yaml", f"no folder {', '.join(missing)}", "Correct access.yaml.")
    else:
        yield ok("access.yaml", f"sources {', '.join(source.name for source in rules.sources)}")
    return rules


def _holders(rules: AccessRules, roles: RoleMap) -> Finding:
    unheld = sorted(rules.role_names - roles.names)
    if not unheld:
        return ok("roles", "every role of access.yaml can be held")
    seen = f"nobody can hold {', '.join(unheld)}, so nobody reads what they open"
    return warn("roles", seen, "Give these roles to a user group or a person in roles.yaml.")


def _model(line: ModelLine) -> Finding:
    name = f"model ({line.name})"
    match line.status:
        case "ready":
            return ok(name, f"{line.reference}, {line.sha256}")
        case "off" | "not prepared":
            return warn(name, f"{line.reference} is {line.status}", line.remedy)
        case _:
            return fail(name, f"{line.reference} is {line.status}", line.remedy)


def _database(settings: Settings) -> Finding:
    file = settings.data / "housevoice.db"
    if not settings.database_url and not file.exists():
        return _place_for(file)
    try:
        _write_nothing(settings.store_url)
    except (SQLAlchemyError, OSError) as error:
        seen = f"takes no write ({type(error).__name__})"
        return fail("database", seen, "Look at its disk, its permissions and who else holds it.")
    return ok("database", "takes writes")


def _write_nothing(url: str) -> None:
    engine = open_engine(url)
    try:
        with engine.execution_options(writes=True).connect() as connection:
            connection.execute(text("CREATE TABLE doctor_was_here (one INTEGER)"))
            connection.rollback()
    finally:
        engine.dispose()


def _place_for(file: Path) -> Finding:
    parent = next(folder for folder in file.absolute().parents if folder.exists())
    if os.access(parent, os.W_OK):
        return ok("database", f"will be made at the first start: {file}")
    return fail("database", f"{parent} cannot be written", "Set HOUSEVOICE_DATA to another folder.")
