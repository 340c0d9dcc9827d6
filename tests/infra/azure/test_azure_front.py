"""The front on Azure: exposure, names, certificates, and the address of jobs."""

from __future__ import annotations

import pytest

DOMAIN = "pipes.example.com"
CERTIFICATE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e/certificates/c"


def ingress(stack, name="web"):
    return stack.inputs("app:ContainerApp", name)["configuration"]["ingress"]


def variables(stack, name="web"):
    (container,) = stack.inputs("app:ContainerApp", name)["template"]["containers"]
    return {one["name"]: one.get("value") for one in container["env"]}


def steps(stack):
    return "\n".join(stack.outputs["nextSteps"])


def test_https_alone_with_sticky_sessions(made):
    found = ingress(made("split"))
    assert (found["external"], found["allowInsecure"], found["targetPort"]) == (True, False, 6789)
    assert found["stickySessions"] == {"affinity": "sticky"}
    assert "customDomains" not in found


def test_the_scheduler_has_no_ingress(made):
    assert "ingress" not in made("split").inputs("app:ContainerApp", "scheduler")["configuration"]


@pytest.mark.parametrize(("topology", "name"), [("single", "penstock"), ("split", "web")])
def test_jobs_of_a_public_page_call_a_port_that_only_the_environment_has(made, topology, name):
    stack = made(topology)
    assert stack.outputs["executorSettings"]["PENSTOCK_JOBS_URL"] == f"http://{name}:6789"
    assert ingress(stack, name)["additionalPortMappings"] == [
        {"external": False, "targetPort": 6789, "exposedPort": 6789}
    ]
    environment = stack.inputs("app:ManagedEnvironment")
    assert environment["peerTrafficConfiguration"]["encryption"]["enabled"] is True
    assert "Not encrypted: what jobs send" in steps(stack)


def test_a_private_page_has_a_private_environment_and_a_name_in_the_network(made):
    stack = made("ha-private")
    environment = stack.one("app:ManagedEnvironment")
    domain = environment.outputs["defaultDomain"]
    assert environment.inputs["vnetConfiguration"]["internal"] is True
    record = stack.inputs("privatedns:PrivateRecordSet")
    assert record["privateZoneName"] == domain
    assert record["aRecords"] == [{"ipv4Address": environment.outputs["staticIp"]}]
    assert stack.outputs["executorSettings"]["PENSTOCK_JOBS_URL"] == f"https://web.{domain}"
    assert "additionalPortMappings" not in ingress(stack)
    assert stack.inputs("network:NetworkSecurityGroup", "apps-traffic").get("securityRules", []) == []
    # Jobs come through the same ingress, so the network itself is let in with those who were named.
    allowed = [one["ipAddressRange"] for one in ingress(stack)["ipSecurityRestrictions"]]
    assert allowed == ["10.60.0.0/16", "10.40.0.0/16"]
    assert "inside the network alone" in steps(stack)


def test_a_domain_without_a_certificate_is_prepared_and_not_used_yet(made):
    stack = made("split-named")
    host = stack.outputs["url"].removeprefix("https://")
    assert host.startswith("web.")
    assert host.endswith(".azurecontainerapps.io")
    assert "customDomains" not in ingress(stack)
    verification = stack.one("app:ContainerApp", "web").outputs["customDomainVerificationId"]
    said = steps(stack)
    assert f"CNAME {DOMAIN} to {host}" in said
    assert f"TXT asuid.{DOMAIN} = {verification}" in said
    assert "pulumi config set penstock:certificate managed" in said


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("split-managed", {"name": DOMAIN, "bindingType": "Auto"}),
        ("split-certified", {"name": DOMAIN, "bindingType": "SniEnabled", "certificateId": CERTIFICATE}),
    ],
)
def test_a_domain_is_bound_once_there_is_a_certificate(made, name, bound):
    stack = made(name)
    assert ingress(stack)["customDomains"] == [bound]
    assert stack.outputs["url"] == f"https://{DOMAIN}"
    assert variables(stack)["PENSTOCK_PUBLIC_URL"] == f"https://{DOMAIN}"
    assert "config set penstock:certificate" not in steps(stack)


def test_a_domain_is_the_apps_affair_alone(made):
    before, after = made("split"), made("split-managed")
    assert before.one("app:ManagedEnvironment").inputs == after.one("app:ManagedEnvironment").inputs


def test_the_owner_code_is_read_through_the_web_app(made):
    stack = made("split")
    group = stack.inputs("resources:ResourceGroup", "group")["resourceGroupName"]
    first = stack.outputs["nextSteps"][0]
    assert f"az containerapp exec --resource-group {group} --name web --command 'printenv PENSTOCK_OWNER_CODE'" in first
    assert variables(stack)["PENSTOCK_OWNER_CODE"] is None
