"""The sorts of things that an exported trace must not tell, and where each stands."""

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
    "cookie": SecretKind.TOKEN,
    "set-cookie": SecretKind.TOKEN,
    "username": SecretKind.USER,
    "credential": SecretKind.CREDENTIAL,
    "password": SecretKind.CREDENTIAL,
    "usernameFragment": SecretKind.UFRAG,
    "prompt": SecretKind.PROMPT,
    "prompts": SecretKind.PROMPT,
    "applied_prompt": SecretKind.PROMPT,
    "image": SecretKind.IMAGE,
    "image_data": SecretKind.IMAGE,
}
"""Fields of values, members of JSON objects, HTTP header fields and query parameters."""

PRESIGNED = frozenset({"video_url", "events_url", "thumbnail_url", "preview_url", "script_url", "location"})
"""Where the address itself is the right to load what it names: no part of its query is told."""

BARE_HOSTS = frozenset({"signalling_url", "signaling_url", "signalingUrl"})
"""Where an address may stand without a scheme."""
