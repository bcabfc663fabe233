import io

from rich.console import Console

from anb.commands.progress_bar import bar


def test_a_log_gets_a_line_each_tenth() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)
    with bar(console, "Processing") as tell:
        for percent in (0, 0.4, 9, 11, 12, 35, 35.5, 99.9, 100):
            tell(percent)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines == [f"Processing: {percent} %" for percent in (0, 11, 35, 100, 100)]


def test_a_terminal_gets_a_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with bar(console, "Processing") as tell:
        tell(40)
    assert isinstance(console.file, io.StringIO)
    assert "40%" in console.file.getvalue()
