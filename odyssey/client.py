"""The client, where the official one has it; the same as in `odyssey`."""

from odyssey import Odyssey as Odyssey
