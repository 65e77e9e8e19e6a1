"""An operation of a resource as a tool that a model calls."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from conftest import RESOURCE, World
from mayfly import async_http_tool, http_tool


def stand_in_tool(function: Callable[..., Any]) -> dict[str, Any]:
    """What an agent framework reads from a function."""
    parameters = inspect.signature(function).parameters
    return {
        "name": function.__name__,
        "description": function.__doc__,
        "parameters": {name: one.annotation for name, one in parameters.items()},
    }


def read_order(world: World) -> Callable[..., str]:
    return http_tool(
        world.client(),
        name="read_order",
        description="Read one order by its number.",
        resource=RESOURCE,
        uri_template="/orders/{order_id}",
        task_id="task-1",
        transport=world.resource(),
    )


def pay(world: World) -> Any:
    about: dict[str, Any] = {
        "name": "pay",
        "description": "Pay.",
        "resource": RESOURCE,
        "method": "POST",
        "uri_template": "/payments",
    }
    return async_http_tool(world.client(), **about, transport=world.resource())


def test_looks_like_a_function_written_by_hand(world: World) -> None:
    assert stand_in_tool(read_order(world)) == {
        "name": "read_order",
        "description": "Read one order by its number.",
        "parameters": {"order_id": str},
    }
    assert stand_in_tool(pay(world))["parameters"] == {"body": dict[str, Any]}


def test_its_token_permits_exactly_what_the_tool_does(world: World) -> None:
    assert json.loads(read_order(world)("42")) == {"ok": True}
    asked = world.exchanges[0].form
    assert json.loads(asked["authorization_details"]) == [
        {"type": "agent_http", "locations": [RESOURCE], "methods": ["GET"], "uri_template": "/orders/{order_id}"}
    ]
    assert (asked["task_id"], "scope" in asked) == ("task-1", False)
    assert [str(one.url) for one in world.calls] == [f"{RESOURCE}/orders/42"]


@pytest.mark.parametrize("value", ["../admin", "42/items", "42?all=1", "42#x", "%2e%2e", "a b", "https://thief.example/"])
def test_a_model_cannot_leave_the_place_that_a_value_fills(world: World, value: str) -> None:
    read_order(world)(order_id=value)
    sent = world.calls[0].url
    assert sent.raw_path.startswith(b"/v1/orders/") and sent.raw_path.count(b"/") == 3
    assert (sent.host, sent.query, sent.path.removeprefix("/v1/orders/")) == ("orders.example", b"", value)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_is_no_segment_is_refused_in_words(world: World, value: str) -> None:
    assert "must not be" in read_order(world)(order_id=value)
    assert world.calls == []


def test_refusals_are_told_in_words_so_that_a_model_can_go_on(world: World) -> None:
    world.answer_call = lambda _: httpx.Response(403, content=b'{"error":"insufficient_scope"}')
    assert read_order(world)("42") == 'The request was refused with status 403. {"error":"insufficient_scope"}'
    world.answer_token = lambda _: httpx.Response(400, json={"error": "access_denied", "error_description": "It ended."})
    assert read_order(world)("42").startswith("access_denied: It ended.")

    def cut(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("token-1")

    world.answer_token, world.answer_call = lambda _: world.granted(), cut
    assert read_order(world)("42") == "The resource did not answer (ReadError)."


def test_takes_a_body_where_the_method_has_one_and_works_for_asyncio(world: World) -> None:
    world.answer_call = lambda one: httpx.Response(201, json={"got": json.loads(one.content)})
    assert json.loads(asyncio.run(pay(world)(body={"amount": "10.00"}))) == {"got": {"amount": "10.00"}}


def test_a_missing_argument_is_the_callers_mistake(world: World) -> None:
    with pytest.raises(TypeError):
        read_order(world)()


@pytest.mark.filterwarnings("ignore")
def test_langchain_takes_it_as_it_is(world: World) -> None:
    langchain = pytest.importorskip("langchain_core.tools")
    reading, paying = langchain.tool(read_order(world)), langchain.tool(pay(world))
    assert (reading.name, reading.description) == ("read_order", "Read one order by its number.")
    assert reading.args["order_id"]["type"] == "string"
    assert json.loads(reading.invoke({"order_id": "42"})) == {"ok": True}
    assert json.loads(asyncio.run(paying.ainvoke({"body": {"amount": "1.00"}}))) == {"ok": True}
    with pytest.raises(ValueError, match="order_id"):
        reading.invoke({})
