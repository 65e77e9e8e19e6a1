"""A broker and a resource that answer what a test tells them to, without a network."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from mayfly import Mayfly, Permissions, Retry, clock

ISSUER = "https://broker.example"
RESOURCE = "https://orders.example/v1"
PERMISSIONS = Permissions(resource=RESOURCE, scope="orders:read", task_id="task-1")

Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class Exchange:
    """An exchange that reached the broker."""

    url: str
    headers: httpx.Headers
    form: dict[str, str]


class World:
    """What tests set stands until the test ends."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.calls: list[httpx.Request] = []
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "token_endpoint": f"{ISSUER}/token",
            "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.broker.example/token"},
        }
        self.answer_token: Callable[[Exchange], httpx.Response] = lambda _: self.granted()
        self.answer_call: Answer = lambda _: httpx.Response(200, json={"ok": True})
        self._issued = itertools.count(1)
        self._clients: list[Mayfly] = []

    def granted(self, **change: Any) -> httpx.Response:
        """A good answer of the token endpoint: `token-1`, `token-2`, …"""
        account = {"account_id": "acct_1", "task_id": "tsk_1", "account_expires_in": 3600}
        token = {"access_token": f"token-{next(self._issued)}", "token_type": "Bearer", "expires_in": 300}
        return httpx.Response(200, json={**token, **account, **change})

    def client(self, **change: Any) -> Mayfly:
        """A client of this broker."""
        options: dict[str, Any] = {
            "subject_token": "workload-token",
            "retry": Retry(base_delay=0.001, max_delay=1.0),
            "transport": httpx.MockTransport(self._broker),
            **change,
        }
        client = Mayfly(options.pop("issuer", ISSUER), **options)
        self._clients.append(client)
        return client

    def resource(self) -> httpx.MockTransport:
        """The resource, as a transport."""
        return httpx.MockTransport(self._resource)

    def authorizations(self) -> list[str | None]:
        """What the resource was shown."""
        return [call.headers.get("authorization") for call in self.calls]

    def close(self) -> None:
        """Ends what the test left open."""
        for client in self._clients:
            client.close()

    def _broker(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/token":
            return httpx.Response(200, json=self.metadata)
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        exchange = Exchange(str(request.url), request.headers, form)
        self.exchanges.append(exchange)
        return self.answer_token(exchange)

    def _resource(self, request: httpx.Request) -> httpx.Response:
        seen = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.content)
        self.calls.append(seen)
        return self.answer_call(request)


class FakeClock:
    """Goes only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def go(self, seconds: float) -> None:
        """Time passes."""
        self.seconds += seconds


@pytest.fixture
def world() -> Iterator[World]:
    """A new world for each test."""
    one = World()
    yield one
    one.close()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The package's clock, held still."""
    fake = FakeClock()
    monkeypatch.setattr(clock, "now", lambda: fake.seconds)
    return fake
