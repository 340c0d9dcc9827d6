from __future__ import annotations

import errno
from pathlib import Path

import pytest

from penstock_runtime.domain.errors import BlockNotFound, Conflict, InvalidInput, PipelineInvalid, PipelineNotFound
from penstock_runtime.ports.sources import SourceUnavailable
from penstock_runtime.project.sources import ProjectSources, SourceConflict, etag_of
from penstock_runtime.project.starter import create_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_project(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def sources(root: Path) -> ProjectSources:
    return ProjectSources(root)


def test_read_edit_save(sources: ProjectSources, root: Path):
    text, etag = sources.read_source("first_pipeline", "greet")
    new = sources.save_source("first_pipeline", "greet", text + "# é\n", etag)
    assert sources.read_source("first_pipeline", "greet") == (text + "# é\n", new)
    assert new == etag_of(text + "# é\n") != etag
    assert [path.name for path in (root / "transformers").iterdir()] == ["greet.py"]


def test_permissions_are_kept(sources: ProjectSources, root: Path):
    (root / "transformers/greet.py").chmod(0o640)
    _, etag = sources.read_source("first_pipeline", "greet")
    sources.save_source("first_pipeline", "greet", "x = 1\n", etag)
    assert (root / "transformers/greet.py").stat().st_mode & 0o777 == 0o640


def test_a_conflict_carries_both_texts(sources: ProjectSources, root: Path):
    _, etag = sources.read_source("first_pipeline", "greet")
    (root / "transformers/greet.py").write_text("theirs\n")
    with pytest.raises(SourceConflict) as conflict:
        sources.save_source("first_pipeline", "greet", "yours\n", etag)
    assert (conflict.value.current, conflict.value.yours) == ("theirs\n", "yours\n")
    assert conflict.value.current_etag == etag_of("theirs\n")
    assert (root / "transformers/greet.py").read_text() == "theirs\n"
    (root / "transformers/greet.py").unlink()
    with pytest.raises(SourceConflict) as conflict:
        sources.save_source("first_pipeline", "greet", "yours\n", etag)
    assert conflict.value.current is None


def test_without_an_etag_only_a_new_file_is_written(sources: ProjectSources, root: Path):
    with pytest.raises(SourceConflict):
        sources.save_source("first_pipeline", "greet", "x", None)
    (root / "transformers/greet.py").unlink()
    with pytest.raises(BlockNotFound, match=r"transformers/greet\.py"):
        sources.read_source("first_pipeline", "greet")
    sources.save_source("first_pipeline", "greet", "x", None)
    assert (root / "transformers/greet.py").read_text() == "x"


def test_a_full_disk_keeps_the_old_text(sources: ProjectSources, root: Path, monkeypatch: pytest.MonkeyPatch):
    text, etag = sources.read_source("first_pipeline", "greet")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SourceUnavailable, match="No space left"):
        sources.save_source("first_pipeline", "greet", "new", etag)
    assert (root / "transformers/greet.py").read_text() == text
    assert len(list((root / "transformers").iterdir())) == 1


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc", ".hidden", "", "a\0b", "x" * 300])
def test_names_cannot_lead_out(sources: ProjectSources, name: str):
    for call in (
        lambda: sources.read_document(name),
        lambda: sources.save_document(name, "blocks: []\n", None),
        lambda: sources.create_pipeline(name),
        lambda: sources.delete_pipeline(name),
    ):
        with pytest.raises((InvalidInput, PipelineNotFound)):
            call()
    with pytest.raises(PipelineNotFound):
        sources.read_source(name, "greet")
    with pytest.raises(BlockNotFound):
        sources.read_source("first_pipeline", name)


def test_a_link_out_of_the_project_is_neither_read_nor_written(sources: ProjectSources, root: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    path = root / "transformers/greet.py"
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInput, match="leads out"):
        sources.read_source("first_pipeline", "greet")
    with pytest.raises(InvalidInput, match="leads out"):
        sources.save_source("first_pipeline", "greet", "x", etag_of("secret"))
    assert (tmp_path / "secret").read_text() == "secret"


class TestPipelines:
    def test_the_document_is_kept_as_it_was_written(self, sources: ProjectSources):
        text, etag = sources.read_document("first_pipeline")
        edited = text.replace("greeting: Hello", "greeting: Hi  # shorter")
        sources.save_document("first_pipeline", edited, etag)
        assert sources.read_document("first_pipeline")[0] == edited
        with pytest.raises(SourceConflict):
            sources.save_document("first_pipeline", text, etag)

    @pytest.mark.parametrize("text", ["blocks: [", "- a\n", "", "just text"])
    def test_text_that_is_no_pipeline_is_not_saved(self, sources: ProjectSources, text: str):
        before, etag = sources.read_document("first_pipeline")
        with pytest.raises(PipelineInvalid) as refused:
            sources.save_document("first_pipeline", text, etag)
        assert refused.value.problems[0].startswith("pipelines/first_pipeline/metadata.yaml:")
        assert sources.read_document("first_pipeline")[0] == before

    @pytest.mark.parametrize("name", ["", "Daily: report #1", 'with "quotes"\nand more', "true", "12"])
    def test_create_and_delete(self, sources: ProjectSources, root: Path, name: str):
        sources.create_pipeline("second", name)
        assert sources.block_path("first_pipeline", "greet") == "transformers/greet.py"
        from penstock_runtime.project.pipeline_reader import read_pipeline
        from penstock_runtime.project.project import open_project

        plan = read_pipeline(open_project(root), "second").plan
        assert (plan.name, plan.problems) == (name or "second", ())
        with pytest.raises(Conflict, match="second"):
            sources.create_pipeline("second")
        sources.delete_pipeline("second")
        assert [path.name for path in (root / "pipelines").iterdir()] == ["first_pipeline"]
        with pytest.raises(PipelineNotFound):
            sources.delete_pipeline("second")

    def test_deleting_leaves_the_block_files(self, sources: ProjectSources, root: Path):
        sources.delete_pipeline("first_pipeline")
        assert (root / "transformers/greet.py").is_file()
