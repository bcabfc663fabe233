"""Phase 0 against the document's tables, row by row ("Componentes de Infraestructura")."""

import re

import pytest

from infra.tests.made import Made, incoming, made, name_of, pointed


@pytest.fixture(scope="module")
def today() -> Made:
    return made(0)


def test_the_vpc(today: Made) -> None:
    (vpc,) = today.resources("AWS::EC2::VPC").values()
    assert vpc["Properties"]["CidrBlock"] == "10.0.0.0/16"
    assert vpc["Properties"]["EnableDnsSupport"] is True
    assert vpc["Properties"]["EnableDnsHostnames"] is True


def test_two_public_subnets_in_two_zones_with_a_way_to_the_internet_gateway(today: Made) -> None:
    subnets = today.resources("AWS::EC2::Subnet")
    told = {name_of(one): (one["Properties"]["CidrBlock"], one["Properties"]["AvailabilityZone"],
                           one["Properties"]["MapPublicIpOnLaunch"]) for one in subnets.values()}  # fmt: skip
    assert told == {
        "ANB-Public-Subnet-1": ("10.0.1.0/24", "us-east-1a", True),
        "ANB-Public-Subnet-2": ("10.0.2.0/24", "us-east-1b", True),
    }
    (route,) = today.resources("AWS::EC2::Route").values()
    assert route["Properties"]["DestinationCidrBlock"] == "0.0.0.0/0"
    (gateway,) = today.resources("AWS::EC2::InternetGateway")
    assert pointed(route["Properties"]["GatewayId"]) == gateway
    table = pointed(route["Properties"]["RouteTableId"])
    associations = today.resources("AWS::EC2::SubnetRouteTableAssociation").values()
    assert {pointed(one["Properties"]["SubnetId"]) for one in associations} == set(subnets)
    assert {pointed(one["Properties"]["RouteTableId"]) for one in associations} == {table}


@pytest.mark.parametrize(
    ("name", "address", "role"),
    [
        ("WebServer", "10.0.1.10", "02-webserver-setup.sh"),
        ("Worker", "10.0.1.20", "03-worker-setup.sh"),
        ("FileServer", "10.0.1.30", "01-fileserver-setup.sh"),
    ],
)
def test_the_three_instances(today: Made, name: str, address: str, role: str) -> None:
    assert set(today.resources("AWS::EC2::Instance")) == {"WebServer", "Worker", "FileServer"}
    host = today.properties(name)
    assert host["InstanceType"] == "t3.small"
    assert host["KeyName"] == {"Ref": "KeyPair"}
    assert host["MetadataOptions"]["HttpTokens"] == "required"  # IMDSv2
    assert host["PrivateIpAddress"] == address
    assert host["SubnetId"] == {"Ref": "PublicSubnet1"}  # which gives a public address
    assert [pointed(group) for group in host["SecurityGroupIds"]] == [f"{name}SecurityGroup"]
    assert role in host["UserData"]["Fn::Base64"]["Fn::Sub"]


def test_the_site_keeps_its_address_when_a_release_stops_and_starts_its_host(today: Made) -> None:
    assert today.properties("WebAddress")["Domain"] == "vpc"
    association = today.properties("WebAddressAssociation")
    assert (pointed(association["AllocationId"]), pointed(association["InstanceId"])) == ("WebAddress", "WebServer")
    assert today.template()["Outputs"]["SiteAddress"]["Value"] == {"Ref": "WebAddress"}
    assert today.properties("Reached")["HealthCheckConfig"]["IPAddress"] == {"Ref": "WebAddress"}
    assert set(made(1).resources()) & {"WebAddress", "WebAddressAssociation"} == set(), "paid for and asked by nobody"


@pytest.mark.parametrize("name", ["WebServer", "Worker"])
def test_each_has_50_gib_of_encrypted_gp3(today: Made, name: str) -> None:
    (disk,) = today.properties(name)["BlockDeviceMappings"]
    assert disk == {
        "DeviceName": "/dev/sda1",
        "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True},
    }


def test_the_file_servers_50_gib_are_a_volume_that_outlives_it(today: Made) -> None:
    volume = today.resources("AWS::EC2::Volume")["MediaVolume"]
    assert {key: volume["Properties"][key] for key in ("Size", "VolumeType", "Encrypted", "AvailabilityZone")} == {
        "Size": 50, "VolumeType": "gp3", "Encrypted": True, "AvailabilityZone": "us-east-1a",
    }  # fmt: skip
    assert (volume["DeletionPolicy"], volume["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    attached = today.properties("MediaVolumeAttachment")
    assert (pointed(attached["InstanceId"]), pointed(attached["VolumeId"])) == ("FileServer", "MediaVolume")


def test_the_image_and_the_key_pair_are_asked_for(today: Made) -> None:
    parameters = today.template()["Parameters"]
    assert "Ubuntu Server 22.04 LTS" in parameters["Image"]["Description"]
    assert "Default" not in parameters["Image"]
    assert parameters["KeyPair"]["Default"] == "anb-key-pair"


def test_the_database(today: Made) -> None:
    told = today.properties("Database")
    assert told["Engine"] == "postgres"
    assert told["EngineVersion"].split(".")[0] == "16"
    assert told["DBInstanceClass"] == "db.t3.micro"
    assert (told["AllocatedStorage"], told["StorageType"]) == ("20", "gp3")
    assert told["StorageEncrypted"] is True
    assert told["MultiAZ"] is False
    assert told["BackupRetentionPeriod"] == 0
    assert told["PubliclyAccessible"] is False
    assert told["DBName"] == "fastapi_db"
    assert told["MasterUsername"] == "fastapi_user"
    assert [pointed(group) for group in told["VPCSecurityGroups"]] == ["RDSSecurityGroup"]


def test_the_security_groups_are_the_documents_table_and_nothing_else(today: Made) -> None:
    administrator = "administrator's address"
    assert incoming(today) == {
        ("ANB-WebServer-SG", 8080, "0.0.0.0/0"),
        ("ANB-WebServer-SG", 22, administrator),
        ("ANB-WebServer-SG", 6379, "ANB-Worker-SG"),
        ("ANB-Worker-SG", 22, administrator),
        ("ANB-FileServer-SG", 2049, "ANB-WebServer-SG"),
        ("ANB-FileServer-SG", 2049, "ANB-Worker-SG"),
        ("ANB-FileServer-SG", 22, administrator),
        ("ANB-RDS-SG", 5432, "ANB-WebServer-SG"),
        ("ANB-RDS-SG", 5432, "ANB-Worker-SG"),
    }


def test_everything_goes_out_of_the_hosts_and_nothing_out_of_the_database(today: Made) -> None:
    out = {name_of(one): [rule["CidrIp"] for rule in one["Properties"]["SecurityGroupEgress"]]
           for one in today.resources("AWS::EC2::SecurityGroup").values()}  # fmt: skip
    assert out == {
        "ANB-WebServer-SG": ["0.0.0.0/0"],
        "ANB-Worker-SG": ["0.0.0.0/0"],
        "ANB-FileServer-SG": ["0.0.0.0/0"],
        "ANB-RDS-SG": ["255.255.255.255/32"],
    }


def test_the_administrator_is_one_address(today: Made) -> None:
    pattern = today.template()["Parameters"]["Administrator"]
    assert "Default" not in pattern
    assert re.fullmatch(pattern["AllowedPattern"], "203.0.113.7/32")
    for wide in ("0.0.0.0/0", "0.0.0.0/32", "203.0.113.0/24", "203.0.113.7"):
        assert not re.fullmatch(pattern["AllowedPattern"], wide)
