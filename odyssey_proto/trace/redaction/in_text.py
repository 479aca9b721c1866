"""
Where secrets stand in a text of any kind: in addresses, in SDP, by name, by their own form.

Percent-escapes are undone to look beneath them.
"""

import re
from urllib.parse import quote, unquote

from odyssey_proto.trace.redaction import host_names as hosts
from odyssey_proto.trace.redaction.addresses import ADDRESS, Change, in_address, in_host, is_ip
from odyssey_proto.trace.redaction.by_name import NAMED, in_named
from odyssey_proto.trace.redaction.pseudonyms import JWT
from odyssey_proto.trace.redaction.secret_kinds import SecretKind, kind_named

DEEPEST_ADDRESS = 4
"""Addresses within addresses, and escapes within escapes, are taken apart so deep."""

_STOPS = r"\s\"'<>\\^`{|}"

IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
IPV6 = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?")
"""What may be an address; whether it is one is seen by taking it for one."""

# Every repetition that may begin anywhere is bounded, so that no text takes time by its square.
_TELLING = re.compile(
    rf"""
      (?P<url>(?:{ADDRESS})[^{_STOPS}]+)
    | (?P<jwt>(?<![A-Za-z0-9_-]){JWT.pattern})
    | (?<=a=ice-ufrag:)(?P<ufrag>[^{_STOPS}]+)
    | (?<=\ ufrag\ )(?P<fragment>[^{_STOPS}]+)
    | (?<=a=ice-pwd:)(?P<password>[^{_STOPS}]+)
    | (?:(?<=candidate:)|\A)(?P<candidate>
        [A-Za-z0-9+/]{{1,32}}\ [0-9]{{1,5}}\ (?i:udp|tcp)\ [0-9]{{1,10}}\ [^{_STOPS}]{{1,255}})
    | (?<=\ raddr\ )(?P<related>[^{_STOPS}]+)
    | (?P<fingerprint>\b(?:[0-9A-Fa-f]{{2}}:){{15,63}}[0-9A-Fa-f]{{2}}\b)
    | (?<=IN\ IP[46]\ )(?P<connection>[^{_STOPS}/]+)
    | (?P<address>(?:(?<![\w:.])|(?<=\\[rnt])){IPV6.pattern}(?![\w:])
        | (?:(?<![\w.])|(?<=\\[rnt])){IPV4.pattern}(?![\w]|\.[0-9]))
    | (?P<numbered>\bip(?:-[0-9]{{1,3}}){{4}}(?![\w.-]))
    | (?P<local>\b[A-Za-z0-9-]{{1,63}}\.(?i:local)\b)
    | (?P<named>{hosts.NAME})
    | (?P<ours>(?<![A-Za-z0-9_-])ody_(?:[A-Za-z0-9_+/=-]|\\{{1,15}}/){{4,}}+(?!\\+u))
    | (?P<bearer>\b(?i:bearer|basic)[ ]{{1,4}}(?=[A-Za-z._~+/=-]{{0,256}}[0-9])[A-Za-z0-9._~+/=-]{{8,}})
    | (?P<member>{NAMED})
    """,
    re.VERBOSE,
)

_SCHEME = re.compile(r"(?:bearer|basic|digest) +(?=[^ ]+\Z)", re.IGNORECASE)
"""What stands before a token in a header field."""

_RUN = re.compile(rf"[^{_STOPS}]+")

_BY_GROUP = {
    "ufrag": SecretKind.UFRAG,
    "fragment": SecretKind.UFRAG,
    "password": SecretKind.PASSWORD,
    "fingerprint": SecretKind.FINGERPRINT,
    "jwt": SecretKind.TOKEN,
    "local": SecretKind.HOST,
    "numbered": SecretKind.HOST,
}


def in_words(text: str, change: Change, depth: int = 0) -> str:
    """Returns a text, changed wherever something secret stands; escapes are undone to a bounded `depth`."""
    if depth > DEEPEST_ADDRESS:
        return text
    if "%" in text:
        text = _RUN.sub(lambda run: _in_escapes(run[0], change, depth), text)
    pieces: list[str] = []
    at = 0
    while (found := _TELLING.search(text, at)) is not None:
        piece, end = _in_place(text, found, change, depth)
        pieces += (text[at : found.start()], piece)
        at = end
    return "".join(pieces) + text[at:]


def in_secret(text: str, change: Change, name: str, depth: int = 0) -> str:
    """
    Returns the text of a field whose name says what it is, changed.

    What is kept, such as a prompt, is looked at as any text is.
    """
    kind = kind_named(name) or SecretKind.TOKEN
    scheme = _SCHEME.match(text)
    start = scheme[0] if scheme else ""
    plain = text[len(start) :]
    changed = change(kind, plain)
    return start + (changed if changed != plain else in_words(plain, change, depth))


def _in_escapes(run: str, change: Change, depth: int) -> str:
    # An address is taken apart first: what is escaped in a part of it is no boundary between parts.
    if "%" not in run or "://" in run:
        return run
    plain = unquote(run)
    changed = plain if plain == run else in_words(plain, change, depth + 1)
    return run if changed == plain else quote(changed, safe="".join(set(run) - {"%"}))


def _in_place(text: str, found: re.Match[str], change: Change, depth: int) -> tuple[str, int]:
    """Returns what takes the place of something that was found, and where the search goes on."""
    group = found.lastgroup or ""
    told, end = found[0], found.end()
    match group:
        case "url":
            return in_address(told, change, lambda part: in_words(part, change, depth + 1)), end
        case "candidate":
            foundation, *middle, place = told.split(" ")
            return " ".join((change(SecretKind.FOUNDATION, foundation), *middle, in_host(place, change))), end
        case "connection" | "related":
            return in_host(told, change), end
        case "address":
            return change(SecretKind.ADDRESS, told) if is_ip(told) else told, end
        case "named" if hosts.is_name(told, text[end : end + 7]):
            return change(SecretKind.HOST, told), end
        case "named":
            # It may be the name of a value, after its last dot.
            first = told.index(".") + 1
            return told[:first], found.start() + first
        case "ours":
            plain = re.sub(r"\\+/", "/", told)
            changed = change(SecretKind.KEY, plain)
            return told if changed == plain else changed, end
        case "bearer":
            scheme, _, token = told.rpartition(" ")
            return f"{scheme} {change(SecretKind.TOKEN, token)}", end
        case "member":
            return in_named(text, found, lambda value, name: in_secret(value, change, name, depth + 1))
        case _:
            return change(_BY_GROUP[group], told), end
