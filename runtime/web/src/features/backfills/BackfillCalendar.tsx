import { Link } from "react-router";
import type { BackfillTime } from "@/api/types";
import { lookOf } from "@/components/status";
import { type Cell, calendarOf, timeText } from "./calendar";

/** Each logical time as a field in the colour of its run, which it leads to. */
export function BackfillCalendar({ times, zone }: { times: readonly BackfillTime[]; zone: string }) {
  return (
    <div className="calendar">
      {calendarOf(times, zone).map((row) => (
        <div className="calendar-row" key={`${row.label} ${row.cells[0]?.at}`}>
          <h3 className="calendar-label">{row.label}</h3>
          <ul className="calendar-cells">{row.cells.map((cell) => <li key={cell.at}><Field cell={cell} zone={zone} /></li>)}</ul>
        </div>
      ))}
    </div>
  );
}

function Field({ cell, zone }: { cell: Cell; zone: string }) {
  const look = lookOf(cell.status);
  const text = `${timeText(cell.at, zone)}: ${look.label.toLowerCase()}`;
  const shared = { className: "calendar-cell num", "data-tone": look.tone, "data-status": cell.status, title: text };
  if (cell.run === null) return <span {...shared}><span aria-hidden="true">{cell.label}</span><span className="visually-hidden">{text}</span></span>;
  return <Link {...shared} to={`/runs/${cell.run}`} aria-label={text}>{cell.label}</Link>;
}
