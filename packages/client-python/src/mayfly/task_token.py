"""The broker's answer to a token exchange (RFC 8693 § 2.2.1), checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import Any, TypeGuard

from . import clock
from .connection import Answer
from .errors import REFUSALS, InvalidResponseError, MayflyError, RefusedError


@dataclass(frozen=True, kw_only=True)
class TaskToken:
    """A task token and what came with it. Its `repr` holds no secret."""

    access_token: str = field(repr=False)
    """What to send to the resource. Opaque: do not read it."""
    token_type: str
    """`Bearer`, or `DPoP` for a token bound to a DPoP key."""
    resource: str
    ends_at: float = field(repr=False)
    """When it ends, on the package's monotonic clock."""
    account_id: str | None
    """The temporary account that the token lives in."""
    task_id: str | None
    account_ends_at: float | None = field(repr=False)
    claim_uri: str | None = field(repr=False)
    """Where a human can take over the account. Comes once, with the token that opened it; holds a secret."""
    authorization_details: tuple[Mapping[str, Any], ...]
    """What was granted, which may differ from what was asked."""
    scope: tuple[str, ...]

    @property
    def expires_in(self) -> float:
        """Seconds that are left; never below 0."""
        return max(0.0, self.ends_at - clock.now())

    @property
    def expires_at(self) -> datetime:
        """When it ends, by this machine's calendar: to show, not to decide by."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.expires_in)

    @property
    def account_expires_in(self) -> float | None:
        """Seconds until the account's deadline, where the broker said."""
        return None if self.account_ends_at is None else max(0.0, self.account_ends_at - clock.now())


def read_token_response(answer: Answer, *, resource: str, scope: tuple[str, ...], sent_at: float) -> TaskToken:
    """Reads the answer to a request that was sent at `sent_at`. Raises a MayflyError where it is a refusal or unusable."""
    body = answer.body
    if answer.status != 200:
        raise _refusal_of(answer)
    access_token, token_type = _text(body, "access_token"), _text(body, "token_type")
    expires_in = body.get("expires_in") if body else None
    if body is None or access_token is None or token_type is None or not _is_seconds(expires_in):
        raise InvalidResponseError("the answer lacks access_token, token_type or expires_in.", status=answer.status)
    account_expires_in = body.get("account_expires_in")
    details = body.get("authorization_details")
    granted = _text(body, "scope")
    return TaskToken(
        access_token=access_token,
        token_type="Bearer" if token_type.lower() == "bearer" else token_type,
        resource=resource,
        # Counted from when the request left, so that the token is never taken for longer-lived than it is.
        ends_at=sent_at + expires_in,
        account_id=_text(body, "account_id"),
        task_id=_text(body, "task_id"),
        account_ends_at=sent_at + account_expires_in if _is_seconds(account_expires_in) else None,
        claim_uri=_text(body, "claim_uri"),
        authorization_details=tuple(details) if isinstance(details, list) else (),
        # An absent scope means: as asked (RFC 6749 § 5.1).
        scope=scope if granted is None else tuple(granted.split()),
    )


def _refusal_of(answer: Answer) -> MayflyError:
    """The error that an answer stands for."""
    busy = answer.status in (429, 503)
    code = _text(answer.body, "error") or ("temporarily_unavailable" if busy else "invalid_response")
    description = _text(answer.body, "error_description") or f"the broker answered with status {answer.status}."
    kind = InvalidResponseError if code == "invalid_response" else REFUSALS.get(code, RefusedError)
    return kind(description, error=code, status=answer.status, retry_after=answer.retry_after)


def _text(body: Mapping[str, Any] | None, name: str) -> str | None:
    value = None if body is None else body.get(name)
    return value if isinstance(value, str) and value else None


def _is_seconds(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0
