import { describe, expect, it } from "vitest";
import { instantOf, isZone, wallIn } from "./zone";

describe("wall-clock times of a zone", () => {
  it.each([
    ["2026-01-15T06:00", "UTC", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15T06:00", "Europe/Berlin", "2026-01-15T05:00:00.000Z"],
    ["2026-07-15T06:00", "Europe/Berlin", "2026-07-15T04:00:00.000Z"],
    ["2026-01-15T06:00", "Asia/Kathmandu", "2026-01-15T00:15:00.000Z"],
    ["2026-01-15T20:00", "America/New_York", "2026-01-16T01:00:00.000Z"],
  ])("%s in %s is %s", (wall, zone, instant) => {
    expect(instantOf(wall, zone)?.toISOString()).toBe(instant);
    expect(wallIn(new Date(instant), zone)).toBe(wall);
  });

  it("takes the first of a time that comes twice, and moves one that is skipped", () => {
    expect(instantOf("2026-10-25T02:30", "Europe/Berlin")?.toISOString()).toBe("2026-10-25T00:30:00.000Z");
    expect(instantOf("2026-03-29T02:30", "Europe/Berlin")?.toISOString()).toBe("2026-03-29T01:30:00.000Z");
  });

  it("knows what is no time and no zone", () => {
    expect(instantOf("", "UTC")).toBeNull();
    expect(instantOf("2026-01-15T06:00", "Mars/Base")).toBeNull();
    expect([isZone("Europe/Berlin"), isZone("Mars/Base"), isZone("")]).toEqual([true, false, false]);
  });
});
