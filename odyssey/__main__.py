"""`python -m odyssey`: the local service, the demo and the tools."""

import sys

from odyssey.cli import program

if __name__ == "__main__":
    sys.exit(program())
