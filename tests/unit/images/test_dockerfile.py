"""What runtime/images/Dockerfile promises, read from it; test_image_running carries its steps out."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest
from dockerfile_parse import DockerfileParser

from support.image_steps import DOCKERFILE, LEFT_OUT, context_files, environment_of, exec_form, only, steps
from support.sources import ROOT, sources

# Extras by the top-level name of what they bring.
EXTRA_OF = {"azure": "azure", "boto3": "aws", "botocore": "aws", "google": "gcp", "kubernetes": "kubernetes"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def locked() -> dict[str, str]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return {one["name"]: one["version"] for one in packages}


def argument(stage: str, name: str) -> str:
    values = [step.value for step in steps() if step.stage == stage and step.instruction == "ARG"]
    (found,) = [value.partition("=")[2].strip('"') for value in values if value.partition("=")[0] == name]
    return found


def test_it_parses_and_ends_with_the_image():
    with DOCKERFILE.open("rb") as file:
        assert DockerfileParser(fileobj=file).is_multistage
    assert steps()[-1].stage == "runtime"


def test_every_base_image_can_be_given_by_digest():
    bases = [step.value.split(" AS ")[0] for step in steps() if step.instruction == "FROM"]
    names = {step.value.split("=")[0] for step in steps() if (step.stage, step.instruction) == ("", "ARG")}
    earlier = {step.stage for step in steps()}
    assert [base for base in bases if base.strip("${}") not in names | earlier] == []


def test_it_needs_no_frontend_and_no_heredoc():
    text = DOCKERFILE.read_text()
    assert not re.search(r"^#\s*(syntax|escape)\s*=", text, re.MULTILINE)
    assert "<<" not in text
    assert "--mount=" not in text


def test_the_environment_comes_from_the_lock_file():
    lines = [step.value for step in steps() if step.value.startswith("uv sync")]
    assert len(lines) == 2
    assert all({"--frozen", "--no-default-groups", "--no-editable"} <= set(line.split()) for line in lines)
    assert [step.value for step in steps() if step.value.startswith("npm ci")]


def test_uv_is_the_locked_one_and_the_version_the_projects(project, locked):
    assert argument("build", "UV_VERSION") == locked["uv"]
    assert argument("runtime", "VERSION") == project["project"]["version"]
    assert argument("runtime", "LICENSES") == project["project"]["license"]


def test_the_extras_are_those_that_the_runtime_imports(project):
    imported = {
        name.split(".")[0]
        for source in sources("runtime/penstock_runtime")
        for node in ast.walk(source.tree)
        for name in names_of(node)
    }
    needed = {EXTRA_OF[name] for name in imported if name in EXTRA_OF}
    extras = set(argument("build", "EXTRAS").split())
    assert extras == needed
    assert extras <= project["project"]["optional-dependencies"].keys()


def names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 else []


def test_it_runs_as_a_fixed_user_that_is_not_root():
    assert only("runtime", "USER").value == "10001:10001"
    after = steps()[steps().index(only("runtime", "USER")) :]
    assert {step.instruction for step in after} & {"RUN", "COPY", "ADD"} == set()


def test_signals_reach_the_process_because_no_shell_stands_between():
    words = exec_form(only("runtime", "ENTRYPOINT"))
    assert words == ["/opt/penstock/bin/python", "-I", "/opt/penstock/image/entrypoint.py"]
    assert exec_form(only("runtime", "CMD")) == ["start"]
    assert exec_form(only("runtime", "HEALTHCHECK"))[0] == "/opt/penstock/bin/python"
    assert only("runtime", "STOPSIGNAL").value == "SIGTERM"


def test_what_is_written_lies_on_a_volume():
    volumes = exec_form(only("runtime", "VOLUME"))
    environ = environment_of("runtime")
    written = ("HOME", "XDG_CACHE_HOME", "PENSTOCK_STATE_DIR", "PENSTOCK_PROJECT", "PENSTOCK_DATA_DIR")
    assert [name for name in written if not environ[name].startswith(tuple(f"{one}/" for one in volumes))] == []
    assert "/tmp" in volumes


def test_every_address_is_listened_on_and_a_schedulers_probes_have_a_port():
    environ = environment_of("runtime")
    assert environ["PENSTOCK_HOST"] == "0.0.0.0"
    assert only("runtime", "EXPOSE").value.split() == [environ["PENSTOCK_PORT"], environ["PENSTOCK_HEALTH_PORT"]]


def test_no_secret_is_an_argument_or_a_variable_of_the_image():
    names = [step.value.split("=")[0] for step in steps() if step.instruction == "ARG"] + list(
        environment_of("runtime")
    )
    assert [name for name in names if re.search("PASSWORD|SECRET|TOKEN|_KEY|_CODE", name)] == []


def test_it_carries_the_labels_of_oci():
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", only("runtime", "LABEL").value))
    assert labels == {"title", "description", "version", "revision", "source", "licenses"}


def test_every_step_that_is_left_out_of_the_tests_is_there():
    assert [start for start in LEFT_OUT if not any(step.value.startswith(start) for step in steps())] == []


def test_every_copy_takes_what_the_context_holds():
    files = context_files()
    copied = [step.words for step in steps() if step.instruction == "COPY" and "--from" not in step.value]
    wanted = [source for *found, _ in copied for source in found]
    assert [one for one in wanted if not any(name == one or name.startswith(f"{one}/") for name in files)] == []


def test_the_context_holds_nothing_else():
    taken = tuple(
        source for step in steps() if step.instruction == "COPY" for source in step.words[:-1] if source[0] != "-"
    )
    spare = [name for name in context_files() if not name.startswith(taken)]
    assert set(spare) <= {".dockerignore", "runtime/images/Dockerfile"}


def test_the_context_holds_no_secrets_and_no_leftovers():
    parts = {part for name in context_files() for part in name.split("/")}
    assert parts & {".env", ".git", ".venv", ".penstock", "node_modules", "__pycache__", "static"} == set()
