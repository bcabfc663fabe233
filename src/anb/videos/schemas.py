import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from anb.messages import FAILURES, NOTICES, Language
from anb.players.models import shown_name
from anb.players.tokens import Signer
from anb.videos.lifecycle import Status
from anb.videos.models import Video


class Accepted(BaseModel):
    id: uuid.UUID
    video_id: uuid.UUID
    task_id: uuid.UUID = Field(description="The processing job; one a video, so it is the video's id")
    title: str
    description: str
    status: Status = Status.PENDING
    user_id: uuid.UUID
    created_at: datetime

    @classmethod
    def of(cls, video: Video) -> "Accepted":
        return cls(
            id=video.id,
            video_id=video.id,
            task_id=video.id,
            title=video.title,
            description=video.description,
            user_id=video.player_id,
            created_at=video.created_at,
        )


class Failure(BaseModel):
    code: str
    detail: str = Field(description="What is wrong and what to do, in the reader's language")


class NoticeOut(BaseModel):
    code: str
    detail: str = Field(description="What is not as in the original and what to do, in the reader's language")


class VideoOut(BaseModel):
    id: uuid.UUID
    video_id: uuid.UUID
    title: str
    description: str
    status: Status
    progress: int = Field(ge=0, le=100, description="Percent")
    created_at: datetime
    uploaded_at: datetime
    processed_at: datetime | None
    processed_url: str | None
    poster_url: str | None
    votes: int
    failure: Failure | None
    notices: list[NoticeOut] = Field(description="What there is to say of a published video; mostly nothing")

    @classmethod
    def of(cls, video: Video, spoken: Language) -> "VideoOut":
        return cls(**_fields(video, spoken))


class VideoDetail(VideoOut):
    user_id: uuid.UUID
    original_url: str = Field(description="Works for an hour; keep it to yourself, it shows all that you uploaded")
    original_file_path: str = Field(deprecated=True, description="Alias for the seed's clients: the storage key")

    @classmethod
    def detailed(cls, video: Video, spoken: Language, signer: Signer) -> "VideoDetail":
        link = f"{media_url(video.original_key)}?token={signer.link_token(video.original_key)}"
        return cls(
            **_fields(video, spoken),
            user_id=video.player_id,
            original_url=link,
            original_file_path=video.original_key,
        )


def _fields(video: Video, spoken: Language) -> dict[str, Any]:
    """A code of a later release, which wrote it before this one came back, is none of ours to word."""
    failure = None
    if video.failure_code:
        text = FAILURES.get(video.failure_code, FAILURES["crashed"])
        failure = Failure(code=video.failure_code, detail=text.render(spoken, video.failure_params))
    notices = [NoticeOut(code=code, detail=NOTICES[code].render(spoken)) for code in video.notices if code in NOTICES]
    return {
        "id": video.id,
        "video_id": video.id,
        "title": video.title,
        "description": video.description,
        "status": video.status,
        "progress": video.progress,
        "created_at": video.created_at,
        "uploaded_at": video.created_at,
        "processed_at": video.processed_at,
        "processed_url": video.processed_key and media_url(video.processed_key),
        "poster_url": video.poster_key and media_url(video.poster_key),
        "votes": video.votes,
        "failure": failure,
        "notices": notices,
    }


class PublicVideo(BaseModel):
    video_id: uuid.UUID
    title: str
    player_name: str
    city: str
    country: str
    processed_url: str
    poster_url: str
    votes: int
    uploaded_at: datetime


def public_video(row: RowMapping) -> dict[str, Any]:
    """A `PublicVideo` as it is encoded: a hot list is not worth validating on its way out."""
    return {
        "video_id": row["id"],
        "title": row["title"],
        "player_name": shown_name(row["first_name"], row["last_name"]),
        "city": row["city"],
        "country": row["country"],
        "processed_url": media_url(row["processed_key"]),
        "poster_url": media_url(row["poster_key"]),
        "votes": row["votes"],
        "uploaded_at": row["created_at"],
    }


def media_url(key: str) -> str:
    return f"/media/{key}"
