"""Which addresses in the world we may be told to call: a URL is read strictly, and an address must be a public one.

Whoever subscribes chooses where we connect to, and we stand inside a network that they do not: without this they would
read its cloud's metadata and its databases through us (OWASP: server-side request forgery).
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

URL_LENGTH_MAX: Final = 2_000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# One expression for the whole of it and no tolerant parser: what two programs read differently is how a check is passed
# with one host and a connection made to another. No user, no backslash, no %-escape in the host, nothing but ASCII.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})"
    r"(:(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)",
    re.IGNORECASE,
)
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")
PUBLIC_URL: Final = (
    rf"^https://({_LABEL}\.){{1,7}}[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?(:443)?"
    r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$"
)
"""What people are told to write. Public addresses and capitals pass too; no name of more than 253 letters does."""
_LOCAL_NAME: Final = re.compile(rf"({_LABEL}\.)*{_LABEL}")
_PORTS: Final = {"https": 443, "http": 80}


class UrlRefused(ValueError):
    """This URL is not called; the message says why and what would be."""


class AddressRefused(ValueError):
    """A name leads to an address that is not a public one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be called, in its parts, so that nobody reads it a second time."""

    scheme: str
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    path: str
    """With the query; begins with a slash."""

    @property
    def host_header(self) -> str:
        """The host as HTTP names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str, *, allow_local: bool = False) -> Target:
    """The parts of a URL; raises UrlRefused.

    `allow_local`, for tests and development, lets http, every port and names and addresses of this network pass.
    """
    if len(url) > URL_LENGTH_MAX:
        raise UrlRefused(f"A URL has at most {URL_LENGTH_MAX} characters")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise UrlRefused("Write it as https://host/path, in ASCII, without user, password or fragment")
    scheme, host = parts["scheme"].lower(), parts["host"].lower()
    port = int(parts["port"] or _PORTS[scheme])
    if not allow_local and (scheme != "https" or port != 443):
        raise UrlRefused("Only https on port 443 is called")
    if port > 65_535:
        raise UrlRefused("A port is at most 65535")
    target = parts["target"]
    path = target if target.startswith("/") else f"/{target}"
    return Target(scheme=scheme, host=_host(host, allow_local=allow_local), port=port, path=path)


def _host(host: str, *, allow_local: bool) -> str:
    address = _literal(host)
    if address is not None:
        if not (allow_local or is_public(address)):
            raise UrlRefused(f"{host} is no public address")
        return str(address)
    if not (_LOCAL_NAME if allow_local else _NAME).fullmatch(host):
        raise UrlRefused(f"{host} is no full name of a host: write it with its domain, and without a dot at the end")
    return host


def _literal(host: str) -> Address | None:
    """The address that a host spells, in the one way in which we read it; raises UrlRefused for every other spelling.

    2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to many resolvers.
    """
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1])
        if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rstrip(".").rpartition(".")[2]):
            return ipaddress.IPv4Address(host)  # refuses leading zeros, and all but four decimal numbers
    except ValueError:
        raise UrlRefused(f"{host} is no address in its usual spelling") from None
    return None


def _networks(*spelled: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in spelled)


# A list of our own: `is_global` says yes to much of this, and says something else in the next version of Python.
# https://www.iana.org/assignments/iana-ipv4-special-registry, and what clouds answer their guests on.
_REFUSED_4: Final = _networks(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    "168.63.129.16/32",  # the host of every machine in Azure
)
# https://www.iana.org/assignments/iana-ipv6-special-registry; only 2000::/3 is given out to anybody at all.
_GIVEN_OUT_6: Final = ipaddress.IPv6Network("2000::/3")
_REFUSED_6: Final = _networks(
    "2001::/23",  # Teredo, benchmarks, ORCHID: none of them a receiver's, and Teredo hides an IPv4 address
    "2001:db8::/32",
    "2002::/16",  # 6to4, which hides an IPv4 address
    *("2620:4f:8000::/48", "3fff::/20"),
)
_HIDES_AN_IPV4_ADDRESS: Final = _networks(
    "::ffff:0:0/96",  # mapped
    "64:ff9b::/96",  # NAT64, by which a network without IPv4 reaches everybody who has nothing else
)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        if any(address in each for each in _HIDES_AN_IPV4_ADDRESS):
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        return address in _GIVEN_OUT_6 and not any(address in each for each in _REFUSED_6)
    return not any(address in each for each in _REFUSED_4)


def check_addresses(addresses: Sequence[Address]) -> None:
    """That a name leads somewhere, and nowhere but into the internet; raises AddressRefused.

    One address that is not public is enough: whoever mixes it in wants us to come to it sooner or later.
    """
    if not addresses or not all(is_public(each) for each in addresses):
        # They are not told: whoever asks should not learn the addresses of our network.
        raise AddressRefused("the name leads to no address, or to one that is not public")
