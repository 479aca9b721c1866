"""
How the machines behave, as a number that every trace names.

The number goes up with any change after which a trace of an unchanged application no longer replays
step by step: a request more, fewer, or at another time, another deadline, another order.
It stays for whatever a replay does not compare, such as a better sentence in an error.
The files in tests/traces hold the core to that: one that was recorded under the present number must
replay step by step, and one of an earlier number must show the application the same.
"""

BEHAVIOUR = 1
"""
The behaviour of this core.

1. What the first release does.
"""
