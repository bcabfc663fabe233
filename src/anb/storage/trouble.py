"""What a client hears when the storage fails."""

import errno

from anb.errors import AnbError, BusyError, NoRoomError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def refusal(error: OSError) -> AnbError:
    """No room, or away for a while: the same request may do later."""
    return NoRoomError("no_room") if error.errno in _FULL else BusyError("temporarily_unavailable")
