"""One operation of a resource as a tool of an agent framework.

The URI template says what the model fills in, and is at the same time all that the tool's token permits: a model that is
talked into something else finds that its token does not. Nothing here knows a framework: a tool is a plain function with a
name, a description and typed parameters, as LangChain's `tool` and others take it.
"""

from __future__ import annotations

import inspect
import re
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from .client import Mayfly
from .errors import InvalidUseError, MayflyError
from .permissions import Permissions

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MAX_CHARACTERS = 20_000


@dataclass(frozen=True, kw_only=True)
class _Operation:
    method: str
    uri_template: str
    takes_body: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """Names of the tool's parameters with their types."""
        names: dict[str, Any] = dict.fromkeys(_VARIABLE.findall(self.uri_template), str)
        return {**names, "body": dict[str, Any]} if self.takes_body else names

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What httpx is called with. Each value fills exactly one segment's place, whatever the model writes."""

        def fill(match: re.Match[str]) -> str:
            value = str(given[match[1]])
            if value in ("", ".", ".."):
                raise InvalidUseError(f"{match[1]} must not be {value!r}.", remedy="Give another value.")
            return quote(value, safe="")

        call = {"method": self.method, "url": _VARIABLE.sub(fill, self.uri_template)}
        return {**call, "json": given["body"]} if self.takes_body else call


def http_tool(
    mayfly: Mayfly,
    *,
    name: str,
    description: str,
    resource: str,
    uri_template: str,
    method: str = "GET",
    task_id: str | None = None,
    reuse: bool = True,
    **options: Any,
) -> Callable[..., str]:
    """A function that calls one operation of a resource with a token for nothing else, and returns what it answers as text.

    The variables of the URI template are its parameters; POST, PUT and PATCH take a `body`, too. Refusals are returned as
    text, so that a model can go on. reuse: False for a resource that takes each token once. options: what else
    `httpx.Client` takes.
    """
    operation, permissions = _describe(resource, method, uri_template, task_id)
    client = mayfly.http_client(mayfly.task_token(permissions, reuse=reuse), **options)

    def call(*args: Any, **given: Any) -> str:
        try:
            bound = signature.bind(*args, **given)
            return _text_of(client.request(**operation.arguments(bound.arguments)))
        except MayflyError as error:
            return str(error)
        except httpx.HTTPError as error:
            return f"The resource did not answer ({type(error).__name__})."

    signature = _present(call, name, description, operation)
    weakref.finalize(call, client.close)
    return call


def async_http_tool(
    mayfly: Mayfly,
    *,
    name: str,
    description: str,
    resource: str,
    uri_template: str,
    method: str = "GET",
    task_id: str | None = None,
    reuse: bool = True,
    **options: Any,
) -> Callable[..., Awaitable[str]]:
    """As `http_tool`, for asyncio."""
    operation, permissions = _describe(resource, method, uri_template, task_id)
    client = mayfly.async_http_client(mayfly.task_token(permissions, reuse=reuse), **options)

    async def call(*args: Any, **given: Any) -> str:
        try:
            bound = signature.bind(*args, **given)
            return _text_of(await client.request(**operation.arguments(bound.arguments)))
        except MayflyError as error:
            return str(error)
        except httpx.HTTPError as error:
            return f"The resource did not answer ({type(error).__name__})."

    signature = _present(call, name, description, operation)
    return call


def _describe(resource: str, method: str, uri_template: str, task_id: str | None) -> tuple[_Operation, Permissions]:
    operation = _Operation(method=method, uri_template=uri_template, takes_body=method in ("POST", "PUT", "PATCH"))
    detail = {"type": "agent_http", "locations": [resource], "methods": [method], "uri_template": uri_template}
    return operation, Permissions(resource=resource, authorization_details=[detail], task_id=task_id)


def _present(call: Callable[..., Any], name: str, description: str, operation: _Operation) -> inspect.Signature:
    """Makes a function look as if it had been written by hand, which is how frameworks learn what it takes."""
    types = operation.parameters
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(each, kind, annotation=annotation) for each, annotation in types.items()],
        return_annotation=str,
    )
    call.__name__ = call.__qualname__ = name
    call.__doc__ = description
    call.__annotations__ = {**types, "return": str}
    call.__signature__ = signature  # type: ignore[attr-defined]
    return signature


def _text_of(response: httpx.Response) -> str:
    text = response.text[:_MAX_CHARACTERS]
    return text if response.is_success else f"The request was refused with status {response.status_code}. {text}"
