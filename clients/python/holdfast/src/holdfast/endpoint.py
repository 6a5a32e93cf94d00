"""The URL of a status endpoint.

Not here: how it is asked (`http`).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORT = 7601


class BadEndpoint(ValueError):
    """This is no URL of a status endpoint."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"`{url[:200]}` is no status endpoint: {why}; write one such as http://10.0.0.1:7601")


@dataclass(frozen=True)
class Endpoint:
    """Where a status endpoint is; a path is put before every route."""

    is_tls: bool
    name: str
    port: int
    prefix: str

    @property
    def authority(self) -> str:
        """As in the header `Host`."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.authority}{self.prefix}"


def read_endpoint(url: str, default_port: int = DEFAULT_PORT) -> Endpoint:
    text = url.strip()
    if "://" not in text:
        raise BadEndpoint(url, "it has no http://")
    if not text.isascii() or any(not 32 < ord(one) < 127 for one in text):
        raise BadEndpoint(url, "it has characters that no URL has")
    try:
        parts = urlsplit(text)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadEndpoint(url, str(error)) from None
    if parts.scheme not in ("http", "https"):
        raise BadEndpoint(url, "only http and https are spoken")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise BadEndpoint(url, "it has a query")
    if "@" in parts.netloc:
        raise BadEndpoint(url, "it has a user's name")
    if not name:
        raise BadEndpoint(url, "it names nobody")
    if port == 0 or (":" in name and not parts.netloc.startswith("[")):
        raise BadEndpoint(url, "its port is no number")
    return Endpoint(parts.scheme == "https", name, default_port if port is None else port, parts.path.rstrip("/"))
