"""Which Redis database a run of the tests has."""


def own_broker(url: str, worker: str) -> str:
    """`worker` is pytest-xdist's name, such as gw1. Two runs side by side on one queue would answer each other's bells.

    Redis has 16 databases; the URL names the first one that the tests may use.
    """
    if not url.startswith("redis"):
        return url
    server, _, number = url.rpartition("/")
    return f"{server}/{int(number) + int(worker.removeprefix('gw'))}"
