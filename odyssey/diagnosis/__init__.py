"""Where a connection fails, and what to do about it: checks in their order, each with its verdict."""
