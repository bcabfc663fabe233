import subprocess
import sys

import pytest

from anb import __version__
from tests.cli.conftest import Anb
from tests.media.factory import Samples

COMMANDS = ["up", "demo", "process", "inspect", "migrate", "worker", "recount", "doctor"]
HEAVY = ["fastapi", "sqlalchemy", "celery", "av", "pydantic", "uvicorn"]


def test_help_loads_nothing_heavy() -> None:
    code = f"""
import sys
sys.argv = ["anb", "--help"]
from anb.cli import main
try:
    main()
except SystemExit as end:
    print("loaded:", [name for name in {HEAVY} if name in sys.modules], "exit:", end.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded: [] exit: 0\n")


def test_help_names_every_command_and_how_to_start(anb: Anb) -> None:
    answer = anb("--help")
    assert answer.exit_code == 0
    assert all(f"\n  {command} " in answer.out for command in COMMANDS)
    assert "anb demo " in answer.out


def test_it_says_its_version(anb: Anb) -> None:
    answer = anb("--version")
    assert (answer.exit_code, answer.out) == (0, f"anb {__version__}\n")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"doctor"}))
def test_the_help_of_a_command_shows_an_example(anb: Anb, command: str) -> None:
    answer = anb(command, "--help")
    assert answer.exit_code == 0
    assert f"anb {command}" in answer.out.partition("Example")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("dance",),
        ("up", "--port", "0"),
        ("inspect", "no-such-file.mp4"),
        ("process", "no-such-file.mp4", "-o", "out.mp4"),
        ("process",),
        ("recount",),
        ("recount", "--check", "--repair"),
        ("demo", "--video", "no-such-file.mp4"),
        ("worker", "--concurrency", "0"),
    ],
)
def test_a_wrong_call_exits_with_2(anb: Anb, arguments: tuple[str, ...]) -> None:
    answer = anb(*arguments)
    assert answer.exit_code == 2
    assert "Usage" in answer.err


@pytest.mark.parametrize("output", ["out.mov", "nowhere/out.mp4"])
def test_an_output_that_cannot_be_is_refused_before_any_work(anb: Anb, samples: Samples, output: str) -> None:
    answer = anb("process", samples["tiny.mp4"], "-o", output)
    assert answer.exit_code == 2
    assert "--output" in answer.err


def test_a_file_is_not_processed_over_itself(anb: Anb, samples: Samples) -> None:
    source = samples["tiny.mp4"]
    before = source.read_bytes()
    assert anb("process", source, "-o", source).exit_code == 2
    assert source.read_bytes() == before


def test_a_wrong_setting_exits_with_2_and_names_the_variable(real_anb: Anb) -> None:
    answer = real_anb("migrate", DATABASE_URL="postgresql://nobody@127.0.0.1:1/anb")
    assert answer.exit_code == 2
    assert answer.err.startswith("SECRET_KEY must be set")
    assert "Traceback" not in answer.err


def test_a_worker_without_a_broker_says_what_to_set(real_anb: Anb) -> None:
    answer = real_anb("worker", "--concurrency", "1", "--no-beat")
    assert answer.exit_code == 2
    assert "CELERY_BROKER_URL" in answer.err


def test_servers_without_a_database_are_refused(real_anb: Anb) -> None:
    """Mistyped or forgotten: each process would write an SQLite of its own."""
    servers = {"CELERY_BROKER_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "a secret of this test"}
    refused = real_anb("worker", "--no-beat", **servers)
    assert refused.exit_code == 2
    assert "DATABASE_URL must be set" in refused.err
    told = real_anb("doctor", **servers)
    assert told.exit_code == 1
    assert "DATABASE_URL is not" in told.out
