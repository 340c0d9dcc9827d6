import { describe, expect, it } from "vitest";
import { clockChanges, cronInWords, curlExample, describeLost, describeSchedule, describeSeconds, describeTrigger, wallTime } from "./words";

describe("cronInWords", () => {
  it.each([
    ["* * * * *", "Every minute"],
    ["*/5 * * * *", "Every 5 minutes"],
    ["0 * * * *", "Every hour"],
    ["20 * * * *", "Every hour at :20"],
    ["0 */6 * * *", "Every 6 hours"],
    ["15 6 * * *", "Every day at 06:15"],
    ["0 6,18 * * *", "Every day at 06:00, 18:00"],
    ["15 6 * * 1-5", "Monday to Friday at 06:15"],
    ["0 9 * * 0,3", "Every Sunday, Wednesday at 09:00"],
    ["0 0 * * 7", "Every Sunday at 00:00"],
    ["0 4 1 * *", "On day 1 of every month at 04:00"],
  ])("says %s in words", (cron, words) => expect(cronInWords(cron)).toBe(words));

  it.each(["0 0 1 1 *", "0 0 * * 5L", "0 0 13 * 5", "1-5 * * * *", "0 8-17 * * *", "*/5 8 * * *", "* * * * 1", "0 0 0 * * *", "", "nonsense"])("leaves %s as it is", (cron) => expect(cronInWords(cron)).toBeNull());
});

describe("describeSchedule", () => {
  it("names the zone where it is not UTC", () => {
    expect(describeSchedule({ schedule_interval: "0 6 * * *", timezone: "Europe/Berlin" })).toBe("Every day at 06:00 (Europe/Berlin)");
    expect(describeSchedule({ schedule_interval: "@daily", timezone: "UTC" })).toBe("Every day at 00:00");
    expect(describeSchedule({ schedule_interval: "@once", timezone: "Asia/Tokyo" })).toBe("Once");
  });
  it("shows what has no words, and intervals", () => {
    expect(describeSchedule({ schedule_interval: "0 8-17 * * 1-5" })).toBe("Cron 0 8-17 * * 1-5");
    expect(describeSchedule({ interval_seconds: 3600 })).toBe("Every hour");
    expect(describeSchedule({ interval_seconds: 5400 })).toBe("Every 90 minutes");
  });
});

it("says seconds in the largest unit that fits", () => {
  expect([90, 60, 7200, 86_400, 0.5].map((one) => describeSeconds(one))).toEqual(["90 seconds", "1 minute", "2 hours", "1 day", "0.5 seconds"]);
});

it("says what starts an API or event trigger", () => {
  expect(describeTrigger({ kind: "api", settings: {} })).toBe("When its address is called");
  expect(describeTrigger({ kind: "event", settings: { event: { name: "order.paid", match: { "$.a": 1 } } } })).toBe("On the event order.paid, matching 1 value");
  expect(describeTrigger({ kind: "event", settings: {} })).toBe("On no event: it names none");
});

it("shows the clock of the schedule's zone, wherever the browser is", () => {
  expect(wallTime("2027-03-28T03:00:00+02:00")).toBe("Sun, 28 Mar 2027, 03:00 +02:00");
  expect(wallTime("2027-03-28T03:00:30+00:00")).toBe("Sun, 28 Mar 2027, 03:00:30 UTC");
  expect(wallTime("soon")).toBe("soon");
  expect(clockChanges("2027-03-27T02:30:00+01:00", "2027-03-28T03:00:00+02:00")).toBe(true);
  expect(clockChanges(undefined, "2027-03-28T03:00:00+02:00")).toBe(false);
});

it("counts what was lost", () => {
  expect(describeLost({ kind: "missed", ticks: 1 })).toBe("1 tick missed");
  expect(describeLost({ kind: "skipped", ticks: 12 })).toBe("12 ticks skipped");
});

it("gives a curl call that keeps the token out of the line", () => {
  const text = curlExample("http://localhost:6789/api/v1/triggers/x/runs");
  expect(text).toContain("curl -X POST 'http://localhost:6789/api/v1/triggers/x/runs'");
  expect(text).toContain("Bearer $PENSTOCK_TRIGGER_TOKEN");
  expect(curlExample("http://x/';rm -rf ~'")).not.toContain("';rm");
});
