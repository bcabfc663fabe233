"""Generated where they are kept: no value is in a template, a file or a person's hands."""

import json
from dataclasses import dataclass

from aws_cdk import Fn, Stack
from aws_cdk import aws_secretsmanager as secretsmanager

from anb.planning.phases import SECOND_REGION
from infra.stacks.phase import outlives_its_stack

DATABASE_NAME = "fastapi_db"
DATABASE_USER = "fastapi_user"
READ_URL = "ANB_DATABASE_READ_URL"


@dataclass(frozen=True)
class Secrets:
    database: str
    """JSON: username, password, and host, port, dbname once the database is there."""
    redis: str
    key: str
    """SECRET_KEY: signs tokens and links."""

    @property
    def all(self) -> list[str]:
        return [self.database, self.redis, self.key]


def add_secrets(stack: Stack) -> Secrets:
    return Secrets(
        _kept(stack, "DatabaseSecret", "User and password of the database", _generated(
            32, template={"username": DATABASE_USER}, key="password")),
        add_redis_secret(stack),
        _kept(stack, "SigningSecret", "SECRET_KEY of the application", _generated(64)),
    )  # fmt: skip


def add_redis_secret(stack: Stack) -> str:
    """Each region has a Redis of its own; what is signed and who the database knows is one for all."""
    return _kept(stack, "RedisSecret", "Password of Redis", _generated(48))


def add_production_secrets(stack: Stack, queue: str) -> None:
    """For each cluster's External Secrets, in one JSON that CloudFormation puts together. The second region's is copied
    there by Secrets Manager, for CloudFormation reads no secret of another region; it names the replica besides."""
    told = {
        "DATABASE_URL": _database_at("${Database.Endpoint.Address}"),
        "CELERY_BROKER_URL": f"rediss://:{password_of('${RedisSecret}')}@${{{queue}.PrimaryEndPoint.Address}}:6379/0",
        "SECRET_KEY": password_of("${SigningSecret}"),
    }
    _told(stack, "ProductionSecret", "anb/production", told)
    there = _told(stack, "SecondRegionSecret", "anb/second-region", {**told, READ_URL: _database_at("${Replica}")})
    there.replica_regions = [secretsmanager.CfnSecret.ReplicaRegionProperty(region=SECOND_REGION)]


def _database_at(host: str) -> str:
    user = f"{DATABASE_USER}:{password_of('${DatabaseSecret}', 'password')}"
    return f"postgresql://{user}@{host}:5432/{DATABASE_NAME}?sslmode=require"


def _told(stack: Stack, logical_id: str, name: str, values: dict[str, str]) -> secretsmanager.CfnSecret:
    secret = secretsmanager.CfnSecret(
        stack, logical_id, name=name, description="What pods are told", secret_string=Fn.sub(json.dumps(values))
    )
    outlives_its_stack(secret)
    return secret


def password_of(secret: str, field: str = "") -> str:
    """A reference that CloudFormation resolves while it deploys."""
    return f"{{{{resolve:secretsmanager:{secret}:SecretString:{field}}}}}"


def _generated(
    length: int, template: dict[str, str] | None = None, key: str | None = None
) -> secretsmanager.CfnSecret.GenerateSecretStringProperty:
    """Letters and digits: they need no escaping in a URL, and ElastiCache takes them as a token."""
    return secretsmanager.CfnSecret.GenerateSecretStringProperty(
        password_length=length, exclude_punctuation=True, include_space=False,
        secret_string_template=json.dumps(template) if template else None, generate_string_key=key,
    )  # fmt: skip


def _kept(stack: Stack, name: str, description: str, how: secretsmanager.CfnSecret.GenerateSecretStringProperty) -> str:
    secret = secretsmanager.CfnSecret(stack, name, description=description, generate_secret_string=how)
    outlives_its_stack(secret)
    return secret.ref
