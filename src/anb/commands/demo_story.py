"""`anb demo`: the main job from outside, by HTTP alone. Ana plays, Beto and Carla vote."""

import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from anb.commands import demo_clip
from anb.commands.demo_server import DemoError, claim_folder, prepare_folder, server
from anb.commands.os_errors import in_words
from anb.commands.progress_bar import bar
from anb.commands.reports import key_facts
from anb.messages import FAILURES
from anb.processing.failures import ProcessingFailed
from anb.processing.inspection import inspect
from anb.processing.limits import Limits

__all__ = ["DemoError", "Plan", "run"]

_PROCESSING_S = 170
_POLL_S = 0.25
_RANKING_S = 10  # a public page may be kept for a second, in more than one place


@dataclass(frozen=True)
class Plan:
    """Without `video` a clip is drawn; without `base_url` a server is started in `folder`."""

    video: Path | None
    folder: Path
    base_url: str | None


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    headers: dict[str, str]


def run(plan: Plan, console: Console) -> dict[str, Any]:
    """Returns what a program may read. Raises DemoError."""
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            if plan.base_url is None:
                if plan.video is not None:
                    _require_video(plan.video)
                prepare_folder(plan.folder)
                console.print("Starting a server …")
                base_url = stack.enter_context(server(plan.folder))
            else:
                _require_server(plan.base_url)
                claim_folder(plan.folder)  # what a demo's own server keeps in it stays
                base_url = plan.base_url
            client = stack.enter_context(_client(base_url, proxied=plan.base_url is not None))
            shown = _Show(client, console, plan.folder).play(plan.video)
            elapsed_s = time.monotonic() - started
    except ProcessingFailed as failure:
        raise DemoError(f"{failure}. `anb doctor` says what to do") from failure
    except (httpx2.HTTPError, OSError) as error:
        raise DemoError(in_words(error) or f"{type(error).__name__}: {error}") from error
    if plan.base_url is None:
        again = f"{_command()} up --data-dir {shlex.quote(str(plan.folder))}"
        console.print(f"The server has ended. To see it all again: {again}", soft_wrap=True, markup=False)
    return shown | {"elapsed_s": round(elapsed_s, 1)}


def _require_video(file: Path) -> None:
    """Before an earlier demo's data go."""
    seen = inspect(file, Limits())
    if seen.refusal is not None:
        raise DemoError(f"{file}: {FAILURES[seen.refusal].render('en', seen.refusal_params)}")


def _require_server(base_url: str) -> None:
    """Before a clip is drawn for it."""
    if not base_url.startswith(("http://", "https://")):
        raise DemoError(f"--base-url {base_url} does not say how to speak to it: use http://{base_url} or https://…")
    try:
        httpx2.get(f"{base_url}/health", timeout=10).raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise DemoError(f"{base_url}/health: {error}. Does it run there, and is --base-url right?") from None


def _command() -> str:
    """As it can be typed here: `make demo` runs it from a folder that is not on PATH."""
    return "anb" if shutil.which("anb") else shlex.quote(sys.argv[0])


def _client(base_url: str, *, proxied: bool) -> httpx2.Client:
    headers = {"Accept-Language": "en"}
    return httpx2.Client(base_url=base_url, headers=headers, timeout=60, trust_env=proxied)


@dataclass(frozen=True)
class _Show:
    client: httpx2.Client
    console: Console
    folder: Path

    def play(self, video: Path | None) -> dict[str, Any]:
        clip = video or self._draw()
        ana, beto, carla = (self._sign_up(*who) for who in _CAST)
        video_id = self._upload(ana, clip)
        with bar(self.console, "Processing") as on_progress:
            done = self._follow(ana, video_id, on_progress)
        facts = self._fetch(done)
        self._vote(beto, video_id, 201)
        self._vote(carla, video_id, 201)
        self._vote(ana, video_id, 403)
        row = self._standing(ana, votes=2)
        self._say_where(done)
        counted = {"votes": row["votes"], "position": row["position"]}
        return {"video_id": video_id, "status": done["status"], **facts, **counted}

    def _draw(self) -> Path:
        self.console.print("Drawing a clip such as a phone makes: 34 s, on its side, with its place in it …")
        clip = self.folder / "clip.mp4"
        demo_clip.draw(clip)
        return clip

    def _sign_up(self, first_name: str, last_name: str, city: str) -> Person:
        email = f"{first_name.lower()}.{secrets.token_hex(4)}@example.com"
        password = secrets.token_urlsafe(16)
        who = {"first_name": first_name, "last_name": last_name, "city": city, "country": "Colombia", "email": email}
        account = self._ask("POST", "/api/auth/signup", 201, json=who | {"password1": password, "password2": password})
        login = self._ask("POST", "/api/auth/login", 200, json={"email": email, "password": password})
        self.console.print(f"{first_name} has signed up.")
        return Person(account["id"], first_name, {"Authorization": f"Bearer {login['access_token']}"})

    def _upload(self, player: Person, clip: Path) -> str:
        with clip.open("rb") as file:
            sent = self._ask(
                "POST", "/api/videos/upload", 202,
                headers=player.headers, data={"title": "Triples desde la 80"}, files={"file": (clip.name, file)},
            )  # fmt: skip
        self.console.print(f"{player.name} has uploaded {clip.name}, {clip.stat().st_size / 2**20:.1f} MB.")
        return str(sent["video_id"])

    def _follow(self, player: Person, video_id: str, on_progress: Callable[[float], None]) -> dict[str, Any]:
        deadline = time.monotonic() + _PROCESSING_S
        while time.monotonic() < deadline:
            video = self._ask("GET", f"/api/videos/{video_id}", 200, headers=player.headers)
            on_progress(video["progress"])
            if video["status"] == "completed":
                return video
            if video["status"] == "failed":
                raise DemoError(f"the video was refused: {video['failure']['detail']}")
            time.sleep(_POLL_S)
        raise DemoError(f"the video was still not processed after {_PROCESSING_S} s; is a worker running?")

    def _fetch(self, video: dict[str, Any]) -> dict[str, Any]:
        """What anybody can download is what is judged."""
        for url, name in ((video["processed_url"], "processed.mp4"), (video["poster_url"], "poster.jpg")):
            download(self.client, url, self.folder / name)
        seen = inspect(self.folder / "processed.mp4", Limits())
        if seen.facts is None or not seen.keeps_house_format:
            raise DemoError(f"the result breaks the house format: {'; '.join(seen.breaches) or seen.refusal}")
        return key_facts(seen.facts)

    def _vote(self, voter: Person, video_id: str, expected: int) -> None:
        said = self._ask("POST", f"/api/public/videos/{video_id}/vote", expected, headers=voter.headers)
        if expected == 201:
            self.console.print(f"{voter.name} has voted: {said['total_votes']} in all.")
        else:
            self.console.print(f"{voter.name} may not vote for her own video: {said['detail']}", soft_wrap=True)

    def _standing(self, player: Person, votes: int) -> dict[str, Any]:
        deadline = time.monotonic() + _RANKING_S
        while time.monotonic() < deadline:
            page = 1
            while rows := self._ask("GET", f"/api/public/rankings?page={page}&page_size=100", 200)["rankings"]:
                mine = [row for row in rows if row["player_id"] == player.id and row["votes"] == votes]
                if mine:
                    self.console.print(_table(rows, player))
                    return dict(mine[0])
                page += 1
            time.sleep(_POLL_S)
        raise DemoError(f"the ranking does not show {player.name} with {votes} votes")

    def _say_where(self, video: dict[str, Any]) -> None:
        for title, name, url in (
            ("Processed video", "processed.mp4", video["processed_url"]),
            ("Poster", "poster.jpg", video["poster_url"]),
        ):
            where = f"{title}: {self.folder / name}, served as {self.client.base_url.join(url)}"
            self.console.print(where, soft_wrap=True, markup=False)

    def _ask(self, method: str, path: str, expected: int, **more: Any) -> dict[str, Any]:
        response = self.client.request(method, path, **more)
        if response.status_code != expected:
            raise DemoError(f"{method} {path} answered {response.status_code}, not {expected}: {response.text[:500]}")
        answer: dict[str, Any] = response.json()
        return answer


def download(client: httpx2.Client, url: str, target: Path) -> None:
    """Wherever it lies: results may be sent for to CloudFront (by the load balancer) or to S3 (by the application)."""
    with client.stream("GET", url, follow_redirects=True) as response, target.open("wb") as file:
        if response.status_code != 200:
            raise DemoError(f"GET {url} answered {response.status_code}")
        for chunk in response.iter_bytes():
            file.write(chunk)


_CAST = (("Ana", "Gómez", "Bogotá"), ("Beto", "Díaz", "Medellín"), ("Carla", "Ruiz", "Cali"))
_SHOWN_ROWS = 10


def _table(rows: list[dict[str, Any]], player: Person) -> Table:
    """The page's first rows, and always the player's own."""
    table = Table("Position", "Player", "City", "Video", "Votes", title="Ranking")
    for number, row in enumerate(rows):
        own = row["player_id"] == player.id
        if own or number < _SHOWN_ROWS:
            cells = (str(row["position"]), row["player_name"], row["city"], row["title"], str(row["votes"]))
            table.add_row(*cells, style="bold" if own else None)
    return table
