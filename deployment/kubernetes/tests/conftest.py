"""What a cluster of each region would be told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
TOOLS = Path(sys.executable).parent
OVERLAYS = ROOT / "deployment" / "kubernetes" / "overlays"
REGIONS = sorted(path.name for path in OVERLAYS.iterdir())

Manifest = dict[str, Any]


class Cluster:
    """The manifests of one region."""

    def __init__(self, region: str, file: Path) -> None:
        self.region = region
        self.file = file
        self.manifests: list[Manifest] = list(yaml.safe_load_all(file.read_text()))

    def all(self, kind: str) -> list[Manifest]:
        return [one for one in self.manifests if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        found: Manifest = next(one for one in self.all(kind) if one["metadata"]["name"] == name)
        return found

    def settings(self) -> dict[str, str]:
        (found,) = self.all("ConfigMap")
        data: dict[str, str] = found["data"]
        return data

    def pods(self) -> dict[str, Manifest]:
        """Specifications of pods by component."""
        workloads = [*self.all("Deployment"), *self.all("Job")]
        return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in workloads}


def build(region: str, folder: Path) -> Cluster:
    built = subprocess.run(
        [TOOLS / "kubectl", "kustomize", OVERLAYS / region], check=True, capture_output=True, text=True
    )
    file = folder / f"{region}.yaml"
    file.write_text(built.stdout)
    return Cluster(region, file)


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cluster]:
    folder = tmp_path_factory.mktemp("manifests")
    return {region: build(region, folder) for region in REGIONS}


@pytest.fixture(params=REGIONS)
def cluster(request: pytest.FixtureRequest, clusters: dict[str, Cluster]) -> Cluster:
    return clusters[request.param]


@pytest.fixture
def main_region(clusters: dict[str, Cluster]) -> Cluster:
    return clusters["us-east-1"]


@pytest.fixture
def second_region(clusters: dict[str, Cluster]) -> Cluster:
    return clusters["sa-east-1"]
