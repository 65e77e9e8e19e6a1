"""Requests to the broker: https only, no redirects, a size limit, a deadline; with the client certificate where there is one."""

from __future__ import annotations

import errno
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import httpx

from .errors import ConnectionFailedError, InvalidResponseError, InvalidUseError, MayflyError, UntrustedServerError
from .forks import renew_after_fork
from .retry import retry_after_seconds

_MAX_ANSWER_BYTES = 256 * 1024
_USER_AGENT = "mayfly-client-python/0.1.0"


@dataclass(frozen=True)
class Answer:
    """A complete answer; `body` is None where it is no JSON object."""

    status: int
    body: Mapping[str, Any] | None = field(repr=False)
    retry_after: float | None


class BrokerConnection:
    """A connection pool that presents the client's certificate. May be used by several threads at once."""

    def __init__(self, context: ssl.SSLContext, timeout: float, transport: httpx.BaseTransport | None) -> None:
        self._context = context
        self._timeout = timeout
        self._transport = transport
        self._client = self._connect()
        renew_after_fork(self)

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> Answer:
        """Sends one request and reads the whole answer. Raises ConnectionFailedError where none comes."""
        if not url.startswith("https://"):
            raise InvalidUseError("the broker is reached by https only.", remedy="Give an https address.")
        try:
            return self._send(method, url, headers or {}, form)
        except httpx.HTTPError as error:
            failure = _failure_of(error, self._timeout)
        # Raised here, so that the failure leads nobody to the request and the credential in it.
        raise failure

    def close(self) -> None:
        """Ends all connections."""
        self._client.close()

    def after_fork(self) -> None:
        """Leaves the connections to the parent process: two writers on one TLS connection break it."""
        self._client = self._connect()

    def _connect(self) -> httpx.Client:
        return httpx.Client(
            verify=self._context,
            timeout=self._timeout,
            transport=self._transport,
            headers={"user-agent": _USER_AGENT, "accept": "application/json", "accept-encoding": "identity"},
            follow_redirects=False,
        )

    def _send(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        deadline = time.monotonic() + self._timeout
        with self._client.stream(method, url, headers=dict(headers), data=form) as response:
            text = b"".join(self._limited(response, deadline))
            retry_after = retry_after_seconds(response.headers.get("retry-after"), datetime.now(timezone.utc))
            return Answer(response.status_code, _parse_object(text), retry_after)

    def _limited(self, response: httpx.Response, deadline: float) -> Iterator[bytes]:
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > _MAX_ANSWER_BYTES:
                raise InvalidResponseError("the answer is too large.", status=response.status_code)
            if time.monotonic() > deadline:
                raise ConnectionFailedError(f"no whole answer within {self._timeout:g} s.")
            yield chunk


def _parse_object(text: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _failure_of(error: httpx.HTTPError, timeout: float) -> MayflyError:
    if isinstance(error, httpx.TimeoutException):
        return ConnectionFailedError(f"no answer within {timeout:g} s.")
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UntrustedServerError(f"the server's certificate is not trusted ({cause.verify_message}).")
    return ConnectionFailedError(f"the connection failed ({_code_of(error)}).")


def _code_of(error: BaseException) -> str:
    """The error's code only: messages of lower layers may quote what was sent."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
            return errno.errorcode[cause.errno]
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
