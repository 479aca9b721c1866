"""Plans, drawn from a seed: sessions as people have them, and everything that comes between."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from odyssey_proto.conversations import Side
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.machine import Instant, Span, millis, seconds
from odyssey_proto.messages.recordings import Page
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.model.config import Limits, ReconnectPolicy
from odyssey_proto.model.script import End, Start
from odyssey_proto.seam.commands import (
    Call,
    Connect,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.inputs import ABNORMAL_CLOSURE
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.testing.random_faults import pick, random_faults
from odyssey_proto.testing.samples import SERVER_TEXTS, STREAMER_TEXTS
from odyssey_proto.testing.simulation.plan import (
    BreakMedia,
    BreakSockets,
    ConnectMinted,
    Disturbance,
    Disturbed,
    DownloadLast,
    ForgetFlows,
    Frames,
    Give,
    GiveUp,
    Happening,
    Jump,
    Plan,
    Restart,
    Say,
)

MAX_CLIENTS = 3
MAX_FAULTS = 3
MAX_DISTURBED = 4
TYPICAL_MESSAGES = 70
"""So many things are on their way in the life of one session."""

CONFIGS: tuple[ServiceConfig, ...] = (
    ServiceConfig(),
    ServiceConfig(),
    ServiceConfig(capacity=1, unclaimed_seconds=20),
    ServiceConfig(reply_seconds=0.4),
    ServiceConfig(stream_seconds=10),
    ServiceConfig(connection_seconds=40),
    ServiceConfig(concurrent=1),
    ServiceConfig(moderated=("dog",)),
)
POLICIES: tuple[ReconnectPolicy | None, ...] = (
    None,
    None,
    ReconnectPolicy(per_loss=3),
    ReconnectPolicy(per_loss=2, per_session=4, restart_stream=False),
    ReconnectPolicy(per_loss=2, carry_over=False, first_delay=0),
    ReconnectPolicy(per_loss=2, renew_before=6),
)
LIMITS = Limits(stream=10, connection=30, ahead=2)
"""Shorter than those of the service, so that what is renewed ahead of them is renewed in a run."""

DELAYS: tuple[Span, ...] = (millis(1), millis(10), millis(10), millis(80), millis(300))
PAUSES: tuple[Span, ...] = (*(Span(0), millis(5), millis(50)), *map(seconds, (0.5, 1, 1, 2, 2, 5, 20)))
AFTER: tuple[Span, ...] = tuple(map(millis, (0, 3, 12, 25, 60, 90, 150, 400, 1000)))
JUMPS: tuple[Span, ...] = tuple(map(seconds, (0.1, 5, 45, 300)))
CODES = (ABNORMAL_CLOSURE, ABNORMAL_CLOSURE, 1000, 1001, 1011, 4000)

STORY: tuple[Any, ...] = (
    Connect(),
    StartStream("A cat"),
    Interact("Pet the cat"),
    Interact("Feed it"),
    EndStream(),
    Disconnect(),
)
"""What most applications do, in order."""

WITH_IMAGE = StartStream("A cat", image="data:image/png;base64,AAAA")

ASIDE: tuple[Any, ...] = (
    WITH_IMAGE,
    StartStream("A dog", broadcast=True),
    StartStream("A cat"),
    Interact("A dog"),
    Interact("Pet the cat"),
    EndStream(),
    EndStream(),
    Connect(),
    Disconnect(),
    MintCredentials(),
    Call("recordings.list", Page()),
    Call("recordings.get", "stream-1"),
    Call("simulations.create", SimulationRequest(script=(Start("A cat"), End(5)))),
    WaitForJob("job-1", seconds(5), seconds(60)),
    WaitForRecording("stream-1", seconds(5), seconds(60)),
)
"""What some do besides."""

OFFER, STREAM_ERROR = SERVER_TEXTS[0], STREAMER_TEXTS[3]
CLIENT_TEXTS = (SERVER_TEXTS[2], '{"type": "news"}', "{", '{"type": "client_disconnecting"}')
VIEWER_TEXTS = (
    '{"type": "news"}',
    '{"type": "interactive_stream_end"}',
    '{"type": "update", "prompt": "unasked"}',
)
"""What a client says that ours would not say, on its WebSocket and on its data channel."""


def drawn(seed: bytes) -> Plan:
    """Returns the plan of a seed."""
    chance = Entropy(seed)
    clients = 1 + chance.below(MAX_CLIENTS)
    config = pick(chance, CONFIGS)
    policy = pick(chance, POLICIES)
    faults = random_faults(chance.draw(16), chance.below(MAX_FAULTS + 1))
    happenings = [each for client in range(clients) for each in _life(chance, client)]
    happenings += _outside(chance, clients, happenings)
    disturbed = tuple(
        Disturbed(
            chance.below(TYPICAL_MESSAGES * clients), pick(chance, tuple(Disturbance)), pick(chance, JUMPS)
        )
        for _ in range(chance.below(MAX_DISTURBED + 1))
    )
    return Plan(
        seed=seed,
        clients=clients,
        delay=pick(chance, DELAYS),
        service=evolve(config, faults=faults) if faults else config,
        happenings=tuple(sorted(happenings, key=lambda each: each.at)),
        reconnect=policy,
        limits=Limits() if policy is None or policy.renew_before is None else LIMITS,
        disturbed=disturbed,
    )


def _life(chance: Entropy, client: int) -> list[Happening]:
    """Returns what one application does: the story, with something left out or put in here and there."""
    at = Instant(pick(chance, PAUSES))
    life: list[Happening] = []
    for number, what in enumerate(STORY):
        kind = chance.below(24)
        if kind == 0 and number > 0:
            continue
        life.append(Give(at, client, what) if number or kind > 3 else ConnectMinted(at, client))
        at = Instant(at + (seconds(3) if number == 0 and kind > 6 else pick(chance, PAUSES)))
        match kind:
            case 1 | 2 | 3 | 4:
                life.append(Give(at, client, pick(chance, ASIDE)))
                at = Instant(at + pick(chance, PAUSES))
            case 5:
                life.append(GiveUp(at, client))
            case 6 if number > 2:
                life.append(DownloadLast(at, client))
            case 6:
                life.append(Frames(at, 24))
            case _:
                pass
    return life


def _outside(chance: Entropy, clients: int, lives: Sequence[Happening]) -> list[Happening]:
    """Returns what no application decides, soon after something that one did."""
    return [
        each
        for _ in range(chance.below(4))
        for each in _surprise(chance, chance.below(clients), pick(chance, lives).at)
    ]


def _surprise(chance: Entropy, client: int, soon: Instant) -> tuple[Happening, ...]:
    at = Instant(soon + pick(chance, AFTER))
    later = Instant(at + pick(chance, AFTER))
    by_streamer = Say(later, client, Side.SERVER, pick(chance, STREAMER_TEXTS), on_channel=True)
    again = Frames(Instant(at + pick(chance, PAUSES) + seconds(3)), 24)
    kinds: tuple[tuple[Happening, ...], ...] = (
        (BreakSockets(at, client, pick(chance, CODES)), again),
        (BreakMedia(at, client), again),
        (ForgetFlows(at, client), again),
        (Jump(at, pick(chance, JUMPS)), again),
        (Restart(at), again),
        (Say(at, client, Side.SERVER, pick(chance, SERVER_TEXTS)),),
        (Say(at, client, Side.CLIENT, pick(chance, CLIENT_TEXTS)),),
        (Say(at, client, Side.CLIENT, pick(chance, VIEWER_TEXTS), on_channel=True),),
        (by_streamer,),
        (Say(at, client, Side.SERVER, STREAM_ERROR, on_channel=True), by_streamer),
        (Say(at, client, Side.SERVER, OFFER), Give(later, client, WITH_IMAGE)),
        # In one moment: the streamer speaks before it has seen the start, the server before the answer.
        (Give(at, client, StartStream("A cat")), evolve(by_streamer, at=at)),
        (Say(at, client, Side.SERVER, OFFER), Say(at, client, Side.SERVER, pick(chance, SERVER_TEXTS))),
    )
    return pick(chance, kinds)
