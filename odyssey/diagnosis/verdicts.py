"""From a failure to a verdict: for each code what it means in plain words, and what to do about it."""

from collections.abc import Mapping

from attrs import frozen

from odyssey_anyio.errors.hints import hint
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase


@frozen
class Verdict:
    """What a failure means, and what to do about it."""

    meaning: str
    advice: str = ""
    """Empty: the hint of the error says it (odyssey_anyio/errors/hints.py)."""


_LATER = "Try again in a minute; if it stays so, report it with the trace."
_REPORT = "This is a defect of the service or of this library: report it with the trace."
_YOURS = "Change the program: the message of the error says what is not allowed."
_NETWORK = "Try again; if it stays so, try from another network, and report it with the trace."
_OTHER_SIDE = "Call connect() again for a new session; if it comes back, report it with the trace."
_FIREWALL = "Allow UDP out of this network, or try from another one; IcePolicy(relay_only=True) uses TURN."
_BUSY = "Try again later, or wait longer with Timeouts(queue=…)."
_ACCOUNT = "See the account on the developer portal."

VERDICTS: Mapping[str, Verdict] = {
    # --- the way to the service -----------------------------------------------------------------
    "network.unresolved": Verdict(
        "the host name is unknown",
        "Check the spelling of the address (api_url, ODYSSEY_API_URL), and the DNS server of this network.",
    ),
    "network.refused": Verdict(
        "nobody listens at this port",
        "Check the port of the address; a service of your own may not be running.",
    ),
    "network.unreachable": Verdict("there is no way to the host", "Check the network, VPN and proxy."),
    "network.no_relay": Verdict(
        "no TURN server gave a relay",
        "The checks of TURN say why. Media may still go directly, unless relay_only forbids that.",
    ),
    "network.tls": Verdict(
        "the TLS handshake failed",
        "Check that the port speaks TLS; some firewalls break what they cannot read.",
    ),
    "network.certificate": Verdict("the certificate is not trusted"),
    "network.proxy": Verdict("the proxy refuses, or what answers is no proxy"),
    "network.closed": Verdict("the other side closed the connection early", _NETWORK),
    "network.malformed": Verdict(
        "what answers does not speak the protocol",
        "Check the address: it may be a web site, or the sign-in page of a wireless network.",
    ),
    "network.too_large": Verdict("a message is larger than any should be"),
    "network.silent": Verdict(
        "nothing answers: packets are dropped on the way",
        "A firewall may block this port; try from another network.",
    ),
    "network.path_lost": Verdict(
        "a NAT or a firewall has forgotten the connections of the session, or its host was restarted",
        "With a ReconnectPolicy another session takes its place; a router that restarts does this to all.",
    ),
    "network.invalid": Verdict("an address or server that was given is unusable", _YOURS),
    "network.internal": Verdict("a library failed unexpectedly"),
    # --- the key and the account ----------------------------------------------------------------
    "auth.no_key": Verdict("no API key was given"),
    "auth.invalid_key": Verdict(
        "the service does not know this API key",
        "Check the key, and that ODYSSEY_API_URL is the service that it is for.",
    ),
    "auth.malformed_key": Verdict(
        "this is not the form of an API key", "Check the key: it begins with ody_."
    ),
    "auth.denied": Verdict("the account may not use the service: it is suspended, or the key was withdrawn"),
    "auth.forbidden": Verdict("the account may not do this"),
    "auth.unauthorized": Verdict(
        "the token was refused", "Connect again; if it stays so, check the API key."
    ),
    "credentials.expired": Verdict("the credentials have ended"),
    "usage.monthly_limit_reached": Verdict(
        "the hours of this month are used up", "Wait for the next month, or change the plan of the account."
    ),
    "usage.concurrent_limit_reached": Verdict(
        "the account has as many sessions as it may have at a time",
        "End another session, or wait until one ends.",
    ),
    "usage.stream_duration_exceeded": Verdict(
        "a stream lasted as long as it may", "Start another stream; ReconnectPolicy(renew_before=…) does so."
    ),
    "usage.account_suspended": Verdict("the account is suspended", _ACCOUNT),
    "usage.rate_limited": Verdict("too many requests in a short time", "Wait, and ask less often."),
    "usage.unknown": Verdict("a limit of the account was reached", _ACCOUNT),
    # --- answers of the service -----------------------------------------------------------------
    "request.bad": Verdict("the service does not accept the request", _YOURS),
    "request.conflict": Verdict("the request conflicts with the present state", _YOURS),
    "request.gone": Verdict("what was asked for is gone", _YOURS),
    "request.invalid": Verdict("the service finds the request invalid", _YOURS),
    "request.not_found": Verdict(
        "the service does not know what was asked for",
        "Check the id; if it is every call, check the address of the API.",
    ),
    "request.refused": Verdict("the service refuses the request", _YOURS),
    "request.too_large": Verdict("the request is larger than the service takes", _YOURS),
    "reply.malformed": Verdict(
        "the reply makes no sense", "Check the address of the API; if it is right, report it with the trace."
    ),
    "reply.unexpected_status": Verdict(
        "the reply has a status that is not documented",
        "Check the address of the API; if it is right, report it with the trace.",
    ),
    "server.bad_gateway": Verdict("the service is there, but what is behind it is not", _LATER),
    "server.error": Verdict("the service failed", _LATER),
    "server.gateway_timeout": Verdict("the service is there, but what is behind it is too slow", _LATER),
    "server.timeout": Verdict("the service gave up waiting", _LATER),
    "server.unavailable": Verdict("the service is down for the moment", _LATER),
    "session.no_capacity": Verdict("all streamers are busy", _BUSY),
    # --- deadlines ------------------------------------------------------------------------------
    "timeout.authenticate": Verdict("the service did not answer with an access token in time", _NETWORK),
    "timeout.queue": Verdict("no streamer became free in time", _BUSY),
    "timeout.prepare": Verdict("the session was reserved, but not prepared in time", _LATER),
    "timeout.signal": Verdict(
        "the signaling connection did not open in time",
        "A proxy or firewall may not let WebSockets pass; try from another network.",
    ),
    "timeout.negotiate": Verdict("the media connection did not come up in time", _FIREWALL),
    "timeout.ready": Verdict("the media connection did not come up in time", _FIREWALL),
    "timeout.start": Verdict("the streamer did not start the stream in time", _LATER),
    "timeout.interact": Verdict("the streamer did not answer a prompt in time", _LATER),
    "timeout.end": Verdict("the streamer did not end the stream in time", _LATER),
    "timeout.call": Verdict("the service did not answer in time", _NETWORK),
    "timeout.leave": Verdict("the goodbye was not answered in time", "Nothing: it frees the session."),
    "timeout.spectate": Verdict("the broadcast did not come up in time", _FIREWALL),
    "timeout.limit": Verdict(
        "no place became free among the sessions that this program allows itself",
        "Wait longer, or allow more: ConcurrencyLimit(places, timeout=…).",
    ),
    "timeout.recording": Verdict("the recording was not ready in time", "Wait for it again, or for longer."),
    "timeout.simulation": Verdict("the simulation was not over in time"),
    "timeout.transfer": Verdict("the file was not loaded in time"),
    # --- signaling and negotiation --------------------------------------------------------------
    "signaling.closed": Verdict("the service closed the signaling connection", _OTHER_SIDE),
    "streamer_not_available": Verdict("the streamer that was assigned does not run", _LATER),
    "streamer_disconnected": Verdict("the streamer went away", _OTHER_SIDE),
    "duration_limit_reached": Verdict(
        "the connection lasted as long as it may", "ReconnectPolicy(renew_before=…) replaces it in time."
    ),
    "offer.malformed": Verdict("the streamer's offer makes no sense", _REPORT),
    "offer.no_codec": Verdict("the streamer offers its video in a coding that cannot be decoded", _REPORT),
    "offer.no_video": Verdict("the streamer offers no video that can be received", _REPORT),
    "offer.no_channels": Verdict("the streamer offers no data channels", _REPORT),
    "offer.ignored": Verdict("parts of the streamer's offer were left out", _REPORT),
    "offer.too_many": Verdict("the streamer offers again and again", _REPORT),
    "answer.malformed": Verdict("the answer to our offer makes no sense", _REPORT),
    "answer.ignored": Verdict("parts of the answer were left out", _REPORT),
    "candidate.malformed": Verdict("an address of the other side makes no sense", _REPORT),
    "channel.unknown": Verdict("the other side opened a data channel that nobody knows", _REPORT),
    # --- media ----------------------------------------------------------------------------------
    "media.failed": Verdict("no way for media was found between here and the streamer", _FIREWALL),
    "media.dtls": Verdict("a path for media was found, and the DTLS handshake on it failed", _REPORT),
    "media.closed": Verdict("the streamer closed the media connection", _OTHER_SIDE),
    "media.interrupted": Verdict("media stopped coming, and did not come again", _NETWORK),
    "media.lost": Verdict("the media of the broadcast were lost", _NETWORK),
    "media.track_ended": Verdict("the streamer ended its video", _OTHER_SIDE),
    "media.channel_closed": Verdict("the streamer closed a data channel", _OTHER_SIDE),
    "frames.none": Verdict("the stream runs, but no picture comes", _LATER),
    "frames.frozen": Verdict("the picture came, and then froze", _LATER),
    "frames.not_decoded": Verdict("pictures come, but none can be decoded", _REPORT),
    "frames.ended": Verdict("no more frames come: the connection is over", _OTHER_SIDE),
    "frames.overflow": Verdict(
        "frames came faster than the program read them", "Read faster, or take another policy: Newest()."
    ),
    # --- streams --------------------------------------------------------------------------------
    "stream.ended": Verdict("the stream ended", "Start another one."),
    "stream.malformed": Verdict("a message of the streamer makes no sense", _REPORT),
    "message.too_large": Verdict("the message is larger than the data channel takes", _YOURS),
    "lease_denied": Verdict("the streamer refuses for the moment", _LATER),
    "moderation_failed": Verdict("the prompt or the image was refused", "Use another prompt or image."),
    "broadcast_error": Verdict("the broadcast cannot be watched; the stream goes on", _LATER),
    "broadcast.ended": Verdict("the broadcast ended", "Nothing, or ask for a new one."),
    "whep.invalid_token": Verdict("the token of the broadcast was refused"),
    "whep.no_stream": Verdict("there is no such broadcast", "Check webrtc_url: it may have ended."),
    # --- the program ----------------------------------------------------------------------------
    "api_url.invalid": Verdict(
        "the address of the API cannot be used", "Give an http or https address (api_url, ODYSSEY_API_URL)."
    ),
    "call.unknown": Verdict("there is no such call", _YOURS),
    "call.invalid": Verdict("the arguments of a call break a rule", _YOURS),
    "internal": Verdict("a defect of this library"),
    "state.closing": Verdict("the client was being closed", "Wait until it is closed."),
    "state.connecting": Verdict("the client is already connecting"),
    "state.conversation": Verdict("a message does not belong here", _YOURS),
    "state.closed": Verdict("the client was closed", "Make another client."),
    "state.forked": Verdict(
        "the process forked while its client was in use", "Make a client in each process."
    ),
    "state.inside_loop": Verdict(
        "a synchronous call would block the event loop",
        "Use odyssey.Odyssey and await, or call from another thread.",
    ),
    "state.loop_blocked": Verdict(
        "the loop of the client stands still",
        "Something blocks it: move that into a thread. Or nobody runs it: run it in a thread of its own.",
    ),
    "state.not_connected": Verdict("the client is not connected"),
    "state.other_loop": Verdict(
        "events, frames or a stream block are used in another loop than that of their client",
        "Use them in the client's loop, and hand on what they bring, for example by queue.Queue.",
    ),
    "state.reconnecting": Verdict("the session was lost and is being replaced", "Wait for Restored."),
    "state.spectator": Verdict("a spectator only watches, and once", _YOURS),
    "state.stream": Verdict("the stream is not in the state for this", _YOURS),
    "unsupported": Verdict("the transport that was given cannot do this", "Use the one of this library."),
    # --- images, files, jobs --------------------------------------------------------------------
    "image.not_taken": Verdict("the streamer takes no images", "Start without one."),
    "image.type": Verdict("this is nothing that an image can be given as", _YOURS),
    "image.unreadable": Verdict("the image file is not there, or cannot be read", _YOURS),
    "image.not_base64": Verdict("the data URL of the image is broken", _YOURS),
    "image.empty": Verdict("the image is empty", _YOURS),
    "image.too_large": Verdict("the image has more than 25 MB", "Make it smaller."),
    "image.unknown_kind": Verdict("the image is of no kind that the service takes", "Save it as PNG."),
    "image.too_many_pixels": Verdict("the image has too many pixels", "Make it smaller."),
    "image.corrupt": Verdict("the image is cut off or broken", "Take another copy of it."),
    "image.undecodable": Verdict("the image cannot be decoded here", "Save it as PNG."),
    "download.address": Verdict("the recording has no address that can be loaded", _LATER),
    "download.busy": Verdict("another download writes this file", "Wait for it, or give another path."),
    "download.malformed": Verdict("what was sent is not the file", _LATER),
    "download.missing": Verdict("there is no such file", "Wait until the recording is ready."),
    "download.path": Verdict("the path cannot be written to", "Give another path."),
    "download.refused": Verdict("the file was refused", "Ask for the recording again: its address ends."),
    "download.too_large": Verdict("the file is larger than any of its kind should be", _REPORT),
    "download.unavailable": Verdict("the file cannot be had for the moment", _LATER),
    "download.unwritable": Verdict("the file cannot be written", "Check the space and the permissions."),
    "clip.cut_short": Verdict("the stream ended before the clip was as long as asked for", _LATER),
    "clip.too_long": Verdict("a clip cannot be longer than a stream may last", "Ask for a shorter one."),
    "audio.not_wanted": Verdict(
        "the client receives no audio",
        "Make it with Odyssey(audio=True), or a spectator with connect_to_stream(..., audio=True).",
    ),
    "record.failed": Verdict("the file could not be written to its end", "Check the space on the disk."),
    "record.format": Verdict("the name of the file says no known format", "Name it .mp4, for instance."),
    "record.path": Verdict("this is no path of a file", _YOURS),
    "record.unwritable": Verdict("the file cannot be written", "Check the path and the permissions."),
    "record.used": Verdict("a recorder writes one file", "Make another one."),
    "paging.loop": Verdict("the list of the service has no end", _REPORT),
    "simulation.unfinished": Verdict("the simulation is still on its way", "Wait for it first."),
    "simulation.failed": Verdict("the simulation failed", "The words of the service say why."),
    "simulation.cancelled": Verdict("the simulation was cancelled", "Begin a new one, if it is wanted."),
    "trace.empty": Verdict("there is no trace yet", "Save it once there was a session."),
    "trace.refused": Verdict("the trace may still hold a secret, so it is not saved", _REPORT),
    "trace.unwritable": Verdict("the trace cannot be written", "Check the path and the permissions."),
    # --- any other code, by the kind of its failure ---------------------------------------------
    "auth_refused": Verdict("the key or token was refused"),
    "usage_limit": Verdict("a limit of the account was reached", _ACCOUNT),
    "no_capacity": Verdict("all streamers are busy"),
    "not_found": Verdict("the service does not know what was asked for", _YOURS),
    "bad_request": Verdict("the service refuses the request", _YOURS),
    "invalid": Verdict("a value breaks a documented rule", _YOURS),
    "state": Verdict("the call is not possible at present", _YOURS),
    "server_broke": Verdict("the service failed", _LATER),
    "malformed": Verdict("the other side breaks the protocol", _REPORT),
    "unreachable": Verdict("nobody answers"),
    "network_setup": Verdict("this network has to be set up first", "Check the proxy and the certificates."),
    "timed_out": Verdict("it took too long", _NETWORK),
    "closed_by_peer": Verdict("the service ended the conversation"),
    "media_failed": Verdict("the media connection failed"),
    "stream_refused": Verdict("the streamer refused", "Its reason is in the error; try another prompt."),
    "stream_ended": Verdict("the stream ended", "Start another one."),
    "job_failed": Verdict("the simulation failed", "The words of the service say why."),
    "job_cancelled": Verdict("the simulation was cancelled", "Begin a new one, if it is wanted."),
    "closed_locally": Verdict("this program disconnected meanwhile", "Nothing, if that was meant."),
    "abandoned": Verdict("the caller was cancelled", "Nothing, if that was meant."),
}
"""By the code of a failure, and by its kind for a code that is not known."""

_MISSING: Mapping[str, Verdict] = {
    "offer": Verdict("the streamer sent no offer", _LATER),
    "local description": Verdict("our own description was not made in time", _REPORT),
    "answer": Verdict("the service sent no answer to our offer", _LATER),
    "peer connection": Verdict("no way for media was found between here and the streamer", _FIREWALL),
    "video track": Verdict("the streamer sends no video", _LATER),
}
"""What a deadline waited for in vain while media were negotiated, where that says more than the deadline."""

_NEGOTIATING = frozenset({Phase.NEGOTIATE, Phase.READY, Phase.SPECTATE})

_DETAILED = frozenset({"network.certificate", "network.proxy", "network.no_relay"})
"""The codes whose detail says whose and why, in words of ours."""


def verdict_of(failure: Failure) -> Verdict:
    """Returns what a failure means and what to do about it; both are never empty."""
    row = _row(failure)
    meaning = row.meaning
    if failure.code in _DETAILED and failure.detail:
        meaning = f"{meaning}: {failure.detail}"
    asked = hint(failure) if failure.usage is not None else None
    return Verdict(meaning, asked or row.advice or hint(failure) or "")


def _row(failure: Failure) -> Verdict:
    if failure.usage is not None:
        return VERDICTS.get(f"usage.{failure.usage.code.lower()}", VERDICTS["usage.unknown"])
    if failure.kind is FailureKind.TIMED_OUT and failure.phase in _NEGOTIATING and failure.missing:
        first = failure.missing[0]
        channel = Verdict("the streamer does not open its data channels", _LATER)
        return _MISSING.get(first, channel)
    return VERDICTS.get(failure.code) or VERDICTS[failure.kind.value]
