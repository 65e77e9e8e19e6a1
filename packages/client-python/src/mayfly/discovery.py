"""The token endpoint, found from the issuer's name alone (RFC 8414); with a certificate, that for mutual TLS (RFC 8705 § 5)."""

from __future__ import annotations

import httpx

from .connection import BrokerConnection
from .errors import InvalidMetadataError


def metadata_url(issuer: str) -> str:
    """The RFC 8414 § 3.1 address of an issuer's metadata: the well-known part goes between host and path."""
    url = httpx.URL(issuer)
    path = url.path.rstrip("/")
    return str(url.copy_with(path=f"/.well-known/oauth-authorization-server{path}"))


def discover_token_endpoint(issuer: str, *, prefer_mtls: bool, connection: BrokerConnection) -> str:
    """The token endpoint of an issuer; with `prefer_mtls` the one that asks for certificates, where there is one.

    Raises InvalidMetadataError where the metadata cannot be had or names another issuer (RFC 8414 § 3.3).
    """
    answer = connection.send("GET", metadata_url(issuer))
    body = answer.body
    if answer.status != 200 or body is None:
        why = f"the issuer's metadata cannot be read (status {answer.status})."
        raise InvalidMetadataError(why, status=answer.status, retry_after=answer.retry_after)
    if body.get("issuer") != issuer:
        raise InvalidMetadataError("the metadata is of another issuer.", status=answer.status)
    aliases = body.get("mtls_endpoint_aliases")
    alias = aliases.get("token_endpoint") if prefer_mtls and isinstance(aliases, dict) else None
    endpoint = alias if alias is not None else body.get("token_endpoint")
    if not isinstance(endpoint, str) or not endpoint.startswith("https://"):
        raise InvalidMetadataError("the metadata names no https token_endpoint.", status=answer.status)
    return endpoint
