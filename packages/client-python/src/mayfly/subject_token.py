"""Where the workload's own credential comes from. Read anew before each exchange, because such tokens rotate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import httpx

from .connection import BrokerConnection
from .errors import ConnectionFailedError, InvalidUseError
from .tls import FilePath, create_context

Source: TypeAlias = Callable[[], str]
SubjectToken: TypeAlias = "str | os.PathLike[str] | Source"
"""The token itself (a `str`), a file that holds it (a `Path`), or a function that gives it."""


def source_of(given: SubjectToken) -> Source:
    """How to read a subject token, whichever way it was given."""
    if isinstance(given, str):
        if "/" in given or "\\" in given:
            remedy = "Write Path(...) around it, or call file(...)."
            raise InvalidUseError("subject_token is a str, so the token itself, but looks like a path.", remedy=remedy)
        token = given
        return lambda: token
    if isinstance(given, os.PathLike):
        return file(given)
    return given


def read(source: Source) -> str:
    """The token, without white space around it. Raises InvalidUseError where there is none."""
    token = source()
    if not isinstance(token, str):
        remedy = "Give a function that returns a str; an async one cannot be awaited here."
        raise InvalidUseError(f"subject_token gave {type(token).__name__}.", remedy=remedy)
    if not token.strip():
        raise InvalidUseError("subject_token gave an empty token.", remedy="Look at where it comes from.")
    return token.strip()


def file(path: FilePath) -> Source:
    """A file that something else keeps fresh, as Kubernetes does with projected service-account tokens."""

    def read_file() -> str:
        try:
            return Path(path).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
        raise InvalidUseError(f"the subject token's file {os.fspath(path)} cannot be read: {why}.", remedy="Check the mount.")

    return read_file


def environment(name: str) -> Source:
    """A variable of the environment, as GitLab CI has one for each of a job's `id_tokens`."""

    def read_variable() -> str:
        value = os.environ.get(name, "")
        if not value.strip():
            raise InvalidUseError(f"{name} is not set.", remedy="In GitLab CI, list it under the job's id_tokens.")
        return value

    return read_variable


def command(arguments: Sequence[str], *, timeout: float = 10.0) -> Source:
    """What a program prints, for example `["gcloud", "auth", "print-identity-token"]`. No shell is involved."""
    if isinstance(arguments, str) or not arguments:
        raise InvalidUseError("a command is a list of its words.", remedy='Write ["program", "argument"].')
    words = list(arguments)

    def run() -> str:
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            why = getattr(error, "strerror", None) or f"it did not end within {timeout:g} s"
        else:
            if done.returncode == 0:
                return done.stdout.decode("ascii", errors="replace")
            complaint = done.stderr.decode("utf-8", errors="replace").strip()
            why = f"it ended with {done.returncode}: {complaint[-300:]}"
        raise InvalidUseError(f"{words[0]} gave no subject token: {why}.", remedy="Run it by hand.")

    return run


def github_actions(audience: str, *, ca: FilePath | None = None, timeout: float = 10.0) -> Source:
    """The OpenID token of a GitHub Actions job, for the audience that the trust source names.

    The job needs `permissions: id-token: write`. `ca` is for an Enterprise server with an authority of its own.
    """

    def fetch() -> str:
        address = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
        secret = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
        if not address or not secret:
            remedy = "Give the job `permissions: id-token: write`."
            raise InvalidUseError("this is no GitHub Actions job that may ask for a token.", remedy=remedy)
        url = str(httpx.URL(address).copy_merge_params({"audience": audience}))
        with closing(BrokerConnection(create_context(None, ca), timeout, None)) as connection:
            answer = connection.send("GET", url, headers={"authorization": f"Bearer {secret}"})
        token = answer.body.get("value") if answer.body else None
        if answer.status != 200 or not isinstance(token, str):
            raise ConnectionFailedError(f"GitHub gave no token (status {answer.status}).", status=answer.status)
        return token

    return fetch
