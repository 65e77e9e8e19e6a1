"""A token that is always fresh when asked for.

It is kept for about four fifths of its life, with some chance in the moment, so that many agents started together do not
come back together. However many threads and asyncio tasks wait, one exchange is under way. It runs on a thread of its own,
so that no caller who gives up takes it from the others. If a renewal fails for now and the old token still lives, the old one
is handed out.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace

from . import clock
from .errors import ConnectionFailedError, InvalidUseError
from .forks import renew_after_fork
from .permissions import Permissions
from .retry import may_pass
from .task_token import TaskToken

# Earliest and latest moment of renewal, as a share of the token's life.
_RENEWAL_FROM, _RENEWAL_SPAN = 0.75, 0.1
# A token that ends within this is not handed out after a failed renewal.
_LAST_USE = 5.0
# After a failed renewal the old token serves this long before the next.
_PATIENCE = 5.0

Exchange = Callable[[Permissions, str | None, threading.Event], TaskToken]
"""Gets one token for permissions; in the account that is named, if any. The event ends its waits between repetitions."""


class KeptToken:
    """A task token for fixed permissions, got when first asked for and renewed while used. Made by `Mayfly.task_token`."""

    def __init__(self, permissions: Permissions, exchange: Exchange, *, reuse: bool, background: bool) -> None:
        self.permissions = permissions
        self._exchange = exchange
        self._reuse = reuse
        self._background = background and reuse
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._current: TaskToken | None = None
        self._renew_at = 0.0
        # What renewals must go on with, even after the token itself was dropped.
        self._account_id: str | None = None
        self._claim_uri: str | None = None
        self._flight: Future[TaskToken] | None = None
        self._timer: threading.Timer | None = None
        renew_after_fork(self)

    def __repr__(self) -> str:
        return f"KeptToken({self.permissions.resource!r}, account_id={self._account_id!r})"

    def get(self, timeout: float | None = None) -> TaskToken:
        """The token, from memory while it is fresh. `timeout` (seconds) ends this caller's wait and nobody else's.

        Raises a MayflyError, or what the source of the subject token raises.
        """
        kept = self._kept()
        return kept if kept is not None else _result(self._fly(self._renewal), timeout)

    async def aget(self) -> TaskToken:
        """As `get`, for asyncio. Cancelling ends this task's wait and nobody else's."""
        kept = self._kept()
        return kept if kept is not None else await asyncio.wrap_future(self._fly(self._renewal))

    def answer(self, nonce: str, timeout: float | None = None) -> TaskToken:
        """One token in the same account for a nonce that the resource issued (`Task-Nonce`). It is not kept."""
        return _result(self._fly(lambda: self._answer(nonce), alone=True), timeout)

    async def aanswer(self, nonce: str) -> TaskToken:
        """As `answer`, for asyncio."""
        return await asyncio.wrap_future(self._fly(lambda: self._answer(nonce), alone=True))

    def drop(self, refused: TaskToken | None = None) -> None:
        """Forgets the token; the next `get` exchanges, in the same account. With `refused` only if it is still that one."""
        with self._lock:
            if refused is None or self._current is refused:
                self._current = None

    def close(self) -> None:
        """Stops renewals and the waits of exchanges under way."""
        self._closed.set()
        with self._lock:
            self._current = None
            if self._timer is not None:
                self._timer.cancel()

    def after_fork(self) -> None:
        """The thread of an exchange under way lives in the parent only, as do timers."""
        self._lock = threading.Lock()
        self._flight = self._timer = None

    def _kept(self) -> TaskToken | None:
        if self._closed.is_set():
            raise InvalidUseError("this task token was closed.", remedy="Make another one, or close later.")
        with self._lock:
            return self._current if clock.now() < self._renew_at else None

    def _fly(self, work: Callable[[], TaskToken], *, alone: bool = False) -> Future[TaskToken]:
        """What becomes of the exchange under way, or of one that starts now."""
        alone = alone or not self._reuse
        with self._lock:
            if self._flight is not None and not alone:
                return self._flight
            flight: Future[TaskToken] = Future()
            flight.set_running_or_notify_cancel()  # from here on nobody who waits can cancel it
            context = contextvars.copy_context()  # so that tracing finds the caller
            thread = threading.Thread(target=context.run, args=(self._run, flight, work), daemon=True)
            thread.name = "mayfly-exchange"
            thread.start()
            if not alone:
                self._flight = flight
            return flight

    def _run(self, flight: Future[TaskToken], work: Callable[[], TaskToken]) -> None:
        token, failure = None, None
        try:
            token = work()
        except BaseException as error:  # whoever waits must hear of it, whatever it is
            failure = error
        with self._lock:
            if self._flight is flight:
                self._flight = None
        if token is not None:
            flight.set_result(token)
        else:
            flight.set_exception(failure)

    def _renewal(self) -> TaskToken:
        try:
            return self._keep(self._exchange(self.permissions, self._account_id, self._closed))
        except Exception as error:
            current = self._current
            if current is None or not may_pass(error) or current.expires_in < _LAST_USE:
                raise
            self._renew_in(_PATIENCE)
            return current

    def _answer(self, nonce: str) -> TaskToken:
        asked = replace(self.permissions, nonce=nonce)
        return self._remember_account(self._exchange(asked, self._account_id, self._closed))

    def _keep(self, token: TaskToken) -> TaskToken:
        kept = self._remember_account(token)
        if self._reuse and not self._closed.is_set():
            with self._lock:
                self._current = kept
            self._renew_in(kept.expires_in * (_RENEWAL_FROM + random.random() * _RENEWAL_SPAN))  # noqa: S311
        return kept

    def _remember_account(self, token: TaskToken) -> TaskToken:
        with self._lock:
            self._account_id = token.account_id or self._account_id
            self._claim_uri = token.claim_uri or self._claim_uri
            return replace(token, claim_uri=self._claim_uri)

    def _renew_in(self, delay: float) -> None:
        with self._lock:
            self._renew_at = clock.now() + delay
            if not self._background or self._closed.is_set():
                return
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(delay, self._renew_quietly)
            self._timer.daemon = True
            self._timer.start()

    def _renew_quietly(self) -> None:
        # What fails in the background is told to whoever asks next.
        if not self._closed.is_set():
            self._fly(self._renewal)


def _result(flight: Future[TaskToken], timeout: float | None) -> TaskToken:
    done, _ = wait([flight], timeout)
    if not done:
        raise ConnectionFailedError(f"no token within {timeout:g} s.")
    return flight.result()
