"""Only the public internet is sent to, in whatever form another address is written."""

import pytest

from redeem.lib.errors import Invalid
from redeem.webhooks.addresses import Reach, check_url, is_public

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
    "64:ff9b::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "100::1",
    "2001::1",
    "2001:0:a9fe:a9fe::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::1",  # 6to4 of 169.254.169.254
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "no address",
    "",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_of_the_public_internet_is_refused(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", [*PUBLIC, "64:ff9b::808:808"])
def test_what_is_public_is_sent_to(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://shop.example/hooks?a=1", "https://shop.example/hooks?a=1"),
        ("https://shop.example", "https://shop.example/"),
        ("https://Shop.Example:443/Hooks", "https://shop.example/Hooks"),
        ("https://магазин.рф/hooks", "https://xn--80aairftm.xn--p1ai/hooks"),
        ("https://8.8.8.8:8443/", "https://8.8.8.8:8443/"),
    ],
)
def test_an_address_is_kept_as_it_is_looked_up(text: str, url: str):
    assert check_url(text, Reach.PUBLIC) == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://shop.example/", "https://"),
        ("ftp://shop.example/", "https://"),
        ("shop.example/hooks", "https://"),
        ("", "https://"),
        ("https://user:word@shop.example/", "passwords"),
        ("https://shop.example/#part", "#"),
        ("https:///hooks", "host"),
        ("https://shop example/", "host"),
        ("https://shop.example:0/", "port"),
        ("https://shop.example:99999/", "port"),
        ("https://[::1/", "whole address"),
        ("https://shop.example/хуки", "ASCII"),
        ("https://shop.example/a b", "ASCII"),
        ("https://shop.example/" + "a" * 2000, "2000 characters"),
        ("https://localhost/", "public"),
        ("https://metadata.google.internal/", "public"),
        ("https://127.0.0.1/", "public"),
        ("https://[::1]/", "public"),
        ("https://[::ffff:169.254.169.254]/", "public"),
        ("https://169.254.169.254/latest", "public"),
    ],
)
def test_a_bad_address_is_refused_with_what_to_correct(text: str, says: str):
    with pytest.raises(Invalid) as refused:
        check_url(text, Reach.PUBLIC)
    assert says in refused.value.detail


def test_a_closed_network_may_be_allowed():
    for url in ("http://127.0.0.1:9000/hooks", "https://localhost/hooks"):
        assert check_url(url, Reach.ANY) == url
