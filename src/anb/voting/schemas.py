import uuid

from pydantic import BaseModel


class Counted(BaseModel):
    message: str
    video_id: uuid.UUID
    user_id: uuid.UUID
    total_votes: int
