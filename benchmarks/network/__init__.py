"""A network that takes time: what the benchmarks have between a client and the local service."""
