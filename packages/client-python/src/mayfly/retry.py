"""When to try again.

Only what may pass by itself is repeated: no answer, 429, 503. The broker's own word (`Retry-After`) goes before our guess,
and a wait that is too long is the caller's to decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from math import ceil

from .errors import ConnectionFailedError, MayflyError, UntrustedServerError


@dataclass(frozen=True)
class Retry:
    """Bounds of repeating."""

    attempts: int = 4
    """Attempts in all, the first among them."""
    base_delay: float = 0.2
    """The first wait in seconds, doubled each time and spread at random."""
    max_delay: float = 10.0
    """The longest wait in seconds; a longer `Retry-After` is handed to the caller as an error at once."""


def retry_after_seconds(header: str | None, at: datetime) -> float | None:
    """Seconds of a `Retry-After` header (RFC 9110 § 10.2.3): a number, or a date. None where it is neither."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", header.strip()):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except (TypeError, ValueError, IndexError):
        return None
    # RFC 9110 § 5.6.7: HTTP dates are in GMT, whether or not they say so.
    date = date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
    return float(max(0, ceil((date - at).total_seconds())))


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed later without anything being changed."""
    if isinstance(error, ConnectionFailedError):
        return not isinstance(error, UntrustedServerError)
    return isinstance(error, MayflyError) and error.status in (429, 503)


def delay_after(error: BaseException, attempt: int, retry: Retry, chance: float) -> float | None:
    """Seconds to wait after a failed attempt (1 = the first); None where it should not be repeated. `chance` in [0, 1)."""
    if attempt >= retry.attempts or not isinstance(error, MayflyError) or not may_pass(error):
        return None
    if error.retry_after is None:
        guess: float = min(retry.base_delay * 2 ** (attempt - 1), retry.max_delay) * (0.5 + chance / 2)
        return guess
    return None if error.retry_after > retry.max_delay else error.retry_after + chance * retry.base_delay
