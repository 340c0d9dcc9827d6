/** A variable in the run form: its text, and the kind that its default says it is. */
export interface VariableEntry {
  name: string;
  text: string;
  kind: "text" | "number" | "boolean" | "json";
}

export function entriesOf(defaults: Readonly<Record<string, unknown>>): VariableEntry[] {
  return Object.entries(defaults).map(([name, value]) => ({ name, kind: kindOf(value), text: textOf(value) }));
}

function kindOf(value: unknown): VariableEntry["kind"] {
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "number";
  return typeof value === "boolean" ? "boolean" : "json";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

export type Parsed = { value: unknown } | { problem: string };

export function parseEntry({ text, kind }: VariableEntry): Parsed {
  if (kind === "text") return { value: text };
  if (kind === "boolean") return { value: text === "true" };
  if (kind === "number") {
    const value = Number(text);
    return text.trim() && Number.isFinite(value) ? { value } : { problem: "This is a number by default: write one, such as 12 or 0.5." };
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { problem: "This is JSON by default: write null, [1, 2] or {\"key\": \"value\"}." };
  }
}

/** What to send: only what differs from the defaults, so that a changed default still counts in later runs. */
export function changedVariables(entries: readonly VariableEntry[], defaults: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    const before = entry.name in defaults ? JSON.stringify(defaults[entry.name]) : undefined;
    if ("value" in parsed && JSON.stringify(parsed.value) !== before) found[entry.name] = parsed.value;
  }
  return found;
}
