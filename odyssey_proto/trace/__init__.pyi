from odyssey_proto.trace.public_names import *  # noqa: F403  whatever is public
from odyssey_proto.trace.public_names import __all__ as __all__
