"""The states of a video and the only moves between them. Pure."""

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.PROCESSING}),
    # Back to pending: the lease ran out, the attempt is to be repeated, or a worker that stops hands it back.
    Status.PROCESSING: frozenset({Status.COMPLETED, Status.FAILED, Status.PENDING}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.PENDING}),
}


class IllegalMoveError(Exception):
    """A programming error, never a user's."""


def check_move(old: Status, new: Status) -> None:
    if new not in MOVES[old]:
        raise IllegalMoveError(f"a video cannot go from {old} to {new}")
