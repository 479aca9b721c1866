"""What tests of the core share; docs/testing.md#how-the-core-is-tested is the way in."""
