"""Who we trust, and who we are, in TLS."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import httpx

from .errors import InvalidUseError

FilePath: TypeAlias = "str | os.PathLike[str]"
"""A path. PEM text is not taken: Python's TLS reads keys from files only."""
Certificate: TypeAlias = tuple[FilePath, FilePath]
"""Files of the client certificate (PEM, with its intermediates) and of its key (PEM, not encrypted)."""


def create_context(certificate: Certificate | None, ca: FilePath | None) -> ssl.SSLContext:
    """The TLS settings for broker and resources. `ca` replaces the usual list of authorities.

    Raises InvalidUseError where a file cannot be read or is not what it should be.
    """
    if ca is None:
        context = httpx.create_ssl_context()
    else:
        with _reading("ca", ca) as file:
            context = ssl.create_default_context(cafile=file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        with _reading("certificate", certificate[0]) as cert, _reading("certificate key", certificate[1]) as key:
            context.load_cert_chain(cert, key, password=_refuse_to_ask)
    return context


def leaf_of(certificate: Certificate) -> str:
    """The leaf certificate, base64 of its DER: as subject token it stands for the workload itself."""
    with _reading("certificate", certificate[0]) as file:
        text = Path(file).read_text(encoding="ascii", errors="replace")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = text[text.index(begin) : text.index(end) + len(end)]
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(first)).decode("ascii")


@contextmanager
def _reading(name: str, file: FilePath) -> Iterator[str]:
    path = os.fspath(file)
    if path.lstrip().startswith("-----BEGIN"):
        remedy = "Write it to a file that only you can read, and give its path."
        raise InvalidUseError(f"{name} holds PEM text in place of a path.", remedy=remedy)
    remedy = "Give paths of PEM files: certificate=(cert, key), ca=file."
    try:
        if not Path(path).is_file():
            raise InvalidUseError(f"{name} {path}: there is no such file.", remedy=remedy)
        yield path
    except OSError as error:  # ssl.SSLError is one
        why = getattr(error, "reason", None) or error.strerror or type(error).__name__
        raise InvalidUseError(f"{name} {path} is not usable: {why}.", remedy=remedy) from error


def _refuse_to_ask() -> str:
    # Without this, OpenSSL would wait for a passphrase at the terminal.
    raise InvalidUseError("the certificate's key is encrypted.", remedy="Give a key without a passphrase.")
