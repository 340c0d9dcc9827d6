import { type PointerEvent, useEffect, useRef, useState } from "react";
import type { Scaler, ScalingDecision } from "@/api/types";
import { delayWords, endlessSpans, roundUp, type Sample, sampleAt, samplesOf, stepPath } from "./decisions";

interface ScalerChartProps {
  scaler: Scaler;
  decisions: readonly ScalingDecision[];
}

const LEFT = 44;
const RIGHT = 12;
const COUNT = { top: 8, height: 92 };
const DELAY = { top: 128, height: 72 };
const HEIGHT = 222;
const SHORTEST_MS = 5 * 60_000;
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** How many schedulers there are and are wanted, over the start delay that is predicted: one time axis for both. */
export function ScalerChart({ scaler, decisions }: ScalerChartProps) {
  const { frame, width } = useWidth();
  const [pointed, setPointed] = useState<number | null>(null);
  const samples = samplesOf(decisions);
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last) return null;
  const end = last.at + 1000 * (scaler.look_seconds ?? 10);
  const begin = Math.min(first.at, end - SHORTEST_MS);
  const toX = (at: number) => LEFT + ((at - begin) / (end - begin)) * Math.max(1, width - LEFT - RIGHT);
  const shown = pointed === null ? last : sampleAt(samples, pointed) ?? last;

  function point(event: PointerEvent<SVGSVGElement>) {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    setPointed(begin + ((x - LEFT) / Math.max(1, width - LEFT - RIGHT)) * (end - begin));
  }
  return (
    <figure className="scaler-chart" ref={frame}>
      <figcaption className="chart-legend small">
        <span className="chart-key" data-series="actual">actual <b className="num">{shown.actual}</b></span>
        <span className="chart-key" data-series="wanted">wanted <b className="num">{shown.wanted}</b></span>
        <span className="chart-key" data-series="delay">predicted start delay <b className="num">{delayWords(shown.delay)}</b></span>
        <span className="muted num chart-when">{pointed === null ? "latest" : `at ${EXACT.format(shown.at)}`}</span>
      </figcaption>
      <svg width={width} height={HEIGHT} role="img" onPointerMove={point} onPointerDown={point} onPointerLeave={() => setPointed(null)}
        aria-label={`${samples.length} decisions since ${EXACT.format(first.at)}: ${scaler.actual} ${scaler.actual === 1 ? "scheduler" : "schedulers"}, ${scaler.wanted} wanted, predicted start delay ${delayWords(last.delay)}. The table below has each.`}>
        <CountPanel samples={samples} most={Math.max(scaler.max ?? 1, ...samples.map((one) => Math.max(one.actual, one.wanted)))} toX={toX} end={end} right={width - RIGHT} />
        <DelayPanel samples={samples} target={scaler.delay_seconds ?? 0} toX={toX} end={end} right={width - RIGHT} />
        {ticks(begin, end, width).map((at) => (
          <text key={at} className="chart-tick" x={toX(at)} y={HEIGHT - 4} textAnchor={toX(at) > width - 30 ? "end" : "middle"}>{CLOCK.format(at)}</text>
        ))}
        {pointed === null ? null : <line className="chart-cursor" x1={toX(shown.at)} x2={toX(shown.at)} y1={COUNT.top} y2={DELAY.top + DELAY.height} />}
      </svg>
    </figure>
  );
}

interface PanelProps {
  samples: readonly Sample[];
  toX: (at: number) => number;
  end: number;
  right: number;
}

function CountPanel({ samples, most, toX, end, right }: PanelProps & { most: number }) {
  const toY = (value: number) => COUNT.top + COUNT.height * (1 - value / most);
  const line = stepPath(samples, (one) => one.actual, toX, toY, end);
  const floor = toY(0);
  const start = toX(samples[0]?.at ?? end);
  return (
    <g>
      <Axis values={[0, Math.round(most / 2), most]} toY={toY} right={right} />
      <path className="chart-area" d={`${line}L${toX(end)} ${floor}L${start} ${floor}Z`} />
      <path className="chart-line" data-series="actual" d={line} />
      <path className="chart-line" data-series="wanted" d={stepPath(samples, (one) => one.wanted, toX, toY, end)} />
    </g>
  );
}

function DelayPanel({ samples, target, toX, end, right }: PanelProps & { target: number }) {
  const most = roundUp(Math.max(target * 1.2, ...samples.map((one) => one.delay ?? 0)));
  const toY = (value: number) => DELAY.top + DELAY.height * (1 - value / most);
  return (
    <g>
      <Axis values={[0, most]} toY={toY} right={right} unit=" s" />
      {endlessSpans(samples, end).map((span) => (
        <rect key={span.from} className="chart-endless" x={toX(span.from)} width={Math.max(2, toX(span.to) - toX(span.from))} y={DELAY.top} height={DELAY.height}>
          <title>Blocks arrived faster than they were run</title>
        </rect>
      ))}
      <line className="chart-target" x1={LEFT} x2={right} y1={toY(target)} y2={toY(target)} />
      <text className="chart-tick" x={right} y={toY(target) - 4} textAnchor="end">keep within {delayWords(target)}</text>
      <path className="chart-line" data-series="delay" d={stepPath(samples, (one) => one.delay, toX, toY, end)} />
    </g>
  );
}

function Axis({ values, toY, right, unit = "" }: { values: readonly number[]; toY: (value: number) => number; right: number; unit?: string }) {
  return [...new Set(values)].map((value) => (
    <g key={value}>
      <line className="chart-grid" x1={LEFT} x2={right} y1={toY(value)} y2={toY(value)} />
      <text className="chart-tick" x={LEFT - 8} y={toY(value) + 4} textAnchor="end">{value}{unit}</text>
    </g>
  ));
}

const STEPS_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440];

/** Round times of the day, no nearer than there is room for. */
function ticks(begin: number, end: number, width: number): number[] {
  const room = Math.max(2, Math.floor((width - LEFT) / 80));
  const step = 60_000 * (STEPS_MINUTES.find((minutes) => (end - begin) / (minutes * 60_000) <= room) ?? 2880);
  const offset = new Date(begin).getTimezoneOffset() * 60_000;
  const start = Math.ceil((begin - offset) / step) * step + offset;
  return Array.from({ length: Math.max(0, Math.floor((end - start) / step) + 1) }, (_, index) => start + index * step);
}

function useWidth() {
  const frame = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return { frame, width };
}
