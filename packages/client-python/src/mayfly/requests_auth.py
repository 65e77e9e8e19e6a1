"""Task tokens as `auth=` of requests, which need not be installed: an auth is anything that can be called with a request.

Answers a 401 once, as `httpx_auth` does. A resource that takes only tokens which carry its own nonce is first sent the request
without a token.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from .errors import InvalidRequestError
from .kept_token import KeptToken
from .resource import authorization, check_target, is_refused_token, is_within, wants_nonce
from .task_token import TaskToken

if TYPE_CHECKING:
    import requests


class MayflyRequestsAuth:
    """For `requests`. Made by `Mayfly.requests_auth`."""

    def __init__(self, kept: KeptToken) -> None:
        self.kept = kept
        self._nonce_first = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Puts a token on the request."""
        check_target(httpx.URL(str(request.url)), self.kept)
        token = self._first_token()
        if token is not None:
            request.headers["Authorization"] = authorization(token)
        request.register_hook("response", partial(self._answer, token))
        return request

    def _first_token(self) -> TaskToken | None:
        if self._nonce_first:
            return None
        try:
            return self.kept.get()
        except InvalidRequestError as error:
            if not wants_nonce(error):
                raise
            self._nonce_first = True
            return None

    def _answer(self, token: TaskToken | None, response: requests.Response, **how: Any) -> requests.Response:
        request = response.request
        if response.is_redirect:
            request.headers.pop("Authorization", None)  # requests copies what it follows a redirect with
        if response.status_code != 401 or not is_within(httpx.URL(str(request.url)), self.kept.permissions.resource):
            return response
        nonce = response.headers.get("task-nonce")
        if token is not None:
            self.kept.drop(token)
        else:
            self._nonce_first = bool(nonce)  # the resource may have changed its ways
        may_help = nonce or token is None or is_refused_token(response.headers)
        if not may_help or not isinstance(request.body, str | bytes | None):
            return response
        response.content  # noqa: B018 read to the end, so that the connection can serve again
        response.close()
        return self._send_again(response, self.kept.answer(nonce) if nonce else self.kept.get(), how)

    def _send_again(self, response: requests.Response, token: TaskToken, how: dict[str, Any]) -> requests.Response:
        again = response.request.copy()
        again.headers["Authorization"] = authorization(token)
        second: requests.Response = response.connection.send(again, **how)
        if second.status_code == 401:
            self.kept.drop(token)
        second.history.append(response)
        second.request = again
        return second
