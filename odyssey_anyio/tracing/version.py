"""The version of the distribution: what is installed need not be asked for it, which reads files."""

__version__ = "0.1.0"
