"""Calling a resource through httpx, sync and async: the same guarantees for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import pytest

from conftest import PERMISSIONS, RESOURCE, Exchange, World
from mayfly import InvalidRequestError, InvalidUseError, KeptToken, Mayfly, Permissions

Call = Callable[..., httpx.Response]


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, world: World) -> Call:
    """Calls the resource through a client made for it: `call(mayfly, method, path)`."""

    def sync(mayfly: Mayfly, method: str, path: str, asked: Permissions | KeptToken = PERMISSIONS, **how: Any) -> httpx.Response:
        with mayfly.http_client(asked, transport=world.resource()) as client:
            return client.request(method, path, **how)

    async def send(mayfly: Mayfly, method: str, path: str, asked: Permissions | KeptToken, how: Any) -> httpx.Response:
        async with mayfly.async_http_client(asked, transport=world.resource()) as client:
            return await client.request(method, path, **how)

    def in_a_loop(
        mayfly: Mayfly, method: str, path: str, asked: Permissions | KeptToken = PERMISSIONS, **how: Any
    ) -> httpx.Response:
        return asyncio.run(send(mayfly, method, path, asked, how))

    return sync if request.param == "sync" else in_a_loop


def refused(nonce: str | None = None) -> httpx.Response:
    headers = {"www-authenticate": 'Bearer error="invalid_token", error_description="Not valid."'}
    return httpx.Response(401, headers=headers if nonce is None else {**headers, "task-nonce": nonce})


def test_sends_the_token_below_the_resource_and_keeps_it(world: World, call: Call) -> None:
    client = world.client()
    kept = client.task_token(PERMISSIONS)
    assert call(client, "GET", "/orders/42", kept).json() == {"ok": True}
    call(client, "POST", f"{RESOURCE}/orders", kept, json={})
    assert [str(one.url) for one in world.calls] == [f"{RESOURCE}/orders/42", f"{RESOURCE}/orders"]
    assert world.authorizations() == ["Bearer token-1"] * 2


@pytest.mark.parametrize(
    "url",
    [
        "https://thief.example/v1/x",
        "https://orders.example:8443/v1/x",
        "https://orders.example.thief.example/v1/x",
        "http://orders.example/v1/x",
        "https://orders.example/v2/x",
        "https://orders.example/v1x",
        "https://orders.example/v1/../admin",
        "https://orders.example/v1/%2e%2E/admin",
        "https://orders.example/v1/.%2e/admin",
        "https://orders.example/v1%2fadmin",
    ],
)
def test_sends_no_token_beyond_the_resource(world: World, call: Call, url: str) -> None:
    with pytest.raises(InvalidUseError, match="lie within the resource"):
        call(world.client(), "GET", url)
    assert world.calls == [] and world.exchanges == []


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("target", ["https://thief.example/", "https://orders.example/other", f"{RESOURCE}/x"])
def test_no_redirect_carries_the_token(world: World, call: Call, follow: bool, target: str) -> None:
    moved = httpx.Response(302, headers={"location": target})
    world.answer_call = lambda one: moved if one.url.path == "/v1/start" else httpx.Response(200)
    response = call(world.client(), "GET", "/start", follow_redirects=follow)
    assert response.status_code == (200 if follow else 302)
    assert world.authorizations() == ["Bearer token-1"] + [None] * follow


def test_answers_a_nonce_once_in_the_same_account_with_the_same_body(world: World, call: Call) -> None:
    world.answer_token = lambda one: world.granted(access_token=f"token-for-{one.form.get('nonce', 'none')}")
    good = "Bearer token-for-nonce-1"
    world.answer_call = lambda one: httpx.Response(200) if one.headers["authorization"] == good else refused("nonce-1")
    assert call(world.client(), "POST", "/x", content="body").status_code == 200
    assert [one.content for one in world.calls] == [b"body", b"body"]
    last = world.exchanges[-1].form
    assert (last["nonce"], last["account_id"]) == ("nonce-1", "acct_1")


def test_fetches_a_nonce_first_where_the_broker_makes_no_token_without_one(world: World, call: Call) -> None:
    def only_for_a_nonce(exchange: Exchange) -> httpx.Response:
        if "nonce" in exchange.form:
            return world.granted(access_token=f"token-for-{exchange.form['nonce']}")
        return httpx.Response(400, json={"error": "invalid_request", "error_description": "Send nonce: it takes no other."})

    nonces = (f"nonce-{n}" for n in count(1))
    world.answer_token = only_for_a_nonce
    world.answer_call = lambda one: httpx.Response(200) if "authorization" in one.headers else refused(next(nonces))
    client = world.client()
    kept = client.task_token(PERMISSIONS)
    assert call(client, "POST", "/x", kept, content=b"body").status_code == 200
    assert [one.content for one in world.calls] == [b"", b"body"], "the body goes where the token goes, and once"
    assert world.authorizations() == [None, "Bearer token-for-nonce-1"]


def test_a_refusal_of_the_exchange_is_no_reason_to_call_the_resource(world: World, call: Call) -> None:
    world.answer_token = lambda _: httpx.Response(400, json={"error": "invalid_request", "error_description": "Not yours."})
    with pytest.raises(InvalidRequestError, match="Not yours"):
        call(world.client(), "POST", "/x")
    assert world.calls == []


def test_asks_for_a_nonce_at_once_when_it_knows_and_not_any_more_when_none_comes(world: World) -> None:
    wants = httpx.Response(400, json={"error": "invalid_request", "error_description": "Send nonce."})
    world.answer_token = lambda one: world.granted() if "nonce" in one.form else wants
    world.answer_call = lambda one: httpx.Response(200) if "authorization" in one.headers else refused("nonce-1")
    with world.client().http_client(PERMISSIONS, transport=world.resource()) as client:
        client.get("/x")
        client.get("/x")
        assert [one.form.get("nonce") for one in world.exchanges] == [None, "nonce-1", "nonce-1"]
        world.answer_token = lambda _: world.granted()
        world.answer_call = lambda one: httpx.Response(200) if "authorization" in one.headers else refused()
        client.get("/x")
        client.get("/x")
    assert [one.form.get("nonce") for one in world.exchanges[3:]] == [None]
    assert world.authorizations()[-2:] == ["Bearer token-3"] * 2


def test_renews_once_when_the_token_is_refused_and_not_for_ever(world: World, call: Call) -> None:
    client = world.client()
    kept = client.task_token(PERMISSIONS)
    world.answer_call = lambda one: httpx.Response(200) if one.headers["authorization"] == "Bearer token-2" else refused()
    assert call(client, "POST", "/x", kept, content="body").status_code == 200
    world.answer_call = lambda _: refused()
    assert call(client, "GET", "/x", kept).status_code == 401
    assert world.authorizations() == [f"Bearer token-{n}" for n in (1, 2, 2, 3)]
    call(client, "GET", "/x", kept)
    assert world.authorizations()[4] == "Bearer token-4"


@pytest.mark.parametrize("status", [400, 403, 404, 503])
def test_leaves_other_refusals_alone(world: World, call: Call, status: int) -> None:
    world.answer_call = lambda _: httpx.Response(status, headers={"task-nonce": "nonce-1"})
    assert call(world.client(), "GET", "/x").status_code == status
    assert len(world.calls) == len(world.exchanges) == 1


def test_leaves_a_401_alone_that_asks_for_something_else(world: World, call: Call) -> None:
    world.answer_call = lambda _: httpx.Response(401, headers={"www-authenticate": "Basic"})
    assert call(world.client(), "GET", "/x").status_code == 401
    assert len(world.calls) == 1


def test_does_not_send_a_body_twice_that_is_gone_after_the_first_time(world: World) -> None:
    world.answer_call = lambda _: refused("nonce-1")
    with world.client().http_client(PERMISSIONS, transport=world.resource()) as client:
        assert client.post("/x", content=iter([b"a", b"b"])).status_code == 401
    assert [one.content for one in world.calls] == [b"ab"]


def test_refuses_a_token_that_needs_more_than_it_can_do(world: World, call: Call) -> None:
    world.answer_token = lambda _: world.granted(token_type="DPoP")
    with pytest.raises(InvalidUseError, match="proof"):
        call(world.client(), "GET", "/x")
    assert world.calls == []


@pytest.mark.parametrize("name", ["auth", "verify", "cert"])
def test_what_protects_the_client_cannot_be_taken_away(world: World, name: str) -> None:
    with pytest.raises(InvalidUseError, match=name):
        world.client().http_client(PERMISSIONS, **{name: None})


def test_is_an_auth_for_clients_of_ones_own(world: World) -> None:
    with httpx.Client(transport=world.resource(), auth=world.client().auth(PERMISSIONS)) as client:
        assert client.get(f"{RESOURCE}/x").status_code == 200
    assert world.authorizations() == ["Bearer token-1"]
