"""Against a real broker and real guards. `test/e2e/python-client.test.ts` of the project starts them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from mayfly import (
    ConnectionFailedError,
    InvalidAuthorizationDetailsError,
    InvalidClientError,
    InvalidMetadataError,
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    Mayfly,
    MayflyError,
    Permissions,
    TaskToken,
    UntrustedServerError,
    async_http_tool,
    github_actions,
    http_tool,
)

WORLD = os.environ.get("MAYFLY_TEST_WORLD")
pytestmark = pytest.mark.skipif(WORLD is None, reason="no broker: run `npm test -- test/e2e/python-client` in the project")
_tasks = count(1)


@dataclass
class Real:
    """What the project's test has started, and clients that end with the test."""

    facts: dict[str, Any]
    clients: list[Mayfly] = field(default_factory=list)

    def resource(self, mode: str = "pop") -> str:
        uri: str = self.facts["resources"][mode]
        return uri

    def asks(self, mode: str = "pop", method: str = "GET", uri_template: str = "/orders/{id}") -> Permissions:
        """Permissions for a task of its own."""
        detail = {"type": "agent_http", "locations": [self.resource(mode)], "methods": [method], "uri_template": uri_template}
        return Permissions(resource=self.resource(mode), authorization_details=[detail], task_id=f"python-{next(_tasks)}")

    def reads(self) -> Permissions:
        return Permissions(resource=self.resource(), scope="orders:read", task_id=f"python-{next(_tasks)}")

    def workload_token(self, sub: str = "python", run: str = "run-1") -> str:
        tokens = self.facts["tokens"]
        url = httpx.URL(tokens["url"]).copy_merge_params({"sub": sub, "run": run})
        with Mayfly(self.facts["issuer"], ca=self.facts["ca"], subject_token="unused") as client:
            answer = httpx.get(url, headers={"authorization": f"Bearer {tokens['secret']}"}, verify=client.ssl_context)
        value: str = answer.raise_for_status().json()["value"]
        return value

    def client(self, **change: Any) -> Mayfly:
        certificate = (self.facts["certificate"], self.facts["key"])
        options = {"certificate": certificate, "ca": self.facts["ca"], "subject_token": self.workload_token, **change}
        client = Mayfly(options.pop("issuer", self.facts["issuer"]), **options)
        self.clients.append(client)
        return client


@pytest.fixture
def real() -> Iterator[Real]:
    one = Real(json.loads(Path(str(WORLD)).read_text(encoding="utf-8")))
    yield one
    for client in one.clients:
        client.close()


def claims_of(token: TaskToken) -> dict[str, Any]:
    part = token.access_token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_finds_the_mtls_endpoint_from_the_issuer_alone_and_gets_a_bound_token(real: Real) -> None:
    asked = real.reads()
    token = real.client().exchange(asked)
    claims = claims_of(token)
    assert "x5t#S256" in claims["cnf"] and claims["client_id"] == real.facts["agents"]["bound"]
    assert (token.token_type, token.task_id, token.scope) == ("Bearer", asked.task_id, ("orders:read",))
    assert token.account_id == claims["account_id"]
    assert token.claim_uri is not None and "/claim#mfc_" in token.claim_uri
    assert 0 < token.expires_in <= 300


def test_stays_in_its_account_with_a_newer_subject_token_each_time(real: Real) -> None:
    kept = real.client().task_token(real.reads())
    first = kept.get()
    kept.drop()
    second = asyncio.run(kept.aget())
    assert second.account_id == first.account_id and second.claim_uri == first.claim_uri
    assert second.access_token != first.access_token


def test_gets_a_bearer_token_without_a_certificate_where_the_registration_allows_it(real: Real) -> None:
    client = real.client(certificate=None, subject_token=lambda: real.workload_token("python-bearer"))
    claims = claims_of(client.exchange(real.reads()))
    assert claims["client_id"] == real.facts["agents"]["bearer"] and "cnf" not in claims


def test_the_certificate_alone_is_proof_enough(real: Real) -> None:
    token = real.client(subject_token=None).exchange(real.reads())
    assert claims_of(token)["client_id"] == real.facts["agents"]["bound"]


def test_asks_github_for_the_subject_token(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", real.facts["tokens"]["url"])
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", real.facts["tokens"]["secret"])
    source = github_actions(real.facts["audience"], ca=real.facts["ca"])
    assert real.client(subject_token=source).exchange(real.reads()).account_id
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong")
    with pytest.raises(ConnectionFailedError, match="status 401"):
        source()


def test_refusals_come_typed_and_hold_no_token(real: Real) -> None:
    secret = real.workload_token()
    client = real.client(subject_token=secret)
    reads, asks = real.reads(), real.asks()
    cases: list[tuple[Mayfly, Permissions, type[MayflyError]]] = [
        (client, Permissions(resource=reads.resource, scope="orders:write"), InvalidScopeError),
        (client, Permissions(resource="https://nobody.example", scope="orders:read"), InvalidTargetError),
        (client, real.asks(method="DELETE"), InvalidAuthorizationDetailsError),
        (real.client(certificate=None), asks, InvalidClientError),
        (real.client(subject_token="junk"), asks, InvalidRequestError),
        (real.client(issuer=f"{real.facts['issuer']}/t/test"), asks, InvalidMetadataError),
    ]
    for by, permissions, kind in cases:
        with pytest.raises(kind) as caught:
            by.exchange(permissions)
        assert type(caught.value) is kind and caught.value.remedy
        assert secret not in str(caught.value)


def test_does_not_speak_to_a_server_that_its_authority_does_not_vouch_for(real: Real) -> None:
    reads: list[str] = []

    def source() -> str:
        reads.append("read")
        return "secret"

    with pytest.raises(UntrustedServerError, match="ca="):
        real.client(ca=real.facts["other_ca"], subject_token=source).exchange(real.reads())
    assert reads == []


def test_a_lost_answer_opens_no_second_account(real: Real) -> None:
    inner = httpx.HTTPTransport(verify=real.client().ssl_context)
    accounts: list[str] = []

    class LosesTheFirst(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = inner.handle_request(request)
            if request.method == "POST":
                accounts.append(json.loads(response.read())["account_id"])
                if len(accounts) == 1:
                    raise httpx.ReadError("lost")
                return httpx.Response(response.status_code, content=response.content)
            return response

    token = real.client(transport=LosesTheFirst()).exchange(real.reads())
    assert accounts == [token.account_id] * 2
    assert token.claim_uri is not None
    inner.close()


def test_one_exchange_for_many_threads_and_tasks(real: Real) -> None:
    exchanges: list[str] = []

    def source() -> str:
        exchanges.append(threading.current_thread().name)
        return real.workload_token()

    kept = real.client(subject_token=source).task_token(real.reads())

    async def tasks() -> list[TaskToken]:
        return await asyncio.gather(*(kept.aget() for _ in range(10)))

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(kept.get) for _ in range(7)]
        tokens = [*pool.submit(asyncio.run, tasks()).result(), *(one.result() for one in futures)]
    assert len({token.access_token for token in tokens}) == 1
    assert len(exchanges) == 1


@pytest.mark.parametrize("mode", ["pop", "once", "challenge"])
def test_calls_a_resource_in_every_replay_mode_by_httpx(real: Real, mode: str) -> None:
    kept = real.client().task_token(real.asks(mode))
    with real.client().http_client(kept) as api:
        for number in ("42", "43"):
            response = api.get(f"/orders/{number}")
            assert (response.status_code, response.json()["id"]) == (200, number)
        assert api.get("/payments").status_code == 403


@pytest.mark.parametrize("mode", ["pop", "once", "challenge"])
def test_calls_a_resource_in_every_replay_mode_by_asyncio(real: Real, mode: str) -> None:
    async def call() -> list[int]:
        async with real.client().async_http_client(real.asks(mode)) as api:
            answers = await asyncio.gather(*(api.get(f"/orders/{number}") for number in range(5)))
            return [one.status_code for one in answers]

    # Five at once with one kept token: in `once` mode four are refused, and one renewal each cannot help all of them.
    statuses = asyncio.run(call())
    assert statuses == [200] * 5 if mode != "once" else statuses.count(200) >= 2


def test_takes_a_token_for_each_call_where_each_is_good_for_one(real: Real) -> None:
    async def call() -> list[int]:
        client = real.client()
        kept = client.task_token(real.asks("once"), reuse=False)
        async with client.async_http_client(kept) as api:
            answers = await asyncio.gather(*(api.get(f"/orders/{number}") for number in range(5)))
            return [one.status_code for one in answers]

    assert asyncio.run(call()) == [200] * 5


@pytest.mark.parametrize("mode", ["pop", "once", "challenge"])
def test_calls_a_resource_in_every_replay_mode_by_requests(real: Real, mode: str) -> None:
    pytest.importorskip("requests")
    with real.client().requests_session(real.asks(mode, "POST", "/payments")) as session:
        for amount in ("10.00", "11.00"):
            response = session.post(f"{real.resource(mode)}/payments", json={"amount": amount})
            assert (response.status_code, response.json()) == (200, {"paid": {"amount": amount}})
        assert session.get(f"{real.resource(mode)}/orders/42").status_code == 403


def test_a_copied_token_is_worth_nothing_without_the_certificate(real: Real) -> None:
    token = real.client().exchange(real.asks())
    thief = real.client(certificate=None)
    headers = {"authorization": f"Bearer {token.access_token}"}
    for context, status in ((thief.ssl_context, 401), (real.clients[0].ssl_context, 200)):
        assert httpx.get(f"{real.resource()}/orders/42", headers=headers, verify=context).status_code == status


def test_a_tool_does_what_it_says_and_its_token_nothing_else(real: Real) -> None:
    client = real.client()
    about: dict[str, Any] = {
        "name": "read_order",
        "description": "Read one order.",
        "resource": real.resource(),
        "uri_template": "/orders/{id}",
    }
    task = real.reads().task_id
    assert json.loads(http_tool(client, **about, task_id=task)("42"))["id"] == "42"
    assert "status 403" in http_tool(client, **about, task_id=task)("42/items")
    payments: dict[str, Any] = {**about, "uri_template": "/secrets/{id}"}
    assert http_tool(client, **payments, task_id=task)("42").startswith("invalid_authorization_details")


def test_a_tool_may_be_called_many_times_at_once_where_each_token_is_good_for_one(real: Real) -> None:
    about: dict[str, Any] = {"name": "read_order", "description": "Read one order.", "resource": real.resource("once")}
    read_order = http_tool(real.client(), **about, uri_template="/orders/{id}", task_id=real.reads().task_id, reuse=False)
    with ThreadPoolExecutor(5) as pool:
        answers = [json.loads(text)["id"] for text in pool.map(read_order, ["1", "2", "3", "4", "5"])]
    assert answers == ["1", "2", "3", "4", "5"]


def test_a_tool_for_asyncio_ends_with_its_client(real: Real) -> None:
    async def call() -> str:
        async with real.client() as client:
            about: dict[str, Any] = {"name": "read_order", "description": "Read.", "resource": real.resource()}
            read_order = async_http_tool(client, **about, uri_template="/orders/{id}", task_id=real.reads().task_id)
            return await read_order("43")

    assert json.loads(asyncio.run(call()))["id"] == "43"


def test_the_readme_works_as_it_stands(real: Real, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("langchain_core")
    token = tmp_path / "token"
    token.write_text(real.workload_token(), encoding="ascii")
    places = {
        "https://broker.example": real.facts["issuer"],
        "https://orders.example/v1": real.resource(),
        "/var/run/secrets/workload-token": str(token),
        '"agent.pem"': repr(real.facts["certificate"]),
        '"agent.key"': repr(real.facts["key"]),
        '"ca.pem"': repr(real.facts["ca"]),
    }
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        for written, here in places.items():
            block = block.replace(written, here)
        exec(block, names)  # noqa: S102
    real.clients.append(names["mayfly"])
    shown = capsys.readouterr().out
    assert shown.count("42") >= 2 and names["token"].access_token not in shown
