import type { Output } from "@/api/types";

export interface Table {
  columns: readonly { name: string; type: string }[];
  rows: readonly (readonly unknown[])[];
}

const LONGEST_CELL = 160;

/** A sample as rows and columns: `{columns, rows}`, a list of objects, or lists under known columns; else null. */
export function asTable({ sample, columns }: Pick<Output, "sample" | "columns">): Table | null {
  const given = isRecord(sample) && Array.isArray(sample.rows) ? sample.rows : sample;
  const rows: readonly unknown[] = Array.isArray(given) ? given : [];
  const named = columns ?? namedBy(sample);
  if (!rows.length) return named ? { columns: named, rows: [] } : null;
  if (rows.every(isRecord)) {
    const shown = named ?? [...new Set(rows.flatMap((row) => Object.keys(row)))].map((name) => ({ name, type: "" }));
    return { columns: shown, rows: rows.map((row) => shown.map(({ name }) => row[name])) };
  }
  if (named && rows.every(isList)) return { columns: named, rows };
  return null;
}

function namedBy(sample: unknown): Table["columns"] | null {
  if (!isRecord(sample) || !isList(sample.columns)) return null;
  return sample.columns.map((column) => ({ name: isRecord(column) ? String(column.name) : String(column), type: "" }));
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isNumeric(table: Table, column: number): boolean {
  const values = table.rows.map((row) => row[column]).filter((value) => value != null);
  return values.length > 0 && values.every((value) => typeof value === "number");
}

export function cellText(value: unknown): string {
  const text = typeof value === "string" ? value : typeof value === "number" ? number(value) : JSON.stringify(value);
  return text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL)}…` : text;
}

/** Whole numbers as they are (they are often years or ids); others to six significant digits. */
function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
