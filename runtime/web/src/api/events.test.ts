import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventStream, pollInterval, readChanges, staleKeys } from "./events";

class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.drop(1000);
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  drop(code: number) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

function last(): FakeSocket {
  const socket = FakeSocket.all.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
}

describe("EventStream", () => {
  const queries = new QueryClient();
  let stream: EventStream;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("location", { protocol: "https:", host: "penstock.example" });
    FakeSocket.all = [];
    stream = new EventStream(queries);
    stream.start();
  });
  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("polls until it is open, and again when it drops, then connects anew with its topics", () => {
    expect(stream.snapshot()).toBe("polling");
    expect(last().url).toBe("wss://penstock.example/api/v1/events");
    const unfollow = stream.follow("run:1");
    last().open();
    expect(stream.snapshot()).toBe("live");
    expect(last().sent).toEqual([{ subscribe: ["runs", "pipelines", "run:1"] }]);
    last().drop(1006);
    expect(stream.snapshot()).toBe("polling");
    unfollow();
    vi.advanceTimersByTime(500);
    expect(FakeSocket.all).toHaveLength(2);
    last().open();
    expect(last().sent).toEqual([{ subscribe: ["runs", "pipelines"] }]);
  });

  it("waits longer after each failure", () => {
    last().drop(1006);
    vi.advanceTimersByTime(500);
    last().drop(1006);
    vi.advanceTimersByTime(999);
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.all).toHaveLength(3);
  });

  it("answers many changes at once with one reading of each query", () => {
    last().open();
    const invalidate = vi.spyOn(queries, "invalidateQueries");
    for (let i = 0; i < 50; i += 1) last().onmessage?.({ data: JSON.stringify({ topic: "run:7", key: "7" }) });
    vi.advanceTimersByTime(200);
    expect(invalidate.mock.calls).toEqual([[{ queryKey: ["run", "7"] }]]);
  });

  it("asks who is signed in when the server says that the session is over", () => {
    const invalidate = vi.spyOn(queries, "invalidateQueries");
    last().open();
    last().drop(4401);
    expect(invalidate).toHaveBeenCalledWith({ queryKey: ["session"] });
  });
});

describe("readChanges", () => {
  it("takes a change and ignores whatever else comes", () => {
    expect(readChanges('{"topic":"runs","key":"1"}')).toEqual([{ topic: "runs", key: "1" }]);
    for (const other of ['{"subscribed":["runs"]}', "not json", "null", "[1]", 7]) expect(readChanges(other)).toEqual([]);
  });
});

describe("staleKeys", () => {
  it("makes every run stale when the server only says that something changed", () => {
    expect(staleKeys({ topic: "runs", key: "" })).toEqual([["runs"], ["run"]]);
    expect(staleKeys({ topic: "runs", key: "9" })).toEqual([["runs"], ["run", "9"]]);
    expect(staleKeys({ topic: "unheard-of", key: "" })).toEqual([]);
  });
});

describe("pollInterval", () => {
  it("is short only without live events and while something moves", () => {
    expect(pollInterval("polling", true)).toBeLessThan(pollInterval("live", true));
    expect(pollInterval("polling", false)).toBe(pollInterval("live", false));
  });
});
