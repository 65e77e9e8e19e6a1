"""One clock for the age of tokens.

Setting the system's time must not lengthen a token's life, so it is monotonic; and a laptop that slept must not take an
ended token for a fresh one, so where there is one it is a clock that goes on during sleep.
"""

from __future__ import annotations

import time


def _sleepless_clock() -> int | None:
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        found: int | None = getattr(time, name, None)
        try:
            if found is not None:
                time.clock_gettime(found)
                return found
        except OSError:
            continue
    return None


_CLOCK = _sleepless_clock()


def now() -> float:
    """Seconds since some moment in the past; never goes back."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)
