"""Task tokens as `auth=` of httpx.

A 401 is answered once: where the resource sent a `Task-Nonce`, with a token for that nonce; where it said `invalid_token`,
with a renewed one, because it knows what we do not (the account was claimed, keys changed). A guard refuses before
anything was done, so sending again is safe.

For a resource that takes only tokens which carry its own nonce the broker makes no others. There a request without token and
body comes first, to fetch a nonce.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from .errors import InvalidRequestError
from .kept_token import KeptToken
from .resource import authorization, check_target, is_refused_token, wants_nonce
from .task_token import TaskToken


class MayflyAuth(httpx.Auth):
    """For `httpx.Client` and `httpx.AsyncClient` (asyncio). Made by `Mayfly.auth`."""

    def __init__(self, kept: KeptToken) -> None:
        self.kept = kept
        self._nonce_first = False

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sends the request with a token, and a second time where that may help."""
        check_target(request.url, self.kept)
        can_repeat = _can_repeat(request)
        token = None
        try:
            token = None if self._nonce_first else self.kept.get()
        except InvalidRequestError as error:
            self._learn_from(error)
        if token is None:
            nonce = self._nonce_of((yield _bare(request)))
            token = self.kept.answer(nonce) if nonce else self.kept.get()
        wanted = self._what_may_help((yield _with(request, token)), token)
        if wanted is None or not can_repeat:
            return
        token = self.kept.answer(wanted) if wanted else self.kept.get()
        self._what_may_help((yield _with(request, token)), token)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """As `sync_auth_flow`, for asyncio."""
        check_target(request.url, self.kept)
        can_repeat = _can_repeat(request)
        token = None
        try:
            token = None if self._nonce_first else await self.kept.aget()
        except InvalidRequestError as error:
            self._learn_from(error)
        if token is None:
            nonce = self._nonce_of((yield _bare(request)))
            token = await (self.kept.aanswer(nonce) if nonce else self.kept.aget())
        wanted = self._what_may_help((yield _with(request, token)), token)
        if wanted is None or not can_repeat:
            return
        token = await (self.kept.aanswer(wanted) if wanted else self.kept.aget())
        self._what_may_help((yield _with(request, token)), token)

    def _learn_from(self, error: InvalidRequestError) -> None:
        if not wants_nonce(error):
            raise error
        self._nonce_first = True

    def _nonce_of(self, response: httpx.Response) -> str:
        nonce: str = response.headers.get("task-nonce", "") if response.status_code == 401 else ""
        self._nonce_first = bool(nonce)  # the resource may have changed its ways
        return nonce

    def _what_may_help(self, response: httpx.Response, token: TaskToken) -> str | None:
        """None: the response stands. Empty: a renewed token. Else the nonce that a token must be for."""
        if response.status_code != 401:
            return None
        self.kept.drop(token)
        nonce: str = response.headers.get("task-nonce", "")
        return nonce if nonce or is_refused_token(response.headers) else None


def let_no_redirect_carry_the_token(response: httpx.Response) -> None:
    """Response hook: whoever follows the redirect goes without the token."""
    if response.has_redirect_location:
        response.request.headers.pop("authorization", None)


def _with(request: httpx.Request, token: TaskToken) -> httpx.Request:
    request.headers["authorization"] = authorization(token)
    return request


def _bare(request: httpx.Request) -> httpx.Request:
    return httpx.Request(request.method, request.url, extensions=request.extensions)


def _can_repeat(request: httpx.Request) -> bool:
    """Whether the body will still be there after it was sent."""
    return isinstance(request.stream, httpx.ByteStream)
