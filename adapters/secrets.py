"""The one place that calls detect-secrets and phonenumbers, which are an extra."""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from threading import Lock

_PLUGINS = (
    *("AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "GitHubTokenDetector"),
    *("GitLabTokenDetector", "JwtTokenDetector", "KeywordDetector", "NpmDetector"),
    *("OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector"),
    *("SlackDetector", "StripeDetector", "TwilioKeyDetector"),
)
_SETTINGS = {"plugins_used": [{"name": name} for name in _PLUGINS]}
_ONE_AT_A_TIME = Lock()  # its settings are those of the process


@lru_cache(4096)  # prompts begin alike
def known_secret(text: str) -> str:
    """Name the kind of the first secret that detect-secrets finds; empty if it finds none.

    The entropy plugins stay out: over prose they flag every line. A line cannot ask to be let
    through, as lines of a program may.
    """
    from detect_secrets.core.scan import scan_line  # noqa: PLC0415  slow, and an extra
    from detect_secrets.settings import transient_settings  # noqa: PLC0415  the same

    with _ONE_AT_A_TIME, transient_settings(_SETTINGS):
        kinds = {found.type for line in _asking_nothing(text) for found in scan_line(line)}
    return min(kinds, default="")


def _asking_nothing(text: str) -> list[str]:
    return re.sub("pragma", "", text, flags=re.IGNORECASE).splitlines()


def phones(text: str, regions: Sequence[str] = ()) -> list[tuple[int, int]]:
    """Find telephone numbers: with a country code, and as they are written within some regions.

    Args:
        text: In which they stand.
        regions: Codes of ISO 3166, such as ``DE``.

    Returns:
        Start and end of each.
    """
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415  slow, and an extra

    strict = Leniency.STRICT_GROUPING  # or the number of an invoice is one
    found = (
        one
        for region in ("ZZ", *regions)
        for one in PhoneNumberMatcher(text, region, leniency=strict)
    )
    return sorted({(one.start, one.end) for one in found})


def rules(regions: Sequence[str]) -> str:
    """Name what the libraries were told."""
    return " ".join([*_PLUGINS, *regions])


def versions() -> dict[str, str]:
    """Name what was looked with.

    Raises:
        PackageNotFoundError: If the extra is not installed.
    """
    return {name: version(name) for name in ("detect-secrets", "phonenumbers")}
