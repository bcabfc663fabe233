"""What a load needs, by the table of phases: which phase, how many hosts, and where the document's rows do not hold."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from anb import beat, db, worker
from anb.planning import capacity, choose, costs, report
from anb.planning.choose import Load, cheapest, options
from anb.planning.phases import MAIN_REGION, PHASES, SECOND_REGION, Phase
from anb.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("load", "number"),
    [
        (Load(1, 1), 0),
        (Load(100, 20), 0),
        (Load(300, 100), 2),  # phase 1 sends each video from its hosts; of a CDN the first TB is free
        (Load(2, 1, 98.9), 1),
        (Load(50, 10, 99.5), 2),
        (Load(1000, 500, 99.5), 2),
        (Load(5000, 1000, 99.9), 3),
    ],
)
def test_the_cheapest_phase_that_carries_it(load: Load, number: int) -> None:
    best = cheapest(options(load))
    assert best is not None
    assert best.phase.number == number


def test_nothing_carries_everything() -> None:
    found = options(Load(10_000_000, 1))
    assert cheapest(found) is None
    assert "No phase carries this" in report.as_text(Load(10_000_000, 1), found)


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_a_phase_carries_exactly_what_it_says(phase: Phase) -> None:
    most = choose.carries(phase)
    assert choose.sized(phase, most).short == ()
    assert choose.sized(phase, Load(most.users + 1, 1)).short == (f"carries {most.users} users",)
    assert len(choose.sized(phase, Load(1, most.videos_per_hour + 1)).short) == 1
    assert len(choose.sized(phase, Load(1, 1, most.availability + 0.01)).short) == 1


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_sizes_stay_between_fewest_and_most(phase: Phase) -> None:
    for load in (Load(1, 1), Load(400, 300), Load(10_000_000, 1_000_000)):
        size = choose.sized(phase, load).size
        assert phase.web[0] <= size.web <= phase.web[1]
        assert phase.workers[0] <= size.workers <= phase.workers[1]


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_more_load_never_costs_less(phase: Phase) -> None:
    bills = [choose.sized(phase, Load(users, users // 2)).usd for users in (2, 20, 200, 400)]
    assert bills == sorted(bills)


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_the_database_is_the_smallest_that_lends_what_the_most_hosts_ask_for(phase: Phase) -> None:
    """By what each process may open (the pools in the code)."""
    gunicorn = (ROOT / "deployment" / "gunicorn" / "gunicorn.conf.py").read_text()
    processes = re.findall(r"^workers = (\d+)$", gunicorn, re.MULTILINE)[0]
    web = phase.web[1] * int(processes) * (Settings.model_fields["database_pool"].default + db.OVERFLOW)
    children = phase.workers[1] * (1 if phase.second_region else 2)  # a pod has one
    beats = phase.workers[1] if phase.number == 2 else 1  # each host of a group has one
    lent = web + children * (worker.POOL + db.OVERFLOW) + beats * (beat.POOL + db.OVERFLOW)
    enough = [name for name, lends in capacity.CONNECTIONS.items() if lends >= lent]
    assert phase.database == min(enough, key=lambda name: capacity.CONNECTIONS[name])


def test_hosts_cost_what_their_prices_add_up_to() -> None:
    """3 x (0.0208 x 730 + 50 x 0.08) + 0.018 x 730 + 20 x 0.115 + 3 x 0.005 x 730 + 6.20 + 55 x 0.30 + 0.75."""
    assert choose.sized(PHASES[0], Load(1, 1)).hosts_usd == pytest.approx(57.552 + 15.44 + 10.95 + 6.20 + 16.50 + 0.75)


@pytest.mark.parametrize(("number", "usd"), [(0, 0), (1, 0), (2, 13.14), (3, 13.14)])
def test_uploads_are_gathered_on_a_paid_file_system_where_there_is_no_file_server(number: int, usd: float) -> None:
    """By hand: 20 / 6 videos an hour x 730 hours x 0.06 GB x (0.06 + 0.03)."""
    lines = choose.sized(PHASES[number], Load(1, 20)).lines
    assert sum(line.usd for line in lines if "EFS" in line.what) == pytest.approx(usd)


def test_every_name_of_the_phases_has_a_price_where_it_is_used() -> None:
    for region, table in ((name, costs.prices()[name]) for name in (MAIN_REGION, SECOND_REGION)):
        for phase in PHASES:
            if region == MAIN_REGION or phase.second_region:
                assert {phase.instance, *phase.file_server} <= table["instance"].keys()
                assert phase.database in table["database"]
                assert not phase.cache or phase.cache in table["cache"]


def test_the_document_beside_it() -> None:
    document = [(p.claim.users, p.claim.videos_per_hour, p.claim.availability, p.claim.monthly_usd) for p in PHASES]
    assert document == [(100, 20, 95.0, 60), (300, 100, 98.0, 160), (1000, 500, 99.5, 360), (5000, 1000, 99.9, 860)]
    fail = [" ".join(report.claims_that_fail(phase)) for phase in PHASES]
    assert all("traffic" in text for text in fail)
    assert all("users" not in text for text in fail)


@pytest.mark.parametrize(("number", "part"), [(0, "network"), (1, "network"), (2, "CPUs"), (3, "CPUs")])
def test_a_claim_that_is_too_large_fails_by_what_runs_out_first(number: int, part: str) -> None:
    most = choose.carries(PHASES[number]).users
    bold = replace(PHASES[number], claim=replace(PHASES[number].claim, users=most + 1))
    assert report.claims_that_fail(bold)[0] == f"{most + 1} users: {most} by the {part} of its hosts"


def test_the_page_of_capacity_shows_todays_bills() -> None:
    page = (Path(__file__).parents[2] / "docs/capacity.md").read_text()
    for load in (Load(100, 20), Load(300, 100, 98), Load(1000, 500, 99.5), Load(5000, 1000, 99.9)):
        best = cheapest(options(load))
        assert best is not None
        assert f"| phase {best.phase.number}: {best.size.web} web, {best.size.workers} worker" in page
        assert f"| ${best.hosts_usd:,.0f} | ${best.usd:,.0f} |" in page


def test_nobody_is_sent_to_larger_hosts_for_what_no_host_brings() -> None:
    text = report.as_text(Load(1, 1, 100), options(Load(1, 1, 100)))
    assert "larger hosts" not in text
    assert "is up 100.0" not in text


def test_a_report_names_the_choice_and_its_bill() -> None:
    load = Load(100, 20)
    text = report.as_text(load, options(load))
    assert "Cheapest: phase 0, three hosts" in text
    assert "> 0" in text
    assert f"as of {costs.prices()['as_of']}" in text
    found = report.as_json(load, options(load))
    assert found["chosen"] == 0
    assert sum(line["usd"] for line in found["phases"][0]["lines"]) == pytest.approx(
        found["phases"][0]["usd_a_month"], abs=0.05
    )


@pytest.mark.parametrize(("availability", "told"), [(0, False), (99.5, False), (99.9, True)])
def test_whose_availability_two_regions_promise_is_told(availability: float, told: bool) -> None:
    load = Load(5000, 1000, availability)
    text = report.as_text(load, options(load))
    assert ("Who votes or uploads waits for a promotion" in text) is told
