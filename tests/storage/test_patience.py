import threading

import pytest

from anb.storage import patience
from anb.storage.patience import Patience


def refuse() -> None:
    raise PermissionError("read-only")


def test_what_the_storage_says_is_told() -> None:
    assert Patience(10).ask(lambda: 7) == 7
    with pytest.raises(PermissionError, match="read-only"):
        Patience(10).ask(refuse)


def test_a_silent_storage_is_an_os_error_and_keeps_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_MOST_AT_ONCE", 2)
    back = threading.Event()
    asked: list[int] = []
    silent = Patience(0.05)

    def question() -> None:
        asked.append(1)
        back.wait(20)

    for _ in range(5):
        with pytest.raises(OSError) as heard:
            silent.ask(question)
        assert isinstance(heard.value, TimeoutError)
    assert len(asked) == 2
    back.set()
    for thread in silent._asked:
        thread.join()
    silent._seconds = 60
    assert silent.ask(lambda: "heard of again") == "heard of again"
