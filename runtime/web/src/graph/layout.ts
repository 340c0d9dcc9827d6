import dagre, { type GraphLabel } from "@dagrejs/dagre";

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

export type Ranking = "network-simplex" | "longest-path";

export const NODE = { width: 200, height: 54 } as const;
const MARGIN = 24;

interface Point {
  x: number;
  y: number;
}

/** Places blocks in layers, upstream before downstream. `x` and `y` are a node's upper left corner, in pixels. */
export function layOut(blocks: readonly GraphBlock[], direction: Direction, ranker: Ranking = "longest-path"): Layout {
  const graph = new dagre.graphlib.Graph<GraphLabel, Point, { points: Point[] }>();
  const down = direction === "TB";
  graph.setGraph({ rankdir: direction, ranker, nodesep: 14, edgesep: 8, ranksep: down ? 38 : 48, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({ points: [] }));
  const known = new Set(blocks.map((block) => block.slug));
  for (const block of blocks) graph.setNode(block.slug, { x: 0, y: 0, ...NODE });
  for (const block of blocks) {
    for (const upstream of block.upstream) if (known.has(upstream)) graph.setEdge(upstream, block.slug);
  }
  dagre.layout(graph);
  const edges = graph.edges().map(({ v, w }) => {
    // Every other point lies halfway between two layers, where nothing has to be kept clear of.
    const bends = graph.edge(v, w).points.slice(1, -1).filter((_, at) => at % 2 === 1);
    return { from: v, to: w, path: curve(graph.node(v), bends, graph.node(w), down) };
  });
  const nodes = blocks.map(({ slug }) => {
    const { x, y } = graph.node(slug);
    return { slug, x: x - NODE.width / 2, y: y - NODE.height / 2 };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { width, height, nodes, edges };
}

/** Leaves and enters nodes squarely, and passes straight between the nodes of the layers that it crosses. */
function curve(from: Point, bends: readonly Point[], to: Point, down: boolean): string {
  const half = (down ? NODE.height : NODE.width) / 2;
  const along = (point: Point, by: number) => (down ? { x: point.x, y: point.y + by } : { x: point.x + by, y: point.y });
  let before = along(from, half);
  let path = `M${before.x} ${before.y}`;
  for (const point of [...bends, to]) {
    const entry = along(point, -half);
    const [mx, my] = [(before.x + entry.x) / 2, (before.y + entry.y) / 2];
    path += down ? `C${before.x} ${my} ${entry.x} ${my} ${entry.x} ${entry.y}` : `C${mx} ${before.y} ${mx} ${entry.y} ${entry.x} ${entry.y}`;
    if (point === to) break;
    before = along(point, half);
    path += `L${before.x} ${before.y}`;
  }
  return path;
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

/** Above this one layout is enough: each further one of 300 blocks takes the page up to half a second. */
const MANY_BLOCKS = 80;

/** The layouts worth choosing from; they depend on the graph alone, so a page makes them once. */
export function layouts(blocks: readonly GraphBlock[]): Layout[] {
  if (blocks.length > MANY_BLOCKS) return [layOut(blocks, "TB")];
  const rankings: readonly Ranking[] = ["longest-path", "network-simplex"];
  return rankings.flatMap((ranking) => [layOut(blocks, "TB", ranking), layOut(blocks, "LR", ranking)]);
}

const NOTHING: Layout = { width: 0, height: 0, nodes: [], edges: [] };

/** The one that shows the most of the graph in the room there is; the first of those that are about as good. */
export function bestLayout(candidates: readonly Layout[], room: Size): Layout {
  const shown = (layout: Layout) => Math.min(1, room.width / layout.width, room.height / layout.height);
  return candidates.reduce((best, layout) => (shown(layout) > shown(best) + 0.05 ? layout : best), candidates[0] ?? NOTHING);
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
