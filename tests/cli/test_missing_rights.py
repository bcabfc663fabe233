"""What a user of this machine may not do is a sentence that says what to do; a mistake of ours stays a traceback."""

import errno
import logging
import sys
import uuid
from pathlib import Path

import pytest

from anb import cli
from anb.commands.os_errors import in_words
from anb.storage.trouble import StorageError
from tests.cli.conftest import Anb, Answer
from tests.closed import close, make_read_only
from tests.media.factory import Samples

ADVICE = "This user may not do that: run it as the user whose it is, or name another place."


@pytest.fixture
def main(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Anb:
    """By the entry that `anb` has, in this process: a child would not know of the stand-in."""

    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["anb", *map(str, arguments)])
        before = logging.getLogger().handlers[:]
        capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as end:
                cli.main()
        finally:
            logging.getLogger().handlers[:] = before
        assert isinstance(end.value.code, int)
        return Answer(end.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def theirs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data that another user keeps to himself."""
    data = folder / "theirs"
    data.mkdir()
    (data / "anb.db").touch()
    monkeypatch.setenv("ANB_DATA_DIR", str(data))
    close(monkeypatch, data)
    return data


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("recount", "--check"), "anb.db"),
        (("advise",), "anb.db"),
        (("retry", str(uuid.uuid4())), "anb.db"),
        (("take-down", str(uuid.uuid4())), "anb.db"),
        (("backup", "kept"), "anb.db"),
        (("migrate",), "anb.db"),
        (("up", "--port", "1"), "lock"),
    ],
)
def test_data_of_another_user_are_a_sentence(main: Anb, theirs: Path, arguments: tuple[str, ...], file: str) -> None:
    answer = main(*arguments)
    assert (answer.exit_code, answer.out) == (1, "")
    assert answer.err.splitlines()[-1] == f"{theirs / file}: Permission denied. {ADVICE}"
    assert "Traceback" not in answer.err
    assert "stays_open" not in answer.err


def test_the_doctor_finds_data_of_another_user(main: Anb, theirs: Path) -> None:
    answer = main("doctor", "--json")
    found = {one["part"]: one for one in answer.json["findings"]}
    assert answer.exit_code == 1
    assert found["database"]["detail"] == f"{theirs / 'anb.db'}: Permission denied"
    assert (found["database"]["state"], found["database"]["advice"]) == ("fail", ADVICE)
    assert (found["storage"]["state"], found["clock"]["state"], found["disk"]["state"]) == ("fail", "ok", "ok")


def test_a_folder_that_may_not_be_written_is_a_sentence(
    main: Anb, samples: Samples, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = samples["tiny.mp4"]
    make_read_only(monkeypatch, folder)
    migrated = main("migrate")
    assert (migrated.exit_code, migrated.err) == (1, f"{folder / 'anb-data'}: Permission denied. {ADVICE}\n")
    processed = main("process", source, "-o", "house.mp4")
    assert (processed.exit_code, "Traceback" in processed.err) == (1, False)
    assert processed.err.startswith(f"{folder}/.anb-")
    assert processed.err.endswith(f": Permission denied. {ADVICE}\n")
    assert list(folder.iterdir()) == []


def test_media_that_cannot_be_made_are_a_sentence(real_anb: Anb) -> None:
    answer = real_anb("migrate", MEDIA_ROOT="/proc/nowhere")  # where root makes no folder either
    assert (answer.exit_code, answer.out) == (1, "")
    assert answer.err.startswith("/proc/nowhere: No such file or directory. Are MEDIA_ROOT and ANB_DATA_DIR right")


@pytest.mark.parametrize("path", ["taken", "taken/below"])
def test_a_file_where_the_data_should_lie_is_a_sentence(
    main: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (folder / "taken").touch()
    monkeypatch.setenv("ANB_DATA_DIR", str(folder / path))
    answer = main("migrate")
    assert (answer.exit_code, answer.out) == (1, "")
    said = "A file is where a folder is wanted: move it away, or name another place.\n"
    assert answer.err.startswith(f"{folder / 'taken'}")
    assert answer.err.endswith(said)


def test_a_folder_with_the_posters_name_is_told_of_before_anything_is_replaced(
    main: Anb, samples: Samples, folder: Path
) -> None:
    (folder / "house.mp4").write_text("an earlier one")
    (folder / "house.poster.jpg").mkdir()
    answer = main("process", samples["tiny.mp4"], "-o", "house.mp4")
    assert answer.exit_code == 1
    assert answer.err == (
        "house.poster.jpg: Is a directory. A file is to be there: move the folder away, or name another place.\n"
    )
    assert (folder / "house.mp4").read_text() == "an earlier one"
    assert sorted(path.name for path in folder.iterdir()) == ["house.mp4", "house.poster.jpg"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/x"), "mount it writable."),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "Make room and repeat."),
        (StorageError(errno.ENOSPC, "No space left on device", "/x"), "Make room and repeat."),
        (StorageError(errno.EACCES, "S3: denied", "uploads/1"), "uploads/1: S3: denied. Are MEDIA_ROOT and "),
    ],
)
def test_what_to_do(error: OSError, said: str) -> None:
    assert said in (in_words(error) or "")


@pytest.mark.parametrize(
    "bug",
    [
        KeyError("x"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a-file-that-we-forgot-to-make"),
        PermissionError(errno.EPERM, "Operation not permitted"),  # a signal to a process of somebody else
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
    ],
)
def test_a_mistake_of_ours_keeps_its_traceback(bug: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise bug

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(type(bug)) as raised:
        cli.main()
    assert raised.value is bug


@pytest.mark.parametrize("command", ["doctor", "migrate", "demo"])
def test_a_folder_that_was_removed_under_the_command_is_a_sentence(
    main: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    answer = main(command)
    assert answer.exit_code == 1
    assert "The folder that this runs in is gone" in answer.out + answer.err  # the demo tells its story on one of them
