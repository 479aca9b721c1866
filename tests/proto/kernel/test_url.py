"""Addresses taken apart and put together."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.url import MAX_URL_CHARS, Address, join, parse
from odyssey_proto.wire.target import with_query


@pytest.mark.parametrize(
    ("url", "address", "authority"),
    [
        ("http://host", Address(False, "host", 80, "/"), "host"),
        ("https://host/", Address(True, "host", 443, "/"), "host"),
        ("ws://host:81/a?b", Address(False, "host", 81, "/a?b"), "host:81"),
        ("wss://HOST:443/a/b?c=d&e", Address(True, "host", 443, "/a/b?c=d&e"), "host"),
        ("https://host:80/#part", Address(True, "host", 80, "/"), "host:80"),
        ("http://[::1]:8080/x", Address(False, "::1", 8080, "/x"), "[::1]:8080"),
        ("http://127.0.0.1?x", Address(False, "127.0.0.1", 80, "/?x"), "127.0.0.1"),
    ],
)
def test_an_address_is_taken_apart(url: str, address: Address, authority: str) -> None:
    assert parse(url) == address
    assert parse(url).authority == authority
    assert parse(url).origin == (address.tls, address.host, address.port)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host/path",
        "ftp://host/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://host:0/",
        "http://host:99999/",
        "http://host:port/",
        "http://user@host/",
        "http://user:word@host/",
        "http://[::1/",
        "http://[zz]/",
        "http://ho st/",
        "http://host/a b",
        "http://host/\r\nx: y",
        "http://höst/",
        "http://host/\x00",
        "http://ho|st/",
        "http://host/" + "a" * MAX_URL_CHARS,
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        parse(url)
    assert caught.value.failure is not None
    assert caught.value.failure.kind is FailureKind.INVALID
    assert "host/" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_clear_error(text: str) -> None:
    for url in (text, f"http://{text}", f"https://host/{text}"):
        try:
            address = parse(url)
        except LocalProtocolError:
            continue
        assert address.host
        assert 0 < address.port < 65536
        assert address.target.startswith("/")
        assert not set(address.target) & set("\r\n \0")


pairs = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=4)


@given(pairs, st.booleans())
def test_parameters_are_encoded_and_come_back(query: list[tuple[str, str]], secret: bool) -> None:
    query = [(name, value) for name, value in query if (name + value).isprintable()]
    given_pairs = tuple((name, Secret(value) if secret else value) for name, value in query)
    target = with_query("/path?first=1", given_pairs)
    assert parse(f"http://host{target}").target == target
    back = parse_qsl(target.partition("?")[2], keep_blank_values=True, strict_parsing=True)
    assert back == [("first", "1"), *query]


def test_a_target_without_parameters_stays_as_it_is() -> None:
    assert with_query("/path", ()) == "/path"
    assert with_query("/path", (("a", "b/c&d"),)) == "/path?a=b%2Fc%26d"


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("/x", "https://host/x"),
        ("y", "https://host/a/y"),
        ("../z", "https://host/z"),
        ("?q", "https://host/a/b?q"),
        ("//other/x", "https://other/x"),
        ("http://third/", "http://third/"),
    ],
)
def test_a_reference_is_seen_from_its_base(reference: str, url: str) -> None:
    assert join("https://host/a/b", reference) == url


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "http://[::1/", "https://a@b/", "data:,x"])
def test_a_reference_to_nowhere_usable_is_refused(reference: str) -> None:
    with pytest.raises(LocalProtocolError):
        join("https://host/a/b", reference)
