"""What holds data in a cluster: the share, Postgres, its dumps, Redis, secrets; and the same from outside."""

from __future__ import annotations

import re

import pytest

DIGEST = "@sha256:" + "a" * 64


def variables(stack, name):
    """Return a Deployment's variables: their value, or `secret#key`."""
    found = {}
    for each in stack.container("Deployment", name)["env"]:
        reference = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = f"{reference['name']}#{reference['key']}" if reference else each["value"]
    return found


def test_the_share_is_written_by_many_on_the_class_that_is_named(rendering):
    stack = rendering("ha", kubernetes={"storageClass": "shared", "blockStorageClass": "fast"}, files={"sizeGb": 50})
    share = stack.named("PersistentVolumeClaim", "share")["spec"]
    assert share == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "50Gi"}},
        "storageClassName": "shared",
    }
    assert stack.named("PersistentVolumeClaim", "postgres-data")["spec"]["storageClassName"] == "fast"
    assert "storageClassName" not in rendering("ha").named("PersistentVolumeClaim", "share")["spec"]


def test_services_find_postgres_by_name_and_its_password_by_reference(rendering):
    for name in ("web", "scheduler"):
        found = variables(rendering("ha"), name)
        assert (found["PENSTOCK_DB_HOST"], found["PENSTOCK_DB_PORT"]) == ("postgres.penstock.svc", "5432")
        assert found["PENSTOCK_DB_PASSWORD"] == "database-password#value"
        assert found["PENSTOCK_ENCRYPTION_KEY"] == "encryption-key#value"
        assert found["REDIS_URL"] == "redis-url#value"
        assert "DATABASE_URL" not in found
        assert "PENSTOCK_CA_FILE" not in found


def test_only_a_service_that_serves_the_page_has_the_owner_code(rendering):
    assert variables(rendering("ha"), "web")["PENSTOCK_OWNER_CODE"] == "owner-code#value"
    assert "PENSTOCK_OWNER_CODE" not in variables(rendering("ha"), "scheduler")
    assert variables(rendering("single"), "penstock")["PENSTOCK_OWNER_CODE"] == "owner-code#value"


def test_postgres_fits_its_size(rendering):
    arguments = rendering("ha").container("StatefulSet", "postgres")["args"]
    assert arguments == ["--max_connections=400", "--shared_buffers=1024MB", "--effective_cache_size=2560MB"]
    assert rendering("ha").container("StatefulSet", "postgres")["resources"]["limits"] == {
        "cpu": "2",
        "memory": "4096Mi",
    }


def test_postgres_writes_only_into_what_is_mounted(rendering):
    mounted = {each["mountPath"] for each in rendering("ha").container("StatefulSet", "postgres")["volumeMounts"]}
    assert {"/var/lib/postgresql/data", "/var/run/postgresql", "/tmp", "/dev/shm"} <= mounted


def test_redis_has_its_password_in_a_file_and_not_on_its_command_line(rendering):
    stack = rendering("ha")
    container = stack.container("StatefulSet", "redis")
    settings = stack.named("Secret", "redis-settings")["stringData"]
    url = stack.named("Secret", "redis-url")["stringData"]["value"]
    assert url == f"redis://:{settings['password']}@redis.penstock.svc:6379/0"
    assert f"requirepass {settings['password']}\n" in settings["redis.conf"]
    assert settings["password"] not in str(container)
    assert "maxmemory 192mb" in settings["redis.conf"]


def test_dumps_are_kept_as_long_as_the_topology_says(rendering):
    for topology, days in (("single", 7), ("ha", 14)):
        script = rendering(topology).container("CronJob", "database-backup")["command"][-1]
        assert re.search(rf"name 'penstock-\*\.dump' -mtime \+{days} -delete", script)
        assert "/mnt/penstock/backups" in script


def test_images_of_data_are_pinned_by_tag_unless_a_digest_is_given(rendering):
    stack = rendering("ha")
    assert stack.container("StatefulSet", "postgres")["image"] == "docker.io/library/postgres:17-bookworm"
    assert "pin it by digest with kubernetes.postgresImage" in stack.steps()
    given = {
        "postgresImage": f"mirror.example.com/postgres{DIGEST}",
        "redisImage": f"mirror.example.com/valkey{DIGEST}",
    }
    pinned = rendering("ha", kubernetes=given)
    assert pinned.container("StatefulSet", "postgres")["image"] == given["postgresImage"]
    assert pinned.container("CronJob", "database-backup")["image"] == given["postgresImage"]
    assert pinned.container("StatefulSet", "redis")["image"] == given["redisImage"]
    assert "by tag" not in pinned.steps()


OUTSIDE = {"databaseSecret": "our-database", "redisSecret": "our-redis", "imagePullSecret": "our-registry"}


def test_what_is_outside_is_found_by_the_operators_secrets_and_made_nowhere(rendering):
    stack = rendering("ha", kubernetes=OUTSIDE)
    for name in ("web", "scheduler"):
        found = variables(stack, name)
        assert found["DATABASE_URL"] == "our-database#url"
        assert found["REDIS_URL"] == "our-redis#url"
        assert [each for each in found if each.startswith("PENSTOCK_DB_") and each != "PENSTOCK_DB_POOL_SIZE"] == []
    assert stack.of("StatefulSet") == stack.of("CronJob") == []
    assert {one["metadata"]["name"] for one in stack.of("Secret")} == {"encryption-key", "owner-code"}
    assert stack.outputs["databaseEndpoint"] == stack.outputs["databaseSecret"] == "penstock/our-database#url"
    assert stack.outputs["redisEndpoint"] == "penstock/our-redis#url"
    assert "must hold the URL under the key url" in stack.steps()


def test_every_account_pulls_with_the_operators_secret(rendering):
    for account in rendering("ha", kubernetes=OUTSIDE).of("ServiceAccount"):
        assert account["imagePullSecrets"] == [{"name": "our-registry"}]


def test_split_has_redis_only_when_it_is_asked_for(rendering):
    assert rendering("split").outputs["redisEndpoint"] == ""
    assert rendering("split", redis={"size": "small"}).outputs["redisEndpoint"] == "redis.penstock.svc:6379"
    assert "REDIS_URL" not in variables(rendering("split"), "web")


def secret_values(stack):
    return [value for one in stack.of("Secret") for value in one["stringData"].values()]


@pytest.mark.parametrize("topology", ["single", "autoscale"])
def test_no_secret_is_in_the_clear_in_state_outputs_or_pods(rendering, topology):
    stack = rendering(topology)
    others = str([one for one in stack.manifests if one["kind"] != "Secret"])
    values = secret_values(stack)
    assert len(values) >= 3
    for value in values:
        assert value not in stack.state
        assert value not in str(stack.outputs)
        assert value not in others
    assert stack.record.secret_outputs == frozenset()


def test_pods_start_anew_when_a_secret_of_theirs_changes(rendering):
    checksums = {
        name: rendering("ha").named(kind, name)["spec"]["template"]["metadata"]["annotations"]["penstock/checksum"]
        for kind, name in (
            ("Deployment", "web"), ("Deployment", "scheduler"), ("StatefulSet", "postgres"), ("StatefulSet", "redis"),
        )
    }  # fmt: skip
    assert all(re.fullmatch("[0-9a-f]{16}", value) for value in checksums.values())
    assert len(set(checksums.values())) == 4
    assert (
        checksums["postgres"]
        == rendering("ha", "public").named("StatefulSet", "postgres")["spec"]["template"]["metadata"]["annotations"][
            "penstock/checksum"
        ]
    )
