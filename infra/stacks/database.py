"""RDS PostgreSQL. Its logical id, name, storage's encryption and subnets never change: each would replace the data."""

from aws_cdk import CfnDeletionPolicy
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager

from infra.stacks.network import Network
from infra.stacks.phase import PhaseStack
from infra.stacks.secrets import DATABASE_NAME, DATABASE_USER, Secrets, password_of

IDENTIFIER = "anb"


def add_database(stack: PhaseStack, network: Network, group: str, secrets: Secrets) -> rds.CfnDBInstance:
    """It stays in the subnets where it was born: nothing from outside leads to it, and to move it is to replace it."""
    subnets = rds.CfnDBSubnetGroup(
        stack, "DatabaseSubnets", db_subnet_group_description="ANB database", subnet_ids=list(network.public)
    )
    database = rds.CfnDBInstance(
        stack, "Database", db_instance_identifier=IDENTIFIER, engine="postgres", engine_version=stack.profile.engine,
        db_instance_class=stack.profile.phase.database, db_name=DATABASE_NAME, port="5432",
        master_username=DATABASE_USER, master_user_password=password_of(secrets.database, "password"),
        allocated_storage=str(stack.profile.phase.database_gib), storage_type="gp3", storage_encrypted=True,
        multi_az=stack.profile.phase.database_copies > 1, publicly_accessible=False,
        db_subnet_group_name=subnets.ref, vpc_security_groups=[group],
        backup_retention_period=stack.profile.backup_days, copy_tags_to_snapshot=True,
        preferred_backup_window="08:00-08:30", preferred_maintenance_window="tue:09:00-tue:09:30",
        delete_automated_backups=False, deletion_protection=True, auto_minor_version_upgrade=True,
        enable_cloudwatch_logs_exports=["postgresql", "upgrade"],
    )  # fmt: skip
    database.cfn_options.deletion_policy = CfnDeletionPolicy.SNAPSHOT  # and not before its protection is lifted by hand
    database.cfn_options.update_replace_policy = CfnDeletionPolicy.SNAPSHOT
    secretsmanager.CfnSecretTargetAttachment(  # adds host, port and dbname to the secret
        stack, "DatabaseAddress", secret_id=secrets.database, target_id=database.ref, target_type="AWS::RDS::DBInstance"
    )
    return database
