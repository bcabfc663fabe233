"""What cdk-nag's AwsSolutions and the CDK's own checks would say of these templates, and why it stays as it is.

A test fails on any finding that is not here, and on any row here that no phase needs.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations


@dataclass(frozen=True)
class Accepted:
    finding: str
    of: str
    """Logical ids, as a pattern."""
    reason: str


_SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
_SSH = "SSH comes from one address, a parameter that refuses anything but a /32, whose value the rule cannot see."

ACCEPTED = (
    Accepted("AwsSolutions-EC23", "WebServerSecurityGroup", f"The document's table: 8080 is the public API. {_SSH}"),
    Accepted("AwsSolutions-EC23", "LoadBalancerSecurityGroup", "The public API: it is there for everybody."),
    Accepted("AwsSolutions-EC23", "WorkerSecurityGroup", _SSH),
    Accepted("AwsSolutions-EC23", "FileServerSecurityGroup", _SSH),
    Accepted("AwsSolutions-SMG4", "*Secret", "A new value needs a restart of all processes in an order"
             " (ANB_OTHER_SECRET_KEYS first): rotated by a person with the runbook, not by a timer."),
    Accepted("AwsSolutions-RDS3", "Database", "One zone in phases 0 and 1, as the document decides; Multi-AZ from 2."),
    Accepted("AwsSolutions-RDS11", "Database", "The document's table names port 5432; who may reach it counts."),
    Accepted("AwsSolutions-RDS13", "Database", "Phase 0 has no backups, as the document decides; later it has."),
    Accepted("AwsSolutions-AEC4", "Queue", "One node in phase 1: losing the queue loses nothing; two from phase 2."),
    Accepted("AwsSolutions-AEC5", "Queue*", "The document's table names port 6379; TLS and a password guard it."),
    Accepted(f"AwsSolutions-IAM4[Policy::{_SSM}]", "*Role", "What Session Manager needs, kept up to date by AWS."),
    Accepted("AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole]",
             "SnapshotRole", "What AWS' own scheduler of snapshots needs, kept up to date by AWS."),
    *(Accepted(f"AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/{name}]", "*Role", "What EKS asks for, kept by AWS.")
      for name in ("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy",
                   "AmazonEC2ContainerRegistryPullOnly")),
    *(Accepted(f"AwsSolutions-IAM5[Resource::arn:aws:s3:::anb-media-<AWS::AccountId>-{region}/media/*]", "*Role",
               "All media: names are made later.") for region in ("us-east-1", "sa-east-1")),
    Accepted("AwsSolutions-EKS1", "Cluster", "Open to the administrator's one address, with AWS' own log-in."),
    Accepted("AwsSolutions-RDS2", "Replica", "A replica is encrypted as its source is, and must not say so itself."),
    Accepted("AwsSolutions-RDS3", "Replica", "It serves reads that the main region can serve too."),
    Accepted("AwsSolutions-RDS11", "Replica", "As its source."),
    Accepted("AwsSolutions-IAM5[Resource::arn:aws:logs:us-east-1:<AWS::AccountId>:log-group:/anb/*]", "*Role",
             "Its own log groups; a stream is named after a host that does not exist yet."),
    Accepted("AwsSolutions-IAM5[Resource::*]", "*Role", "PutMetricData, held to our two namespaces by a condition, and"
             " DescribeTags know no resources."),
    Accepted("AwsSolutions-IAM5[Resource::<MediaBucket.Arn>/media/*]", "*Role", "All media: names are made later."),
    Accepted("AwsSolutions-EC29", "WebServer*", "Holds nothing: what it knows is in the database and the media."),
    Accepted("AwsSolutions-EC29", "Worker*", "Holds nothing: a video in process goes to another attempt."),
    Accepted("AwsSolutions-EC29", "FileServer", "The media lie on a volume that outlives it, with its own snapshots;"
             " phase 2 must be able to take the host away."),
    Accepted("AwsSolutions-AS3", "*Group", "A mail for each launch would drown the alarms."),
    Accepted("AwsSolutions-CFR1", "MediaNetwork", "The contest may be watched from anywhere."),
    Accepted("AwsSolutions-CFR2", "MediaNetwork", "Only GET of files that never change."),
    Accepted("AwsSolutions-IAM5[Resource::*]", "Publisher", "ECR's log-in knows no resources."),
    Accepted("AwsSolutions-IAM5[Resource::*]", "Deployer", "ECR's log-in, the look for images, key pairs and"
             " zones, and a command's answer know no resources."),
    *(Accepted(f"AwsSolutions-IAM5[Resource::arn:aws:cloudformation:{stack}/*]", who, "A stack's own id: made with it.")
      for who, stack in (("Reader", "us-east-1:<AWS::AccountId>:stack/anb"),
                         ("Deployer", "us-east-1:<AWS::AccountId>:stack/anb"),
                         ("Reader", "us-east-1:<AWS::AccountId>:stack/anb-delivery"),
                         ("Reader", "sa-east-1:<AWS::AccountId>:stack/anb-second-region"))),
    *(Accepted(f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{keys}/*]", "Deployer", "All releases: names are made later.")
      for keys in ("<ReleaseBucket>/releases", "<TemplatesBucket>")),
    Accepted("AwsSolutions-IAM5[Resource::arn:aws:ec2:us-east-1:<AWS::AccountId>:instance/*]", "Deployer",
             "Those with the tag of ours, by a condition."),
    Accepted("AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/AdministratorAccess]", "StackRole", "CloudFormation's"
             " alone. It makes all kinds of things, hosts' roles among them, and who makes roles has every right."),
    Accepted("CloudFormation-Validate::W3010", "*", "The document names the zones a and b of the region."),
)  # fmt: skip


def acknowledge(stack: Stack) -> None:
    for resource in stack.node.find_all():
        if not isinstance(resource, CfnResource):
            continue
        fitting = [one for one in ACCEPTED if fnmatchcase(resource.node.id, one.of)]
        if fitting:
            rows = [Acknowledgment(id=one.finding, reason=one.reason) for one in fitting]
            Validations.of(resource).acknowledge(*rows)
