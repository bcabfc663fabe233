"""What can go wrong, in a few kinds. Nothing here knows HTTP: `http/problems.py` turns a kind into a status."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong field: `code` is stable and has a text in `messages.FIELDS`."""

    field: str
    code: str
    params: tuple[tuple[str, str | int], ...] = ()


class AnbError(Exception):
    """A refusal that a person can act on. `code` is stable and has a text in `messages.PROBLEMS`."""

    def __init__(self, code: str, *, errors: tuple[FieldError, ...] = (), **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors
        self.params = params


class MalformedError(AnbError):
    """The request itself cannot be read."""


class InvalidError(AnbError):
    """The request can be read, but what it says is not acceptable."""


class UnauthenticatedError(AnbError):
    """Nobody valid is asking."""


class ForbiddenError(AnbError):
    """Somebody valid asks for what is not theirs."""


class NotFoundError(AnbError):
    """There is no such thing."""


class ConflictError(AnbError):
    """It contradicts what is already there."""


class GoneError(AnbError):
    """It was there, and its time is over."""


class PreconditionError(AnbError):
    """What the client expects of this server does not hold."""


class LockedError(AnbError):
    """Somebody else has it in hand; try again soon."""


class ChecksumError(AnbError):
    """The bytes that came are not those that were sent."""


class TooLargeError(AnbError):
    """More bytes than are allowed."""


class UnsupportedMediaError(AnbError):
    """The content is not of a kind that is taken here."""


class TooManyError(AnbError):
    """More of this one thing than is answered at a time; try again soon."""


class BusyError(AnbError):
    """More work waits already than can be promised; try again soon."""


class NoRoomError(AnbError):
    """The disk has reached its reserve."""


class RefusedFieldError(ValueError):
    """Raised inside a Pydantic validator: the field is wrong in a way that `messages.FIELDS` has a text for."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.error = FieldError("", code, tuple(params.items()))


def raisable(error: BaseException) -> Exception:
    """What somebody may be told who waits in the event loop for work that ended so elsewhere.

    The loop takes a SystemExit in one of its tasks for its own end, and a cancellation for the task's; a StopIteration
    it refuses, and whoever waits would do so for ever.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return BusyError("temporarily_unavailable")
