import { describe, expect, it } from "vitest";
import type { Attempt, BlockRun } from "@/api/types";
import { summarise } from "./blocks";

const GRAPH = [
  { slug: "split", name: "Split", type: "transformer", upstream: [] },
  { slug: "work", name: "", type: "transformer", upstream: ["split"] },
];

function row(block: string, status: BlockRun["status"], more: Partial<BlockRun> = {}): BlockRun {
  return {
    id: `${block}/${more.map_index ?? "-"}`, block, map_index: null, kind: "block", status, epoch: 1, waiting_on: 0, due_at: null, started_at: null,
    ended_at: null, fan_out: null, failures: 0, losses: 0, error: null, tests: [], parent: null, event: null, attempts: [], ...more,
  };
}

function instance(index: number, status: BlockRun["status"], started: string | null, ended: string | null): BlockRun {
  return row("work", status, { map_index: index, kind: "instance", started_at: started, ended_at: ended });
}

function attempt(number: number, started: string): Attempt {
  return {
    id: `a${number}`, number, epoch: 1, status: "failed", executor: "local_python", external_id: null, host: null, pid: null, started_at: started,
    ended_at: null, exit_reason: null, exit_code: null, peak_memory_bytes: null, cpu_seconds: null, error: null,
  };
}

describe("summarise", () => {
  it("makes one entry of a block however many instances it has", () => {
    const rows = [row("split", "succeeded"), row("work", "pending"), ...Array.from({ length: 289 }, (_, index) => instance(index, index < 7 ? "succeeded" : "ready", null, null))];
    const [, work] = summarise(GRAPH, rows);
    expect(summarise(GRAPH, rows)).toHaveLength(2);
    expect(work).toMatchObject({ done: 7, mapped: true, status: "running", name: "work" });
    expect(work?.instances).toHaveLength(289);
  });

  it("believes the group once it has ended, and counts failed instances", () => {
    const [, work] = summarise(GRAPH, [row("work", "failed"), instance(0, "succeeded", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"), instance(1, "failed", "2026-01-01T00:00:03Z", "2026-01-01T00:00:09Z")]);
    expect(work).toMatchObject({ status: "failed", failed: 1, done: 2, startedAt: "2026-01-01T00:00:01Z", endedAt: "2026-01-01T00:00:09Z" });
  });

  it("has no end while an instance is open, even though another has ended", () => {
    const [, work] = summarise(GRAPH, [row("work", "running"), instance(0, "succeeded", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"), instance(1, "running", "2026-01-01T00:00:02Z", null)]);
    expect(work?.endedAt).toBeNull();
  });

  it("shows what ran outside the graph: callbacks by their worst ending, and the whole-pipeline unit by name", () => {
    const rows = [
      row("notify", "succeeded", { kind: "callback", parent: "split" }), row("notify", "failed", { kind: "callback", parent: "work" }), row("unit", "running", { kind: "pipeline" }),
    ];
    const [, , notify, unit] = summarise(GRAPH, rows);
    expect(notify).toMatchObject({ slug: "notify", status: "failed", type: "callback" });
    expect(unit).toMatchObject({ name: "Whole pipeline", status: "running" });
  });

  it("has one line for each test of a mapped block, with the first bad news", () => {
    const told = (index: number, passed: boolean) => ({ ...instance(index, "succeeded", null, null), tests: [{ name: "test_sum", passed, message: passed ? null : `off by ${index}` }] });
    const [, work] = summarise(GRAPH, [row("work", "running"), told(0, true), told(1, false), told(2, false)]);
    expect(work?.tests).toEqual([{ name: "test_sum", passed: 1, total: 3, message: "off by 1" }]);
  });

  it("lists the latest attempt first, with its instance", () => {
    const rows = [row("work", "running"), { ...instance(4, "running", null, null), attempts: [attempt(1, "2026-01-01T00:00:01Z"), attempt(2, "2026-01-01T00:00:05Z")] }];
    expect(summarise(GRAPH, rows)[1]?.attempts.map((one) => [one.number, one.mapIndex])).toEqual([[2, 4], [1, 4]]);
  });

  it("calls a block pending that has no row yet", () => {
    expect(summarise(GRAPH, [])[0]).toMatchObject({ status: "pending", startedAt: null, mapped: false });
  });
});
