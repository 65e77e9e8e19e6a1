"""What is asked for, and how it stands in the form of a token exchange (RFC 8693 § 2.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JWT = "urn:ietf:params:oauth:token-type:jwt"
"""Workload tokens of CI systems, Kubernetes, clouds, SPIFFE."""
CERTIFICATE = "urn:ietf:params:oauth:token-type:mtls"
"""The client certificate itself."""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What a task token is to be good for."""

    resource: str
    """The protected resource (RFC 8707), as registered."""
    scope: str | Sequence[str] | None = None
    """Scopes, as a list or separated by spaces."""
    authorization_details: Sequence[Mapping[str, Any]] | None = None
    """What exactly (RFC 9396), for example `{"type": "agent_http", "locations": …, "methods": …, "uri_template": …}`."""
    task_id: str | None = None
    """The task that the account is for. The first token for a new task opens its account."""
    account_id: str | None = None
    """The account to stay in."""
    ttl: int | None = None
    """Wished lifetime in seconds. The broker may give less."""
    nonce: str | None = None
    """A nonce that the resource issued (`Task-Nonce`)."""
    intent: str | None = None
    """What the task is about, in words; may narrow what is granted, never widen it. A broker that cannot read it refuses it."""
    allow_narrowing: bool = False
    """Drop whole entries that may not be granted, where otherwise the request would be refused."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes one by one."""
        return tuple(self.scope.split() if isinstance(self.scope, str) else self.scope or ())


def exchange_form(
    permissions: Permissions, *, subject_token: str, subject_token_type: str, account_id: str | None
) -> dict[str, str]:
    """The form of one exchange. `account_id` is that of the token to renew: a renewal stays in its account."""
    asked = permissions
    account = asked.account_id or account_id
    details = asked.authorization_details
    members = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token": subject_token,
        "subject_token_type": subject_token_type,
        "resource": asked.resource,
        "scope": " ".join(asked.scopes),
        "authorization_details": None if details is None else json.dumps([dict(one) for one in details]),
        "account_id": account,
        # Once the account is known it says more than the task, and a renewal can never open another one.
        "task_id": asked.task_id if account is None else None,
        "ttl": None if asked.ttl is None else str(asked.ttl),
        "nonce": asked.nonce,
        "intent": asked.intent,
        "allow_narrowing": "true" if asked.allow_narrowing else None,
    }
    return {name: value for name, value in members.items() if value}
