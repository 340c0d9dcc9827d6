"""How the page is reached: what is told to ingress-nginx, what an issuer is told, and what the operator is told."""

from __future__ import annotations

import pytest

from support.kubernetes.rendering import DOMAIN

NGINX = "nginx.ingress.kubernetes.io"


def test_a_forwarded_page_has_no_ingress_and_says_how_to_forward(rendering):
    stack = rendering("single")
    assert stack.of("Ingress") == []
    assert stack.outputs["url"] == "http://localhost:6789"
    assert "kubectl --namespace penstock port-forward service/web 6789:80" in stack.steps()
    assert "NOT ENFORCED" not in stack.steps()
    names = [each["name"] for each in stack.container("Deployment", "penstock")["env"]]
    assert "PENSTOCK_TRUSTED_PROXIES" not in names


@pytest.mark.parametrize(("topology", "component"), [("single", "penstock"), ("ha", "web")])
def test_the_page_has_one_address_in_every_topology(rendering, topology, component):
    stack = rendering(topology)
    spec = stack.named("Service", "web")["spec"]
    labels = stack.named("Deployment", component)["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"].items() <= labels.items()
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert stack.container("Deployment", component)["ports"] == [{"name": "http", "containerPort": 6789}]
    plain = {each["name"]: each.get("value") for each in stack.container("Deployment", component)["env"]}
    assert plain["PENSTOCK_JOBS_URL"] == "http://web.penstock.svc"


def test_ingress_nginx_is_told_everything_that_the_config_asks(rendering):
    stack = rendering("ha", "public", allowedCidrs=["203.0.113.0/24", "198.51.100.0/24"])
    ingress = stack.named("Ingress", "web")
    told = ingress["metadata"]["annotations"]
    assert told[f"{NGINX}/whitelist-source-range"] == "203.0.113.0/24,198.51.100.0/24"
    assert told[f"{NGINX}/ssl-redirect"] == told[f"{NGINX}/force-ssl-redirect"] == "true"
    assert told[f"{NGINX}/proxy-read-timeout"] == told[f"{NGINX}/proxy-send-timeout"] == "3600"
    assert told[f"{NGINX}/affinity"] == "cookie"
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert "NOT ENFORCED" not in stack.steps()
    assert stack.outputs["url"] == f"https://{DOMAIN}"


def test_one_web_server_needs_no_affinity(rendering):
    told = rendering("split", "public").named("Ingress", "web")["metadata"]["annotations"]
    assert f"{NGINX}/affinity" not in told


def test_another_controller_is_told_nothing_and_the_operator_what_is_not_enforced(rendering):
    stack = rendering("ha", "private")
    assert "annotations" not in stack.named("Ingress", "web")["metadata"]
    assert "NOT ENFORCED: allowedCidrs (10.0.0.0/8)" in stack.steps()
    assert "redirect HTTP, TLS 1.2" in stack.steps()
    assert "private address" in stack.steps()


def test_the_certificate_is_the_operators_secret_or_an_issuers(rendering):
    ours = rendering("ha", "private").named("Ingress", "web")["spec"]["tls"]
    assert ours == [{"hosts": [DOMAIN], "secretName": "our-certificate"}]
    issued = rendering("ha", "public").named("Ingress", "web")
    assert issued["spec"]["tls"] == [{"hosts": [DOMAIN], "secretName": "web-tls"}]
    assert issued["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"


def test_behind_an_ingress_its_forwarded_addresses_are_believed(rendering):
    plain = {
        each["name"]: each.get("value") for each in rendering("ha", "public").container("Deployment", "web")["env"]
    }
    assert plain["PENSTOCK_TRUSTED_PROXIES"] == "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16"
    assert plain["PENSTOCK_PUBLIC_URL"] == f"https://{DOMAIN}"


def test_what_is_not_encrypted_is_said_and_nothing_more(rendering):
    def said(*given, **others):
        return [line for line in rendering(*given, **others).outputs["nextSteps"] if line.startswith("Not encrypted")]

    traffic, rest = said("ha", "public")
    assert "from the ingress to the page, from jobs to the server, to Postgres, to Redis" in traffic
    assert "Secrets" in rest
    (forwarded, _) = said("ha", kubernetes={"databaseSecret": "our-database", "redisSecret": "our-redis"})
    assert "inside the cluster from jobs to the server:" in forwarded
