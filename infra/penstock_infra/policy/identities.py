"""Rules for who may what: single actions on single things, on every cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock_infra.policy.documents import Statement, allowed, listed, texts
from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import GIVEN, Must, Part

INLINE = "aws:iam/rolePolicy:RolePolicy"
POLICY = "aws:iam/policy:Policy"
USER_POLICY = "aws:iam/userPolicy:UserPolicy"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
RESOURCE_POLICIES = ("aws:s3/bucketPolicy:BucketPolicy", "aws:efs/fileSystemPolicy:FileSystemPolicy")
IDENTITY_POLICIES = (INLINE, POLICY, USER_POLICY)
CUSTOM_ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
AZURE_ROLE = "azure-native:authorization:RoleDefinition"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
CLUSTER_ROLES = (f"{RBAC}:ClusterRole", f"{RBAC}:Role")

WITHOUT_RESOURCE: dict[str, str] = {
    "ecr:GetAuthorizationToken": "takes no resource; the token opens nothing that the other rights do not",
    "ecs:ListTasks": "takes no tasks; a condition names the cluster",
    "elasticmapreduce:ListClusters": "takes no resource; it tells names and states",
    "elasticmapreduce:RunJobFlow": "makes what has no name yet; a condition asks for the stack's tags",
}
"""Actions of AWS that go with the resource `*`, each with its reason."""
ON_A_CONDITION = frozenset({"ecs:ListTasks", "elasticmapreduce:RunJobFlow"})
"""Those of them that a condition must narrow."""
KEPT_BY_AWS: dict[str, str] = {
    "AWSBackupServiceRolePolicyForBackup": "what AWS Backup itself needs",
    "AWSBackupServiceRolePolicyForRestores": "what AWS Backup itself needs to restore",
    "AmazonEMRServicePolicy_v2": "what EMR itself needs, on what carries EMR's tag",
}
"""Policies that AWS keeps and that a role may have, each with its reason."""
GOOGLE_PRIMITIVE = re.compile(
    r"roles/(owner|editor|viewer|browser|admin)|roles/iam\.securityAdmin|roles/[a-zA-Z.]+\.admin"
)
AZURE_PRIMITIVE: dict[str, str] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""Roles of Azure's that open whatever is in a scope."""
SUBSCRIPTION = re.compile(r"/subscriptions/[^/]+/?|/|/providers/Microsoft\.Management/.*")
RESOURCE_GROUP = re.compile(r"/subscriptions/[^/]+/resourceGroups/(?P<name>[^/]+)/?")
JOBS_GROUP = re.compile(r".*-jobs-.*")
"""The group in which executors make container groups, which have no id before, and nothing else is."""
GRANTING_VERBS = frozenset({"bind", "escalate", "impersonate"})


def no_wildcard(resource: Resource) -> Iterator[str]:
    """No statement that allows has a `*` in its actions, or `NotAction`."""
    for statement in allowed(resource.get("policy")):
        for action in texts(statement, "Action"):
            if "*" in action:
                yield f"allows {action}; name single actions in policy"
        if "NotAction" in statement:
            yield "allows all actions but some; name single actions in policy"


def no_google_wildcard(resource: Resource) -> Iterator[str]:
    """No permission of a role has a `*`."""
    for permission in resource.texts("permissions"):
        if "*" in permission:
            yield f"holds {permission}; name single permissions"


def no_azure_wildcard(resource: Resource) -> Iterator[str]:
    """No action or data action of a role has a `*`."""
    for part in resource.each("permissions"):
        for action in (*part.texts("actions"), *part.texts("dataActions")):
            if "*" in action:
                yield f"holds {action}; name single actions in {part.at}"


def no_cluster_wildcard(resource: Resource) -> Iterator[str]:
    """No rule of a role has a `*` in its verbs, resources or groups, and none hands on rights."""
    for rule in resource.each("rules"):
        for path in ("verbs", "resources", "apiGroups"):
            if any("*" in text for text in rule.texts(path)):
                yield f"{rule.at}.{path} is a wildcard; name single ones"
        if handing := GRANTING_VERBS & set(rule.texts("verbs")):
            yield f"{rule.at}.verbs lets its holder become more ({', '.join(sorted(handing))}); take that out"


NO_WILDCARD = Rule(
    "no-wildcard-action",
    "Rights are single actions: no `*` in a policy, a role or RBAC.",
    {
        **{kind: [no_wildcard] for kind in (*IDENTITY_POLICIES, *RESOURCE_POLICIES)},
        CUSTOM_ROLE: [no_google_wildcard],
        AZURE_ROLE: [no_azure_wildcard],
        **{kind: [no_cluster_wildcard] for kind in CLUSTER_ROLES},
    },
    exceptions=("A statement that denies may deny everything.",),
)


def pass_role_narrow(resource: Resource) -> Iterator[str]:
    """`iam:PassRole` names its roles, and to which service (`iam:PassedToService`) they may go."""
    for statement in allowed(resource.get("policy")):
        if "iam:PassRole" not in texts(statement, "Action"):
            continue
        if not _names_service(statement):
            yield "hands roles to any service; add a condition on iam:PassedToService"
        if any(one.endswith(("role/*", "*")) for one in texts(statement, "Resource")):
            yield "hands on any role; name the roles in Resource"


def _names_service(statement: Statement) -> bool:
    conditions = statement.get("Condition")
    found = conditions.values() if isinstance(conditions, dict) else ()
    return any("iam:PassedToService" in one for one in found if isinstance(one, dict))


PASS_ROLE = Rule(
    "pass-role-narrow",
    "Who may hand on a role may hand on named roles to named services.",
    {kind: [pass_role_narrow] for kind in IDENTITY_POLICIES},
)


def no_kept_policy(resource: Resource) -> Iterator[str]:
    """`policyArn` is a policy of the stack's own, or one of the named ones that AWS keeps."""
    yield from _kept(resource.texts("policyArn"))


def no_kept_policies(resource: Resource) -> Iterator[str]:
    """`managedPolicyArns` are policies of the stack's own, or of the named ones that AWS keeps."""
    yield from _kept(resource.texts("managedPolicyArns"))


def _kept(arns: list[str]) -> Iterator[str]:
    for arn in arns:
        if ":aws:policy/" in arn and arn.rpartition("/")[2] not in KEPT_BY_AWS:
            yield f"has {arn.rpartition('/')[2]}, which AWS may widen; write a policy of single actions instead"


def no_google_primitive(resource: Resource) -> Iterator[str]:
    """`role` is neither owner, editor or viewer nor a service's admin."""
    if GOOGLE_PRIMITIVE.fullmatch(resource.text("role")):
        yield f"gives {resource.text('role')}; give a role of single permissions"


def no_azure_primitive(resource: Resource) -> Iterator[str]:
    """`roleDefinitionId` is neither Owner, Contributor or Reader nor an administrator of access."""
    name = AZURE_PRIMITIVE.get(resource.text("roleDefinitionId").rpartition("/")[2].lower())
    if name:
        yield f"gives {name}; give a role of single actions in roleDefinitionId"


GOOGLE_MEMBERS = (
    "gcp:projects/iAMMember:IAMMember",
    "gcp:storage/bucketIAMMember:BucketIAMMember",
    "gcp:storage/managedFolderIamMember:ManagedFolderIamMember",
    "gcp:secretmanager/secretIamMember:SecretIamMember",
    "gcp:serviceaccount/iAMMember:IAMMember",
    "gcp:cloudrunv2/jobIamMember:JobIamMember",
    "gcp:cloudrunv2/workerPoolIamMember:WorkerPoolIamMember",
    "gcp:dataproc/clusterIAMMember:ClusterIAMMember",
    "gcp:logging/logViewIamMember:LogViewIamMember",
)

NO_PRIMITIVE = Rule(
    "no-primitive-role",
    "Nobody has a role that opens all there is, such as owner, editor or contributor.",
    {
        ATTACHMENT: [no_kept_policy],
        ROLE: [no_kept_policies],
        **{kind: [no_google_primitive] for kind in GOOGLE_MEMBERS},
        ASSIGNMENT: [no_azure_primitive],
    },
    exceptions=tuple(f"`{name}`: {why}." for name, why in KEPT_BY_AWS.items()),
)


def on_named_resources(resource: Resource) -> Iterator[str]:
    """What is allowed on the resource `*` is one of the named actions that take no resource."""
    for statement in allowed(resource.get("policy")):
        everywhere = "*" in texts(statement, "Resource") or "NotResource" in statement
        actions = texts(statement, "Action")
        wide = [one for one in actions if one not in WITHOUT_RESOURCE]
        if everywhere and wide:
            yield f"allows {', '.join(wide)} on everything; name the stack's own resources in Resource"
        if everywhere and ON_A_CONDITION & set(actions) and not statement.get("Condition"):
            yield f"allows {', '.join(actions)} on everything; add a Condition that names the stack's own"


def trusts_somebody(resource: Resource) -> Iterator[str]:
    """`assumeRolePolicy` lets in a named service or account, not everybody."""
    for statement in allowed(resource.get("assumeRolePolicy")):
        principals = statement.get("Principal")
        who = principals.values() if isinstance(principals, dict) else [principals]
        if any("*" in listed(one) for one in who):
            yield "everybody may take the role; name a service or a role in Principal"


def opens_to_somebody(resource: Resource) -> Iterator[str]:
    """`policy` allows nothing to everybody."""
    for statement in allowed(resource.get("policy")):
        principals = statement.get("Principal")
        who = principals.values() if isinstance(principals, dict) else [principals]
        if any("*" in listed(one) for one in who):
            yield "allows everybody something; name a role in Principal"


def own_role_on_project(resource: Resource) -> Iterator[str]:
    """A right on the whole project is a role of the stack's own."""
    role = resource.text("role")
    if role.startswith("roles/") and not GOOGLE_PRIMITIVE.fullmatch(role):
        yield f"gives {role} on everything in the project; give it on single resources, or a role of single permissions"


def does_not_overwrite(resource: Resource) -> Iterator[str]:
    """There is none: it would take away what others gave."""
    yield f"{resource.type.rpartition(':')[2]} takes rights away from everybody else; use an IAMMember"


def assigned_narrowly(resource: Resource) -> Iterator[str]:
    """`scope` is a single resource; no subscription, and no resource group but the jobs' own."""
    scope = resource.text("scope")
    group = RESOURCE_GROUP.fullmatch(scope)
    if SUBSCRIPTION.fullmatch(scope):
        yield "is for the whole subscription; set scope to a single resource"
    elif group and not JOBS_GROUP.fullmatch(group["name"]):
        yield f"is for everything in {group['name']}; set scope to a single resource"


def within_a_namespace(resource: Resource) -> Iterator[str]:
    """There is none: rights are for a namespace."""
    yield f"is for the whole cluster ({resource.text('metadata.name')}); use a Role and a RoleBinding in a namespace"


def reads_named_secrets(resource: Resource) -> Iterator[str]:
    """A rule about Secrets or accounts' tokens names which."""
    for rule in resource.each("rules"):
        if _about_secrets(rule) and rule.get("resourceNames") in (None, []):
            yield f"{rule.at} is about every Secret of the namespace; name them in resourceNames"


def _about_secrets(rule: Part) -> bool:
    return bool({"secrets", "serviceaccounts/token"} & set(rule.texts("resources")))


NARROW = Rule(
    "narrow-grants",
    "Rights are for single resources of the stack.",
    {
        **{kind: [on_named_resources] for kind in IDENTITY_POLICIES},
        ROLE: [trusts_somebody],
        **{kind: [opens_to_somebody] for kind in RESOURCE_POLICIES},
        "gcp:projects/iAMMember:IAMMember": [own_role_on_project],
        "gcp:projects/iAMBinding:IAMBinding": [does_not_overwrite],
        "gcp:projects/iAMPolicy:IAMPolicy": [does_not_overwrite],
        ASSIGNMENT: [
            assigned_narrowly,
            Must("principalType", GIVEN, "a fresh identity is not found"),
        ],
        f"{RBAC}:ClusterRole": [within_a_namespace],
        f"{RBAC}:ClusterRoleBinding": [within_a_namespace],
        f"{RBAC}:Role": [reads_named_secrets],
    },
    exceptions=(
        *(f"AWS, `{name}`: it {why}." for name, why in WITHOUT_RESOURCE.items()),
        "GCP, roles of the stack's own on the project: what Spark makes has no policy of its own before it is made.",
        "Azure: the jobs' resource group, in which executors make container groups and nothing else is.",
    ),
)

RULES = (NO_WILDCARD, PASS_ROLE, NO_PRIMITIVE, NARROW)
