"""The sorts of things that an exported trace must not tell, and where each stands."""

from enum import Enum, unique


@unique
class Sort(Enum):
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
    "api_key": Sort.KEY,
    "api_key_prefix": Sort.KEY,
    "x-api-key": Sort.KEY,
    "access_token": Sort.TOKEN,
    "session_token": Sort.TOKEN,
    "sessionToken": Sort.TOKEN,
    "spectator_token": Sort.TOKEN,
    "token": Sort.TOKEN,
    "authorization": Sort.TOKEN,
    "cookie": Sort.TOKEN,
    "set-cookie": Sort.TOKEN,
    "username": Sort.USER,
    "credential": Sort.CREDENTIAL,
    "password": Sort.CREDENTIAL,
    "usernameFragment": Sort.UFRAG,
    "prompt": Sort.PROMPT,
    "prompts": Sort.PROMPT,
    "applied_prompt": Sort.PROMPT,
    "image": Sort.IMAGE,
    "image_data": Sort.IMAGE,
}
"""Fields of values, members of JSON objects, HTTP header fields and query parameters."""

PRESIGNED = frozenset({"video_url", "events_url", "thumbnail_url", "preview_url", "script_url", "location"})
"""Where the address itself is the right to load what it names: no part of its query is told."""

BARE_HOSTS = frozenset({"signalling_url", "signaling_url", "signalingUrl"})
"""Where an address may stand without a scheme."""
