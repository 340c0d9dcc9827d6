import { describe, expect, it } from "vitest";
import type { BackfillTime } from "@/api/types";
import { calendarOf, grainOf, timeText } from "./calendar";
import { doneOf, scheduleText, sharesOf, stateOf } from "./words";

function times(first: string, stepMinutes: number, count: number): BackfillTime[] {
  return Array.from({ length: count }, (_, index) => ({
    logical_at: new Date(Date.parse(first) + index * stepMinutes * 60_000).toISOString(),
    run: index === 0 ? "r0" : null,
    status: index === 0 ? "failed" : null,
  }));
}

describe("the calendar", () => {
  it("has a row for each month of daily times, in the zone", () => {
    const rows = calendarOf(times("2026-01-30T23:30:00Z", 24 * 60, 3), "Europe/Berlin");
    expect(rows.map((row) => [row.label, row.cells.map((cell) => cell.label)])).toEqual([["Jan 2026", ["31"]], ["Feb 2026", ["1", "2"]]]);
    expect(rows[0]?.cells[0]).toEqual({ at: "2026-01-30T23:30:00.000Z", label: "31", status: "failed", run: "r0" });
    expect(rows[1]?.cells[0]?.status).toBe("unmade");
  });

  it.each([
    [30 * 24 * 60, "year", "2026", "Jan"],
    [7 * 24 * 60, "month", "Jan 2026", "1"],
    [60, "day", "1 Jan 2026", "00:00"],
    [1, "hour", "1 Jan 2026, 00 h", ":00"],
  ])("takes rows that suit times %d minutes apart: %s", (minutes, grain, row, cell) => {
    const found = times("2026-01-01T00:00:00Z", minutes, 20);
    expect(grainOf(found)).toBe(grain);
    const first = calendarOf(found, "UTC")[0];
    expect([first?.label, first?.cells[0]?.label]).toEqual([row, cell]);
  });

  it("bears one time and none", () => {
    expect(calendarOf([], "UTC")).toEqual([]);
    expect(calendarOf(times("2026-01-01T00:00:00Z", 1, 1), "UTC")).toHaveLength(1);
    expect(timeText("2026-01-01T05:00:00Z", "UTC")).toBe("1 Jan 2026, 05:00");
  });
});

describe("words", () => {
  it("says how often", () => {
    const zone = { timezone: "UTC" };
    expect(scheduleText({ ...zone, schedule_interval: "@daily" })).toBe("Daily");
    expect(scheduleText({ ...zone, schedule_interval: "0 6 * * *" })).toBe("0 6 * * *");
    expect(scheduleText({ ...zone, interval_seconds: 21_600 })).toBe("Every 6 h");
    expect(scheduleText({ ...zone, interval_seconds: 90 })).toBe("Every 90 s");
  });

  it("shares the bar out, and what has no run yet is the rest", () => {
    const backfill = { total: 10, runs_by_status: { running: 1, failed: 2, succeeded: 3 } };
    expect(sharesOf(backfill)).toEqual([
      { status: "succeeded", count: 3 }, { status: "failed", count: 2 }, { status: "running", count: 1 }, { status: "unmade", count: 4 },
    ]);
    expect(doneOf(backfill)).toBe(5);
  });

  it("tells being cancelled from cancelled", () => {
    expect(stateOf({ status: "cancelled", ended_at: null })).toBe("cancelling");
    expect(stateOf({ status: "cancelled", ended_at: "2026-01-01T00:00:00Z" })).toBe("cancelled");
    expect(stateOf({ status: "paused", ended_at: null })).toBe("paused");
  });
});
