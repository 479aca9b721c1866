"""`python -m odyssey`: the local service, the demo and the tools."""

import sys

from odyssey.cli import main

if __name__ == "__main__":
    sys.exit(main())
