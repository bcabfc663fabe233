"""EKS with managed nodes. What runs in it is deployment/kubernetes; the load balancer stays the stack's own."""

from typing import Any

from aws_cdk import CfnOutput, CfnTag, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from infra.stacks.network import Network
from infra.stacks.phase import PhaseStack
from infra.stacks.roles import Statement, add_role, policy
from infra.stacks.staging import let_pods_mount

NAME = "anb"
_ADD_ONS = {
    "vpc-cni": '{"enableNetworkPolicy": "true"}',  # else the manifests' network policies are words
    "coredns": None,
    "kube-proxy": None,
    "eks-pod-identity-agent": None,
    "aws-efs-csi-driver": None,
}
"""EKS puts its own vpc-cni, coredns and kube-proxy into a new cluster: those are overwritten, or each that is told
anything is refused for the field that differs (https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2829)."""

_ON_NODES = ("coredns", "aws-efs-csi-driver")
"""Ready only when there are nodes to run on."""


_AWS = "arn:aws:iam::aws:policy"


def add_cluster(
    stack: PhaseStack, network: Network, group: str, nodes: tuple[int, int], rights: list[Statement]
) -> None:
    role = add_role(stack, "ClusterRole", "eks.amazonaws.com", managed=(f"{_AWS}/AmazonEKSClusterPolicy",))
    log = logs.CfnLogGroup(
        stack, "ClusterLog", log_group_name=f"/aws/eks/{NAME}/cluster", retention_in_days=stack.profile.log_days
    )
    kinds = ("api", "audit", "authenticator", "controllerManager", "scheduler")
    cluster = eks.CfnCluster(
        stack, "Cluster", name=NAME, version=stack.profile.kubernetes, role_arn=role.attr_arn,
        upgrade_policy=eks.CfnCluster.UpgradePolicyProperty(support_type="STANDARD"),  # extended is six times as dear
        access_config=eks.CfnCluster.AccessConfigProperty(authentication_mode="API"),
        resources_vpc_config=eks.CfnCluster.ResourcesVpcConfigProperty(
            subnet_ids=list(network.private), endpoint_private_access=True, endpoint_public_access=True,
            public_access_cidrs=[stack.asked.administrator]),
        logging=eks.CfnCluster.LoggingProperty(cluster_logging=eks.CfnCluster.ClusterLoggingProperty(enabled_types=[
            eks.CfnCluster.LoggingTypeConfigProperty(type=kind) for kind in kinds])),
    )  # fmt: skip
    cluster.add_resource_dependency(log)  # made before EKS would make it, to last for ever
    machines = _nodes(stack, cluster, network, group, nodes)
    for name, values in _ADD_ONS.items():
        add_on = eks.CfnAddon(
            stack, f"AddOn{name.title().replace('-', '')}", cluster_name=cluster.ref, addon_name=name,
            configuration_values=values, resolve_conflicts="OVERWRITE",
        )  # fmt: skip
        if name in _ON_NODES:
            add_on.add_resource_dependency(machines)
    _let_deploy(stack, cluster)
    _let_pods(stack, cluster, rights)
    let_pods_mount(stack)
    said = "targetGroupARN of the cluster's TargetGroupBinding"
    CfnOutput(stack, "PodTargetGroup", value=Fn.ref("PodTargets"), description=said)


def _nodes(
    stack: PhaseStack, cluster: eks.CfnCluster, network: Network, group: str, count: tuple[int, int]
) -> eks.CfnNodegroup:
    """IMDSv2 with one hop: a pod does not get at its node's role."""
    managed = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly",
               "AmazonSSMManagedInstanceCore")  # fmt: skip
    role = add_role(stack, "NodeRole", "ec2.amazonaws.com", managed=tuple(f"{_AWS}/{name}" for name in managed))
    data = ec2.CfnLaunchTemplate.LaunchTemplateDataProperty(
        security_group_ids=[group, cluster.attr_cluster_security_group_id],
        block_device_mappings=[ec2.CfnLaunchTemplate.BlockDeviceMappingProperty(
            device_name="/dev/xvda", ebs=ec2.CfnLaunchTemplate.EbsProperty(
                volume_size=stack.profile.phase.disk_gib, volume_type="gp3", encrypted=True))],
        metadata_options=ec2.CfnLaunchTemplate.MetadataOptionsProperty(
            http_tokens="required", http_put_response_hop_limit=1),
    )  # fmt: skip
    template = ec2.CfnLaunchTemplate(stack, "NodeTemplate", launch_template_data=data)
    return eks.CfnNodegroup(
        stack, "Nodes", cluster_name=cluster.ref, node_role=role.attr_arn, subnets=list(network.private),
        instance_types=[stack.profile.phase.instance], ami_type="AL2023_x86_64_STANDARD",
        scaling_config=eks.CfnNodegroup.ScalingConfigProperty(
            min_size=count[0], desired_size=count[0], max_size=count[1]),
        update_config=eks.CfnNodegroup.UpdateConfigProperty(max_unavailable=1),
        launch_template=eks.CfnNodegroup.LaunchTemplateSpecificationProperty(
            id=template.ref, version=template.attr_latest_version_number),
    )  # fmt: skip


def _let_deploy(stack: PhaseStack, cluster: eks.CfnCluster) -> None:
    """The whole cluster: a release brings its namespace, a volume and kinds that AWS' smaller policies do not know."""
    policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    scope = eks.CfnAccessEntry.AccessScopeProperty(type="cluster")
    eks.CfnAccessEntry(
        stack, "Deployer", cluster_name=cluster.ref, principal_arn=stack.asked.deployer,
        access_policies=[eks.CfnAccessEntry.AccessPolicyProperty(policy_arn=policy_arn, access_scope=scope)],
    )  # fmt: skip


def _let_pods(stack: PhaseStack, cluster: eks.CfnCluster, rights: list[Statement]) -> None:
    """The bucket is for web, worker and beat alone; no other pod may do anything with AWS."""
    trust: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }  # fmt: skip
    role = iam.CfnRole(
        stack, "PodRole", assume_role_policy_document=policy(trust),
        policies=[iam.CfnRole.PolicyProperty(policy_name="media", policy_document=policy(*rights))],
    )  # fmt: skip
    for account in ("web", "worker", "beat"):
        eks.CfnPodIdentityAssociation(
            stack, f"{account.title()}Pods", cluster_name=cluster.ref, namespace="anb", service_account=account,
            role_arn=role.attr_arn, tags=[CfnTag(key="project", value="anb")],
        )  # fmt: skip
