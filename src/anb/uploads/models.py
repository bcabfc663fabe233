import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from anb.db import Base, Id, Moment


class Upload(Base):
    """A video on its way in, by pieces. How much of it is here is the size of its file, never a column."""

    __tablename__ = "uploads"

    id: Mapped[uuid.UUID] = mapped_column(Id, primary_key=True)
    """Also the id of the video that it becomes: so there cannot be two."""
    player_id: Mapped[uuid.UUID] = mapped_column(Id, ForeignKey("players.id"))
    length: Mapped[int] = mapped_column(BigInteger)
    """Bytes of the whole file, as declared at the start."""
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    sent_metadata: Mapped[str] = mapped_column(Text)
    """As it came, for it is sent back as it came."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    """Moves on with each piece; afterwards, until then its client may ask what became of it."""
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    """When its video was registered; the same transaction sets it."""
    request_id: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    """By it a client that never heard where its upload is finds it by beginning once more."""

    __table_args__ = (
        CheckConstraint("length > 0", name="length"),
        Index("ix_uploads_player", "player_id", "created_at"),
        Index("ix_uploads_expires", "expires_at"),
    )

    @property
    def video_id(self) -> uuid.UUID | None:
        return self.id if self.finished_at else None
