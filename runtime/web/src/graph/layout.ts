import dagre from "@dagrejs/dagre";

export interface GraphBlock {
  slug: string;
  upstream: readonly string[];
}

export interface Placed {
  slug: string;
  x: number;
  y: number;
}

export interface Edge {
  from: string;
  to: string;
  path: string;
}

export interface Layout {
  width: number;
  height: number;
  nodes: readonly Placed[];
  edges: readonly Edge[];
}

export type Direction = "TB" | "LR";

export const NODE = { width: 196, height: 54 } as const;
const MARGIN = 24;

/** Places blocks in layers, upstream before downstream. `x` and `y` are a node's upper left corner, in pixels. */
export function layOut(blocks: readonly GraphBlock[], direction: Direction): Layout {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: direction, nodesep: direction === "TB" ? 20 : 16, ranksep: direction === "TB" ? 40 : 56, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(blocks.map((block) => block.slug));
  for (const block of blocks) graph.setNode(block.slug, { ...NODE });
  for (const block of blocks) {
    for (const upstream of block.upstream) if (known.has(upstream)) graph.setEdge(upstream, block.slug);
  }
  dagre.layout(graph);
  const nodes = blocks.map(({ slug }) => {
    const at = graph.node(slug);
    return { slug, x: (at.x ?? 0) - NODE.width / 2, y: (at.y ?? 0) - NODE.height / 2 };
  });
  const size = graph.graph();
  return { width: size.width ?? 0, height: size.height ?? 0, nodes, edges: edgesOf(blocks, nodes, direction) };
}

function edgesOf(blocks: readonly GraphBlock[], nodes: readonly Placed[], direction: Direction): Edge[] {
  const bySlug = new Map(nodes.map((node) => [node.slug, node]));
  return blocks.flatMap((block) => block.upstream.flatMap((upstream) => {
    const from = bySlug.get(upstream);
    const to = bySlug.get(block.slug);
    return from && to ? [{ from: upstream, to: block.slug, path: curve(from, to, direction) }] : [];
  }));
}

function curve(from: Placed, to: Placed, direction: Direction): string {
  if (direction === "TB") {
    const [x1, y1, x2, y2] = [from.x + NODE.width / 2, from.y + NODE.height, to.x + NODE.width / 2, to.y];
    const bend = Math.max(18, (y2 - y1) / 2);
    return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
  }
  const [x1, y1, x2, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.x, to.y + NODE.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

export interface Size {
  width: number;
  height: number;
}

/** Below this, names can no longer be read; a larger graph scrolls instead. */
export const SMALLEST_FIT = 0.68;

/** The scale at which all of it shows, within what can be read. */
export function fitScale(layout: Size, room: Size): number {
  if (!layout.width || !layout.height || !room.width || !room.height) return 1;
  const fit = Math.min(1, room.width / layout.width, room.height / layout.height);
  return Math.max(SMALLEST_FIT, Math.floor(fit * 100) / 100);
}

/** The direction that shows more of the graph in the room there is. */
export function bestLayout(blocks: readonly GraphBlock[], room: Size): Layout {
  const [down, across] = [layOut(blocks, "TB"), layOut(blocks, "LR")];
  const shown = (layout: Layout) => Math.min(room.width / layout.width, room.height / layout.height);
  return shown(across) > shown(down) * 1.1 ? across : down;
}

const AXES: Record<string, { dx: number; dy: number }> = {
  ArrowUp: { dx: 0, dy: -1 },
  ArrowDown: { dx: 0, dy: 1 },
  ArrowLeft: { dx: -1, dy: 0 },
  ArrowRight: { dx: 1, dy: 0 },
};

/** The block that an arrow key goes to: the nearest in that direction, what lies straight ahead first. */
export function neighbour(nodes: readonly Placed[], slug: string, key: string): string | null {
  const axis = AXES[key];
  const origin = nodes.find((node) => node.slug === slug);
  if (!axis || !origin) return null;
  let best: { slug: string; cost: number } | null = null;
  for (const node of nodes) {
    const [x, y] = [node.x - origin.x, node.y - origin.y];
    const ahead = x * axis.dx + y * axis.dy;
    if (ahead <= 1) continue;
    const aside = Math.abs(x * axis.dy) + Math.abs(y * axis.dx);
    const cost = ahead + aside * 2;
    if (!best || cost < best.cost) best = { slug: node.slug, cost };
  }
  return best?.slug ?? null;
}
