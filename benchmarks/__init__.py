"""
How fast the library is, as ratios in one run: against a plain client, and against what the protocol forces.

`python -m benchmarks` runs all rows and prints one table; `--help` has the rest.
`python -m benchmarks.networks` watches clients in bad networks instead.
A benchmark is a module of `benchmarks.rows`; its shape is in `benchmarks.benchmark`.
"""
