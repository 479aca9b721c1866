"""One run of a test against its trace, and what it did otherwise."""

import time

from odyssey_anyio.local.replay import ReplayService
from odyssey_proto.playback import DivergenceError

AGAIN = "If that is meant, record it anew by --odyssey-record=all."

LEAVING_SECONDS = 1.0
"""How long the last words of a client may be on their way when its test is over."""


class ReplayedTest:
    """One run of a test against its trace."""

    def __init__(self, service: ReplayService, name: str) -> None:
        self._service = service
        self._name = name
        self.shared = False
        """Whether another fixture uses the service, whose client may still have something to say."""
        self.reported: bool = False
        """Whether the test has failed for what it did otherwise."""

    def difference(self, *, whole: bool) -> str | None:
        """Returns what the test did otherwise; if it did the `whole` of it, also what it did not do."""
        until = time.monotonic() + LEAVING_SECONDS
        while whole and not self._settled and time.monotonic() < until:
            time.sleep(0.01)
        if not self._service.divergences and (not whole or self.shared or self._service.connected):
            return None
        try:
            self._service.check()
        except DivergenceError as error:
            self.reported = True
            return another_way(self._name, error)
        return None

    @property
    def _settled(self) -> bool:
        return self.shared or self._service.complete or bool(self._service.divergences)


def another_way(name: str, error: DivergenceError) -> str:
    """Returns what a person reads of a test that went another way than its trace."""
    return f"the test went another way than {name}\n{error.first}\n{AGAIN}"
