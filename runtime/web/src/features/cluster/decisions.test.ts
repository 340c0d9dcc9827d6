import { describe, expect, it } from "vitest";
import type { ScalingDecision } from "@/api/types";
import { delayWords, endlessSpans, lookOfDecision, roundUp, sampleAt, samplesOf, stepPath } from "./decisions";

function decision(second: number, before: number, wanted: number, more: Partial<ScalingDecision> = {}): ScalingDecision {
  return {
    id: String(second), at: new Date(second * 1000).toISOString(), service: "scheduler", before, wanted, applied: before !== wanted,
    dry_run: false, reason: "", inputs: { predicted_delay_seconds: 1 }, ...more,
  };
}

describe("what came of a decision", () => {
  it("tells a change from a hold, a dry run and a failure", () => {
    expect(lookOfDecision(decision(0, 2, 2)).label).toBe("Kept");
    expect(lookOfDecision(decision(0, 2, 4)).label).toBe("Grew");
    expect(lookOfDecision(decision(0, 4, 3)).label).toBe("Shrank");
    expect(lookOfDecision(decision(0, 2, 4, { applied: false, dry_run: true })).label).toBe("Not set: dry run");
    expect(lookOfDecision(decision(0, 2, 4, { applied: false })).label).toBe("Could not be set");
  });
});

describe("the series of the chart", () => {
  const samples = samplesOf([decision(30, 3, 3), decision(20, 1, 3), decision(10, 1, 2, { applied: false, inputs: { predicted_delay_seconds: null } })]);

  it("goes forward in time, and a number that was set is there from then on", () => {
    expect(samples.map((one) => [one.at / 1000, one.actual, one.wanted])).toEqual([[10, 1, 2], [20, 3, 3], [30, 3, 3]]);
  });

  it("draws steps, and breaks where a delay has no end", () => {
    const x = (at: number) => at / 1000;
    expect(stepPath(samples, (one) => one.actual, x, (value) => value, 40_000)).toBe("M10.0 1.0L20.0 1.0L20.0 3.0L30.0 3.0L30.0 3.0L40.0 3.0");
    expect(stepPath(samples, (one) => one.delay, x, (value) => value, 40_000)).toBe("M20.0 1.0L30.0 1.0L30.0 1.0L40.0 1.0");
    expect(endlessSpans(samples, 40_000)).toEqual([{ from: 10_000, to: 20_000 }]);
  });

  it("finds what held at an instant", () => {
    expect(sampleAt(samples, 25_000)?.at).toBe(20_000);
    expect(sampleAt(samples, 1)?.at).toBe(10_000);
    expect(sampleAt([], 1)).toBeUndefined();
  });
});

describe("words and axes", () => {
  it("writes delays as people say them", () => {
    expect([null, 0, 0.42, 5, 9.9, 12.3, 119, 180].map(delayWords)).toEqual(["no end", "0 s", "0.4 s", "5 s", "9.9 s", "12 s", "119 s", "3 min"]);
  });

  it("ends an axis at a round number above all that is drawn", () => {
    expect([0, 0.3, 1, 6, 12, 48, 51].map(roundUp).map((one) => Number(one.toFixed(3)))).toEqual([1, 0.3, 1, 10, 20, 50, 100]);
  });
});
