"""
Tests of the core without a socket, a loop or real time; docs/testing.md#how-the-core-is-tested shows each.

`world` joins a client and the real service in memory; `by_hand` and `spectator_by_hand` leave everything
outside of the client to the test, for moments that no service would bring about.
`strategies` needs hypothesis, which the extra `odyssey-client[testing]` brings; nothing else here does.
"""
