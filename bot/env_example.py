"""What ``.env.example`` holds: every setting with its default."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, SecretStr

from bot.settings import PREFIX, Settings


def env_example() -> str:
    """Write out every setting with its default."""
    head = "# Copy this to .env, fill in what is empty, uncomment what you change."
    return "\n".join([head, *_example_lines(PREFIX, Settings)]) + "\n"


def _example_lines(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        variable, default = f"{prefix}{name.upper()}", field.default
        if isinstance(default, BaseModel):
            yield from ("", f"# --- {type(default).__doc__}")
            yield from _example_lines(f"{variable}__", type(default))
        elif isinstance(default, SecretStr):
            yield from (f"# {field.description}", f"{variable}=")
        else:
            yield from (f"# {field.description}", f"#{variable}={_written(default)}")


def _written(value: object) -> str:
    return json.dumps(value) if isinstance(value, tuple | bool) else str(value)
