import httpx2

from tests.cli.conftest import Anb, Running


def test_up_serves_says_where_and_ends_with_0_on_sigterm(running: Running) -> None:
    said = (running.data_dir.parent / "up.out").read_text()
    assert f"{running.url}/docs" in said
    assert str(running.data_dir) in said
    assert httpx2.get(f"{running.url}/health", trust_env=False).json()["status"] == "healthy"
    assert running.stop() == 0


def test_a_second_process_on_the_same_data_is_refused(running: Running, real_anb: Anb) -> None:
    answer = real_anb("up", "--port", "1", "--data-dir", running.data_dir)
    assert answer.exit_code == 2
    assert "in use" in answer.err
    assert running.child.poll() is None


def test_a_port_that_is_taken_is_named(running: Running, real_anb: Anb) -> None:
    port = running.url.rpartition(":")[2]
    answer = real_anb("up", "--port", port, "--data-dir", running.data_dir.parent / "other")
    assert answer.exit_code == 2
    assert answer.err.startswith(f"--port {port}: 127.0.0.1 refuses it (Address already in use)")


def test_the_address_that_is_printed_leads_somewhere(running: Running) -> None:
    answer = httpx2.get(running.url, trust_env=False, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs")
