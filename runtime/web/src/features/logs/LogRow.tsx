import { memo } from "react";
import type { LogLine } from "@/api/types";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
/** A browser stalls on megabytes in one line; the stored log keeps them. */
const LONGEST = 4000;

export const LogRow = memo(function LogRow({ line, showBlock }: { line: LogLine; showBlock: boolean }) {
  const cut = line.message.length - LONGEST;
  const where = showBlock ? line.block : "";
  const index = line.map_index === null ? "" : `[${line.map_index}]`;
  return (
    <>
      <time dateTime={line.time}>{CLOCK.format(new Date(line.time))}</time>
      <span className="log-level">{line.level === "INFO" ? "" : line.level}</span>
      {where || index ? <span className="log-where" title={`${line.block}${index}`}>{where}{index}</span> : null}
      <span className="log-text">{cut > 0 ? `${line.message.slice(0, LONGEST)} … ${cut.toLocaleString()} more characters` : line.message}</span>
    </>
  );
});
