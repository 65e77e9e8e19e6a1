"""What can go wrong on the way to a token, one class for each OAuth error code.

An error says what happened, why, and what to do. It never holds a token, a key or a body: what the broker says is cut, and
what looks like a credential in it is blanked, because errors end up in logs.
"""

from __future__ import annotations

import re
from typing import ClassVar


class MayflyError(Exception):
    """A token could not be had, or not be used."""

    code: ClassVar[str] = ""
    advice: ClassVar[str] = ""

    error: str
    """The broker's OAuth error code; or, where it did not come to that, `connection_failed`, `invalid_response`,
    `invalid_metadata` or `invalid_use`."""
    description: str
    """Why, in one sentence. Holds no secrets."""
    remedy: str
    """What to do about it."""
    status: int
    """HTTP status of the answer; 0 where none came."""
    retry_after: float | None
    """When to try again, in seconds, where the broker said so."""

    def __init__(
        self,
        description: str,
        *,
        error: str | None = None,
        status: int = 0,
        retry_after: float | None = None,
        remedy: str | None = None,
    ) -> None:
        self.error = _clean(error if error is not None else self.code, 64)
        self.description = _clean(description, 500)
        self.remedy = remedy if remedy is not None else self.advice
        self.status = status
        self.retry_after = retry_after
        why = f"{self.error}: {self.description}" if self.description else self.error
        super().__init__(f"{why} — {self.remedy}" if self.remedy else why)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders by pickle, which knows of no keyword arguments.
        fields = (self.description, self.error, self.status, self.retry_after, self.remedy)
        return (_restore, (type(self), *fields))


class ConnectionFailedError(MayflyError):
    """No answer came."""

    code = "connection_failed"
    advice = "Check the address, the network and the time limit; then try again."


class UntrustedServerError(ConnectionFailedError):
    """The server's certificate, or ours, was not accepted; trying again changes nothing."""

    advice = "Give the authority that signed the server's certificate as ca=, and a certificate that the server knows."


class InvalidResponseError(MayflyError):
    """What answered is no Mayfly broker, or something stands between."""

    code = "invalid_response"
    advice = "Check that the address is the broker's and that no proxy answers in its place."


class InvalidMetadataError(MayflyError):
    """The issuer does not describe itself as RFC 8414 asks."""

    code = "invalid_metadata"
    advice = "Give the issuer exactly as the broker names it: scheme, host, port and path, without a slash at the end."


class InvalidUseError(MayflyError):
    """A request that must not be made."""

    code = "invalid_use"


class RefusedError(MayflyError):
    """The broker said no."""

    advice = "Look the code up in the broker's list of errors."


class InvalidRequestError(RefusedError):
    """Malformed, or the subject token was not accepted: which of its checks failed stands in the broker's log."""

    code = "invalid_request"
    advice = (
        "Correct what it names; where it names the subject token, check its issuer and audience, its age, "
        "and that exactly one agent's rules match it."
    )


class InvalidClientError(RefusedError):
    """The agent must prove a key and did not."""

    code = "invalid_client"
    advice = "Give the agent's certificate=; only an agent registered with binding: bearer may do without."


class InvalidGrantError(RefusedError):
    """The assertion was not accepted."""

    code = "invalid_grant"
    advice = "Check the subject token: its issuer and audience, its age, and that exactly one agent's rules match it."


class InvalidTargetError(RefusedError):
    """No such resource, or it does not enforce what the grant needs."""

    code = "invalid_target"
    advice = "Name one registered resource URI, byte for byte."


class InvalidScopeError(RefusedError):
    """A scope that the resource does not have, or that lies beyond a ceiling."""

    code = "invalid_scope"
    advice = "Ask for less, or have the agent's ceiling raised."


class InvalidAuthorizationDetailsError(RefusedError):
    """An entry that is not understood, or that lies beyond a ceiling."""

    code = "invalid_authorization_details"
    advice = "Ask for less, or have the agent's ceiling raised; the types are in the broker's reference."


class AccessDeniedError(RefusedError):
    """Understood and refused: the account has ended, belongs to somebody else, or a policy says no."""

    code = "access_denied"
    advice = "Open another account with a new task_id, or ask whoever runs the broker."


class TemporarilyUnavailableError(RefusedError):
    """The broker is busy or lacks something that it needs."""

    code = "temporarily_unavailable"
    advice = "Try again after retry_after seconds."


REFUSALS: dict[str, type[RefusedError]] = {
    kind.code: kind
    for kind in (
        InvalidRequestError,
        InvalidClientError,
        InvalidGrantError,
        InvalidTargetError,
        InvalidScopeError,
        InvalidAuthorizationDetailsError,
        AccessDeniedError,
        TemporarilyUnavailableError,
    )
}
"""The classes of the broker's refusals by their OAuth code; others are plain `RefusedError`s."""

# JSON Web Tokens, Mayfly secrets, and any other long run of token characters.
_CREDENTIALS = re.compile(r"\beyJ[\w-]*(?:\.[\w-]*)*|\bmf[a-z]_[\w-]+|[\w+/=-]{64,}", re.ASCII)
_INVISIBLE = re.compile("[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")


def _clean(text: str, limit: int) -> str:
    return _INVISIBLE.sub(" ", _CREDENTIALS.sub("[removed]", text))[:limit]


def _restore(
    kind: type[MayflyError], description: str, error: str, status: int, retry_after: float | None, remedy: str
) -> MayflyError:
    return kind(description, error=error, status=status, retry_after=retry_after, remedy=remedy)
