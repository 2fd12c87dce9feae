"""Addresses of servers: scheme, host and port."""

import ipaddress
import re
from typing import NamedTuple

SCHEMES = {"rest": ("http", "https"), "grpc": ("grpc", "grpcs")}
"""Protocol -> its schemes, the plain one and the one over TLS."""

_PARTS = re.compile(
    r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[a-zA-Z0-9/._~-]*)?",
    re.ASCII,
)
_TLS_PORT = 443
_LONGEST_LABEL = 63
"""Characters between two dots of a host's name. Source: RFC 1035, 2.3.4."""


class Address(NamedTuple):
    """Where a server is."""

    host: str
    """Its name or number; IPv6 in brackets."""
    port: int
    """1 to 65535."""
    tls: bool
    """Whether what is said is encrypted."""
    path: str
    """What stands before /v1/models or /v2/models in a URL, without a slash at its end."""

    @property
    def local(self) -> bool:
        """Whether it is this machine, so that nobody on the way reads along."""
        if self.host.lower().rstrip(".") == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def parse(text: str, *, protocol: str) -> Address:
    """The `Address` that `text` names.

    Args:
        text: HOST:PORT, or with a scheme of the protocol before it; over TLS the port is 443 if it is not given. By
            REST a path may follow, under which the server is reached.
        protocol: rest or grpc.

    Raises:
        ValueError: it is no such address.

    Example:
        >>> from niki_tf.export import addresses
        >>> addresses.parse("https://poses.example:8501", protocol="rest")
        Address(host='poses.example', port=8501, tls=True, path='')
    """
    plain, secure = SCHEMES[protocol]
    found = _PARTS.fullmatch(text)
    scheme = ((found and found["scheme"]) or plain).lower()
    path = ((found and found["path"]) or "").rstrip("/")
    port = int((found and found["port"]) or (_TLS_PORT if scheme == secure else 0))
    if (
        found is None
        or scheme not in (plain, secure)
        or not 0 < port < 2**16
        or (path and protocol == "grpc")
        or not all(0 < len(label) <= _LONGEST_LABEL for label in found["host"].rstrip(".").split("."))
    ):
        got = "one with a name or password in it" if "@" in text else repr(text[:80])
        raise ValueError(
            f"`address` must be HOST:PORT, {plain}://HOST:PORT or {secure}://HOST:PORT for the "
            f"protocol {protocol}; got {got}. TensorFlow Serving's port is 8501 by rest and 8500 by grpc, "
            "MLServer's 8080 and 8081."
        )
    return Address(found["host"], port, scheme == secure, path)
