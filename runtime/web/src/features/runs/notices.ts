const EVENTS: Record<string, string> = { failure: "Failed", success: "Succeeded", sla_missed: "Service level missed" };

/** What happened, in words. */
export function eventName(event: string): string {
  return EVENTS[event] ?? event;
}
