"""Which URLs are called: read strictly, so that two programs never read one differently."""

from ipaddress import ip_address

import pytest

from commands.outbound_urls import AddressRefused, UrlRefused, check_addresses, is_public, read_url
from tests.infra.calls import INSIDE, PUBLIC


@pytest.mark.parametrize(
    ("url", "host", "path", "header"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/", "hooks.example.com"),
        ("HTTPS://Hooks.Example.COM:443/a?b=1", "hooks.example.com", "/a?b=1", "hooks.example.com"),
        ("https://hooks.example.com?b=%20", "hooks.example.com", "/?b=%20", "hooks.example.com"),
        ("https://93.184.216.34/x", "93.184.216.34", "/x", "93.184.216.34"),
        ("https://[2606:4700::6810:84e5]/", "2606:4700::6810:84e5", "/", "[2606:4700::6810:84e5]"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/", "xn--bcher-kva.example"),
    ],
)
def test_a_url_is_read_into_its_parts(url: str, host: str, path: str, header: str) -> None:
    target = read_url(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, 443, path)
    assert target.host_header == header


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "https://hooks.example.com:8443/", "https://hooks.example.com:80/"),
        *("https://hooks.example.com:99999/", "https://a@hooks.example.com/", "https://hooks.example.com/#a"),
        *("https://hooks.example.com/\u00e9", "https://hooks.example.com/ a", "https://" + "a" * 2_000 + ".example/"),
    ],
)
def test_what_is_not_plainly_a_public_https_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        read_url(url)


def test_in_development_every_port_and_this_machine_may_be_called() -> None:
    target = read_url("http://127.0.0.1:9000/hook", allow_local=True)
    assert (target.scheme, target.host, target.port, target.host_header) == (
        "http",
        "127.0.0.1",
        9000,
        "127.0.0.1:9000",
    )
    assert read_url("http://localhost/", allow_local=True).port == 80
    with pytest.raises(UrlRefused):
        read_url("ftp://localhost/", allow_local=True)


@pytest.mark.parametrize("address", INSIDE, ids=str)
def test_e1_no_address_of_a_network_inside_is_public_whatever_hides_it(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_network_without_ipv4_reaches_public_receivers_through_its_nat64() -> None:
    assert is_public(ip_address("64:ff9b::8.8.8.8"))
    assert not is_public(ip_address("64:ff9b::10.0.0.1"))


def test_one_address_that_is_not_public_spoils_a_name() -> None:
    good, bad = ip_address("8.8.8.8"), ip_address("127.0.0.1")
    check_addresses([good])
    for addresses in ([], [bad], [good, bad]):
        with pytest.raises(AddressRefused):
            check_addresses(addresses)
