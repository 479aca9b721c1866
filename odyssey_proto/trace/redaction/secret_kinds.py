"""The sorts of things that an exported trace must not tell, and the names under which each stands."""

from enum import Enum, unique


@unique
class SecretKind(Enum):
    """What a text is that must not be told; the value is the word in its pseudonym."""

    KEY = "key"
    TOKEN = "token"
    JWT = "signature"
    """A token whose claims stay readable."""
    USER = "user"
    CREDENTIAL = "credential"
    UFRAG = "ufrag"
    PASSWORD = "pwd"
    FINGERPRINT = "fingerprint"
    FOUNDATION = "foundation"
    """That of an ICE candidate, which may be a digest of its address (RFC 8445 section 5.1.1.3)."""
    ADDRESS = "address"
    HOST = "host"
    QUERY = "query"
    """The value of a query parameter of an address, such as a presigned one's signature."""
    PROMPT = "prompt"
    IMAGE = "image"


CONTENT = frozenset({SecretKind.PROMPT, SecretKind.IMAGE})
"""What users made: whether it is kept is their choice, and it may hold anything."""

BY_NAME = {
    "api_key": SecretKind.KEY,
    "api_key_prefix": SecretKind.KEY,
    "x-api-key": SecretKind.KEY,
    "access_token": SecretKind.TOKEN,
    "session_token": SecretKind.TOKEN,
    "sessionToken": SecretKind.TOKEN,
    "spectator_token": SecretKind.TOKEN,
    "token": SecretKind.TOKEN,
    "authorization": SecretKind.TOKEN,
    "proxy-authorization": SecretKind.TOKEN,
    "cookie": SecretKind.TOKEN,
    "set-cookie": SecretKind.TOKEN,
    "jsessionid": SecretKind.TOKEN,
    "username": SecretKind.USER,
    "credential": SecretKind.CREDENTIAL,
    "password": SecretKind.CREDENTIAL,
    "usernameFragment": SecretKind.UFRAG,
    "ice-ufrag": SecretKind.UFRAG,
    "ufrag": SecretKind.UFRAG,
    "ice-pwd": SecretKind.PASSWORD,
    "pwd": SecretKind.PASSWORD,
    "prompt": SecretKind.PROMPT,
    "prompts": SecretKind.PROMPT,
    "applied_prompt": SecretKind.PROMPT,
    "image": SecretKind.IMAGE,
    "image_data": SecretKind.IMAGE,
}
"""Fields of values, members of JSON, HTTP header fields and query parameters, as the service writes them."""

_BY_ENDING = {
    "token": SecretKind.TOKEN,
    "secret": SecretKind.CREDENTIAL,
    "password": SecretKind.CREDENTIAL,
    "passphrase": SecretKind.CREDENTIAL,
    "credential": SecretKind.CREDENTIAL,
    "signature": SecretKind.QUERY,
    "apikey": SecretKind.KEY,
    "accesskey": SecretKind.KEY,
    "privatekey": SecretKind.KEY,
    "prompt": SecretKind.PROMPT,
}

_PRESIGNED: tuple[str, ...] = ("videourl", "eventsurl", "thumbnailurl", "previewurl", "scripturl", "imageurl")
_PRESIGNED += ("downloadurl", "uploadurl", "signedurl", "location", "thumb", "thumbnail", "preview", "href")

BARE_HOSTS = frozenset(
    {"signalling_url", "signaling_url", "signalingUrl", "host", "hostname", "x-forwarded-host"}
)
"""Where an address may stand without a scheme."""

_PARAMETERS = frozenset({"sig", "hmac", "auth", "code", "ticket", "sid", "policy", "keypairid"})


def normal(name: str) -> str:
    """Returns a name without what its spellings differ in: `Api-Key`, `apiKey` and `api_key` are one."""
    return name.lower().replace("-", "").replace("_", "")


_KINDS = {normal(name): kind for name, kind in BY_NAME.items()}
_BARE = frozenset(normal(name) for name in BARE_HOSTS)


def kind_named(name: str) -> SecretKind | None:
    """Returns what a text is by its name, in whatever spelling; `None` if that says nothing."""
    plain = normal(name)
    if plain in _KINDS:
        return _KINDS[plain]
    return next((kind for ending, kind in _BY_ENDING.items() if plain.endswith(ending)), None)


def names_presigned(name: str) -> bool:
    """Returns whether an address of this name is itself the right to load what it names."""
    return normal(name).endswith(_PRESIGNED)


def names_host(name: str) -> bool:
    """Returns whether an address may stand under this name without a scheme."""
    return normal(name) in _BARE


def parameter_kind(name: str) -> SecretKind | None:
    """Returns what the value of a query parameter is by its name; `None` if that says nothing."""
    plain = normal(name)
    signs = plain in _PARAMETERS or plain.startswith("xamz")
    return kind_named(name) or (SecretKind.QUERY if signs else None)
