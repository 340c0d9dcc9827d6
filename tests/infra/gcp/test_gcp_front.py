"""How people and jobs come in on GCP."""

from __future__ import annotations

import pytest

from penstock_infra.program import main
from support.engine.clouds import gcp_tokens as t
from support.engine.records import EngineFailed

RUN_APP = f"https://penstock-{t.NUMBER}.{t.REGION}.run.app"


def variables(service):
    return {one["name"]: one.get("value") for one in service["template"]["containers"][0]["envs"]}


def test_without_a_domain_the_page_has_cloud_runs_own_name(made):
    stack = made("single")
    service = stack.one(t.SERVICE)
    assert service["ingress"] == "INGRESS_TRAFFIC_ALL"
    assert stack.record.outputs["url"] == RUN_APP
    assert stack.outputs(t.SERVICE)["uri"] == RUN_APP, (
        "the address worked out beforehand is the one that Cloud Run gives"
    )
    assert variables(service)["PENSTOCK_PUBLIC_URL"] == RUN_APP
    assert not stack.tokens & {t.FORWARDING, t.BACKEND, t.URL_MAP, t.HTTPS_PROXY}


def test_a_domain_is_served_by_a_balancer_and_the_run_app_name_closes(made):
    stack = made("autoscale", domain="pipes.example.com", spark={"mode": "shared"})
    assert stack.record.outputs["url"] == "https://pipes.example.com"
    assert stack.one(t.SERVICE)["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert stack.one(t.NEG)["cloudRun"]["service"] == "penstock"
    backend = stack.one(t.BACKEND)
    assert backend["loadBalancingScheme"] == "EXTERNAL_MANAGED"
    assert "timeoutSec" not in backend, "a serverless backend has no timeout of its own"
    assert "securityPolicy" not in backend
    assert stack.one(t.CERTIFICATE)["managed"]["domains"] == ["pipes.example.com"]
    address = stack.outputs(t.ADDRESS, "front")["address"]
    assert f"Point pipes.example.com (an A record) at {address}" in stack.record.outputs["nextSteps"]


def test_http_is_redirected_and_tls_is_1_2_at_the_least(made):
    stack = made("autoscale", domain="pipes.example.com", spark={"mode": "shared"})
    assert {rule.inputs["portRange"] for rule in stack.all(t.FORWARDING)} == {"80", "443"}
    assert stack.one(t.FORWARDING, "http")["target"] == stack.outputs(t.HTTP_PROXY)["selfLink"].split("/v1/")[1]
    redirect = stack.one(t.URL_MAP, "redirect")["defaultUrlRedirect"]
    assert redirect["httpsRedirect"] is True
    assert stack.one(t.HTTP_PROXY)["urlMap"].endswith(stack.one(t.URL_MAP, "redirect")["name"])
    policy = stack.one(t.SSL_POLICY)
    assert (policy["minTlsVersion"], policy["profile"]) == ("TLS_1_2", "MODERN")
    assert stack.one(t.HTTPS_PROXY)["sslPolicy"].endswith(policy["name"])


def test_forwarded_headers_are_believed_from_google_and_the_balancer_alone(made):
    stack = made("autoscale", domain="pipes.example.com", spark={"mode": "shared"})
    trusted = variables(stack.one(t.SERVICE))["PENSTOCK_TRUSTED_PROXIES"].split(",")
    assert trusted == [
        "169.254.0.0/16",
        "35.191.0.0/16",
        "130.211.0.0/22",
        stack.outputs(t.ADDRESS, "front")["address"],
    ]
    assert "*" not in variables(made("single").one(t.SERVICE))["PENSTOCK_TRUSTED_PROXIES"]


def test_networks_are_told_apart_by_the_balancers_policy(made):
    networks = [f"198.51.{number}.0/24" for number in range(12)]
    stack = made(
        "single", domain="pipes.example.com", allowedCidrs=networks, certificate="projects/p/global/sslCertificates/c"
    )
    rules = stack.one(t.POLICY)["rules"]
    assert [rule["action"] for rule in rules] == ["allow", "allow", "deny(403)"]
    allowed = [cidr for rule in rules[:2] for cidr in rule["match"]["config"]["srcIpRanges"]]
    assert allowed == networks
    assert rules[2]["match"]["config"]["srcIpRanges"] == ["*"]
    assert stack.one(t.BACKEND)["securityPolicy"].endswith(stack.one(t.POLICY)["name"])


def test_a_given_certificate_is_used_and_none_is_made(made):
    networks = [f"198.51.{number}.0/24" for number in range(12)]
    stack = made(
        "single", domain="pipes.example.com", allowedCidrs=networks, certificate="projects/p/global/sslCertificates/c"
    )
    assert stack.one(t.HTTPS_PROXY)["sslCertificates"] == ["projects/p/global/sslCertificates/c"]
    assert t.CERTIFICATE not in stack.tokens


def test_a_private_page_answers_inside_the_network_alone(made):
    stack = made("ha", exposure="private", spark={"mode": "serverless"})
    assert stack.one(t.SERVICE)["ingress"] == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    assert not stack.tokens & {t.FORWARDING, t.BACKEND}
    assert any("inside the network" in step for step in stack.record.outputs["nextSteps"])


@pytest.mark.parametrize("keys", [{}, {"domain": "pipes.example.com", "spark": {"mode": "shared"}}])
def test_jobs_reach_the_server_by_a_name_that_the_network_keeps_inside(made, keys):
    stack = made("autoscale" if keys else "single", **keys)
    assert variables(stack.one(t.SERVICE))["PENSTOCK_JOBS_URL"] == RUN_APP
    for job in stack.all(t.JOB):
        access = job.inputs["template"]["template"]["vpcAccess"]
        assert access["egress"] == "ALL_TRAFFIC", "else the request would come from outside and be refused"
    assert stack.one(t.SUBNET, "work")["privateIpGoogleAccess"] is True


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"allowedCidrs": ["203.0.113.0/24"]}, "allowedCidrs: Cloud Run's own run.app name cannot be narrowed"),
        ({"exposure": "private", "domain": "a.example.com"}, "domain: a private page has its run.app name"),
        ({"exposure": "private", "allowedCidrs": ["10.0.0.0/8"]}, "allowedCidrs: Cloud Run's own run.app name"),
        ({"certificate": "projects/p/global/sslCertificates/c"}, "certificate: is of no use without a domain"),
        ({"networkCidr": "10.40.0.0/20"}, "networkCidr: 10.40.0.0/20 is too small for gcp"),
        ({"files": {"sizeGb": 11000}}, "files.sizeGb: 11000: above 10240 GiB"),
    ],
)
def test_what_gcp_cannot_do_is_said_before_anything_is_made(engine_stack, gcp_config, keys, complaint):
    stack = engine_stack(main, gcp_config("single", **keys))
    with pytest.raises(EngineFailed, match="the stack's config has 1 problem; nothing was made") as refused:
        stack.preview()
    assert complaint in str(refused.value)
    assert stack.cloud.objects == {}


def test_every_problem_is_told_at_once(engine_stack, gcp_config):
    stack = engine_stack(main, gcp_config("single", allowedCidrs=["203.0.113.0/24"], networkCidr="10.40.0.0/20"))
    with pytest.raises(EngineFailed) as refused:
        stack.preview()
    assert "2 problems" in str(refused.value)
