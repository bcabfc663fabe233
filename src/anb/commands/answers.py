"""How a command answers: in words for people, in one line of JSON for programs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer


def say(text: str, report: dict[str, Any], *, as_json: bool, failed: bool = False) -> None:
    typer.echo(json.dumps(report, ensure_ascii=False) if as_json else text, err=failed and not as_json)


def print_json_if(as_json: bool, report: dict[str, Any]) -> None:
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))


@contextmanager
def progress(title: str, *, as_json: bool) -> Iterator[Callable[[float], None]]:
    from rich.console import Console

    from anb.commands.progress_bar import bar

    with bar(Console(stderr=True, highlight=False, quiet=as_json), title) as on_progress:
        yield on_progress
