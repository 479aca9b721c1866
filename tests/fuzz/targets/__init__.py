"""What takes anything from outside, each as a function of bytes; a target fails by raising."""

from tests.fuzz.targets import files, messages, wire

TARGETS = {**wire.TARGETS, **messages.TARGETS, **files.TARGETS}
