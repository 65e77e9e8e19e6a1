"""One exchange: where it goes, what it asks, what is made of the answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from conftest import ISSUER, PERMISSIONS, Exchange, FakeClock, World
from mayfly import (
    AccessDeniedError,
    ConnectionFailedError,
    InvalidMetadataError,
    InvalidResponseError,
    InvalidTargetError,
    InvalidUseError,
    MayflyError,
    RefusedError,
    Retry,
    TemporarilyUnavailableError,
)
from mayfly.discovery import metadata_url
from mayfly.permissions import exchange_form

DETAILS = [{"type": "agent_http", "locations": ["https://orders.example/v1"], "methods": ["GET"], "uri_template": "/orders/42"}]


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://broker.example", "https://broker.example/.well-known/oauth-authorization-server"),
        ("https://broker.example:8443/t/acme", "https://broker.example:8443/.well-known/oauth-authorization-server/t/acme"),
    ],
)
def test_the_metadata_lies_between_host_and_path(issuer: str, url: str) -> None:
    assert metadata_url(issuer) == url


def test_asks_in_the_words_of_the_standards() -> None:
    asked = replace(PERMISSIONS, scope=["a", "b"], authorization_details=DETAILS, ttl=60, nonce="n-1", allow_narrowing=True)
    form = exchange_form(asked, subject_token="t", subject_token_type="urn:x", account_id=None)
    assert json.loads(form.pop("authorization_details")) == DETAILS
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token": "t",
        "subject_token_type": "urn:x",
        "resource": "https://orders.example/v1",
        "scope": "a b",
        "task_id": "task-1",
        "ttl": "60",
        "nonce": "n-1",
        "allow_narrowing": "true",
    }


def test_a_renewal_names_the_account_and_not_the_task_so_that_it_can_open_nothing() -> None:
    form = exchange_form(PERMISSIONS, subject_token="t", subject_token_type="urn:x", account_id="acct_1")
    assert (form["account_id"], "task_id" in form) == ("acct_1", False)


def test_reads_everything_that_was_granted(world: World, time: FakeClock) -> None:
    claim_uri = "https://broker.example/claim#mfc_secret"
    world.answer_token = lambda _: world.granted(authorization_details=DETAILS, scope="orders:read x", claim_uri=claim_uri)
    token = world.client().exchange(PERMISSIONS)
    assert (token.access_token, token.token_type, token.resource) == ("token-1", "Bearer", PERMISSIONS.resource)
    assert (token.account_id, token.task_id, token.claim_uri) == ("acct_1", "tsk_1", claim_uri)
    assert (list(token.authorization_details), token.scope) == (DETAILS, ("orders:read", "x"))
    assert (token.expires_in, token.account_expires_in) == (300, 3600)
    time.go(301)
    assert token.expires_in == 0


def test_nothing_that_is_printed_holds_a_secret(world: World) -> None:
    world.answer_token = lambda _: world.granted(claim_uri="https://broker.example/claim#mfc_secret")
    client = world.client()
    kept = client.task_token(PERMISSIONS)
    token = kept.get()
    printed = f"{token!r} {token} {kept!r} {client!r} {[token]}"
    for secret in ("token-1", "mfc_secret", "workload-token"):
        assert secret not in printed


def test_an_absent_scope_means_as_asked_and_a_token_is_never_taken_for_longer_lived(world: World, time: FakeClock) -> None:
    def slow(_: Exchange) -> httpx.Response:
        time.go(5)
        return world.granted()

    world.answer_token = slow
    token = world.client().exchange(PERMISSIONS)
    assert (token.scope, token.expires_in) == (("orders:read",), 295)


def test_without_a_certificate_uses_the_plain_endpoint_and_asks_for_the_metadata_once(world: World) -> None:
    client = world.client()
    client.exchange(PERMISSIONS)
    world.metadata = {}
    client.exchange(PERMISSIONS)
    assert [one.url for one in world.exchanges] == [f"{ISSUER}/token"] * 2


@pytest.mark.parametrize(
    "change", [{"issuer": "https://thief.example"}, {"token_endpoint": "http://x/token"}, {"token_endpoint": 1}]
)
def test_refuses_metadata_of_others(world: World, change: dict[str, Any]) -> None:
    world.metadata.update(change)
    with pytest.raises(InvalidMetadataError):
        world.client().exchange(PERMISSIONS)
    assert world.exchanges == []


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"token_type": None},
        {"expires_in": None},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": "300"},
    ],
)
def test_refuses_an_answer_without_what_a_token_needs(world: World, change: dict[str, Any]) -> None:
    world.answer_token = lambda _: world.granted(**change)
    with pytest.raises(InvalidResponseError):
        world.client().exchange(PERMISSIONS)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{" * 100_000, b"\xff", b'{"access_token": 1e999}'])
def test_refuses_an_answer_that_is_none(world: World, body: bytes) -> None:
    world.answer_token = lambda _: httpx.Response(200, content=body)
    with pytest.raises(InvalidResponseError):
        world.client().exchange(PERMISSIONS)


def test_refuses_an_answer_that_is_too_large_and_follows_no_redirect(world: World) -> None:
    world.answer_token = lambda _: httpx.Response(200, content=b" " * 300_000)
    with pytest.raises(InvalidResponseError, match="too large"):
        world.client().exchange(PERMISSIONS)
    world.answer_token = lambda _: httpx.Response(307, headers={"location": "https://thief.example/token"})
    with pytest.raises(InvalidResponseError) as caught:
        world.client().exchange(PERMISSIONS)
    assert (caught.value.status, len(world.exchanges)) == (307, 2)


def test_repeats_503_and_429_under_one_idempotency_key(world: World) -> None:
    answers = [httpx.Response(503, headers={"retry-after": "0"}, json={}), httpx.Response(429, json={})]
    world.answer_token = lambda _: answers.pop(0) if answers else world.granted()
    assert world.client().exchange(PERMISSIONS).access_token == "token-1"
    keys = [one.headers["idempotency-key"] for one in world.exchanges]
    assert len(keys) == 3 and len(set(keys)) == 1 and keys[0][0] == keys[0][-1] == '"'


def test_hands_a_long_retry_after_to_the_caller_at_once(world: World) -> None:
    busy = {"error": "temporarily_unavailable", "error_description": "Too many."}
    world.answer_token = lambda _: httpx.Response(429, headers={"retry-after": "60"}, json=busy)
    with pytest.raises(TemporarilyUnavailableError) as caught:
        world.client().exchange(PERMISSIONS)
    assert (caught.value.description, caught.value.status, caught.value.retry_after) == ("Too many.", 429, 60)
    assert len(world.exchanges) == 1


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "invalid_target", InvalidTargetError),
        (400, "access_denied", AccessDeniedError),
        (500, "server_error", RefusedError),
        (400, "something_new", RefusedError),
        (502, None, InvalidResponseError),
    ],
)
def test_does_not_repeat_a_refusal_and_types_it(world: World, status: int, error: str | None, kind: type[MayflyError]) -> None:
    secret = f"eyJ{'x' * 40}.eyJ{'y' * 40}.{'z' * 40}"
    body = {"error": error, "error_description": f"no: {secret}"}
    world.answer_token = lambda _: httpx.Response(status, json=body if error else None)
    with pytest.raises(kind) as caught:
        world.client(subject_token=secret).exchange(PERMISSIONS)
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert caught.value.error == (error or "invalid_response")
    assert "zzzz" not in str(caught.value)
    assert len(world.exchanges) == 1


def test_a_lost_connection_is_repeated_and_its_error_leads_nobody_to_the_request(world: World) -> None:
    def cut(_: Exchange) -> httpx.Response:
        raise httpx.ReadError("subject_token=workload-token")

    world.answer_token = cut
    with pytest.raises(ConnectionFailedError) as caught:
        world.client(retry=Retry(attempts=3, base_delay=0.001)).exchange(PERMISSIONS)
    assert len(world.exchanges) == 3
    assert "workload-token" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_works_for_asyncio(world: World) -> None:
    assert asyncio.run(world.client().aexchange(PERMISSIONS)).access_token == "token-1"


def test_refuses_what_cannot_work_before_anything_is_sent(world: World) -> None:
    for change in ({"issuer": "http://127.0.0.1"}, {"subject_token": None}):
        with pytest.raises(InvalidUseError):
            world.client(**change)
    client = world.client()
    client.close()
    with pytest.raises(InvalidUseError, match="closed"):
        client.exchange(PERMISSIONS)
    assert world.exchanges == []
