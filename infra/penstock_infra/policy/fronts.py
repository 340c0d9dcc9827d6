"""Rules for the front door: TLS 1.2 or newer, HTTP led there, and sign-in wherever the platform asks for none."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.containers import containers_of, variables_known, variables_of
from penstock_infra.policy.rule import Resource, Rule, Stack, StackRule
from penstock_infra.policy.values import GIVEN, NOT_TRUE, Kind, Must, one_of

LISTENER = "aws:lb/listener:Listener"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
SECURE_PROXY = "gcp:compute/targetHttpsProxy:TargetHttpsProxy"
PLAIN_PROXY = "gcp:compute/targetHttpProxy:TargetHttpProxy"
TLS_POLICY = "gcp:compute/sSLPolicy:SSLPolicy"
URL_MAP = "gcp:compute/uRLMap:URLMap"
FORWARDING = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
CLOUD_RUN = "gcp:cloudrunv2/service:Service"
APP = "azure-native:app:ContainerApp"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
TO_THE_BALANCER = ("INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "INGRESS_TRAFFIC_INTERNAL_ONLY")
LEADING = "defaultUrlRedirect.httpsRedirect"
NGINX = "nginx.ingress.kubernetes.io"
NEW_TLS = Kind(
    "a policy of TLS 1.2 or newer, such as ELBSecurityPolicy-TLS13-1-2-2021-06",
    lambda value: isinstance(value, str) and ("TLS13-1-2" in value or "TLS13-1-3" in value or "TLS-1-2" in value),
)


def listens_by_new_tls(resource: Resource) -> Iterator[str]:
    """An HTTPS listener has a certificate, and `sslPolicy` takes TLS 1.2 and newer alone."""
    if resource.text("protocol") == "HTTPS":
        yield from Must("sslPolicy", NEW_TLS, "old versions of TLS are accepted")(resource)
        yield from Must("certificateArn", GIVEN, "there is no certificate")(resource)


def app_by_tls(resource: Resource) -> Iterator[str]:
    """`configuration.ingress.allowInsecure` is false where there is an ingress."""
    for ingress in resource.each("configuration.ingress"):
        yield from Must("allowInsecure", NOT_TRUE, "the page is served without TLS")(ingress)


def keeps_redirect(resource: Resource) -> Iterator[str]:
    """No annotation of ingress-nginx switches its redirect off."""
    notes = resource.get("metadata.annotations")
    for name in ("ssl-redirect", "force-ssl-redirect"):
        if isinstance(notes, dict) and str(notes.get(f"{NGINX}/{name}", "true")).lower() == "false":
            yield f"HTTP is not redirected; set the annotation {NGINX}/{name} to true"


BY_TLS = Rule(
    "front-by-tls",
    "What people open speaks TLS 1.2 or newer.",
    {
        LISTENER: [listens_by_new_tls],
        SECURE_PROXY: [Must("sslPolicy", GIVEN, "the default policy accepts old versions of TLS")],
        TLS_POLICY: [Must("minTlsVersion", one_of("TLS_1_2", "TLS_1_3"), "old versions of TLS are accepted")],
        APP: [app_by_tls],
        INGRESS: [Must("spec.tls", GIVEN, "the page is served without TLS"), keeps_redirect],
    },
    exceptions=(
        "Cloud Run's own name and Container Apps take TLS 1.2 and newer whatever is asked.",
        "Kubernetes: versions of TLS are the ingress controller's.",
    ),
)


def listeners_redirect(stack: Stack) -> Iterator[str]:
    """Each HTTP listener of a balancer for people redirects to HTTPS."""
    balancers = stack.of(BALANCER)
    if not (stack.knows(balancers, "arn") and stack.knows(balancers, "internal")):
        return
    inner = {one.text("arn") for one in balancers if one.get("internal") is True}
    for listener in stack.of(LISTENER):
        known = all(stack.knows([listener], path) for path in ("loadBalancerArn", "defaultActions.redirect.protocol"))
        if listener.text("protocol") != "HTTP" or not known:
            continue
        actions = list(listener.each("defaultActions"))
        led = [one for one in actions if one.text("redirect.protocol") == "HTTPS"]
        if len(led) < max(len(actions), 1) and listener.text("loadBalancerArn") not in inner:
            yield listener.told("HTTP is served, not redirected; set defaultActions to a redirect to HTTPS")


def proxies_redirect(stack: Stack) -> Iterator[str]:
    """Each HTTP proxy has a URL map that does nothing but redirect to HTTPS."""
    maps = stack.of(URL_MAP)
    leading = [one for one in maps if one.get(LEADING) is True]
    known = {one.text("id") for one in leading} | {one.text("selfLink") for one in leading}
    for proxy in stack.of(PLAIN_PROXY):
        sure = stack.knows([proxy], "urlMap") and stack.knows(maps, "id") and stack.knows(maps, LEADING)
        if sure and proxy.text("urlMap") not in known:
            yield proxy.told("HTTP is served, not redirected; set urlMap to one with defaultUrlRedirect.httpsRedirect")


REDIRECTED = StackRule(
    "http-redirected",
    "Who comes by HTTP is led to HTTPS.",
    {"aws": [listeners_redirect], "gcp": [proxies_redirect]},
    exceptions=(
        "AWS: the balancer of jobs, which stands inside the network, may speak HTTP there.",
        "Azure: Container Apps redirects by itself; Kubernetes: the ingress controller does.",
    ),
)

EVERYONE = frozenset({"allUsers", "allAuthenticatedUsers"})


def everyone_signs_in(resource: Resource) -> Iterator[str]:
    """No container has `PENSTOCK_AUTH_MODE` = none."""
    for container in containers_of(resource):
        for name, variable in variables_of(resource, container):
            if name == "PENSTOCK_AUTH_MODE" and variable.text("value") == "none":
                yield f"everybody is let in without a sign-in; set PENSTOCK_AUTH_MODE in {container.at} to password"


def asks_itself(resource: Resource) -> Iterator[str]:
    """Where `invokerIamDisabled` is true the containers are Penstock's, whose own sign-in has an owner code."""
    if resource.get("invokerIamDisabled") is not True or not variables_known(resource):
        return
    names = {name for container in containers_of(resource) for name, _ in variables_of(resource, container)}
    if "PENSTOCK_OWNER_CODE" not in names:
        yield "no sign-in is in front; set invokerIamDisabled to false"


def no_public_member(resource: Resource) -> Iterator[str]:
    """`member` is neither allUsers nor allAuthenticatedUsers."""
    if resource.text("member") in EVERYONE:
        yield f"gives {resource.text('member')} a right; name an account in member"


def no_public_members(resource: Resource) -> Iterator[str]:
    """`members` hold neither allUsers nor allAuthenticatedUsers."""
    for who in sorted(EVERYONE & set(resource.texts("members"))):
        yield f"gives {who} a right; name accounts in members"


IAM_MEMBERS = (
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
    "gcp:cloudrun/iamMember:IamMember",
    "gcp:projects/iAMMember:IAMMember",
    "gcp:storage/bucketIAMMember:BucketIAMMember",
    "gcp:secretmanager/secretIamMember:SecretIamMember",
    "gcp:serviceaccount/iAMMember:IAMMember",
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
)

SIGN_IN = Rule(
    "sign-in-in-front",
    "Nobody gets in without signing in: by Penstock's own page, or by the platform where that asks.",
    {
        CLOUD_RUN: [everyone_signs_in, asks_itself],
        APP: [everyone_signs_in],
        "aws:ecs/taskDefinition:TaskDefinition": [everyone_signs_in],
        "kubernetes:apps/v1:Deployment": [everyone_signs_in],
        **{kind: [no_public_member] for kind in IAM_MEMBERS},
        "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": [no_public_members],
    },
)


def closed_to_the_balancer(stack: Stack) -> Iterator[str]:
    """Where a balancer is in front of Cloud Run, `ingress` of the service lets only the balancer and the network in."""
    if not stack.of(FORWARDING):
        return
    for service in stack.of(CLOUD_RUN):
        must = Must("ingress", one_of(*TO_THE_BALANCER), "people can go round the balancer")
        for complaint in must(service):
            yield service.told(complaint)


ONE_WAY_IN = StackRule(
    "one-way-in",
    "Where a balancer is in front nobody goes round it.",
    {"gcp": [closed_to_the_balancer]},
    exceptions=(
        "GCP without a domain: the page has Cloud Run's own name and no balancer, and Penstock's sign-in is in front.",
    ),
)

RULES = (BY_TLS, SIGN_IN)
STACK_RULES = (REDIRECTED, ONE_WAY_IN)
