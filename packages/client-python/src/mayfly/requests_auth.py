"""Task tokens as `auth=` of requests, which need not be installed: an auth is anything that can be called with a request.

Answers a 401 once, as `httpx_auth` does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from .kept_token import KeptToken
from .resource import authorization, check_target, is_refused_token, is_within
from .task_token import TaskToken

if TYPE_CHECKING:
    import requests


class MayflyRequestsAuth:
    """For `requests`. Made by `Mayfly.requests_auth`."""

    def __init__(self, kept: KeptToken) -> None:
        self.kept = kept

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Puts a token on the request."""
        check_target(httpx.URL(str(request.url)), self.kept)
        token = self.kept.get()
        request.headers["Authorization"] = authorization(token)
        request.register_hook("response", partial(self._answer, token))
        return request

    def _answer(self, token: TaskToken, response: requests.Response, **how: Any) -> requests.Response:
        request = response.request
        if response.is_redirect:
            request.headers.pop("Authorization", None)  # requests copies what it follows a redirect with
        if response.status_code != 401 or not is_within(httpx.URL(str(request.url)), self.kept.permissions.resource):
            return response
        self.kept.drop(token)
        nonce = response.headers.get("task-nonce")
        if not (nonce or is_refused_token(response.headers)) or not isinstance(request.body, str | bytes | None):
            return response
        response.content  # noqa: B018 read to the end, so that the connection can serve again
        response.close()
        fresh = self.kept.answer(nonce) if nonce else self.kept.get()
        again = request.copy()
        again.headers["Authorization"] = authorization(fresh)
        second: requests.Response = response.connection.send(again, **how)
        if second.status_code == 401:
            self.kept.drop(fresh)
        second.history.append(response)
        second.request = again
        return second
