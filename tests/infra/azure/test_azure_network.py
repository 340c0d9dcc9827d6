"""What is reached from where on Azure."""

from __future__ import annotations

import pytest

ANYWHERE = {"Internet", "*", "0.0.0.0/0"}


@pytest.fixture
def stack(made):
    return made("ha")


def rules(stack, subnet):
    return stack.inputs("network:NetworkSecurityGroup", f"{subnet}-traffic")["securityRules"]


def sources(rule):
    return {rule.get("sourceAddressPrefix"), *(rule.get("sourceAddressPrefixes") or [])} - {None, ""}


def test_nothing_that_holds_data_answers_on_the_internet(stack):
    closed = {
        **{one.name: one.inputs["publicNetworkAccess"] for one in stack.all("storage:StorageAccount")},
        "postgres": stack.inputs("dbforpostgresql:Server")["network"]["publicNetworkAccess"],
        "redis": stack.inputs("redisenterprise:RedisEnterprise")["publicNetworkAccess"],
        "vault": stack.inputs("keyvault:Vault")["properties"]["publicNetworkAccess"],
        "synapse": stack.inputs("synapse:Workspace")["publicNetworkAccess"],
    }
    assert closed == dict.fromkeys(["files", "objects", "lake", "postgres", "redis", "vault", "synapse"], "Disabled")


def test_each_closed_thing_has_a_door_in_the_endpoints_subnet(stack):
    endpoints = stack.one("network:Subnet", "endpoints").id
    doors = stack.all("network:PrivateEndpoint")
    assert {one.inputs["subnet"]["id"] for one in doors} == {endpoints}
    targets = {one.inputs["privateLinkServiceConnections"][0]["privateLinkServiceId"] for one in doors}
    assert targets == {
        stack.one("storage:StorageAccount", "files").id,
        stack.one("storage:StorageAccount", "objects").id,
        stack.one("storage:StorageAccount", "lake").id,
        stack.one("keyvault:Vault").id,
        stack.one("redisenterprise:RedisEnterprise").id,
        stack.one("synapse:Workspace").id,
    }


def test_every_private_zone_is_asked_by_the_network(stack):
    zones = {one.inputs["privateZoneName"] for one in stack.all("privatedns:PrivateZone")}
    linked = {
        one.inputs["privateZoneName"]: one.inputs["virtualNetwork"]["id"]
        for one in stack.all("privatedns:VirtualNetworkLink")
    }
    assert set(linked) == zones
    assert set(linked.values()) == {stack.one("network:VirtualNetwork").id}


def test_the_internet_reaches_the_front_alone(stack):
    open_to_all = {
        subnet: {
            port
            for rule in rules(stack, subnet)
            if sources(rule) & ANYWHERE and rule["access"] == "Allow"
            for port in rule["destinationPortRanges"]
        }
        for subnet in ("apps", "database", "endpoints", "jobs")
    }
    assert open_to_all == {
        "apps": {"80", "443", "31080", "31443"},
        "database": set(),
        "endpoints": set(),
        "jobs": set(),
    }


@pytest.mark.parametrize("subnet", ["database", "endpoints", "jobs"])
def test_what_no_rule_allows_is_refused_inside_the_network_too(stack, subnet):
    last = max(rules(stack, subnet), key=lambda rule: rule["priority"])
    assert (last["access"], last["sourceAddressPrefix"], last["destinationPortRange"]) == ("Deny", "*", "*")


def test_jobs_reach_neither_postgres_nor_redis_nor_the_share(stack):
    jobs = stack.inputs("network:Subnet", "jobs")["addressPrefix"]
    assert not [rule for rule in rules(stack, "database") if jobs in sources(rule)]
    (rule,) = [rule for rule in rules(stack, "endpoints") if jobs in sources(rule)]
    assert rule["destinationPortRanges"] == ["443"]


def test_subnets_are_delegated_and_leave_by_the_gateway_alone(stack):
    found = {}
    for one in stack.all("network:Subnet"):
        assert one.inputs["defaultOutboundAccess"] is False
        delegated = one.inputs.get("delegations") or [{"serviceName": None}]
        found[one.name] = (delegated[0]["serviceName"], "natGateway" in one.inputs)
    assert found == {
        "apps": ("Microsoft.App/environments", True),
        "database": ("Microsoft.DBforPostgreSQL/flexibleServers", False),
        "endpoints": (None, False),
        "jobs": ("Microsoft.ContainerInstance/containerGroups", True),
    }


def test_the_only_public_address_is_the_gateways(stack):
    (address,) = stack.all("network:PublicIPAddress")
    assert stack.inputs("network:NatGateway")["publicIpAddresses"] == [{"id": address.id}]


def test_postgres_is_made_after_its_zone_is_linked(stack):
    (server,) = [one for one in stack.state if one.type == "azure-native:dbforpostgresql:Server"]
    assert any(urn.endswith("VirtualNetworkLink::database-link") for urn in server.dependencies)


def test_the_share_is_mounted_after_its_name_leads_to_its_door(stack):
    (mount,) = [one for one in stack.state if one.type == "azure-native:app:ManagedEnvironmentsStorage"]
    assert any(urn.endswith("PrivateDnsZoneGroup::files-names") for urn in mount.dependencies)


def test_only_named_networks_reach_the_front_when_some_are_named(made):
    stack = made("split-named")
    (rule,) = rules(stack, "apps")
    assert sources(rule) == {"203.0.113.0/24", "198.51.100.7/32"}
    ingress = stack.inputs("app:ContainerApp", "web")["configuration"]["ingress"]
    assert [(one["action"], one["ipAddressRange"]) for one in ingress["ipSecurityRestrictions"]] == [
        ("Allow", "203.0.113.0/24"),
        ("Allow", "198.51.100.7/32"),
    ]
