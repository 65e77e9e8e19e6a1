"""Task tokens as `auth=` of httpx.

A 401 is answered once: where the resource sent a `Task-Nonce`, with a token for that nonce; where it said `invalid_token`,
with a renewed one, because it knows what we do not (the account was claimed, keys changed). A guard refuses before
anything was done, so sending again is safe.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from .kept_token import KeptToken
from .resource import authorization, check_target, is_refused_token
from .task_token import TaskToken


class MayflyAuth(httpx.Auth):
    """For `httpx.Client` and `httpx.AsyncClient` (asyncio). Made by `Mayfly.auth`."""

    def __init__(self, kept: KeptToken) -> None:
        self.kept = kept

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sends the request with a token, and a second time where that may help."""
        check_target(request.url, self.kept)
        can_repeat = _can_repeat(request)
        token = self.kept.get()
        nonce = self._nonce_to_answer((yield _with(request, token)), token)
        if nonce is None or not can_repeat:
            return
        token = self.kept.answer(nonce) if nonce else self.kept.get()
        self._look_at((yield _with(request, token)), token)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """As `sync_auth_flow`, for asyncio."""
        check_target(request.url, self.kept)
        can_repeat = _can_repeat(request)
        token = await self.kept.aget()
        nonce = self._nonce_to_answer((yield _with(request, token)), token)
        if nonce is None or not can_repeat:
            return
        token = await (self.kept.aanswer(nonce) if nonce else self.kept.aget())
        self._look_at((yield _with(request, token)), token)

    def _nonce_to_answer(self, response: httpx.Response, token: TaskToken) -> str | None:
        """None: the response stands. Empty: send again with a renewed token. Else the nonce that it must be for."""
        self._look_at(response, token)
        if response.status_code != 401:
            return None
        nonce: str = response.headers.get("task-nonce", "")
        return nonce if nonce or is_refused_token(response.headers) else None

    def _look_at(self, response: httpx.Response, token: TaskToken) -> None:
        if response.status_code == 401:
            self.kept.drop(token)


def let_no_redirect_carry_the_token(response: httpx.Response) -> None:
    """Response hook: whoever follows the redirect goes without the token."""
    if response.has_redirect_location:
        response.request.headers.pop("authorization", None)


def _with(request: httpx.Request, token: TaskToken) -> httpx.Request:
    request.headers["authorization"] = authorization(token)
    return request


def _can_repeat(request: httpx.Request) -> bool:
    """Whether the body will still be there after it was sent."""
    return isinstance(request.stream, httpx.ByteStream)
