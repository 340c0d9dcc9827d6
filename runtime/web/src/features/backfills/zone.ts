/** Wall-clock times of a timezone, as a `datetime-local` field has them ("2026-01-31T06:00"). */

const FIELDS = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone.trim() !== "";
  } catch {
    return false;
  }
}

/** The parts of an instant in a zone, by their names. */
export function partsIn(at: Date, zone: string): Record<string, string> {
  const parts = new Intl.DateTimeFormat("en-GB", { ...FIELDS, timeZone: zone }).formatToParts(at);
  return Object.fromEntries(parts.map((part) => [part.type, part.value]));
}

export function wallIn(at: Date, zone: string): string {
  const { year, month, day, hour, minute } = partsIn(at, zone);
  return `${year}-${month}-${day}T${hour}:${minute}`;
}

/**
 * The instant at which a zone's clock shows this time, or null for what is no time. One that the clock skips is taken as
 * it would be without the change; of one that it shows twice, the first.
 */
export function instantOf(wall: string, zone: string): Date | null {
  const asUtc = Date.parse(`${wall}Z`);
  if (Number.isNaN(asUtc) || !isZone(zone)) return null;
  const found = [offsetAt(asUtc - 86_400_000, zone), offsetAt(asUtc + 86_400_000, zone)].map((offset) => asUtc - offset);
  const exact = found.filter((at) => at + offsetAt(at, zone) === asUtc);
  return new Date(exact.length ? Math.min(...exact) : Math.max(...found));
}

function offsetAt(at: number, zone: string): number {
  const { year, month, day, hour, minute, second } = partsIn(new Date(at), zone);
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - Math.floor(at / 1000) * 1000;
}
