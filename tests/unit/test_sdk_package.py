"""What the SDK promises of itself: old Pythons, the standard library alone, a light import, a list of names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import mage_hook

PACKAGE = Path(__file__).resolve().parents[2] / "runtime" / "penstock"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_is_python_3_9(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    unions = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(isinstance(kw.value, ast.Constant) and kw.arg in ("slots", "strict") for kw in node.keywords)
    ]
    assert not unions, "zip(strict=) and dataclass(slots=) came with Python 3.10"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_imports_the_standard_library_alone(path):
    allowed = set(sys.stdlib_module_names) | {"penstock", "_sha2"}
    for node in ast.parse(path.read_text()).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] in allowed, f"{path.name}:{node.lineno} imports {name}"


def in_fresh_python(code):
    boot = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    done = subprocess.run([sys.executable, "-I", "-c", boot + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_child_s_side_imports_little():
    loaded = json.loads(in_fresh_python("import penstock.child, json; print(json.dumps(sorted(sys.modules)))"))
    heavy = {"typing", "dataclasses", "logging", "inspect", "traceback", "hashlib", "asyncio", "threading", "pickle"}
    assert not heavy & set(loaded)


def test_public_names_are_there_and_others_are_not():
    code = "import penstock; print([bool(getattr(penstock, name)) for name in penstock.__all__])\n"
    assert "False" not in in_fresh_python(code)
    in_fresh_python(
        "import penstock\ntry:\n    penstock.nothing\nexcept AttributeError:\n    pass\nelse:\n    sys.exit(1)"
    )


def hooked(code):
    return in_fresh_python(f"from penstock import mage_hook; mage_hook.install()\n{code}")


def test_every_listed_name_can_be_imported():
    lines = []
    for module, homes in mage_hook.SUPPORTED.items():
        lines.append(f"import mage_ai.{module}")
        lines += [f"from mage_ai.{module} import {name}" for names in homes.values() for name in names.split()]
    hooked("\n".join(lines))


def test_the_contract_s_list_is_answered():
    listed = """
        data_preparation.decorators data_preparation.repo_manager data_preparation.shared.secrets settings.repo
        io.config
        io.base io.file io.postgres io.mysql io.duckdb io.s3 io.google_cloud_storage io.azure_blob_storage io.bigquery
        io.snowflake io.redshift orchestration.triggers.api data_cleaner.transformer_actions data_cleaner.column_types
        shared.parsers
    """
    assert set(listed.split()) <= set(mage_hook.SUPPORTED)


@pytest.mark.parametrize(
    "statement",
    [
        "import mage_ai.streaming",
        "from mage_ai.io.kafka import Kafka",
        "from mage_ai.io.file import Nothing",
        "from mage_ai import nothing",
    ],
)
def test_other_names_are_an_import_error_that_says_so(statement):
    code = f"try:\n    {statement}\nexcept ImportError as error:\n    print(error)\nelse:\n    sys.exit(1)"
    text = hooked(code)
    assert "mage_ai" in text
    if "." in statement.split()[1]:
        assert "not supported" in text or "cannot import name" in text


def test_unsupported_modules_point_to_validate():
    text = hooked(
        "try:\n    import mage_ai.streaming.sources\nexcept ImportError as error:\n    print(error, error.name)"
    )
    assert "mage_ai.streaming" in text
    assert "penstock validate" in text


def test_packages_give_their_modules_as_attributes():
    assert "FileIO" in hooked("import mage_ai.io\nprint(mage_ai.io.file.FileIO)")


def test_a_missing_driver_names_the_requirement():
    code = (
        "from mage_ai.io.snowflake import Snowflake\n"
        "try:\n    Snowflake.with_config({'SNOWFLAKE_ACCOUNT': 'a', 'SNOWFLAKE_USER': 'u'}).open()\n"
        "except ImportError as error:\n    print(error)"
    )
    assert "snowflake-connector-python" in hooked(code)
    assert "requirements.txt" in hooked(code)
