"""What errors say, and what they must not."""

from __future__ import annotations

import json
import pickle
import re
import traceback
from datetime import datetime, timezone
from pathlib import Path
from random import Random

import pytest

from mayfly import ConnectionFailedError, InvalidUseError, MayflyError, RefusedError, Retry, TemporarilyUnavailableError
from mayfly.errors import REFUSALS, UntrustedServerError
from mayfly.retry import delay_after, retry_after_seconds

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (" 12 ", 12),
        ("Sun, 22 Nov 2026 00:00:10 GMT", 10),
        ("Sat, 21 Nov 2026 00:00:00 GMT", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("1" * 400, None),
        ("٣", None),
        (None, None),
    ],
)
def test_reads_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502])
def test_never_repeats_what_will_be_refused_again(status: int) -> None:
    assert delay_after(RefusedError("no.", status=status), 1, Retry(), 0.0) is None


def test_repeats_what_may_pass_but_not_a_certificate_that_is_not_trusted() -> None:
    assert delay_after(ConnectionFailedError("cut."), 1, Retry(), 0.0) == pytest.approx(0.1)
    assert delay_after(UntrustedServerError("unknown."), 1, Retry(), 0.0) is None
    assert delay_after(ValueError("a bug"), 1, Retry(), 0.0) is None


def test_takes_the_brokers_wait_and_none_where_that_is_too_long() -> None:
    assert delay_after(TemporarilyUnavailableError("busy.", status=503, retry_after=3), 1, Retry(), 0.0) == 3
    assert delay_after(TemporarilyUnavailableError("busy.", status=503, retry_after=11), 1, Retry(), 0.0) is None


def test_waits_stay_within_their_bounds_and_end() -> None:
    chance = Random(1)
    busy = TemporarilyUnavailableError("busy.", status=429)
    for attempt in (1, 2, 3):
        for _ in range(200):
            delay = delay_after(busy, attempt, Retry(), chance.random())
            assert delay is not None and 0.1 <= delay <= 10
    assert delay_after(busy, 4, Retry(), 0.0) is None


def test_an_error_holds_nothing_that_looks_like_a_credential_nor_lines_of_its_own() -> None:
    jwt = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"
    secret = "mfr_0123456789012345678901234567890123456789012_0a1b2c3d"
    error = RefusedError(f"token {jwt} of {secret} and {'A' * 70}\r\nnext \x1b[31m\u202e", error=f"bad\n{jwt}")
    text = f"{error} {error!r} {json.dumps(vars(error))}"
    for forbidden in ("eyJ", "mfr_", "AAAAAAAA", "\x1b", "\u202e"):
        assert forbidden not in text
    assert not re.search(r"[\r\n]", error.description)
    assert len(RefusedError("x y " * 1000).description) == 500


@pytest.mark.parametrize("kind", [*REFUSALS.values(), ConnectionFailedError, InvalidUseError])
def test_says_what_why_and_what_to_do_and_survives_a_process_border(kind: type[MayflyError]) -> None:
    error = kind("because of this.", status=400, retry_after=2, remedy="Do that.")
    assert str(error) == f"{kind.code}: because of this. — Do that."
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(again), vars(again), str(again)) == (kind, vars(error), str(error))
    assert kind is InvalidUseError or kind("why.").remedy


def test_the_codes_are_those_of_the_projects_list() -> None:
    listed = Path(__file__).parents[3] / "docs" / "errors.md"
    if not listed.exists():
        pytest.skip("the project's docs are not here")
    known = set(re.findall(r"^\d{3} `(\w+)`", listed.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(REFUSALS) <= known


def test_a_traceback_shows_no_request() -> None:
    with pytest.raises(MayflyError) as caught:
        raise ConnectionFailedError("cut.")
    assert caught.value.__context__ is None
    assert "subject_token" not in "".join(traceback.format_exception(caught.value))
