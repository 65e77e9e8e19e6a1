"""What concerns the resource: a token goes only to the resource that it is for, and what its refusals ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from .errors import InvalidRequestError, InvalidUseError
from .kept_token import KeptToken
from .task_token import TaskToken

_INVALID_TOKEN = re.compile(r'\berror="?invalid_token\b')
_NONCE = re.compile(r"\bnonce\b")
_DOTS = re.compile(rb"(?:\.|%2[eE]){1,2}")


def is_within(url: httpx.URL, resource: str) -> bool:
    """Whether the URL is the resource or lies below it."""
    try:
        root = httpx.URL(resource)
    except httpx.InvalidURL:
        return False
    if (url.scheme, url.host, url.port) != (root.scheme, root.host, root.port):
        return False
    path, directory = _path(url), _path(root).rstrip(b"/")
    if any(_DOTS.fullmatch(segment) for segment in path.replace(b"\\", b"/").split(b"/")):
        return False
    return path in (_path(root), directory) or path.startswith(directory + b"/")


def check_target(url: httpx.URL, kept: KeptToken) -> None:
    """Raises InvalidUseError where a token must not be sent to a URL."""
    if url.scheme != "https" or not is_within(url, kept.permissions.resource):
        remedy = f"Call below {kept.permissions.resource}, or make an auth for the other resource."
        raise InvalidUseError("the URL must be https and lie within the resource that the token is for.", remedy=remedy)


def authorization(token: TaskToken) -> str:
    """The Authorization header. Raises InvalidUseError for a token that needs more than this client does."""
    if token.token_type != "Bearer":
        why = f"a token of type {token.token_type} needs a proof that this client does not make."
        raise InvalidUseError(why, remedy="Exchange with the certificate instead of a DPoP key.")
    return f"Bearer {token.access_token}"


def is_refused_token(headers: Mapping[str, str]) -> bool:
    """Whether a 401 says that another token may help (RFC 6750 § 3.1)."""
    return _INVALID_TOKEN.search(headers.get("www-authenticate", "")) is not None


def wants_nonce(error: InvalidRequestError) -> bool:
    """Whether the broker makes tokens for this resource only for a nonce that the resource issued."""
    return _NONCE.search(error.description) is not None


def _path(url: httpx.URL) -> bytes:
    return url.raw_path.partition(b"?")[0] or b"/"
