"""
Hypothesis strategies for what a client, a service and their messages may meet.

This package alone of the core needs hypothesis (`odyssey-client[testing]`): data for tests is drawn by
chance, and the core itself draws nothing.
"""
