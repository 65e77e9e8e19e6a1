"""Servers that fork their workers (gunicorn, Celery) copy connections, locks and exchanges under way, none of which works on
in the child. What holds such things makes them anew there."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something that a fork leaves unusable."""

    def after_fork(self) -> None:
        """Called in the child process, before anything else runs there."""


_alive: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(thing: Renewable) -> None:
    """Calls `thing.after_fork()` in each child process for as long as `thing` lives."""
    _alive.add(thing)


def _renew() -> None:
    for thing in list(_alive):
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew)
