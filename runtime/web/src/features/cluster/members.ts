import type { Lease, Member } from "@/api/types";
import type { Tone } from "@/components/status";

/** A process that has said nothing for this long is shown as silent: its lease is about to pass. */
const SILENT_SECONDS = 8;

export interface MemberState {
  label: string;
  tone: Tone;
}

export function stateOf(member: Member, now: number): MemberState {
  if ((now - Date.parse(member.seen_at)) / 1000 > SILENT_SECONDS) return { label: "Silent", tone: "failed" };
  if (member.standby) return { label: "Stands by", tone: "waiting" };
  return { label: "Works", tone: "succeeded" };
}

export interface SlotUse {
  active: number;
  slots: number;
}

/** How many slots of a scheduler are taken; null for a process that does not say. */
export function slotsOf(member: Member): SlotUse | null {
  const { active, slots } = member.detail;
  return typeof active === "number" && typeof slots === "number" && slots > 0 ? { active, slots } : null;
}

export function nameOf(member: Member): string {
  return `${member.host} · ${member.pid}`;
}

const RIGHTS: Record<string, string> = { scheduler: "to schedule, alone", scaler: "to set the number of schedulers" };

export function rightOf(lease: Lease): string {
  return RIGHTS[lease.name] ?? lease.name;
}

/** Who holds a right, as host and process: a member's id is looked up, the scaler's holder says it itself. */
export function holderOf(lease: Lease, members: readonly Member[]): string {
  const member = members.find((one) => one.id === lease.holder);
  if (member) return nameOf(member);
  const [host, pid] = lease.holder.split(":");
  return host && pid ? `${host} · ${pid}` : lease.holder;
}
