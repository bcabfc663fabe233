"""A percentage for people: a moving bar on a terminal, a line each tenth in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

_EVERY_PERCENT = 10


@contextmanager
def bar(console: Console, title: str) -> Iterator[Callable[[float], None]]:
    if not console.is_terminal:
        yield _lines(console, title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=100)
        yield lambda percent: progress.update(task, completed=percent)


def _lines(console: Console, title: str) -> Callable[[float], None]:
    said = -_EVERY_PERCENT

    def tell(percent: float) -> None:
        nonlocal said
        if percent >= said + _EVERY_PERCENT:
            said = int(percent) // _EVERY_PERCENT * _EVERY_PERCENT
            console.print(f"{title}: {percent:.0f} %")

    return tell
