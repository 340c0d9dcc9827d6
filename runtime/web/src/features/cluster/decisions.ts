import type { ScalingDecision } from "@/api/types";
import type { Tone } from "@/components/status";

export interface DecisionLook {
  label: string;
  tone: Tone;
}

/** What became of a decision. */
export function lookOfDecision({ before, wanted, applied, dry_run: dry }: ScalingDecision): DecisionLook {
  if (wanted === before) return { label: "Kept", tone: "idle" };
  if (applied) return { label: wanted > before ? "Grew" : "Shrank", tone: wanted > before ? "running" : "succeeded" };
  return dry ? { label: "Not set: dry run", tone: "waiting" } : { label: "Could not be set", tone: "failed" };
}

/** "0.4 s", "12 s", "3 min"; a delay without end is null. */
export function delayWords(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "no end";
  if (seconds < 0.05) return "0 s";
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** A reason as a sentence of its own. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export interface Sample {
  at: number;
  actual: number;
  wanted: number;
  /** Seconds; null when blocks arrive faster than they are run. */
  delay: number | null;
  decision: ScalingDecision;
}

/** The decisions as a series, oldest first. A number that was set is there from then on. */
export function samplesOf(decisions: readonly ScalingDecision[]): Sample[] {
  return [...decisions].reverse().map((decision) => ({
    at: Date.parse(decision.at),
    actual: decision.applied ? decision.wanted : decision.before,
    wanted: decision.wanted,
    delay: decision.inputs.predicted_delay_seconds ?? null,
    decision,
  }));
}

/** The greatest value an axis shows: the first round number above all that is drawn. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const step = 10 ** Math.floor(Math.log10(value));
  return step * ([1, 2, 3, 5, 10].find((times) => times * step >= value) ?? 10);
}

export interface Span {
  from: number;
  to: number;
}

/** The sample that holds at an instant: the last one before it, or the first. */
export function sampleAt(samples: readonly Sample[], at: number): Sample | undefined {
  return samples.findLast((sample) => sample.at <= at) ?? samples[0];
}

/** Corners of a line that keeps each value until the next one, as an SVG path; null breaks the line. */
export function stepPath(samples: readonly Sample[], valueOf: (sample: Sample) => number | null, toX: (at: number) => number, toY: (value: number) => number, end: number): string {
  const parts: string[] = [];
  let drawing = false;
  samples.forEach((sample, index) => {
    const value = valueOf(sample);
    const until = samples[index + 1]?.at ?? end;
    if (value !== null) {
      parts.push(`${drawing ? "L" : "M"}${fixed(toX(sample.at))} ${fixed(toY(value))}`, `L${fixed(toX(until))} ${fixed(toY(value))}`);
    }
    drawing = value !== null;
  });
  return parts.join("");
}

/** The stretches during which blocks arrived faster than they were run. */
export function endlessSpans(samples: readonly Sample[], end: number): Span[] {
  return samples.flatMap((sample, index) => (sample.delay === null ? [{ from: sample.at, to: samples[index + 1]?.at ?? end }] : []));
}

function fixed(value: number): string {
  return value.toFixed(1);
}
