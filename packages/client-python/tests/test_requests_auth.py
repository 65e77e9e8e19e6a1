"""Calling a resource through requests: as through httpx."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import PERMISSIONS, RESOURCE, World
from mayfly import InvalidUseError

requests = pytest.importorskip("requests")


class ToWorld(requests.adapters.BaseAdapter):  # type: ignore[misc, name-defined, unused-ignore]
    """Hands what requests sends to the world's resource."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._client = httpx.Client(transport=world.resource())

    def send(self, request: Any, **_: Any) -> Any:
        """One request, one answer."""
        got = self._client.request(request.method, request.url, headers=dict(request.headers), content=request.body)
        response = requests.Response()
        response.status_code, response.request, response.connection, response.url = got.status_code, request, self, request.url
        response.headers.update(got.headers)
        response._content = got.content
        return response

    def close(self) -> None:
        """Nothing stays open."""
        self._client.close()


def session_of(world: World) -> Any:
    session = world.client().requests_session(PERMISSIONS)
    session.mount("https://", ToWorld(world))
    return session


def refused(nonce: str | None = None) -> httpx.Response:
    headers = {"www-authenticate": 'Bearer error="invalid_token"'}
    return httpx.Response(401, headers=headers if nonce is None else {**headers, "task-nonce": nonce})


def test_sends_the_token_and_keeps_it(world: World) -> None:
    session = session_of(world)
    assert session.get(f"{RESOURCE}/orders/42").json() == {"ok": True}
    session.post(f"{RESOURCE}/orders", json={})
    assert world.authorizations() == ["Bearer token-1"] * 2


@pytest.mark.parametrize("url", ["https://thief.example/v1/x", "https://orders.example/v2/x", f"{RESOURCE}/../x"])
def test_sends_no_token_beyond_the_resource(world: World, url: str) -> None:
    with pytest.raises(InvalidUseError):
        session_of(world).get(url)
    assert world.calls == [] and world.exchanges == []


@pytest.mark.parametrize("target", ["https://thief.example/", "https://orders.example/other"])
def test_no_redirect_carries_the_token(world: World, target: str) -> None:
    moved = httpx.Response(302, headers={"location": target})
    world.answer_call = lambda one: moved if one.url.path == "/v1/start" else refused("nonce-1")
    assert session_of(world).get(f"{RESOURCE}/start").status_code == 401
    assert world.authorizations() == ["Bearer token-1", None]
    assert len(world.exchanges) == 1


def test_answers_a_nonce_once_with_the_same_body(world: World) -> None:
    world.answer_token = lambda one: world.granted(access_token=f"token-for-{one.form.get('nonce', 'none')}")
    good = "Bearer token-for-nonce-1"
    world.answer_call = lambda one: httpx.Response(200) if one.headers["authorization"] == good else refused("nonce-1")
    response = session_of(world).post(f"{RESOURCE}/x", data="body")
    assert (response.status_code, [one.status_code for one in response.history]) == (200, [401])
    assert [one.content for one in world.calls] == [b"body", b"body"]
    assert world.exchanges[-1].form["account_id"] == "acct_1"


def test_fetches_a_nonce_first_where_the_broker_makes_no_token_without_one(world: World) -> None:
    wants = httpx.Response(400, json={"error": "invalid_request", "error_description": "Send nonce."})
    world.answer_token = lambda one: world.granted() if "nonce" in one.form else wants
    world.answer_call = lambda one: httpx.Response(200) if "authorization" in one.headers else refused("nonce-1")
    session = session_of(world)
    for _ in range(2):
        assert session.post(f"{RESOURCE}/x", data="body").status_code == 200
    assert world.authorizations() == [None, "Bearer token-1", None, "Bearer token-2"]
    assert [one.form.get("nonce") for one in world.exchanges] == [None, "nonce-1", "nonce-1"]


def test_no_variable_of_the_environment_replaces_the_authorities(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/of/somebody/else.pem")
    session = world.client().requests_session(PERMISSIONS)
    session.verify = "/of/the/client.pem"
    assert session.merge_environment_settings(RESOURCE, {}, None, None, None)["verify"] == "/of/the/client.pem"


def test_renews_once_when_the_token_is_refused_and_not_for_ever(world: World) -> None:
    session = session_of(world)
    world.answer_call = lambda _: refused()
    assert session.get(f"{RESOURCE}/x").status_code == 401
    assert session.post(f"{RESOURCE}/x", data=iter([b"gone"])).status_code == 401
    assert world.authorizations() == [f"Bearer token-{n}" for n in (1, 2, 3)]


def test_nobody_needs_requests_who_does_not_use_it() -> None:
    source = Path(__file__).parents[1] / "src"
    program = "import sys, mayfly; sys.exit('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(source)}, check=False)  # noqa: S603
    assert done.returncode == 0
