import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inOrder, KEPT_LINES, LogTail } from "./logs";
import type { LogLine } from "./types";

function line(time: string, message: string): LogLine {
  return { time, message, level: "INFO", block: "b", map_index: null, attempt: 1, extra: {} };
}

const texts = (lines: readonly LogLine[]) => lines.map((one) => one.message).join("");

describe("inOrder", () => {
  it("puts blocks that ran at once in the order in which they wrote", () => {
    expect(texts(inOrder([line("1", "a"), line("4", "d")], [line("2", "b"), line("3", "c"), line("5", "e")]))).toBe("abcde");
  });
  it("keeps the order of lines of one instant, and a line without time behind the one before it", () => {
    expect(texts(inOrder([line("1", "a")], [line("2", "b"), line("2", "c"), line("", "d"), line("3", "e")]))).toBe("abcde");
  });
});

class FakeSource {
  static readonly CLOSED = 2;
  static last: FakeSource | undefined;
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  private readonly handlers = new Map<string, (event: { data: string; lastEventId: string }) => void>();
  constructor(readonly url: string) {
    FakeSource.last = this;
  }
  addEventListener(name: string, handler: (event: { data: string; lastEventId: string }) => void) {
    this.handlers.set(name, handler);
  }
  emit(name: string, data: unknown, id = "") {
    this.handlers.get(name)?.({ data: JSON.stringify(data), lastEventId: id });
  }
  close() {
    this.readyState = 2;
  }
}

describe("LogTail", () => {
  let tail: LogTail;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("EventSource", FakeSource);
    tail = new LogTail({ runId: "r", block: "load/x", mapIndex: 3 });
    tail.open();
  });
  afterEach(() => {
    tail.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("asks for its block and instance, and goes on from where it was", () => {
    expect(FakeSource.last?.url).toBe("/api/v1/runs/r/logs?follow=true&block=load%2Fx&map_index=3");
    FakeSource.last?.emit("lines", [line("1", "a")], "cursor-1");
    tail.open();
    expect(FakeSource.last?.url).toContain("after=cursor-1");
  });

  it("loses nothing of what arrived just before the end or a reconnection", () => {
    FakeSource.last?.emit("lines", [line("1", "a")], "c1");
    tail.open();
    FakeSource.last?.emit("lines", [line("2", "b")], "c2");
    FakeSource.last?.emit("end", { status: "succeeded" });
    expect(texts(tail.snapshot().lines)).toBe("ab");
    expect(tail.snapshot().state).toBe("ended");
  });

  it("keeps the latest lines and says how many it let go", () => {
    FakeSource.last?.emit("lines", Array.from({ length: KEPT_LINES + 5 }, (_, i) => line(String(i).padStart(9, "0"), "x")));
    vi.advanceTimersByTime(100);
    expect(tail.snapshot().lines).toHaveLength(KEPT_LINES);
    expect(tail.snapshot().dropped).toBe(5);
    expect(tail.snapshot().lines[0]?.time).toBe("000000005");
  });

  it("says that the log could not be read when the server refuses", () => {
    if (FakeSource.last) FakeSource.last.readyState = FakeSource.CLOSED;
    FakeSource.last?.onerror?.();
    expect(tail.snapshot().state).toBe("failed");
  });
});
