"""How each broker is spoken to, by the scheme of its URL. Pure.

One rule for all: a ring must not keep an upload waiting. Where the broker is away or silent it fails within seconds and
is not tried again, for the sweep rings later.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

QUEUE = "anb"
PATIENCE_S = 3
"""For a connection, and again for the broker's word that it has the message."""
HELD_S = 4 * 3600
"""A message that a worker holds is given to nobody else for so long: more than any video takes."""


@dataclass(frozen=True)
class Broker:
    url: str
    options: dict[str, Any] = field(default_factory=dict)
    """What kombu calls transport options."""
    queue_arguments: dict[str, Any] = field(default_factory=dict)


def broker(url: str) -> Broker:
    """Raises ValueError with what to write instead."""
    require_readable(url)
    scheme = url.partition(":")[0]
    if scheme == "memory":
        return Broker(url, {"polling_interval": 0.1})
    if scheme == "redis":
        return Broker(url, dict(_REDIS))
    if scheme == "rediss":
        return Broker(_verified(url), dict(_REDIS))
    if scheme == "sentinel":
        return _sentinel(url)
    if scheme in {"amqp", "amqps"}:
        # RabbitMQ closes the channel of a consumer that holds a message for half an hour, unless told otherwise.
        return Broker(url, dict(_AMQP), {"x-consumer-timeout": HELD_S * 1000})
    if scheme == "sqs":
        return Broker(url, dict(_SQS))
    raise ValueError(
        "use redis://, rediss://, sentinel://, amqp://, amqps:// or sqs://; see docs/howto/choose-a-broker.md"
    )


def require_readable(url: str) -> None:
    """Libraries look at port and database when they connect: wrong ones would keep uploads unannounced instead of
    stopping the start, and rate limits would be counted in database 0. Its own words are not told: what it takes for a
    port may be half of a password."""
    if not all(map(_is_readable, url.split(";"))):
        raise ValueError(
            "its host, port and database cannot be read: a port is a number up to 65535, Redis' database is a number as"
            " in redis://HOST:6379/0, and a password is written with %40 for @, %3A for :, %2F for / and %25 for %"
        )


def _is_readable(node: str) -> bool:
    try:
        read = urlsplit(node)
        read.port  # noqa: B018 - read for what it raises
    except ValueError:
        return False
    return read.scheme not in {"redis", "rediss", "sentinel"} or bool(_DATABASE.fullmatch(read.path))


_DATABASE = re.compile(r"/*[0-9]{0,9}")


_REDIS = {
    "max_retries": 0,
    "socket_connect_timeout": PATIENCE_S,
    "socket_timeout": PATIENCE_S,
    "socket_keepalive": True,
    "visibility_timeout": HELD_S,
}
# Without `confirm_publish` a message that RabbitMQ cannot keep is lost without a word.
_AMQP = {"max_retries": 0, "confirm_publish": True, "write_timeout": PATIENCE_S}
_SQS = {
    "max_retries": 0,
    "visibility_timeout": HELD_S,
    "wait_time_seconds": 5,
    "client-config": {
        "connect_timeout": PATIENCE_S,
        "read_timeout": 8,  # more than the long poll above
        "retries": {"mode": "standard", "total_max_attempts": 1},
    },
}


def _verified(url: str) -> str:
    """kombu believes any certificate unless the URL says otherwise."""
    if "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"


def _sentinel(url: str) -> Broker:
    """kombu takes the master's name and the sentinels' own password beside the URL; here they are in its query."""
    bare, _, query = url.partition("?")
    asked = dict(parse_qsl(query))
    if "master_name" not in asked or asked.keys() - {"master_name", "sentinel_password"}:
        raise ValueError("use sentinel://:PASSWORD@HOST:26379/0;sentinel://HOST2:26379?master_name=NAME")
    nodes: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1, "retry": None}  # the next one is asked
    if "sentinel_password" in asked:
        nodes["password"] = asked["sentinel_password"]
    return Broker(bare, _REDIS | {"master_name": asked["master_name"], "sentinel_kwargs": nodes})
