"""A session of requests with token, certificate and authorities. Imported only when asked for: requests need not be there."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import requests

from .requests_auth import MayflyRequestsAuth
from .tls import Certificate, FilePath


class MayflySession(requests.Session):
    """For one resource. Made by `Mayfly.requests_session`."""

    def __init__(self, auth: MayflyRequestsAuth, certificate: Certificate | None, ca: FilePath | None) -> None:
        super().__init__()
        self.auth = auth
        if certificate is not None:
            self.cert = (str(certificate[0]), str(certificate[1]))
        if ca is not None:
            self.verify = str(ca)

    def merge_environment_settings(
        self,
        url: str | bytes | None,
        proxies: MutableMapping[str, str] | Mapping[str, str] | None,
        stream: bool | None,
        verify: Any,
        cert: Any,
    ) -> Any:
        """As in requests, but no variable of the environment replaces the authorities that the client was given."""
        verify = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)  # type: ignore[arg-type, unused-ignore]
