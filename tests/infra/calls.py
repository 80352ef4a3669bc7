"""Where webhooks might be led: URLs, names and addresses that lead into this network, spelled in every way we know."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import product
from typing import Final

from commands.outbound_urls import Address

INSIDE_4: Final = (
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.255.1", "192.168.1.1"),
    *(
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
    ),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.7", "203.0.113.9"),
)
INSIDE_6: Final = (
    *("::1", "::", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "3fff::1"),
    *("64:ff9b:1::1", "64:ff9b:1:7f00:0:100::", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "5f00::1"),
)
PUBLIC: Final = ("93.184.216.34", "8.8.8.8", "2606:4700::6810:84e5", "2a00:1450:4001::1")


def wrapped(address: IPv4Address) -> Iterator[IPv6Address]:
    """An IPv4 address inside IPv6 addresses, in all the ways that some network unwraps."""
    number = int(address)
    yield IPv6Address((0xFFFF << 32) | number)
    yield IPv6Address(number)
    yield IPv6Address((0x64FF9B << 96) | number)
    yield IPv6Address((0x64FF9B0001 << 80) | number)
    yield IPv6Address((0x2002 << 112) | (number << 80))
    yield IPv6Address((0x20010000 << 96) | (number ^ 0xFFFF_FFFF))
    yield IPv6Address((0xFE80 << 112) | (0x5EFE << 32) | number)


INSIDE: Final[Sequence[Address]] = (
    *(ip_address(each) for each in (*INSIDE_4, *INSIDE_6)),
    *(hidden for each in INSIDE_4 for hidden in wrapped(IPv4Address(each))),
)


def spelled(address: IPv4Address) -> Iterator[str]:
    """An IPv4 address in all the ways that some resolver reads."""
    number, parts = int(address), address.packed
    yield str(number)
    yield hex(number)
    yield f"0{number:o}"
    yield ".".join(f"0{part:o}" for part in parts)
    yield ".".join(hex(part) for part in parts)
    yield ".".join(f"{part:03}" for part in parts)
    yield f"{parts[0]}.{number & 0xFFFFFF}"
    yield f"{parts[0]}.{parts[1]}.{number & 0xFFFF}"
    yield f"{hex(parts[0])}.{number & 0xFFFFFF}"
    yield f"{address}."
    yield f"{number + 2**32}"
    yield str(address).replace(".", "\u3002")
    yield str(address).translate({ord(digit): 0xFF10 + int(digit) for digit in "0123456789"})


_BEFORE: Final = ("https://{}:{}/", "https://user@{}:{}/", "https://hooks.example.com@{}:{}/")
_NAMES: Final = (
    *("localhost", "LOCALHOST", "localhost.", "db", "metadata", "hooks.example.com.", "-a.example", "a..example"),
    *(
        "hooks_example.com",
        "h%6foks.example",
        "xn--.example",
        "ho oks.example",
        "\u24c1ocalhost",
        "l\u00f6calhost.example",
    ),
)
_SHAPES: Final = (
    *("http://{}:{}/", "ftp://{}:{}/", "gopher://{}:{}/_x", "file:///etc/passwd", "//{}:{}/", "https:/{}:{}/"),
    *("https:\\\\{}:{}\\", "https://{}:{}#@hooks.example.com/", "https://hooks.example.com:{1}@{0}/", "dict://{}:{}/x"),
    *("https://hooks.example.com\\@{}:{}/", "https://{}:{}\r\nX: y", "https://\t{}:{}/", " https://{}:{}/", "{}:{}"),
    *("https://{}:+{}/", "https://{}:0{}/", "https://{}:{}\x00/", "https://[::ffff:{}]:{}/", "https://[{}]:{}/"),
    *(
        "https://[::1%25lo]:{1}/",
        "https://[::1%lo]:{1}/",
        "https://[0:0:0:0:0:0:0:1]:{1}/",
        "https://[::127.0.0.1]:{1}/",
    ),
)


def urls(port: int) -> Iterator[str]:
    """URLs that lead inside by themselves, at a port where somebody listens."""
    for address, shape in product(INSIDE_4[:8], _BEFORE):
        yield from (shape.format(spelling, port) for spelling in (*spelled(IPv4Address(address)), address))
    for inside in INSIDE:
        host = f"[{inside}]" if inside.version == 6 else str(inside)
        yield f"https://{host}:{port}/"
        yield f"https://{host}/"
    yield from (f"https://{name}:{port}/" for name in _NAMES)
    yield from (shape.format("127.0.0.1", port) for shape in _SHAPES)
