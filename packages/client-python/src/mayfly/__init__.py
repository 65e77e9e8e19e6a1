"""Task tokens from a Mayfly broker: got by exchange, kept fresh, and sent where they belong."""

from .client import Mayfly
from .errors import (
    AccessDeniedError,
    ConnectionFailedError,
    InvalidAuthorizationDetailsError,
    InvalidClientError,
    InvalidGrantError,
    InvalidMetadataError,
    InvalidRequestError,
    InvalidResponseError,
    InvalidScopeError,
    InvalidTargetError,
    InvalidUseError,
    MayflyError,
    RefusedError,
    TemporarilyUnavailableError,
    UntrustedServerError,
)
from .httpx_auth import MayflyAuth
from .kept_token import KeptToken
from .permissions import Permissions
from .requests_auth import MayflyRequestsAuth
from .retry import Retry
from .subject_token import command, environment, file, github_actions
from .task_token import TaskToken
from .tools import async_http_tool, http_tool

__all__ = [
    "AccessDeniedError",
    "ConnectionFailedError",
    "InvalidAuthorizationDetailsError",
    "InvalidClientError",
    "InvalidGrantError",
    "InvalidMetadataError",
    "InvalidRequestError",
    "InvalidResponseError",
    "InvalidScopeError",
    "InvalidTargetError",
    "InvalidUseError",
    "KeptToken",
    "Mayfly",
    "MayflyAuth",
    "MayflyError",
    "MayflyRequestsAuth",
    "Permissions",
    "RefusedError",
    "Retry",
    "TaskToken",
    "TemporarilyUnavailableError",
    "UntrustedServerError",
    "async_http_tool",
    "command",
    "environment",
    "file",
    "github_actions",
    "http_tool",
]
