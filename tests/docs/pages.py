"""The runbooks as data: which there are, their fenced blocks, the commands in these. Pure.

A block ```sh run``` is executed by a test; ```sh``` needs AWS, a cluster or the hosts, and is only read.
`#> text` in a block says what its commands print.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs/howto"
INDEX = "runbooks.md"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<'(\w+)'(?P<rest>[^\n]*)\n.*?^\1$", re.MULTILINE | re.DOTALL)
_INNERMOST = re.compile(r"\$\(([^()]*)\)")
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#(?!>)|--(?= )).*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"(?:export )?\b([A-Z_]+)=(\S+)")
_ENDS_A_COMMAND = re.compile(r"[;&|()]+|do|then|else|if|while|until|!|\{|\}")
_UUID = "0198c0de-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Block:
    info: str
    text: str

    @property
    def runs(self) -> bool:
        return self.info == "sh run"

    @property
    def without_comments(self) -> list[str]:
        """Comments are words, and each language has its own."""
        return [line.rstrip() for line in _COMMENT.sub("", self.text).splitlines() if line.strip()]

    @property
    def promises(self) -> list[str]:
        return [line.removeprefix("#> ") for line in self.text.splitlines() if line.startswith("#> ")]


@dataclass(frozen=True)
class Page:
    name: str
    text: str

    @property
    def blocks(self) -> list[Block]:
        return [Block(found["info"], dedent(found["text"])) for found in _FENCE.finditer(self.text)]

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^## (.*)$", _FENCE.sub("", self.text), re.MULTILINE)

    @property
    def spans(self) -> list[str]:
        """`Code` within sentences."""
        return re.findall(r"`([^`\n]+)`", _FENCE.sub("", self.text))

    @property
    def commands(self) -> list[list[str]]:
        return [words for block in self.blocks for words in commands(block.text)]

    @property
    def variables(self) -> dict[str, str]:
        found = (_ASSIGNMENT.findall(block.text) for block in self.blocks)
        return {name: value for pairs in found for name, value in pairs}


def page(name: str) -> Page:
    return Page(name, (HOWTO / name).read_text())


def names() -> list[str]:
    """Those of the index' table, and the index."""
    head = page(INDEX).text.partition("\n## ")[0]
    return [INDEX, *dict.fromkeys(re.findall(r"\]\(([a-z-]+\.md)\)", head))]


def twin(name: str) -> str:
    return f"{name.removesuffix('.md')}.es.md"


def commands(script: str) -> Iterator[list[str]]:
    """Each simple command as words, also those within `$(…)`, without what only carries it (sudo, docker, xargs)."""
    text = _HEREDOC.sub(r"\g<rest>", script).replace("\\\n", " ")
    while nested := _INNERMOST.search(text):
        yield from commands(nested[1])
        text = text[: nested.start()] + "NESTED" + text[nested.end() :]
    for line in text.splitlines():
        words: list[str] = []
        for word in [*_words(line), ";"]:
            if not _ENDS_A_COMMAND.fullmatch(word):
                words.append(word)
                continue
            if command := _without_assignments(words):
                yield command
            words = []


def _words(line: str) -> Iterator[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    target_follows = False
    for word in lexer:
        if re.fullmatch(r"[<>&]*[<>][<>&]*", word):
            target_follows = True
        elif target_follows:
            target_follows = False
        else:
            yield word


def _without_assignments(words: list[str]) -> list[str]:
    left = words[:]
    while left and re.match(r"[A-Za-z_]+=", left[0]):
        left.pop(0)
    return left


def carried(words: list[str]) -> list[str]:
    """What `sudo`, `docker compose exec`, `kubectl exec`, `systemd-run` or `xargs` is asked to run."""
    if words[:3] == ["docker", "compose", "exec"]:
        return _without_flags(words[3:])[1:]
    if words[0] == "kubectl" and "--" in words:
        return words[words.index("--") + 1 :]
    if words[0] in {"sudo", "systemd-run"}:
        return carried(rest) if (rest := _without_flags(words[1:])) else []
    if words[0] == "xargs":
        return [*_without_flags(words[1:]), _UUID]
    return words


def _without_flags(words: list[str]) -> list[str]:
    left = words[:]
    while left and left[0].startswith("-"):
        left.pop(0)
    return left


def filled_in(words: list[str], variables: dict[str, str]) -> list[str]:
    """With what the page sets; where only the shell knows, a file that exists."""
    filled = [re.sub(r"\$\{?([A-Z_]+)\}?", lambda found: variables.get(found[1], found[0]), word) for word in words]
    return [str(ROOT / "README.md") if "$" in word else word for word in filled]
