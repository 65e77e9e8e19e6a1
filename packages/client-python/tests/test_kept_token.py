"""Keeping a token fresh, for many threads and tasks at once."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time as wall
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from conftest import PERMISSIONS, Exchange, FakeClock, World
from mayfly import AccessDeniedError, ConnectionFailedError, InvalidUseError, Retry, TaskToken, TemporarilyUnavailableError


def until(condition: object) -> None:
    """Waits for a condition, for at most five seconds."""
    assert callable(condition)
    for _ in range(1000):
        if condition():
            return
        wall.sleep(0.005)
    raise AssertionError("this did not come true")


class Gate:
    """Holds the broker's answers back until it is opened."""

    def __init__(self, world: World) -> None:
        self.opened = threading.Event()
        self._world = world
        world.answer_token = self._answer

    def _answer(self, _: Exchange) -> httpx.Response:
        assert self.opened.wait(5)
        return self._world.granted()


def test_one_exchange_serves_all_threads_and_tasks_that_wait_and_those_who_come_later(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS)
    gate = Gate(world)

    async def tasks() -> list[TaskToken]:
        return await asyncio.gather(*(kept.aget() for _ in range(20)))

    with ThreadPoolExecutor(12) as pool:
        threads = [pool.submit(kept.get) for _ in range(10)]
        loops = [pool.submit(asyncio.run, tasks()) for _ in range(2)]
        until(lambda: world.exchanges)
        gate.opened.set()
        tokens = [one.result() for one in threads] + [token for one in loops for token in one.result()]
    assert {token.access_token for token in tokens} == {"token-1"}
    assert kept.get().access_token == "token-1"
    assert len(world.exchanges) == 1


def test_a_task_that_is_cancelled_and_a_thread_that_gives_up_leave_the_others_waiting(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS)
    gate = Gate(world)

    async def one_gives_up() -> TaskToken:
        first, second = asyncio.create_task(kept.aget()), asyncio.create_task(kept.aget())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(ConnectionFailedError, match="no token within"):
            await asyncio.to_thread(kept.get, 0.01)
        gate.opened.set()
        return await second

    assert asyncio.run(one_gives_up()).access_token == "token-1"
    assert len(world.exchanges) == 1


def test_a_loop_that_ends_leaves_the_exchange_to_the_others(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS)
    gate = Gate(world)

    async def start_only() -> None:
        task = asyncio.create_task(kept.aget())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(start_only())
    gate.opened.set()
    assert kept.get(5).access_token == "token-1"


def test_blocking_the_loop_by_a_sync_call_ends_in_a_token_and_no_deadlock(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS)

    async def both() -> tuple[TaskToken, TaskToken]:
        task = asyncio.create_task(kept.aget())
        await asyncio.sleep(0)
        return kept.get(5), await task

    first, second = asyncio.run(both())
    assert first.access_token == second.access_token == "token-1"


def test_exchanges_again_late_in_its_life_in_the_same_account_without_a_new_idempotency_key(
    world: World, time: FakeClock
) -> None:
    uri = "https://broker.example/claim#x"
    world.answer_token = lambda one: world.granted(**({} if "account_id" in one.form else {"claim_uri": uri}))
    kept = world.client().task_token(PERMISSIONS)
    assert kept.get().claim_uri == uri
    time.go(300 * 0.74)
    assert kept.get().access_token == "token-1"
    time.go(300 * 0.12)
    renewed = kept.get()
    assert (renewed.access_token, renewed.claim_uri) == ("token-2", uri)
    first, second = world.exchanges
    assert (first.form.get("task_id"), first.form.get("account_id")) == ("task-1", None)
    assert (second.form.get("task_id"), second.form.get("account_id")) == (None, "acct_1")
    assert "idempotency-key" in first.headers and "idempotency-key" not in second.headers


def test_renewals_are_spread_over_a_tenth_of_the_life(world: World, time: FakeClock) -> None:
    client = world.client()
    kept = [client.task_token(PERMISSIONS) for _ in range(40)]
    for one in kept:
        one.get()
    time.go(300 * 0.80)
    before = len(world.exchanges)
    for one in kept:
        one.get()
    assert 0 < len(world.exchanges) - before < 40


def test_hands_out_the_living_token_when_a_renewal_fails_for_now_and_the_error_when_it_is_refused(
    world: World, time: FakeClock
) -> None:
    kept = world.client(retry=Retry(attempts=1)).task_token(PERMISSIONS)
    kept.get()
    time.go(300 * 0.9)
    world.answer_token = lambda _: httpx.Response(503, json={"error": "temporarily_unavailable"})
    assert kept.get().access_token == "token-1"
    asked = len(world.exchanges)
    assert kept.get().access_token == "token-1"
    assert len(world.exchanges) == asked, "the broker is left in peace for a while"
    time.go(6)
    world.answer_token = lambda _: httpx.Response(400, json={"error": "access_denied", "error_description": "It has ended."})
    with pytest.raises(AccessDeniedError):
        kept.get()
    time.go(60)
    world.answer_token = lambda _: httpx.Response(503, json={})
    with pytest.raises(TemporarilyUnavailableError):
        kept.get()


def test_renews_in_the_background_before_anybody_asks_until_closed(world: World) -> None:
    world.answer_token = lambda _: world.granted(expires_in=0.1)
    kept = world.client().task_token(PERMISSIONS, background=True)
    kept.get()
    until(lambda: len(world.exchanges) >= 3)
    kept.close()
    with pytest.raises(InvalidUseError, match="closed"):
        kept.get()


def test_without_reuse_each_get_exchanges_in_the_same_account(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS, reuse=False)
    assert [kept.get().access_token, kept.get().access_token] == ["token-1", "token-2"]
    assert [one.form.get("account_id") for one in world.exchanges] == [None, "acct_1"]


def test_closing_ends_waits_between_repetitions(world: World) -> None:
    world.answer_token = lambda _: httpx.Response(503, headers={"retry-after": "60"}, json={})
    client = world.client(retry=Retry(max_delay=100))
    kept = client.task_token(PERMISSIONS)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(kept.get)
        until(lambda: world.exchanges)
        client.close()
        with pytest.raises(TemporarilyUnavailableError):
            waiting.result(5)


def test_forgets_only_the_token_that_was_refused(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS)
    old = kept.get()
    kept.drop(old)
    new = kept.get()
    kept.drop(old)
    assert kept.get() is new
    kept.drop()
    assert kept.get().access_token == "token-3"


def test_what_the_source_of_the_subject_token_raises_reaches_all_who_wait(world: World) -> None:
    def broken() -> str:
        raise LookupError("no vault")

    kept = world.client(subject_token=broken).task_token(PERMISSIONS)
    for _ in range(2):
        with pytest.raises(LookupError):
            kept.get()


def test_an_exchange_sees_its_callers_context(world: World) -> None:
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")
    trace.set("mine")
    world.client(subject_token=trace.get).exchange(PERMISSIONS)
    world.client(subject_token=trace.get).task_token(PERMISSIONS).get()
    assert [one.form["subject_token"] for one in world.exchanges] == ["mine", "mine"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_works_on_in_a_forked_process_even_if_an_exchange_was_under_way(world: World) -> None:
    kept = world.client().task_token(PERMISSIONS)
    gate = Gate(world)
    waiting = threading.Thread(target=kept.get)
    waiting.start()
    until(lambda: world.exchanges)
    child = os.fork()
    if child == 0:
        world.answer_token = lambda _: world.granted(access_token="of-the-child")
        os._exit(0 if kept.get(5).access_token == "of-the-child" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.opened.set()
    waiting.join(5)
