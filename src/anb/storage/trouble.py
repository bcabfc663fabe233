"""What a failing storage means: full, or away for a while."""

import errno

from anb.errors import AnbError, BusyError, NoRoomError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def refusal(error: OSError) -> AnbError:
    """What a client hears; the same request may do later."""
    return NoRoomError("no_room") if is_full(error) else BusyError("temporarily_unavailable")
