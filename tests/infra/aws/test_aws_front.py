"""The ways to the page and to the server: domain, certificate, exposure, and the private address of jobs."""

from __future__ import annotations

import pytest

from penstock_infra.aws.domain import parents
from penstock_infra.program import main
from support.engine.records import EngineFailed
from support.stack_configs import DIGEST, config_of

GIVEN = "arn:aws:acm:eu-central-1:123456789012:certificate/0f3a"


@pytest.fixture(scope="module")
def by_domain(rendering):
    """A stack with a domain in Route 53."""
    return rendering("single")


@pytest.fixture(scope="module")
def by_certificate(rendering):
    """A stack whose certificate was given, inside the network alone."""
    return rendering("single", domain="", certificate=GIVEN, exposure="private", allowedCidrs=["10.0.0.0/8"])


def listener(rendered, name):
    return rendered.one("lb.Listener", name).inputs


def test_a_domain_gets_a_certificate_for_both_addresses_proven_in_its_zone(by_domain):
    asked = by_domain.one("acm.Certificate")
    assert asked.inputs["domainName"] == "penstock.example.com"
    assert asked.inputs["subjectAlternativeNames"] == ["jobs.penstock.example.com"]
    questions = {one["domainName"]: one for one in asked.outputs["domainValidationOptions"]}
    for domain, question in questions.items():
        proof = by_domain.one("route53.Record", f"proof-{domain}").inputs
        assert proof["zoneId"] == "Z0EXAMPLE0COM"
        assert (proof["name"], proof["records"]) == (
            question["resourceRecordName"],
            [question["resourceRecordValue"]],
        )
    issued = by_domain.one("CertificateValidation").inputs
    assert len(issued["validationRecordFqdns"]) == 2
    assert listener(by_domain, "https")["certificateArn"] == asked.outputs["arn"]


def test_the_domain_points_at_the_balancer(by_domain):
    record = by_domain.one("route53.Record", "penstock.example.com").inputs
    assert record["aliases"][0]["name"] == by_domain.one("LoadBalancer", "front").outputs["dnsName"]
    assert by_domain.outputs["url"] == "https://penstock.example.com"
    assert "Point " not in by_domain.steps


def test_http_is_only_ever_redirected(by_domain):
    (action,) = listener(by_domain, "http")["defaultActions"]
    assert action["type"] == "redirect"
    assert action["redirect"]["protocol"] == "HTTPS"


def test_tls_is_new_and_websockets_are_let_live(by_domain):
    assert listener(by_domain, "https")["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    front = by_domain.one("LoadBalancer", "front").inputs
    assert front["idleTimeout"] == 3600
    assert front["dropInvalidHeaderFields"] is True
    group = by_domain.one("TargetGroup", "web").inputs
    assert group["stickiness"]["enabled"] is True
    assert (group["port"], group["targetType"]) == (6789, "ip")


def test_a_public_page_is_open_to_the_allowed_networks_on_two_ports(rendering):
    rendered = rendering("single", allowedCidrs=["203.0.113.0/24", "198.51.100.0/24"])
    assert rendered.one("LoadBalancer", "front").inputs["internal"] is False
    group = rendered.one("SecurityGroup", "front").id
    rules = [one.inputs for one in rendered.of("SecurityGroupIngressRule") if one.inputs["securityGroupId"] == group]
    open_to = {(rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) for rule in rules}
    assert open_to == {(network, port, port) for network in ("203.0.113.0/24", "198.51.100.0/24") for port in (80, 443)}


def test_no_other_group_is_open_to_a_network(rendering):
    rendered = rendering("autoscale")
    front = rendered.one("SecurityGroup", "front").id
    others = [one for one in rendered.of("SecurityGroupIngressRule") if one.inputs["securityGroupId"] != front]
    assert others
    assert [one.name for one in others if "cidrIpv4" in one.inputs or "cidrIpv6" in one.inputs] == []


def test_a_private_page_has_a_balancer_inside(by_certificate):
    assert by_certificate.one("LoadBalancer", "front").inputs["internal"] is True
    assert "reach it by a VPN or a peered network" in by_certificate.steps


def test_a_given_certificate_leaves_dns_to_the_operator(by_certificate):
    assert not by_certificate.has("acm.Certificate")
    assert listener(by_certificate, "https")["certificateArn"] == GIVEN
    host = by_certificate.one("LoadBalancer", "front").outputs["dnsName"]
    assert by_certificate.outputs["url"] == f"https://{host}"
    assert f"Point the name in the certificate at {host}" in by_certificate.steps
    assert [one.name for one in by_certificate.of("route53.Record")] == ["jobs.penstock.internal"]


def test_a_domain_with_a_given_certificate_is_not_looked_up(rendering):
    rendered = rendering("single", domain="penstock.elsewhere.example", certificate=GIVEN)
    assert rendered.outputs["url"] == "https://penstock.elsewhere.example"
    assert "Point penstock.elsewhere.example at " in rendered.steps


def test_a_domain_without_a_zone_is_explained_before_anything_is_made(engine_stack):
    stack = engine_stack(main, config_of("aws", "ha", image=DIGEST, domain="penstock.nowhere.test"))
    with pytest.raises(EngineFailed) as failed:
        stack.up()
    assert "penstock:domain penstock.nowhere.test" in str(failed.value)
    assert "looked for penstock.nowhere.test, nowhere.test" in str(failed.value)
    assert "give penstock:certificate" in str(failed.value)
    assert stack.cloud.objects == {}


def test_zones_are_looked_for_from_the_longest_name():
    assert list(parents("a.b.example.com")) == ["a.b.example.com", "b.example.com", "example.com"]
    assert list(parents("example.com")) == ["example.com"]


def test_jobs_have_an_address_that_only_the_network_knows(by_domain):
    balancer = by_domain.one("LoadBalancer", "jobs").inputs
    assert balancer["internal"] is True
    zone = by_domain.one("route53.Zone").inputs
    assert zone["name"] == "jobs.penstock.example.com"
    assert zone["vpcs"] == [{"vpcId": by_domain.one("Vpc").id}]
    assert by_domain.environment("penstock")["PENSTOCK_JOBS_URL"] == "https://jobs.penstock.example.com"
    assert listener(by_domain, "jobs")["protocol"] == "HTTPS"
    assert "what jobs say to the server" not in by_domain.steps


def test_only_jobs_reach_it(by_domain):
    group = by_domain.one("SecurityGroup", "jobs-front").id
    rules = [one.inputs for one in by_domain.of("SecurityGroupIngressRule") if one.inputs["securityGroupId"] == group]
    jobs = by_domain.one("SecurityGroup", "jobs").id
    assert [(rule["referencedSecurityGroupId"], rule["fromPort"]) for rule in rules] == [(jobs, 443)]
    assert by_domain.outputs["executorSettings"]["PENSTOCK_ECS_SECURITY_GROUPS"] == jobs


def test_without_a_certificate_for_it_the_jobs_address_is_plain_and_said_so(by_certificate):
    assert by_certificate.environment("penstock")["PENSTOCK_JOBS_URL"] == "http://jobs.penstock.internal"
    jobs = listener(by_certificate, "jobs")
    assert (jobs["protocol"], jobs["port"]) == ("HTTP", 80)
    assert "Not encrypted: what jobs say to the server" in by_certificate.steps


def test_what_the_balancers_say_inside_is_told(by_domain):
    assert "Not encrypted: what the balancers say to the web servers" in by_domain.steps


def test_proxies_are_the_balancers_subnets_alone(by_domain):
    outer = {one.inputs["cidrBlock"] for one in by_domain.of("Subnet") if one.name.startswith("public")}
    trusted = set(by_domain.environment("penstock")["PENSTOCK_TRUSTED_PROXIES"].split(","))
    assert trusted == outer
    for name in ("front", "jobs"):
        subnets = set(by_domain.one("LoadBalancer", name).inputs["subnets"])
        assert subnets == {one.id for one in by_domain.of("Subnet") if one.inputs["cidrBlock"] in outer}
