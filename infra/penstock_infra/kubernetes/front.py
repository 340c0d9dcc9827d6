"""How the page is reached: a Service under one name in every topology, and an Ingress with TLS before it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.pods import Object
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.services import PORT
from penstock_platform.blueprint import FrontPlan, ServicePlan
from penstock_platform.options import KubernetesOptions
from penstock_platform.vocabulary import Exposure

NAME = "web"
"""The Service's name in every topology, so that jobs and people find the page where it was."""
SERVICE_PORT = 80
LOCAL_PORT = 6789
"""The port of a forward on the operator's own machine."""
TLS_SECRET = "web-tls"  # noqa: S105 - where the issuer puts the certificate
NGINX = "nginx.ingress.kubernetes.io"
EVERYONE = "0.0.0.0/0"
PRIVATE_NETWORKS = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16"
"""Where a cluster's pods and nodes are, and so its ingress controller."""


@dataclass(frozen=True, kw_only=True)
class FrontArgs:
    """`deployment` must be there first: a Service counts as made once it has a pod."""

    scope: Scope
    plan: FrontPlan
    web: ServicePlan
    options: KubernetesOptions
    deployment: pulumi.Resource


class Front(Component):
    """The Service of the page and of the jobs' address and, unless it is forwarded, the Ingress."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: FrontArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them."""
        super().__init__(name, opts)
        service = k8s.core.v1.Service(
            NAME,
            metadata=args.scope.metadata(NAME, component=args.web.name),
            spec={
                "selector": args.scope.selector(args.web.name),
                "ports": [{"name": PORT, "port": SERVICE_PORT, "target_port": PORT}],
            },
            opts=self.child(args.deployment),
        )
        if args.plan.exposure is not Exposure.PORT_FORWARD:
            k8s.networking.v1.Ingress(
                NAME,
                metadata=args.scope.metadata(NAME, component=args.web.name, annotations=told_to_controllers(args)),
                spec=_ingress(args),
                opts=self.child(service),
            )
        self.finish(url=page_url(args.plan))


def page_url(plan: FrontPlan) -> str:
    """Return the address that people open."""
    if plan.exposure is Exposure.PORT_FORWARD:
        return f"http://localhost:{LOCAL_PORT}"
    return f"https://{plan.domain}"


def jobs_url(scope: Scope) -> str:
    """Return the address at which jobs reach the server, inside the cluster."""
    return f"http://{scope.host(NAME)}"


def _ingress(args: FrontArgs) -> Object:
    domain = args.plan.domain
    backend = {"service": {"name": NAME, "port": {"name": PORT}}}
    return {
        **({"ingress_class_name": args.options.ingress_class} if args.options.ingress_class else {}),
        "rules": [{"host": domain, "http": {"paths": [{"path": "/", "path_type": "Prefix", "backend": backend}]}}],
        "tls": [{"hosts": [domain], "secret_name": args.options.tls_secret or TLS_SECRET}],
    }


def is_nginx(options: KubernetesOptions) -> bool:
    """Return whether the ingress class is one of ingress-nginx, by its name: only its annotations are written here."""
    return "nginx" in (options.ingress_class or "")


def told_to_controllers(args: FrontArgs) -> dict[str, str]:
    """Return what the issuer and ingress-nginx read from an Ingress; other controllers read nothing of it."""
    found = {}
    if args.options.issuer and not args.options.tls_secret:
        found["cert-manager.io/cluster-issuer"] = args.options.issuer
    if is_nginx(args.options):
        idle = str(args.plan.idle_seconds)
        nginx = {
            "force-ssl-redirect": "true",
            "proxy-body-size": "64m",
            "proxy-read-timeout": idle,
            "proxy-send-timeout": idle,
            "ssl-redirect": "true",
            "whitelist-source-range": ",".join(args.plan.allowed_cidrs),
        }
        if args.web.maximum > 1:
            nginx |= {"affinity": "cookie", "session-cookie-name": "penstock-server"}
        found |= {f"{NGINX}/{key}": value for key, value in nginx.items()}
    return dict(sorted(found.items()))


def not_enforced(plan: FrontPlan, options: KubernetesOptions) -> list[str]:
    """Return what the config asks of the front and this program cannot see to, in the operator's words."""
    if plan.exposure is Exposure.PORT_FORWARD:
        return []
    found = []
    if not is_nginx(options):
        which = f"ingress class {options.ingress_class}" if options.ingress_class else "the cluster's ingress class"
        found.append(
            f"See to it in {which}, whose controller this program does not know: redirect HTTP, TLS 1.2 and newer, "
            f"WebSockets that may be silent for {plan.idle_seconds} s"
        )
        if plan.allowed_cidrs != (EVERYONE,):
            networks = ", ".join(plan.allowed_cidrs)
            found.append(
                f"NOT ENFORCED: allowedCidrs ({networks}). Only ingress-nginx is told; narrow {which} yourself"
            )
    if plan.exposure is Exposure.PRIVATE:
        found.append("exposure private: the ingress class must be one whose balancer has a private address")
    return found
