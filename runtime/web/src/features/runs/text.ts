import type { Run } from "@/api/types";

/** The end of an id: run ids begin with their time, so their ends are what differs. */
export function shortId(id: string): string {
  return id.length > 12 ? id.slice(-8) : id;
}

/** Who asked for a run, where no trigger did: "ada" of "user:ada". */
export function startedBy(run: Pick<Run, "created_by">): string {
  return run.created_by?.replace(/^[a-z-]+:/, "") ?? "by hand";
}
