"""The errors, where the official client has them; the same as in `odyssey`."""

from odyssey import AccountSuspendedError as AccountSuspendedError
from odyssey import ConcurrentLimitReachedError as ConcurrentLimitReachedError
from odyssey import MonthlyLimitReachedError as MonthlyLimitReachedError
from odyssey import OdysseyAuthError as OdysseyAuthError
from odyssey import OdysseyConnectionError as OdysseyConnectionError
from odyssey import OdysseyError as OdysseyError
from odyssey import OdysseyStreamError as OdysseyStreamError
from odyssey import OdysseyUsageError as OdysseyUsageError
from odyssey import RateLimitError as RateLimitError
from odyssey import StreamDurationExceededError as StreamDurationExceededError
