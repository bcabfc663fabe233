import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.cast import problem, wish

from anb.api import create_app
from anb.http.proxies import client_address, networks
from anb.limits import rules
from anb.limits.rules import Action, Rule
from anb.settings import Settings, SettingsError, load_settings

NGINX = networks("127.0.0.1, ::1")
FLEET = networks("10.0.0.0/8,fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "trusted", "expected"),
    [
        ("203.0.113.7", [], (), "203.0.113.7"),
        ("203.0.113.7", ["1.2.3.4"], (), "203.0.113.7"),
        ("203.0.113.7", ["1.2.3.4"], NGINX, "203.0.113.7"),
        ("127.0.0.1", [], NGINX, "127.0.0.1"),
        ("127.0.0.1", ["1.2.3.4"], (), "127.0.0.1"),
        ("127.0.0.1", ["1.2.3.4"], NGINX, "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9, 1.2.3.4"], NGINX, "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9", "1.2.3.4"], NGINX, "1.2.3.4"),
        ("10.0.0.9", ["9.9.9.9, 1.2.3.4, 10.0.0.8"], FLEET, "1.2.3.4"),
        ("10.0.0.9", ["10.0.0.7, 10.0.0.8"], FLEET, "10.0.0.7"),
        ("10.0.0.9", ["1.2.3.4, 11.0.0.8"], FLEET, "11.0.0.8"),
        ("10.0.0.9", ["1.2.3.4, garbage"], FLEET, "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4, "], FLEET, "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4:5678"], FLEET, "1.2.3.4"),
        ("10.0.0.9", ["[2001:db8::1]:443"], FLEET, "2001:db8::1"),
        ("fd00::9", ["2001:db8::1"], FLEET, "2001:db8::1"),
        ("::ffff:127.0.0.1", ["1.2.3.4"], NGINX, "1.2.3.4"),
        ("127.0.0.1", ["::ffff:1.2.3.4"], NGINX, "1.2.3.4"),
        ("testclient", ["1.2.3.4"], NGINX, "testclient"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded_for: list[str], trusted: Any, expected: str) -> None:
    assert client_address(peer, forwarded_for, trusted) == expected


@pytest.mark.parametrize("text", ["nginx", "10.0.0.0/33", "10.0.0.1/8", "127.0.0.1;::1"])
def test_a_wrong_proxy_is_a_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match="ANB_TRUSTED_PROXIES"):
        load_settings(trusted_proxies=text)


@pytest.fixture
def _one_sign_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.RULES, Action.SIGN_UP, (Rule(("address",), 1, 600),))


@pytest.mark.usefixtures("_one_sign_up")
@pytest.mark.parametrize("trusted", ["", "198.51.100.0/24"])
def test_behind_a_proxy_people_are_apart_once_it_is_named(
    settings: Settings, trusted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"rate_limits_times": 1, "celery_broker_url": "memory://", "trusted_proxies": trusted, "log_level": "info"}
    behind = create_app(settings.model_copy(update=fields))
    with TestClient(behind, client=("198.51.100.2", 1)) as client:
        answers = [
            client.post("/api/auth/signup", json=wish(name), headers={"X-Forwarded-For": f"9.9.9.9, {address}"})
            for name, address in (("Ana", "203.0.113.1"), ("Beto", "203.0.113.2"))
        ]
    assert answers[0].status_code == 201
    warnings = [line for line in capsys.readouterr().err.splitlines() if "forwarded_header_ignored" in line]
    if trusted:
        assert answers[1].status_code == 201
        assert not warnings
    else:
        problem(answers[1], 429, "too_many_requests")
        assert [json.loads(line)["peer"] for line in warnings] == ["198.51.100.2"]
