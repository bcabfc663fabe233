"""A video that kills whoever processes it, with real workers: it fails alone, and the others do not wait for it."""

import threading

import psutil
import pytest
from tests.e2e.test_shapes import Deployment, clip, deployment

pytestmark = pytest.mark.slow

__all__ = ["clip", "deployment"]  # the fixtures


class Poison(threading.Thread):
    """Kills the worker process that works in the video's scratch folder, each time there is one."""

    def __init__(self, deployment: Deployment, video_id: str) -> None:
        super().__init__()
        self._parent = psutil.Process(deployment.processes["worker"].pid)
        self._at_work = f"{deployment.folder / 'media' / 'scratch' / video_id}."
        self.killed = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for worker in self._parent.children():
                if self._has_it(worker):
                    worker.kill()
                    worker.wait()
                    self.killed += 1

    def _has_it(self, worker: psutil.Process) -> bool:
        """FFmpeg's launcher is the worker's child, and stands in the scratch folder."""
        try:
            return any(child.cwd().startswith(self._at_work) for child in worker.children())
        except psutil.NoSuchProcess:
            return False


def test_a_video_that_kills_its_worker_three_times_fails_alone(deployment: Deployment, clip: bytes) -> None:
    if deployment.embedded:
        pytest.skip("there the worker is the server: see the tests of one that is killed and started again")
    deployment.start()
    ana = deployment.sign_up("Ana")
    poisonous = deployment.upload(ana, clip)
    poison = Poison(deployment, poisonous)
    poison.start()
    try:
        others = [deployment.upload(ana, clip) for _ in range(3)]
        deployment.until(lambda: deployment.video(ana, poisonous)["status"] == "failed", 120)
        deployment.until(lambda: all(deployment.video(ana, one)["status"] == "completed" for one in others), 120)
    finally:
        poison.over.set()
        poison.join()
    failure = deployment.video(ana, poisonous)["failure"]
    assert (failure["code"], poison.killed) == ("crashed", 3)
    assert set(deployment.stop().values()) == {0}
