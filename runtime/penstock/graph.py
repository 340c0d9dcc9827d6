"""The graph of a whole-pipeline attempt: which instances a block has, what each waits for, what each receives."""

from __future__ import annotations

from penstock.errors import BlockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Block = dict[str, Any]
    Output = dict[str, Any]

DONE = ("succeeded", "skipped")


class Graph:
    """The blocks of a pipeline, what has ended, and with what outputs.

    A block's instances are map indexes: one, None, for a plain block; 0 … n-1 for one mapped over a dynamic block's n
    items. `outputs[slug][map_index]` is there for each instance that succeeded.
    """

    def __init__(self, blocks: list[Block], results: dict[str, list[Output]]) -> None:
        self.blocks = {block["slug"]: block for block in blocks}
        self.roots: dict[str, str | None] = {}
        self.status: dict[str, str] = {}
        self.fan_out: dict[str, int] = {}
        self.outputs: dict[str, dict[int | None, list[Output]]] = {slug: {} for slug in self.blocks}
        for slug in self.blocks:
            self._find_root(slug, ())
        self._take_results(results)

    def _find_root(self, slug: str, below: tuple[str, ...]) -> str | None:
        """The dynamic block whose items this block is mapped over, None for a plain block."""
        if slug in self.roots:
            return self.roots[slug]
        if slug in below:
            raise BlockError(f"the pipeline's blocks form a cycle through {slug!r}")
        roots = []
        for name in self.upstream(slug):
            block = self.blocks[name]
            root = name if block.get("dynamic") else self._find_root(name, (*below, slug))
            reduced = block.get("reduce_output") and not block.get("dynamic")
            if root is not None and not reduced and root not in roots:
                roots.append(root)
        if len(roots) > 1:
            raise BlockError(f"block {slug!r} is mapped over two dynamic blocks, {' and '.join(roots)}: reduce one")
        if roots and self.blocks[slug].get("dynamic"):
            raise BlockError(f"the dynamic block {slug!r} is itself mapped over {roots[0]!r}: reduce what is between")
        self.roots[slug] = roots[0] if roots else None
        return self.roots[slug]

    def upstream(self, slug: str) -> list[str]:
        """The upstream blocks that belong to the pipeline, in order."""
        return [name for name in self.blocks[slug].get("upstream_blocks") or [] if name in self.blocks]

    def _take_results(self, results: dict[str, list[Output]]) -> None:
        """What an earlier attempt finished: an output's `map_index` says whose it is, none for a plain block's."""
        for slug, outputs in results.items():
            if slug not in self.blocks:
                continue
            for output in outputs:
                self.outputs[slug].setdefault(output.get("map_index"), []).append(output)
            if self.roots[slug] is None:
                self.outputs[slug].setdefault(None, [])
                self.finish(slug, "succeeded", _stored_length(self.outputs[slug][None], self.blocks[slug]))

    def finish(self, slug: str, status: str, fan_out: int | None = None) -> None:
        """Note how a block, with all its instances, ended."""
        self.status[slug] = status
        if fan_out is not None:
            self.fan_out[slug] = fan_out

    def ready(self) -> list[str]:
        """The blocks without a status whose upstream blocks are all done, in file order."""
        return [
            slug
            for slug in self.blocks
            if slug not in self.status and all(self.status.get(name) in DONE for name in self.upstream(slug))
        ]

    def skips(self, slug: str) -> bool:
        """Whether a block is skipped because an upstream block is."""
        return any(self.status.get(name) == "skipped" for name in self.upstream(slug))

    def instances(self, slug: str) -> list[int | None]:
        """The map indexes that a ready block runs with."""
        root = self.roots[slug]
        return [None] if root is None else list(range(self.fan_out.get(root, 0)))

    def inputs(self, slug: str, map_index: int | None) -> list[dict[str, Any]]:
        """The `inputs` of one instance, as the executor gives them for a single block."""
        entries: list[dict[str, Any]] = []
        for name in self.upstream(slug):
            outputs = self.outputs[name]
            if self.roots[name] is None:
                entries.append({"block": name, "map_index": None, "outputs": outputs.get(None, [])})
            elif self.blocks[name].get("reduce_output"):
                instances = [_reduced(name, index, outputs.get(index, [])) for index in self.instances(name)]
                entries += instances or [_reduced(name, None, [])]
            else:
                entries.append({"block": name, "map_index": map_index, "outputs": outputs.get(map_index, [])})
        return entries

    def dynamic_input(self, slug: str, map_index: int | None) -> dict[str, Any] | None:
        """The `dynamic_input` of one instance: set when a direct upstream block is the dynamic one."""
        root = self.roots[slug]
        if root is None or map_index is None or root not in self.upstream(slug):
            return None
        return {"block": root, "index": map_index}


def _reduced(name: str, index: int | None, outputs: list[Output]) -> dict[str, Any]:
    return {"block": name, "map_index": index, "outputs": outputs, "reduced": True}


def _stored_length(outputs: list[Output], block: Block) -> int | None:
    if not block.get("dynamic"):
        return None
    if not outputs:
        return 0
    if outputs[0].get("rows") is not None:
        return int(outputs[0]["rows"])
    from penstock import results, serialize

    return results.length(serialize.read(outputs[0]))
