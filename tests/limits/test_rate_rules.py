import pytest

from anb.limits.rules import RULES, Action, Count, Verdict, Window, address_group, verdict, windows

STRICT = Window("a", ("address",), 10, 60, slows=False)
LONG = Window("b", ("address",), 100, 3600, slows=False)
PATIENT = Window("c", ("account",), 20, 3600, slows=True)


@pytest.mark.parametrize(
    ("asked", "counts", "expected"),
    [
        ([STRICT], [Count(1, 60)], Verdict()),
        ([STRICT], [Count(10, 1)], Verdict()),
        ([STRICT], [Count(11, 41.2)], Verdict(refused_for_s=42)),
        ([STRICT], [Count(11, 42.0)], Verdict(refused_for_s=42)),
        ([STRICT], [Count(11, 0.0)], Verdict(refused_for_s=1)),
        ([STRICT, LONG], [Count(11, 5), Count(101, 1800)], Verdict(refused_for_s=1800)),
        ([STRICT, LONG], [Count(11, 5), Count(100, 1800)], Verdict(refused_for_s=5)),
        ([PATIENT], [Count(20, 9)], Verdict()),
        ([PATIENT], [Count(21, 9)], Verdict(slowed_by_s=0.1)),
        ([PATIENT], [Count(40, 9)], Verdict(slowed_by_s=2.0)),
        ([PATIENT], [Count(100_000, 9)], Verdict(slowed_by_s=5.0)),
        ([STRICT, PATIENT], [Count(11, 7), Count(30, 9)], Verdict(refused_for_s=7, slowed_by_s=1.0)),
    ],
)
def test_what_is_judged_of_counts(asked: list[Window], counts: list[Count], expected: Verdict) -> None:
    assert verdict(asked, counts) == expected


def test_no_rule_by_account_alone_refuses_so_that_nobody_is_locked_out_by_a_stranger() -> None:
    assert all(rule.slows for rules in RULES.values() for rule in rules if rule.by == ("account",))


def test_a_class_behind_one_address_signs_up_logs_in_and_votes_at_once() -> None:
    pupils = 40
    most = {
        action: min(rule.most for rule in rules if rule.by == ("address",))
        for action, rules in RULES.items() if any(rule.by == ("address",) for rule in rules)
    }  # fmt: skip
    assert most[Action.SIGN_UP] >= 2 * pupils
    assert most[Action.LOG_IN] >= 5 * pupils
    assert most[Action.VOTE] >= 60 * pupils


@pytest.mark.parametrize("action", Action)
def test_each_rule_has_a_window_of_its_own_that_tells_nobody_who_it_is(action: Action) -> None:
    who = {"account": "ana@example.com", "address": "203.0.113.7", "player": "ana"}
    asked = windows(action, who, 2)
    assert [window.most for window in asked] == [rule.most * 2 for rule in RULES[action]]
    assert len({window.key for window in asked}) == len(asked)
    assert not any(value in window.key for value in who.values() for window in asked)
    assert {window.key for window in asked}.isdisjoint(
        window.key for window in windows(action, dict.fromkeys(who, "other"))
    )


def test_values_that_run_together_are_not_one_key() -> None:
    first = windows(Action.LOG_IN, {"account": "a", "address": "bc"})
    second = windows(Action.LOG_IN, {"account": "ab", "address": "c"})
    assert first[0].key != second[0].key


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
        ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_stands_for_its_owner(address: str, group: str) -> None:
    assert address_group(address) == group
