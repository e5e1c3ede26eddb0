"""Rate limits of the Web API: a bucket per method, and one post a second per channel.

Source:
    https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls a minute by tier."""

_SPECIAL_PER_MINUTE = 600


@dataclass(slots=True)
class _Bucket:
    capacity: float
    per_second: float
    left: float
    filled_at: float

    def take(self, now: float) -> float:
        """Take one token and return 0, or return the seconds until there is one."""
        gained = (now - self.filled_at) * self.per_second
        self.left = min(self.capacity, self.left + gained)
        self.filled_at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) / self.per_second


class RateLimits:
    """Counts calls against their tiers."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, method: str, tier: int, channel: str) -> int:
        """Count one call; 0 if it may pass, else whole seconds to wait."""
        if method == "chat.postMessage":
            return self._take(f"{method} {channel}", capacity=1, per_second=1.0)
        per_minute = PER_MINUTE.get(tier, _SPECIAL_PER_MINUTE)
        return self._take(method, capacity=per_minute, per_second=per_minute / 60)

    def _take(self, name: str, *, capacity: float, per_second: float) -> int:
        now = self._now()
        bucket = self._buckets.setdefault(name, _Bucket(capacity, per_second, capacity, now))
        return math.ceil(bucket.take(now))
