"""GCP as its stand-in knows it: what it computes, replaces and refuses to delete. Its rules are in gcp_rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.engine.clouds import gcp_rules as rules
from support.engine.clouds.gcp_tokens import (
    ACCOUNT,
    ACCOUNT_MEMBER,
    ADDRESS,
    ALERT,
    ASSOCIATION,
    BACKEND,
    BACKUP_PLAN,
    BUCKET,
    BUDGET,
    CACHE,
    CERTIFICATE,
    CHANNEL,
    CLUSTER,
    CLUSTER_MEMBER,
    CONNECTION,
    DASHBOARD,
    DATABASE,
    DATABASE_INSTANCE,
    DATABASE_USER,
    FIREWALL,
    FOLDER,
    FORWARDING,
    HTTP_PROXY,
    HTTPS_PROXY,
    JOB,
    JOB_MEMBER,
    LOG_BUCKET,
    NAT,
    NEG,
    NETWORK,
    NUMBER,
    POLICY,
    POOL,
    POOL_MEMBER,
    PROJECT,
    PROJECT_MEMBER,
    REGION,
    REPOSITORY,
    ROLE,
    ROUTER,
    SECRET,
    SECRET_MEMBER,
    SECRET_VERSION,
    SERVICE,
    SHARE,
    SINK,
    SPARK_POLICY,
    SSL_POLICY,
    SUBNET,
    URL_MAP,
    VAULT,
)
from support.engine.facts import CloudFacts, Inputs, Made

Outputs = dict[str, Any]


def place(made: Made) -> str:
    return str(made.inputs.get("location") or made.inputs.get("region") or REGION)


def named(kind: str, key: str = "name", *, link: bool = False) -> Callable[[Made], Outputs]:
    """Return what gives an object its path as id: `{region}` in `kind` is its region."""

    def outputs(made: Made) -> Outputs:
        identity = f"projects/{PROJECT}/{kind.format(region=place(made))}/{made.inputs[key]}"
        return {"id": identity} | ({"selfLink": f"https://www.googleapis.com/compute/v1/{identity}"} if link else {})

    return outputs


def numbered(kind: str) -> Callable[[Made], Outputs]:
    """Return what gives an object a name of Google's own making."""

    def outputs(made: Made) -> Outputs:
        identity = f"projects/{PROJECT}/{kind}/{made.digest(16)}"
        return {"id": identity, "name": identity}

    return outputs


def pem(made: Made, count: int = 1) -> list[dict[str, str]]:
    bodies = [f"{made.name} {number} of {made.digest(6)}" for number in range(count)]
    body = [f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in bodies]
    return [{"cert": text, "commonName": "authority"} for text in body]


def address(made: Made) -> Outputs:
    given = {} if "address" in made.inputs else {"address": f"34.8.0.{int(made.digest(2), 16)}"}
    return named("global/addresses", link=True)(made) | given


def share(made: Made) -> Outputs:
    networks = [{**one, "ipAddresses": ["10.40.16.2"]} for one in made.inputs["networks"]]
    return named("locations/{region}/instances")(made) | {
        "networks": networks,
        "createTime": f"2026-11-25#{made.digest(6)}",
    }


def database(made: Made) -> Outputs:
    name = made.inputs["name"]
    return {
        "id": name,
        "connectionName": f"{PROJECT}:{REGION}:{name}",
        "privateIpAddress": "10.40.17.3",
        "publicIpAddress": "",
        "serverCaCerts": pem(made),
    }


def cache(made: Made) -> Outputs:
    return named("locations/{region}/instances")(made) | {
        "host": "10.40.18.4",
        "port": 6378,
        "authString": made.digest(36),
        "serverCaCerts": pem(made),
    }


def secret(made: Made) -> Outputs:
    path = f"projects/{PROJECT}/secrets/{made.inputs['secretId']}"
    return {"id": path, "name": f"projects/{NUMBER}/secrets/{made.inputs['secretId']}"}


def secret_version(made: Made) -> Outputs:
    # Another value is another version: what refers to one by number must see it change.
    number = str(1 + int(made.digest(3), 16))
    path = f"{made.inputs['secret']}/versions/{number}"
    return {"id": path, "name": path, "version": number}


def account(made: Made) -> Outputs:
    email = f"{made.inputs['accountId']}@{PROJECT}.iam.gserviceaccount.com"
    path = f"projects/{PROJECT}/serviceAccounts/{email}"
    return {"id": path, "name": path, "email": email, "member": f"serviceAccount:{email}"}


def role(made: Made) -> Outputs:
    path = f"projects/{PROJECT}/roles/{made.inputs['roleId']}"
    return {"id": path, "name": path, "deleted": False}


def service(made: Made) -> Outputs:
    url = f"https://{made.inputs['name']}-{NUMBER}.{place(made)}.run.app"
    return named("locations/{region}/services")(made) | {"uri": url, "urls": [url]}


def bucket(made: Made) -> Outputs:
    name = made.inputs["name"]
    return {"id": name, "url": f"gs://{name}", "projectNumber": NUMBER}


def repository(made: Made) -> Outputs:
    name = made.inputs["repositoryId"]
    path = f"projects/{PROJECT}/locations/{place(made)}/repositories/{name}"
    return {"id": path, "name": name, "registryUri": f"{place(made)}-docker.pkg.dev/{PROJECT}/{name}"}


def log_bucket(made: Made) -> Outputs:
    path = f"projects/{PROJECT}/locations/{place(made)}/buckets/{made.inputs['bucketId']}"
    return {"id": path, "name": path}


def spark_policy(made: Made) -> Outputs:
    path = f"projects/{PROJECT}/locations/{place(made)}/autoscalingPolicies/{made.inputs['policyId']}"
    return {"id": path, "name": path}


def by_id(kind: str, key: str) -> Callable[[Made], Outputs]:
    def outputs(made: Made) -> Outputs:
        path = f"projects/{PROJECT}/locations/{place(made)}/{kind}/{made.inputs[key]}"
        return {"id": path, "name": path}

    return outputs


def project(arguments: Inputs) -> Mapping[str, Any]:
    known = arguments.get("projectId") or PROJECT
    return {
        "id": f"projects/{known}",
        "projectId": known,
        "name": known,
        "number": NUMBER,
        "billingAccount": "0A-1B-2C",
    }


def client(arguments: Inputs) -> Mapping[str, Any]:
    return {"id": "client", "accessToken": "ya29.made-up", "project": PROJECT, "region": REGION, "zone": ""}


def protected(what: str, *paths: str, unset: bool = False) -> Callable[[Inputs], str | None]:
    """Return what refuses a deletion while one of these properties is true; `unset`: also while left out."""

    def refusal(inputs: Inputs) -> str | None:
        for path in paths:
            value: Any = inputs
            for part in path.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is True or (value is None and unset):
                return f"{what} cannot be deleted while {path} is true"
        return None

    return refusal


def peering(inputs: Inputs) -> str | None:
    if inputs.get("deletionPolicy") == "REMOVE_PEERING":
        return None
    return "Failed to delete connection; Producer services (e.g. CloudSQL) are still using this connection."


IAM = ["member", "role", "condition"]
RUN = ["name", "location", "project"]
AUTONAMED = (
    ADDRESS, BACKEND, BUCKET, CACHE, CERTIFICATE, CLUSTER, DATABASE_INSTANCE, FIREWALL, FORWARDING, HTTP_PROXY,
    HTTPS_PROXY, JOB, NAT, NEG, NETWORK, POLICY, POOL, ROUTER, SERVICE, SHARE, SINK, SSL_POLICY, SUBNET, URL_MAP,
)  # fmt: skip

FACTS = CloudFacts(
    outputs={
        ACCOUNT: account,
        ADDRESS: address,
        ALERT: numbered("alertPolicies"),
        ASSOCIATION: by_id("backupPlanAssociations", "backupPlanAssociationId"),
        BACKEND: named("global/backendServices", link=True),
        BACKUP_PLAN: by_id("backupPlans", "backupPlanId"),
        BUCKET: bucket,
        BUDGET: numbered("budgets"),
        CACHE: cache,
        CERTIFICATE: named("global/sslCertificates", link=True),
        CHANNEL: numbered("notificationChannels"),
        CLUSTER: named("regions/{region}/clusters"),
        DASHBOARD: numbered("dashboards"),
        DATABASE_INSTANCE: database,
        FIREWALL: named("global/firewalls", link=True),
        FORWARDING: named("global/forwardingRules", link=True),
        HTTP_PROXY: named("global/targetHttpProxies", link=True),
        HTTPS_PROXY: named("global/targetHttpsProxies", link=True),
        JOB: named("locations/{region}/jobs"),
        LOG_BUCKET: log_bucket,
        NEG: named("regions/{region}/networkEndpointGroups", link=True),
        NETWORK: named("global/networks", link=True),
        POLICY: named("global/securityPolicies", link=True),
        POOL: named("locations/{region}/workerPools"),
        REPOSITORY: repository,
        ROLE: role,
        ROUTER: named("regions/{region}/routers", link=True),
        SECRET: secret,
        SECRET_VERSION: secret_version,
        SERVICE: service,
        SHARE: share,
        SPARK_POLICY: spark_policy,
        SSL_POLICY: named("global/sslPolicies", link=True),
        SUBNET: named("regions/{region}/subnetworks", link=True),
        URL_MAP: named("global/urlMaps", link=True),
        VAULT: by_id("backupVaults", "backupVaultId"),
    },
    secret_outputs={DATABASE_INSTANCE: ["serverCaCerts"], CACHE: ["authString"]},
    replaces={
        ACCOUNT: ["accountId"],
        ACCOUNT_MEMBER: [*IAM, "serviceAccountId"],
        ADDRESS: ["name", "address", "addressType", "purpose", "prefixLength", "network"],
        ASSOCIATION: ["backupPlanAssociationId", "location", "resource", "resourceType"],
        BUCKET: ["name", "location"],
        CACHE: [
            "name",
            "region",
            "tier",
            "authorizedNetwork",
            "connectMode",
            "transitEncryptionMode",
            "reservedIpRange",
        ],
        CERTIFICATE: ["name", "managed"],
        CLUSTER: [
            "name",
            "region",
            "clusterConfig.gceClusterConfig",
            "clusterConfig.stagingBucket",
            "clusterConfig.softwareConfig",
        ],
        CLUSTER_MEMBER: [*IAM, "cluster"],
        CONNECTION: ["network", "service"],
        DATABASE: ["name", "instance"],
        DATABASE_INSTANCE: [
            "name",
            "region",
            "settings.ipConfiguration.privateNetwork",
            "settings.ipConfiguration.allocatedIpRange",
        ],
        DATABASE_USER: ["name", "instance"],
        FIREWALL: ["name", "network", "direction"],
        JOB: RUN,
        JOB_MEMBER: [*IAM, "name", "location"],
        LOG_BUCKET: ["bucketId", "location"],
        NETWORK: ["name", "autoCreateSubnetworks"],
        POOL: RUN,
        POOL_MEMBER: [*IAM, "name", "location"],
        PROJECT_MEMBER: IAM,
        REPOSITORY: ["repositoryId", "location", "format"],
        ROLE: ["roleId"],
        ROUTER: ["name", "network", "region"],
        SECRET: ["secretId", "replication"],
        SECRET_MEMBER: [*IAM, "secretId"],
        SECRET_VERSION: ["secret", "secretData"],
        SERVICE: RUN,
        SHARE: ["name", "tier", "location", "fileShares.name", "networks", "protocol"],
        SPARK_POLICY: ["policyId", "location"],
        SUBNET: ["name", "network", "region"],
        VAULT: ["backupVaultId", "location"],
        FOLDER: ["bucket", "name"],
        NEG: ["name", "region", "cloudRun", "networkEndpointType"],
    },
    names=dict.fromkeys(AUTONAMED, "name"),
    unique={
        ACCOUNT: "accountId",
        BUCKET: "name",
        JOB: "name",
        NETWORK: "name",
        POOL: "name",
        REPOSITORY: "repositoryId",
        ROLE: "roleId",
        SECRET: "secretId",
        SERVICE: "name",
        SHARE: "name",
    },
    rules=rules.RULES,
    delete_refusals={
        CACHE: protected("the instance", "deletionProtection", unset=True),
        CONNECTION: peering,
        DATABASE_INSTANCE: protected("the instance", "deletionProtection", "settings.deletionProtectionEnabled"),
        JOB: protected("the job", "deletionProtection", unset=True),
        POOL: protected("the pool", "deletionProtection", unset=True),
        SECRET: protected("the secret", "deletionProtection"),
        SERVICE: protected("the service", "deletionProtection", unset=True),
        SHARE: protected("the share", "deletionProtectionEnabled"),
    },
    invokes={
        "gcp:organizations/getProject:getProject": project,
        "gcp:organizations/getClientConfig:getClientConfig": client,
    },
)
