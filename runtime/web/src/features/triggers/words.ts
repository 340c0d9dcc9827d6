import type { LostTicks, Trigger } from "@/api/types";

type Settings = Readonly<Record<string, unknown>>;

const PRESETS: Record<string, string> = {
  "@hourly": "Every hour",
  "@daily": "Every day at 00:00",
  "@midnight": "Every day at 00:00",
  "@weekly": "Every Monday at 00:00",
  "@monthly": "On day 1 of every month at 00:00",
  "@yearly": "Every January 1 at 00:00",
  "@annually": "Every January 1 at 00:00",
  "@once": "Once",
  "@always_on": "Always on: again as soon as the last run ends",
};
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const UNITS: readonly (readonly [string, number])[] = [["day", 86_400], ["hour", 3600], ["minute", 60]];

/** "Every day at 06:00 (Europe/Berlin)"; a cron expression that has no plain words is shown as it is. */
export function describeSchedule(settings: Settings): string {
  const zone = typeof settings.timezone === "string" && settings.timezone !== "UTC" ? ` (${settings.timezone})` : "";
  const seconds = settings.interval_seconds;
  if (typeof seconds === "number") return `Every ${describeSeconds(seconds, true)}`;
  const written = typeof settings.schedule_interval === "string" ? settings.schedule_interval.trim() : "";
  const words = PRESETS[written] ?? cronInWords(written);
  return (words ?? `Cron ${written}`) + (written === "@once" || written === "@always_on" ? "" : zone);
}

/** The plain cases of cron in words; null for all others. */
export function cronInWords(expression: string): string | null {
  const [minute = "", hour = "", day = "", month = "", weekday = "", ...more] = expression.trim().split(/\s+/);
  if (more.length || !weekday || month !== "*") return null;
  const dates = daysInWords(day, weekday);
  if (dates === null) return null;
  const every = /^\*(?:\/(\d+))?$/.exec(minute);
  if (every && hour === "*" && dates === "Every day") return every[1] && every[1] !== "1" ? `Every ${every[1]} minutes` : "Every minute";
  if (!/^\d+$/.test(minute)) return null;
  const past = minute.padStart(2, "0");
  const hours = /^\*(?:\/(\d+))?$/.exec(hour);
  if (hours && dates === "Every day") return `${hours[1] && hours[1] !== "1" ? `Every ${hours[1]} hours` : "Every hour"}${past === "00" ? "" : ` at :${past}`}`;
  if (!/^\d+(,\d+)*$/.test(hour)) return null;
  return `${dates} at ${hour.split(",").map((one) => `${one.padStart(2, "0")}:${past}`).join(", ")}`;
}

function daysInWords(day: string, weekday: string): string | null {
  if (day === "*" && weekday === "*") return "Every day";
  if (day === "*") {
    if (weekday === "1-5") return "Monday to Friday";
    const names = weekday.split(",").map((one) => (/^[0-7]$/.test(one) ? DAYS[Number(one)] : undefined));
    return names.includes(undefined) ? null : `Every ${names.join(", ")}`;
  }
  return weekday === "*" && /^\d+$/.test(day) ? `On day ${day} of every month` : null;
}

/** 90 → "90 seconds", 3600 → "hour" (as "every …") or "1 hour". */
export function describeSeconds(seconds: number, every = false): string {
  const [unit, size] = UNITS.find(([, one]) => seconds >= one && seconds % one === 0) ?? ["second", 1];
  const amount = seconds / size;
  if (amount === 1) return every ? unit : `1 ${unit}`;
  return `${amount} ${unit}s`;
}

/** One line that says what starts the runs. */
export function describeTrigger(trigger: Pick<Trigger, "kind" | "settings">): string {
  if (trigger.kind === "schedule") return describeSchedule(trigger.settings);
  if (trigger.kind === "api") return "When its address is called";
  const event = trigger.settings.event as { name?: string; match?: Record<string, unknown> } | undefined;
  const paths = Object.keys(event?.match ?? {}).length;
  return event?.name ? `On the event ${event.name}${paths ? `, matching ${paths} ${paths === 1 ? "value" : "values"}` : ""}` : "On no event: it names none";
}

export function kindLabel(kind: string): string {
  return { schedule: "Schedule", api: "API", event: "Event" }[kind] ?? kind;
}

/** "Sat 28 Mar 2027, 03:00:00 +02:00" of a local time that carries its offset; the browser's own zone has no part in it. */
export function wallTime(local: string): string {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(local);
  if (!found) return local;
  const [, year, month, day, time, seconds, offset] = found;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const words = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(date);
  return `${words}, ${time ?? ""}${seconds && seconds !== ":00" ? seconds : ""} ${offset === "+00:00" || offset === "Z" ? "UTC" : offset ?? ""}`;
}

/** Whether the clocks change between two neighbouring ticks: their offsets differ. */
export function clockChanges(before: string | undefined, local: string): boolean {
  return before !== undefined && before.slice(-6) !== local.slice(-6);
}

export function describeLost({ kind, ticks }: Pick<LostTicks, "kind" | "ticks">): string {
  return `${ticks === 1 ? "1 tick" : `${ticks} ticks`} ${kind}`;
}

/** How to call an API trigger from a shell. The token stands in a variable, so that it need not be in the history. */
export function curlExample(address: string): string {
  return [
    `curl -X POST '${address.replace(/'/g, "%27")}' \\`,
    "  -H \"Authorization: Bearer $PENSTOCK_TRIGGER_TOKEN\" \\",
    "  -H 'Content-Type: application/json' \\",
    "  -d '{\"variables\": {}}'",
  ].join("\n");
}
