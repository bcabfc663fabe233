"""What web servers and workers are told, and what their roles may do: the same for both."""

from dataclasses import dataclass

from infra.profiles import Profile
from infra.stacks import staging
from infra.stacks.media import PREFIX
from infra.stacks.queue import queue_of
from infra.stacks.roles import Statement, allow

OWN_ADDRESS = "$(hostname -I | cut -d' ' -f1)"

_MEDIA = f"s3://${{MediaBucket}}/{PREFIX}"

_MOVING = f"""\
case "${{Media}}" in
  folder) media_root=/app/media media_fallback= ;;
  both) media_root=/app/media media_fallback="{_MEDIA}" ;;
  bucket) media_root="{_MEDIA}" media_fallback=/app/media ;;
esac
"""
"""The steps of docs/howto/move-the-media.md, by a parameter of phase 1's stack."""


@dataclass(frozen=True)
class Application:
    profile: Profile
    bucket_arn: str = ""

    @property
    def moves(self) -> bool:
        """Whether media are on their way from the file server to the bucket."""
        return self.profile.bucket and self.profile.file_server is not None

    @property
    def before(self) -> str:
        return _MOVING if self.moves else ""

    @property
    def exports(self) -> dict[str, str]:
        """What the scripts of both want."""
        file_server = self.profile.file_server
        return {
            "FILESERVER_ADDRESS": file_server.address if file_server else staging.ADDRESS,
            "CELERY_BROKER_URL": self._broker,
        }

    @property
    def local(self) -> dict[str, str]:
        """Resumable uploads grow on what all hosts mount at /app/media: the file server's share, then EFS."""
        besides = {"ANB_STAGING_DIR": f"/app/media{staging.FOLDER}", "AWS_DEFAULT_REGION": "${AWS::Region}"}
        broker = {"CELERY_BROKER_URL": self._broker} if self.profile.phase.cache else {}
        if self.moves:
            return {"MEDIA_ROOT": "$media_root", "ANB_MEDIA_FALLBACK": "$media_fallback", **besides, **broker}
        return {"MEDIA_ROOT": _MEDIA, **besides, **broker} if self.profile.bucket else broker

    @property
    def _broker(self) -> str:
        if self.profile.phase.cache:
            return f"rediss://:$REDIS_PASSWORD@${{{queue_of(self.profile)}.PrimaryEndPoint.Address}}:6379/0"
        return f"redis://:$REDIS_PASSWORD@{self.profile.web_hosts[0].address}:6379/0"

    def rights(self) -> list[Statement]:
        if not self.profile.bucket:
            return []
        objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        return [
            allow([*objects, "s3:ListMultipartUploadParts"], f"{self.bucket_arn}/{PREFIX}/*"),
            allow(["s3:ListBucket", "s3:ListBucketMultipartUploads"], self.bucket_arn),
        ]
