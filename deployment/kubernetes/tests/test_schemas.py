"""Each manifest against the schema of its kind."""

import re

import kubernetes_validate
import pytest
from cloudcoil.models.keda.v1alpha1 import ScaledObject

from conftest import ROOT, Cluster, Manifest

_FROM_ELSEWHERE = {"ScaledObject", "ExternalSecret", "TargetGroupBinding"}


def versions() -> list[str]:
    """What infra/ asks EKS for, and the newest that the checker knows."""
    profiles = (ROOT / "infra" / "profiles.py").read_text()
    return [*re.findall(r'kubernetes="([\d.]+)"', profiles), kubernetes_validate.latest_version()]


@pytest.mark.parametrize("version", versions())
def test_kubernetes_own_kinds_keep_its_schemas(cluster: Cluster, version: str) -> None:
    own = [one for one in cluster.manifests if one["kind"] not in _FROM_ELSEWHERE]
    assert len(own) > 15
    for manifest in own:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_would_be_seen(main_region: Cluster) -> None:
    service = main_region.one("Service", "web")
    wrong = {**service, "spec": {**service["spec"], "prots": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, versions()[0], strict=True)


def test_kedas_kind_keeps_its_schema(cluster: Cluster) -> None:
    (manifest,) = cluster.all("ScaledObject")
    assert _as_keda_reads(manifest) == manifest
    assert _as_keda_reads({**manifest, "spec": {**manifest["spec"], "minReplicas": 1}}) == manifest  # unknown: dropped


def _as_keda_reads(manifest: Manifest) -> Manifest:
    """A model made from KEDA's definition: it refuses wrong types, and drops what it does not know."""
    read: Manifest = ScaledObject.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True, mode="json")
    return read


def test_the_secret_is_fetched_from_outside(cluster: Cluster) -> None:
    """External Secrets' schema was to be had for no version that is served today, so its few fields are stated."""
    (secret,) = cluster.all("ExternalSecret")
    assert secret["apiVersion"] == "external-secrets.io/v1"
    assert secret["spec"].keys() == {"refreshInterval", "secretStoreRef", "target", "dataFrom"}
    assert secret["spec"]["target"] == {"name": "anb-secrets", "creationPolicy": "Owner"}
    key = {"us-east-1": "anb/production", "sa-east-1": "anb/second-region"}[cluster.region]
    assert secret["spec"]["dataFrom"] == [{"extract": {"key": key}}]
    assert cluster.all("Secret") == []
