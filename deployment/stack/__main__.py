"""`make stack`: run the servers until Ctrl+C. Data stays in the folder; a second start goes on with it."""

import argparse
import os
import signal
import sys
from pathlib import Path

from deployment.stack.configuration import MissingToolError, Plan, free_ports
from deployment.stack.servers import Stack, StackError

# PostgreSQL runs as a user of its own under root, who cannot see into root's home.
_DEFAULT = Path("/var/tmp/anb-stack") if os.geteuid() == 0 else Path("stack-data")  # noqa: S108


def main() -> int:
    parser = argparse.ArgumentParser("make stack", "make stack [PORT=8080] [FOLDER=...]", __doc__)
    parser.add_argument("--folder", type=Path, default=_DEFAULT, help="database, media, logs")
    parser.add_argument("--port", type=port, help="nginx; unset: a free one")
    arguments = parser.parse_args()
    plan = Plan(arguments.folder.resolve(), free_ports(arguments.port))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Stack(plan) as stack:
            print(f"The stack is at {plan.url}: nginx, gunicorn, PostgreSQL, Redis, worker, beat. Logs: {plan.logs}")
            print(f"Try: .venv/bin/anb demo --base-url {plan.url}    Stop with Ctrl+C.", flush=True)
            try:
                stack.wait()
            finally:
                print("Stopping the servers ...", flush=True)
    except KeyboardInterrupt:
        return 0
    except (MissingToolError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    return 1


def port(text: str) -> int:
    """argparse calls a wrong one "invalid port value"."""
    if not 1 <= int(text) <= 65535:
        raise ValueError(text)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
