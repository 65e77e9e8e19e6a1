"""The client: exchanges the workload's own credential for task tokens, and calls resources with them."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import uuid
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from . import clock, subject_token
from .connection import BrokerConnection
from .discovery import discover_token_endpoint
from .errors import InvalidUseError, MayflyError
from .httpx_auth import MayflyAuth, let_no_redirect_carry_the_token
from .kept_token import KeptToken
from .permissions import CERTIFICATE, JWT, Permissions, exchange_form
from .requests_auth import MayflyRequestsAuth
from .retry import Retry, delay_after
from .task_token import TaskToken, read_token_response
from .tls import Certificate, FilePath, create_context, leaf_of

if TYPE_CHECKING:
    import requests


class Mayfly:
    """Gets task tokens from one broker. May be used by several threads and asyncio tasks at once.

    mayfly = Mayfly("https://broker.example", certificate=("agent.pem", "agent.key"), subject_token=Path("token"))
    with mayfly.http_client(Permissions(resource="https://orders.example", scope="orders:read")) as orders:
        orders.get("/orders/42")
    """

    def __init__(
        self,
        issuer: str,
        *,
        certificate: Certificate | None = None,
        ca: FilePath | None = None,
        subject_token: subject_token.SubjectToken | None = None,
        subject_token_type: str | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Nothing is sent yet. Raises InvalidUseError where the arguments contradict each other or a file is not usable.

        issuer: the broker's name; its token endpoint is then found (RFC 8414), with a certificate the one for mutual TLS.
        certificate: files of the client certificate and its key. Tokens are then bound to it and useless without it.
        ca: file of the authorities that may vouch for broker and resources; replaces the usual list.
        subject_token: the workload's own credential, or how to read it: read anew before each exchange. Without one the
            certificate itself is what is exchanged.
        subject_token_type: default `urn:ietf:params:oauth:token-type:jwt`.
        timeout: seconds for one request to the broker.
        transport: in place of real connections to the broker, for tests.
        """
        if not issuer.startswith("https://"):
            raise InvalidUseError("the broker is reached by https only.", remedy="Give an https issuer.")
        if subject_token is None and certificate is None:
            raise InvalidUseError("there is nothing to exchange.", remedy="Give subject_token=, certificate= or both.")
        self.issuer = issuer
        self.certificate = certificate
        self.ca = ca
        self._source = _source(subject_token, certificate)
        self._type = subject_token_type or (CERTIFICATE if subject_token is None else JWT)
        self._retry = retry or Retry()
        self._context = create_context(certificate, ca)
        self._connection = BrokerConnection(self._context, timeout, transport)
        self._endpoint: str | None = None
        self._closed = threading.Event()
        self._kept: weakref.WeakSet[KeptToken] = weakref.WeakSet()
        self._http: weakref.WeakSet[httpx.Client] = weakref.WeakSet()
        self._async_http: weakref.WeakSet[httpx.AsyncClient] = weakref.WeakSet()

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """Certificate and authorities, for other libraries that call resources."""
        return self._context

    def exchange(self, permissions: Permissions) -> TaskToken:
        """One exchange, with its repetitions. For a token that is kept fresh see `task_token`. Raises a MayflyError."""
        return self._exchange(permissions, None, self._closed)

    async def aexchange(self, permissions: Permissions) -> TaskToken:
        """As `exchange`, for asyncio."""
        return await self.task_token(permissions, reuse=False).aget()

    def task_token(self, permissions: Permissions, *, reuse: bool = True, background: bool = False) -> KeptToken:
        """A task token that is always fresh when asked for; nothing is sent before its first `get`.

        reuse: False makes every `get` a new exchange, for resources that take each token once.
        background: exchange again before anybody asks, until it or the client is closed.
        """
        kept = KeptToken(permissions, self._exchange, reuse=reuse, background=background)
        self._kept.add(kept)
        return kept

    def auth(self, permissions: Permissions | KeptToken) -> MayflyAuth:
        """`auth=` for httpx clients, sync and async. See `http_client` for one that presents the certificate, too.

        A client of your own that is told to follow redirects sends the token along as far as they stay within the origin.
        """
        return MayflyAuth(self._keeper(permissions))

    def http_client(self, permissions: Permissions | KeptToken, **options: Any) -> httpx.Client:
        """An httpx client for a resource, with token and certificate; paths are relative to the resource.

        options: what else `httpx.Client` takes. Redirects are not followed unless asked for, and never with the token.
        """
        client = httpx.Client(**self._client_options(permissions, options))
        client.event_hooks["response"].append(let_no_redirect_carry_the_token)
        self._http.add(client)
        return client

    def async_http_client(self, permissions: Permissions | KeptToken, **options: Any) -> httpx.AsyncClient:
        """As `http_client`, for asyncio."""
        client = httpx.AsyncClient(**self._client_options(permissions, options))

        async def strip(response: httpx.Response) -> None:
            let_no_redirect_carry_the_token(response)

        client.event_hooks["response"].append(strip)
        self._async_http.add(client)
        return client

    def requests_auth(self, permissions: Permissions | KeptToken) -> MayflyRequestsAuth:
        """`auth=` for requests. See `requests_session` for a session that presents the certificate, too."""
        return MayflyRequestsAuth(self._keeper(permissions))

    def requests_session(self, permissions: Permissions | KeptToken) -> requests.Session:
        """A session of requests for a resource, with token and certificate. Needs `requests` to be installed."""
        from .requests_session import MayflySession

        return MayflySession(self.requests_auth(permissions), self.certificate, self.ca)

    def close(self) -> None:
        """Stops renewals and ends connections, those of `http_client` too. Those of `async_http_client` need `aclose`."""
        self._closed.set()
        for kept in list(self._kept):
            kept.close()
        for client in list(self._http):
            client.close()
        self._connection.close()

    async def aclose(self) -> None:
        """As `close`, and ends the connections of `async_http_client`."""
        for client in list(self._async_http):
            await client.aclose()
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Mayfly:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Mayfly:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"Mayfly({self.issuer!r})"

    def _keeper(self, permissions: Permissions | KeptToken) -> KeptToken:
        return permissions if isinstance(permissions, KeptToken) else self.task_token(permissions)

    def _client_options(self, permissions: Permissions | KeptToken, options: dict[str, Any]) -> dict[str, Any]:
        taken = {"auth", "verify", "cert"} & options.keys()
        if taken:
            raise InvalidUseError(f"{', '.join(sorted(taken))} is what this client is for.", remedy="Leave it out.")
        kept = self._keeper(permissions)
        return {"base_url": kept.permissions.resource, **options, "auth": self.auth(kept), "verify": self._context}

    def _exchange(self, permissions: Permissions, account_id: str | None, stop: threading.Event) -> TaskToken:
        """One exchange with its repetitions, all under one idempotency key, so that a lost answer opens no second account."""
        opens = permissions.account_id is None and account_id is None
        headers = {"idempotency-key": f'"{uuid.uuid4()}"'} if opens else {}
        attempt = 1
        while True:
            try:
                return self._attempt(permissions, account_id, headers)
            except MayflyError as error:
                delay = delay_after(error, attempt, self._retry, random.random())  # noqa: S311
                if delay is None or self._closed.is_set() or stop.wait(delay):
                    raise
            attempt += 1

    def _attempt(self, permissions: Permissions, account_id: str | None, headers: dict[str, str]) -> TaskToken:
        if self._closed.is_set():
            raise InvalidUseError("this client was closed.", remedy="Make another one, or close later.")
        if self._endpoint is None:
            has_certificate = self.certificate is not None
            self._endpoint = discover_token_endpoint(self.issuer, prefer_mtls=has_certificate, connection=self._connection)
        token = subject_token.read(self._source)
        form = exchange_form(permissions, subject_token=token, subject_token_type=self._type, account_id=account_id)
        sent_at = clock.now()
        answer = self._connection.send("POST", self._endpoint, headers=headers, form=form)
        return read_token_response(answer, resource=permissions.resource, scope=permissions.scopes, sent_at=sent_at)


def _source(given: subject_token.SubjectToken | None, certificate: Certificate | None) -> subject_token.Source:
    if given is not None:
        return subject_token.source_of(given)
    assert certificate is not None  # noqa: S101 the caller has looked
    leaf = leaf_of(certificate)
    return lambda: leaf
