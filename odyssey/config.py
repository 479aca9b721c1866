"""The configuration, where the official client has it; the same as in `odyssey`."""

from odyssey import AdvancedConfig as AdvancedConfig
from odyssey import ClientConfig as ClientConfig
