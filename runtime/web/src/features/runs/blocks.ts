import type { Attempt, Block, BlockRun, BlockTest, Failure } from "@/api/types";

/** What a run's display needs of a block's definition. */
export type PlanBlock = Pick<Block, "slug" | "name" | "type" | "upstream"> | { slug: string; name: string; type: string; upstream: string[] };

/** An attempt, and of which instance. */
export interface InstanceAttempt extends Attempt {
  mapIndex: number | null;
}

/** One of a block's own tests, over however many instances ran it; `message` is the first that is bad news. */
export interface TestTally {
  name: string;
  passed: number;
  total: number;
  message: string | null;
}

/** One block of the graph in one run: its own state, or what its instances add up to. */
export interface BlockSummary {
  slug: string;
  name: string;
  type: string;
  upstream: readonly string[];
  status: string;
  startedAt: string | null;
  endedAt: string | null;
  attempts: readonly InstanceAttempt[];
  tests: readonly TestTally[];
  error: Failure | null;
  /** The instances of a mapped block by map index; empty for others. */
  instances: readonly BlockRun[];
  done: number;
  failed: number;
  mapped: boolean;
}

const ENDED = new Set(["succeeded", "failed", "upstream_failed", "skipped", "cancelled"]);
/** What a mapped block is called while its group row is missing: the most telling state of its instances. */
const LOUDEST = ["failed", "running", "retry_wait", "deferred", "ready", "pending", "upstream_failed", "cancelled", "skipped", "succeeded"];

export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}

/** Joins the graph with a run's block runs; however many instances there are, each block is one entry. */
export function summarise(graph: readonly PlanBlock[], rows: readonly BlockRun[]): BlockSummary[] {
  const byBlock = new Map<string, BlockRun[]>();
  for (const row of rows) {
    const together = byBlock.get(row.block);
    if (together) together.push(row);
    else byBlock.set(row.block, [row]);
  }
  const known = new Set(graph.map((block) => block.slug));
  const loose = [...byBlock].filter(([slug]) => !known.has(slug)).map(([slug, found]) => looseBlock(slug, found));
  return [...graph, ...loose].map((block) => summary(block, byBlock.get(block.slug) ?? []));
}

/** What ran but is not in the graph: callbacks, a whole-pipeline unit, blocks the author has removed since. */
function looseBlock(slug: string, rows: readonly BlockRun[]): PlanBlock {
  const kind = rows[0]?.kind ?? "block";
  return { slug, name: kind === "pipeline" ? "Whole pipeline" : slug, type: kind === "block" ? "" : kind, upstream: [] };
}

function summary(block: PlanBlock, rows: readonly BlockRun[]): BlockSummary {
  const wholes = rows.filter((row) => row.map_index === null);
  const instances = rows.filter((row) => row.map_index !== null).sort((a, b) => (a.map_index ?? 0) - (b.map_index ?? 0));
  const timed = instances.length ? instances : rows;
  const status = statusOf(wholes, instances);
  return {
    slug: block.slug,
    name: block.name || block.slug,
    type: block.type,
    upstream: block.upstream,
    status,
    startedAt: extreme(timed, "started_at", false),
    endedAt: hasEnded(status) ? extreme(timed, "ended_at", true) : null,
    attempts: attemptsOf(rows),
    error: [...wholes, ...instances].find((row) => row.error)?.error ?? null,
    tests: tallyTests(rows.flatMap((row) => row.tests)),
    instances,
    done: instances.filter((row) => ENDED.has(row.status)).length,
    failed: instances.filter((row) => row.status === "failed").length,
    mapped: instances.length > 0,
  };
}

/** The group's own state, but for a group that waits while its instances already run; callbacks have several wholes. */
function statusOf(wholes: readonly BlockRun[], instances: readonly BlockRun[]): string {
  const own = wholes.length > 1 ? loudest(wholes) : wholes[0]?.status;
  if (own !== undefined && hasEnded(own)) return own;
  const active = instances.some((row) => row.status === "running" || row.status === "succeeded" || row.status === "failed");
  return active ? "running" : own ?? loudest(instances);
}

function loudest(rows: readonly BlockRun[]): string {
  return LOUDEST.find((name) => rows.some((row) => row.status === name)) ?? "pending";
}

/** One line for each test: three hundred instances of a block run the same ones. */
export function tallyTests(tests: readonly BlockTest[]): TestTally[] {
  const tallies = new Map<string, TestTally>();
  for (const test of tests) {
    const before = tallies.get(test.name) ?? { name: test.name, passed: 0, total: 0, message: null };
    const message = before.message ?? (test.passed ? null : test.message ?? null);
    tallies.set(test.name, { ...before, passed: before.passed + Number(test.passed), total: before.total + 1, message });
  }
  return [...tallies.values()];
}

/** Every try with the instance it belongs to, the latest first. */
function attemptsOf(rows: readonly BlockRun[]): InstanceAttempt[] {
  const found = rows.flatMap((row) => row.attempts.map((attempt) => ({ ...attempt, mapIndex: row.map_index })));
  return found.sort((a, b) => (a.started_at < b.started_at ? 1 : -1));
}

function extreme(rows: readonly BlockRun[], key: "started_at" | "ended_at", last: boolean): string | null {
  const times = rows.map((row) => row[key]).filter((at): at is string => Boolean(at)).sort();
  return (last ? times.at(-1) : times[0]) ?? null;
}
