"""What reads the runbooks sees what is wrong with them."""

import pytest

from tests.docs import aws
from tests.docs.pages import Page, carried, commands, filled_in


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("anb doctor  # look", [["anb", "doctor"]]),
        ("A=1 sudo --user=x anb retry \\\n  7", [["anb", "retry", "7"]]),
        ("one | two 'a b' > file && three", [["one"], ["two", "a b"], ["three"]]),
        ("while true; do anb retry $name; done", [["true"], ["anb", "retry", "$name"], ["done"]]),
        ('X=$(aws sts get "$(anb plan)") other', [["anb", "plan"], ["aws", "sts", "get", "NESTED"], ["other"]]),
        ("psql <<'END' | xargs -r anb retry\nSELECT; anb no\nEND\nlast", [
            ["psql"], ["anb", "retry", "0198c0de-0000-7000-8000-000000000000"], ["last"]]),
        ("docker compose exec worker anb doctor", [["anb", "doctor"]]),
        ("kubectl --namespace anb exec deploy/worker -- anb doctor", [["anb", "doctor"]]),
    ],
)  # fmt: skip
def test_commands_are_found_wherever_a_shell_would(script: str, asked: list[list[str]]) -> None:
    assert [carried(words) for words in commands(script)] == asked


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("rds promote-read-replica --db-instance-identifier anb --region sa-east-1", []),
        ("rds wait db-instance-available --db-instance-identifier anb", []),
        ("s3 cp a b", []),
        ("rds promote-replica", ["no operation rds promote-replica"]),
        ("rdz promote", ["no service rdz"]),
        ("rds wait db-ready", ["no waiter rds db-ready"]),
        ("rds promote-read-replica", ["--db-instance-identifier is missing"]),
        ("rds describe-events --sorce anb", ["no parameter --sorce"]),
    ],
)
def test_a_call_that_aws_does_not_know_is_named(call: str, wrong: list[str]) -> None:
    assert aws.mistakes(call.split()) == wrong


def test_a_page_is_its_blocks_and_the_code_in_its_sentences() -> None:
    one = Page("p", "Ask `anb x`.\n## Look\n1. so:\n   ```sh run\n   V=7 # seven\n   anb y $V\n   #> yes\n   ```\n")
    (block,) = one.blocks
    assert (block.runs, block.promises, block.without_comments) == (True, ["yes"], ["V=7", "anb y $V", "#> yes"])
    assert (one.spans, one.headings) == (["anb x"], ["Look"])
    assert filled_in(["$V", "${V}0"], one.variables) == ["7", "70"]
