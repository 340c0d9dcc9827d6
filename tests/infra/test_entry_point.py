"""`pulumi preview` in a copy of the repository: project file, entry file and program as an operator has them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from penstock_platform.vocabulary import Cloud
from support.engine.binary import engine_command
from support.engine.language_host import ProcessHost, served
from support.engine.providers import StandIns
from support.engine.world import World
from support.sources import ROOT
from support.stack_configs import config_of

SDKS = {
    Cloud.AWS: "pulumi_aws",
    Cloud.GCP: "pulumi_gcp",
    Cloud.AZURE: "pulumi_azure_native",
    Cloud.KUBERNETES: "pulumi_kubernetes",
}
PYTHON_PATH = os.pathsep.join(str(ROOT / folder) for folder in ("platform", "infra"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project file and the programs, in a folder of this test's own."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    return folder


def pulumi(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [engine_command().command, *arguments, "--non-interactive", "--color=never"]
    env = {
        **os.environ,
        "PULUMI_HOME": str(project.parent / "home"),
        "PULUMI_BACKEND_URL": f"file://{project.parent}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **environment,
    }
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False, timeout=100)


def write_stack(project: Path, config: dict) -> None:
    """Write the stack's file where the project file says that they are."""
    done = pulumi(project, "stack", "init", "dev")
    assert done.returncode == 0, done.stderr
    path = project / "infra" / "stacks" / "Pulumi.dev.yaml"
    kept = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**kept, "config": {**config, "pulumi:disable-default-providers": ["*"]}}))


@pytest.mark.parametrize("cloud", list(Cloud))
def test_pulumi_preview_enters_by_the_entry_file_and_loads_one_cloud(project, cloud):
    write_stack(project, config_of(cloud, "single"))
    host = ProcessHost(project / "infra", PYTHON_PATH)
    with served(host) as port, StandIns(World()) as stand_ins:
        attached = {"PULUMI_DEBUG_PROVIDERS": stand_ins.attachments}
        done = pulumi(project, "preview", f"--client=127.0.0.1:{port}", "--json", **attached)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    plan = json.loads(done.stdout)
    assert plan["changeSummary"].keys() == {"create"}
    loaded = set(host.reports[0]["sdks"])
    assert loaded & set(SDKS.values()) == {SDKS[cloud]}


def test_a_bad_config_ends_before_any_cloud_is_loaded(project):
    write_stack(project, config_of("aws", "ha", database={"size": "small"}, domain=None))
    host = ProcessHost(project / "infra", PYTHON_PATH)
    with served(host) as port, StandIns(World()) as stand_ins:
        attached = {"PULUMI_DEBUG_PROVIDERS": stand_ins.attachments}
        done = pulumi(project, "preview", f"--client=127.0.0.1:{port}", **attached)
    assert done.returncode != 0
    assert "penstock:certificate: the page is served by HTTPS alone" in done.stdout
    assert "penstock:database.size: small (db.t4g.small) is burstable" in done.stdout
    assert "Traceback" not in done.stdout
    assert set(host.reports[0]["sdks"]) & set(SDKS.values()) == set()


def test_a_stack_without_a_topology_is_told_so(project):
    config = config_of("aws", "ha")
    del config["penstock:topology"]
    write_stack(project, config)
    done = pulumi(project, "preview")
    assert done.returncode != 0
    assert "missing configuration value 'topology'" in done.stdout + done.stderr
