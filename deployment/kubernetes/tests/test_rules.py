"""What only this system asks of its manifests."""

import re
from typing import Any

import pytest
import yaml

from conftest import ROOT, Cluster, Manifest


def container(pod: Manifest) -> Manifest:
    (only,) = pod["containers"]
    found: Manifest = only
    return found


def test_each_region_has_one_beat_and_never_two(cluster: Cluster) -> None:
    """Uploads under way lie where they were sent to, and only that region's beat sees them."""
    spec = cluster.one("Deployment", "beat")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_who_sweeps_has_what_the_sweeps_need(cluster: Cluster) -> None:
    """The uploads on their way; no scratch, for each worker clears its own."""
    mounted = {
        name: {mount["mountPath"] for mount in container(pod)["volumeMounts"]} for name, pod in cluster.pods().items()
    }
    assert cluster.settings()["ANB_STAGING_DIR"] in mounted["beat"] & mounted["web"]
    assert [name for name, paths in mounted.items() if cluster.settings()["ANB_SCRATCH_DIR"] in paths] == ["worker"]


def test_the_main_region_alone_migrates(main_region: Cluster, second_region: Cluster) -> None:
    assert container(main_region.pods()["migrate"])["command"] == ["anb", "migrate"]
    assert second_region.all("Job") == []


def test_all_run_one_image_as_its_user(cluster: Cluster) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (uid,) = re.findall(r"^USER (\d+):\d+$", dockerfile, re.MULTILINE)
    assert len({container(pod)["image"] for pod in cluster.pods().values()}) == 1
    for pod in cluster.pods().values():
        assert pod["securityContext"]["runAsUser"] == int(uid)
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container(pod)["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["automountServiceAccountToken"] is False
        assert all(account["automountServiceAccountToken"] is False for account in cluster.all("ServiceAccount"))


def test_what_can_be_written_is_bounded(cluster: Cluster) -> None:
    for name, pod in cluster.pods().items():
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in container(pod)["volumeMounts"]} == volumes.keys()
        temporary = [volume["emptyDir"] for volume in volumes.values() if "emptyDir" in volume]
        assert temporary, name
        assert all("sizeLimit" in volume for volume in temporary)
        limits = container(pod)["resources"]["limits"]
        assert sum(_bytes(volume["sizeLimit"]) for volume in temporary) <= _bytes(limits["ephemeral-storage"])


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()  # type: ignore[union-attr]
    return int(number) << {"Mi": 20, "Gi": 30}[unit]


def test_uploads_under_way_share_one_folder_of_the_stacks_file_system(cluster: Cluster) -> None:
    (volume,), (claim,) = cluster.all("PersistentVolume"), cluster.all("PersistentVolumeClaim")
    assert volume["spec"]["csi"]["driver"] == "efs.csi.aws.com"
    assert re.fullmatch(r"fs-[0-9a-f]{17}::fsap-[0-9a-f]{17}", volume["spec"]["csi"]["volumeHandle"])
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["claimRef"] == {"namespace": "anb", "name": claim["metadata"]["name"]}
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    for one in (volume, claim):  # an empty class: nothing is made by a driver
        assert (one["spec"]["accessModes"], one["spec"]["storageClassName"]) == (["ReadWriteMany"], "")
    for name in ("web", "beat"):
        pod = cluster.pods()[name]
        (mounted,) = (one["name"] for one in pod["volumes"] if "persistentVolumeClaim" in one)
        paths = {one["name"]: one["mountPath"] for one in container(pod)["volumeMounts"]}
        assert paths[mounted] == cluster.settings()["ANB_STAGING_DIR"]


def test_web_is_asked_whether_it_lives_and_whether_it_can_serve(main_region: Cluster, second_region: Cluster) -> None:
    def paths(cluster: Cluster) -> list[str]:
        web = container(cluster.pods()["web"])
        return [web[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")]

    assert paths(main_region) == ["/health", "/health", "/ready"]
    assert paths(second_region) == ["/health", "/health", "/health"]  # its pages outlive the main region's database


def test_a_web_pod_ends_after_what_it_has_begun(cluster: Cluster) -> None:
    """First the load balancer takes it out, then requests under way end. Its delay: infra/tests."""
    pod = cluster.pods()["web"]
    web = container(pod)
    (arguments,) = [one["value"] for one in web["env"] if one["name"] == "GUNICORN_CMD_ARGS"]
    graceful = int(re.fullmatch(r"--graceful-timeout=(\d+)", arguments)[1])  # type: ignore[index]
    leaving = web["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert leaving >= 10
    assert pod["terminationGracePeriodSeconds"] > leaving + graceful


def test_a_worker_ends_after_it_has_finished_or_handed_back(cluster: Cluster) -> None:
    grace = int(cluster.settings()["ANB_GRACE_S"])
    assert cluster.pods()["worker"]["terminationGracePeriodSeconds"] >= grace + 30


def test_a_new_release_takes_nothing_away_before_it_serves(cluster: Cluster) -> None:
    for name in ("web", "worker"):
        spec = cluster.one("Deployment", name)["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert "replicas" not in spec  # an apply must not undo what the autoscaler has chosen
        budget = cluster.one("PodDisruptionBudget", name)["spec"]
        assert budget == {"maxUnavailable": 1, "selector": spec["selector"]}
        keys = {one["topologyKey"] for one in cluster.pods()[name]["topologySpreadConstraints"]}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


def test_web_grows_by_cpu_and_memory(cluster: Cluster) -> None:
    spec = cluster.one("HorizontalPodAutoscaler", "web")["spec"]
    assert spec["minReplicas"] == 2
    assert spec["maxReplicas"] >= 6
    assert {metric["resource"]["name"] for metric in spec["metrics"]} == {"cpu", "memory"}


def test_what_a_web_pod_keeps_after_load_does_not_call_for_more_pods(cluster: Cluster) -> None:
    """More pods do not lower it: the autoscaler would go on to its most, and stay there. Measured, see web.yaml."""
    kept_mib = 522
    metrics = cluster.one("HorizontalPodAutoscaler", "web")["spec"]["metrics"]
    (target,) = [one["resource"]["target"] for one in metrics if one["resource"]["name"] == "memory"]
    asked = container(cluster.pods()["web"])["resources"]["requests"]["memory"]
    asked_mib = int(asked.removesuffix("Gi")) * 1024
    assert kept_mib * 1.25 < asked_mib * target["averageUtilization"] / 100


def test_workers_grow_by_the_applications_own_count_of_the_queue(cluster: Cluster) -> None:
    spec = cluster.one("ScaledObject", "worker")["spec"]
    told = set(re.findall(r"`(anb_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    asked = [set(re.findall(r"anb_\w+", trigger["metadata"]["query"])) for trigger in spec["triggers"]]
    assert asked == [{"anb_queue_videos"}, {"anb_queue_oldest_seconds"}]
    assert set.union(*asked) <= told
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    addresses = {trigger["metadata"]["serverAddress"].removeprefix("http://") for trigger in spec["triggers"]}
    assert [one for one in addresses if f"`{one}`" not in page] == [], "nobody is told what the service must be called"
    assert spec["minReplicaCount"] >= 1  # a first video waits for no pod
    assert spec["fallback"]["replicas"] >= spec["minReplicaCount"]


def test_the_page_says_how_far_pods_grow(main_region: Cluster, second_region: Cluster) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    for name, kind, least, most in (
        ("web", "HorizontalPodAutoscaler", "minReplicas", "maxReplicas"),
        ("worker", "ScaledObject", "minReplicaCount", "maxReplicaCount"),
    ):
        here, there = (cluster.one(kind, name)["spec"] for cluster in (main_region, second_region))
        grows = f"{here[least]} to {here[most]} in the main region, to {there[most]} in the second"
        assert f"| `{name}` | {grows}" in page
        assert here[least] == there[least]


def test_prometheus_knows_the_pods_by_the_names_of_its_rules(cluster: Cluster) -> None:
    (pods,) = yaml.safe_load((ROOT / "deployment/prometheus/kubernetes.yml").read_text())["scrape_configs"]
    named = {one["regex"]: one["replacement"] for one in pods["relabel_configs"] if one.get("target_label") == "job"}
    rules = (ROOT / "deployment/prometheus/rules.yml").read_text()
    for workload in cluster.all("Deployment"):
        pod = workload["spec"]["template"]["metadata"]
        assert pod["annotations"]["prometheus.io/scrape"] == "true"
        component = pod["labels"]["app.kubernetes.io/component"]
        (job,) = (name for pattern, name in named.items() if re.fullmatch(pattern, component))
        assert job in rules


def test_the_second_region_works_nothing_off_until_it_is_promoted(second_region: Cluster) -> None:
    annotations = second_region.one("ScaledObject", "worker")["metadata"]["annotations"]
    assert annotations["autoscaling.keda.sh/paused-replicas"] == "0"


def test_each_setting_is_one_of_ours(cluster: Cluster) -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert {name for name in cluster.settings() if not name.startswith("AWS_")} <= known
    assert cluster.settings().keys().isdisjoint({"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"})


OPENINGS = {
    ("web", "in"): {("VPC", 8000), ("monitoring", 8000)},
    ("web", "out"): {("DNS", 53), ("VPC", 5432), ("VPC", 6379), ("public", 443), ("rights", 80)},
    ("worker", "in"): {("monitoring", 9101)},
    ("worker", "out"): {("DNS", 53), ("VPC", 5432), ("VPC", 6379), ("public", 443), ("rights", 80)},
    ("beat", "in"): {("monitoring", 9102)},
    ("beat", "out"): {("DNS", 53), ("VPC", 5432), ("VPC", 6379), ("public", 443), ("rights", 80)},
    ("migrate", "in"): set(),
    ("migrate", "out"): {("DNS", 53), ("VPC", 5432)},
}


@pytest.mark.parametrize(("component", "direction"), OPENINGS)
def test_who_may_speak_with_whom(cluster: Cluster, component: str, direction: str) -> None:
    kind, rules, peers = ("Ingress", "ingress", "from") if direction == "in" else ("Egress", "egress", "to")
    policies = [
        policy["spec"]
        for policy in cluster.all("NetworkPolicy")
        if _is_for(policy["spec"]["podSelector"], component) and kind in policy["spec"]["policyTypes"]
    ]
    assert any(rules not in policy for policy in policies)  # the one that allows nothing
    opened = {
        (_name(peer), port["port"])
        for policy in policies
        for rule in policy.get(rules, [])
        for peer in rule[peers]
        for port in rule["ports"]
    }
    assert opened == OPENINGS[component, direction]


@pytest.mark.parametrize("component", [name for name, way in OPENINGS if ("rights", 80) in OPENINGS[name, way]])
def test_pods_with_rights_sign_for_the_buckets_region_wherever_they_run(cluster: Cluster, component: str) -> None:
    told = _environment(_with_rights(container(cluster.pods()[component]), cluster.region), cluster)
    assert f"-{told['AWS_DEFAULT_REGION']}/" in told["MEDIA_ROOT"]


def _with_rights(one: Manifest, region: str) -> Manifest:
    """As EKS Pod Identity's webhook gives it back: the cluster's region, unless `env` itself has a key for one."""
    env = one.get("env", [])
    keys = ("AWS_DEFAULT_REGION", "AWS_REGION")
    if {pair["name"] for pair in env}.isdisjoint(keys):
        env = [*env, *({"name": key, "value": region} for key in keys)]
    return {**one, "env": env}


def _environment(one: Manifest, cluster: Cluster) -> dict[str, str]:
    """What the process is told: `env` beats `envFrom`."""
    (name,) = (config["metadata"]["name"] for config in cluster.all("ConfigMap"))
    assert {"configMapRef": {"name": name}} in one["envFrom"]
    told = dict(cluster.settings())
    for pair in one["env"]:
        if "valueFrom" in pair:
            reference = pair["valueFrom"]["configMapKeyRef"]
            assert reference["name"] == name
            told[pair["name"]] = cluster.settings()[reference["key"]]
        else:
            told[pair["name"]] = pair["value"]
    return told


def _is_for(selector: Manifest, component: str) -> bool:
    if not selector:
        return True
    chosen = [selector.get("matchLabels", {}).get("app.kubernetes.io/component")]
    for expression in selector.get("matchExpressions", []):
        chosen += expression["values"]
    return component in chosen


def _name(peer: dict[str, Any]) -> str:
    if "ipBlock" in peer:
        names = {"10.0.0.0/16": "VPC", "10.1.0.0/16": "VPC", "0.0.0.0/0": "public", "169.254.170.23/32": "rights"}
        if peer["ipBlock"]["cidr"] == "0.0.0.0/0":
            assert "10.0.0.0/8" in peer["ipBlock"]["except"]
        return names[peer["ipBlock"]["cidr"]]
    namespace: str = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    if namespace == "kube-system":
        assert peer["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
        return "DNS"
    return namespace


def test_pods_of_web_are_registered_in_the_stacks_own_balancer_and_no_other_is_made(cluster: Cluster) -> None:
    """The controller's schema is in no package that installs here, so its few fields are stated."""
    (binding,) = cluster.all("TargetGroupBinding")
    assert binding["apiVersion"] == "elbv2.k8s.aws/v1beta1"
    spec = binding["spec"]
    assert spec.keys() == {"serviceRef", "targetType", "targetGroupARN"}
    assert (spec["serviceRef"], spec["targetType"]) == ({"name": "web", "port": "http"}, "ip")
    group = rf"arn:aws:elasticloadbalancing:{cluster.region}:\d{{12}}:targetgroup/[\w-]+/[0-9a-f]{{16}}"
    assert re.fullmatch(group, spec["targetGroupARN"])
    assert "http" in [port["name"] for port in cluster.one("Service", "web")["spec"]["ports"]]
    assert cluster.all("Ingress") == []
    assert "LoadBalancer" not in [service["spec"].get("type") for service in cluster.all("Service")]
    namespace = cluster.one("Namespace", "anb")["metadata"]["labels"]
    assert namespace["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"
