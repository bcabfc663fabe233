"""Where the media lie: the file server and its volume, or the bucket. Both outlive the stack."""

from aws_cdk import CfnDeletionPolicy, CfnTag, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3

from infra import user_data
from infra.stacks.hosts import Placement, add_host
from infra.stacks.logs import private
from infra.stacks.phase import PhaseStack, outlives_its_stack
from infra.user_data import Setup

PREFIX = "media"
"""Of all keys: so that the address of a result, /media/processed/…, is its key in the bucket."""

_SYSTEM_GIB = 8
_DEVICE = "/dev/sdf"

_MOUNT = """\
# On Nitro the volume is seen as an NVMe disk; its serial number is its id without the dash.
volume="${MediaVolume}"
disk=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(tr -d - <<< "$volume")
for _ in $(seq 60); do [ -e "$disk" ] && break; sleep 5; done
blkid "$disk" > /dev/null || mkfs.ext4 -q -L anb-media "$disk"
mkdir -p /shared/media
grep -q LABEL=anb-media /etc/fstab || echo 'LABEL=anb-media /shared/media ext4 defaults,nofail 0 2' >> /etc/fstab
mountpoint -q /shared/media || mount /shared/media
"""


def add_file_server(stack: PhaseStack, where: Placement) -> None:
    host = stack.profile.file_server
    if host is None:
        return
    volume = ec2.CfnVolume(
        stack, "MediaVolume", availability_zone=f"{stack.region}a", size=stack.profile.phase.media_gib,
        volume_type="gp3", encrypted=True,
        tags=[CfnTag(key="Name", value="ANB-Media"), CfnTag(key="Backup", value="media")],
    )  # fmt: skip
    volume.cfn_options.deletion_policy = CfnDeletionPolicy.SNAPSHOT
    volume.cfn_options.update_replace_policy = CfnDeletionPolicy.SNAPSHOT
    setup = Setup(
        user_data.FILE_SERVER, "fileserver", secrets=False, before=_MOUNT,
        exports={
            "WEB_ADDRESSES": ",".join(one.address for one in stack.profile.web_hosts),
            "WORKER_ADDRESSES": ",".join(one.address for one in stack.profile.worker_hosts),
        },
    )  # fmt: skip
    instance = add_host(stack, host, where, setup, _SYSTEM_GIB)
    ec2.CfnVolumeAttachment(
        stack, "MediaVolumeAttachment", instance_id=instance.ref, volume_id=volume.ref, device=_DEVICE
    )


def bucket_name(stack: Stack, region: str = "") -> str:
    """Known before it is made: the other region's replication and CloudFront name it."""
    return f"anb-media-{stack.account}-{region or stack.region}"


def add_bucket(stack: Stack, logs: str) -> s3.CfnBucket:
    """Versions are kept for 30 days: what is deleted or overwritten by mistake can be had back."""
    bucket = s3.CfnBucket(
        stack, "MediaBucket", bucket_name=bucket_name(stack), **private(),
        versioning_configuration=s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
        logging_configuration=s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=logs, log_file_prefix="media/"),
        lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(rules=[
            s3.CfnBucket.RuleProperty(
                id="unfinished", status="Enabled",
                abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                    days_after_initiation=2)),
            s3.CfnBucket.RuleProperty(
                id="old-versions", status="Enabled", expired_object_delete_marker=True,
                noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(noncurrent_days=30)),
            s3.CfnBucket.RuleProperty(  # an original is read once, then kept for a dispute
                id="originals", status="Enabled", prefix=f"{PREFIX}/uploads/",
                transitions=[s3.CfnBucket.TransitionProperty(storage_class="STANDARD_IA", transition_in_days=30)]),
        ]),
    )  # fmt: skip
    outlives_its_stack(bucket)
    return bucket
