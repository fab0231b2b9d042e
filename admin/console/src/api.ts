// The admin API as the console asks it. Nothing is kept here but who is signed in.
import { signal } from "@preact/signals";

export interface Session {
  name: string;
  display: string;
  role: string;
  expires: string | null;
}

/** null: nobody; undefined: not known yet. */
export const session = signal<Session | null | undefined>(undefined);

/** The server decides; this keeps from view what it would refuse. An admin may do what any role may, and all may view. */
export const allowed = (needed = "viewer"): boolean => {
  const role = session.value?.role ?? "none";
  return role !== "none" && (needed === "viewer" || role === needed || role === "admin");
};

/** What the server says of a request that failed (RFC 9457), or that there was no answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly more: Record<string, unknown> = {},
  ) {
    super(detail);
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text();
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    return new Problem(answer.status, String(body.title ?? answer.statusText), String(body.detail ?? text), body);
  } catch {
    return new Problem(answer.status, answer.statusText || `Status ${answer.status}`, text.slice(0, 500));
  }
}

export interface Asked {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function send(path: string, asked: Asked = {}): Promise<Response> {
  const method = asked.method ?? "GET";
  const headers: Record<string, string> = { ...asked.headers };
  if (method !== "GET") headers["X-Kith-Request"] = "1"; // no other site's page can send it
  if (asked.body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: asked.body === undefined ? null : JSON.stringify(asked.body),
      credentials: "same-origin",
      signal: asked.signal ?? null,
    });
  } catch (why) {
    if (why instanceof DOMException && why.name === "AbortError") throw why;
    throw new Problem(0, "No answer", "The server cannot be reached. Is it running, and is the network there?");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && path !== "/v1/session") session.value = null;
  throw await problemOf(answer);
}

/** REQUIRES: the answer is JSON, or empty. */
export async function api<T>(path: string, asked: Asked = {}): Promise<T> {
  const answer = await send(path, asked);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export async function signIn(token: string): Promise<void> {
  session.value = await api<Session>("/v1/session", { method: "POST", body: { token } });
}

export async function signOut(): Promise<void> {
  await api("/v1/session", { method: "DELETE" });
  session.value = null;
}

export async function resume(): Promise<void> {
  try {
    session.value = await api<Session>("/v1/session");
  } catch {
    session.value = null;
  }
}

/** Path of an API URL whose parts may hold anything. */
export const path = (...parts: string[]): string => "/" + parts.map(encodeURIComponent).join("/");

/** Query of an API URL, without what is empty. */
export function query(of: Record<string, string | number | undefined | null>): string {
  const set = Object.entries(of).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return set.length === 0 ? "" : "?" + new URLSearchParams(set.map(([key, value]) => [key, String(value)])).toString();
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Profile {
  profile: string;
  version: number;
  userIds: string[];
  anonymousIds: string[];
  externalIds: { type: string; id: string }[];
  traits: Record<string, unknown>;
  computed: Record<string, unknown>;
  segments: string[];
  consent?: Record<string, Consent>;
  firstSeen: string;
  lastSeen: string;
  events: Record<string, { count: number; firstAt: string; lastAt: string }>;
  sessions?: { count: number; lastStart: string; lastEnd: string };
}

/** To one purpose. */
export interface Consent {
  status?: string;
  granted?: boolean;
  basis?: string;
  source?: string;
  version?: string;
  at?: string;
  messageId?: string;
}

export interface SetTrait {
  path: string[];
  value: unknown;
  at: string;
  messageId: string;
}

export interface KeptEvent {
  type: string;
  event?: string;
  messageId?: string;
  time: string;
  receivedAt: string;
  source: string;
  [key: string]: unknown;
}

export interface Membership {
  segment: string;
  since: string;
  until?: string;
}

/** What the configuration says of personal data. */
export interface PrivacyRules {
  purposes: { name: string; description: string; default: "granted" | "denied"; basis: string | null; gpc: boolean }[];
}

export interface Explanation {
  segment: string;
  member: boolean;
  since?: string;
  purpose?: string; // with consent
  consent?: Consent;
  expression: string;
  changesAt?: string;
  parts: {
    expression: string;
    value?: string;
    depth: number;
    count?: number;
    events?: { id: string; time: string; messageId?: string }[];
  }[];
}

export interface Identifier {
  kind: string;
  type?: string;
  id: string;
}

export interface Identity {
  profile: string;
  identifiers: (Identifier & { profile: string; version: number })[];
  links: { at: string; messageId: string | null; counts: boolean; between: [Identifier, Identifier] }[];
  unmerged: { at: string; between: [string, string] }[];
}

export interface Backfill {
  running: boolean;
  cancelled: boolean;
  complete: boolean;
  done: number;
  of: number;
  perSecond: number;
  limit: number | null;
  secondsLeft: number | null;
}

export type Kind = "segments" | "computed";

export interface Definition {
  name: string;
  kind: "segment" | "computed";
  expression: string;
  description: string;
  owner: string;
  purpose: string | null;
  version: number;
  created: string;
  updated: string;
  source: "config" | "api";
  members?: number | null;
  backfill: Backfill;
  disabled: { reason: string; error: string; since: string } | null;
}

export interface Preview {
  valid: true;
  members: number;
  profiles: number;
  errors: number;
  error?: string;
  complete: boolean;
  seconds: number;
  sample: { profile: string; userIds: string[]; anonymousIds: string[] }[];
}

export interface DeadLetter {
  id: string;
  at: string;
  source: string;
  edge: string;
  code: string;
  message: string;
  ids: string | null;
  event: string | null;
  messageId: string | null;
  contentType: string | null;
  headers: [string, string][];
  size: number;
  truncated: boolean;
  attempts: number;
  replayed: string | null;
  encoding: "utf-8" | "base64";
  bytes: string;
  decoded?: unknown;
}

export interface LetterCounts {
  items: { source: string; code: string; letters: number; bytes: number }[];
  letters: number;
  bytes: number;
  sinceStart: Record<string, number>;
}

export interface Replayed {
  replayed: number;
  applied: number;
  duplicate: number;
  rejected: number;
  failed: number;
  dropped: number;
  missing: number;
  more: boolean;
  next: string | null;
  stopped: string | null;
  failures: { id: string; message: string }[];
}

export interface Webhook {
  name: string;
  url: string;
  segments: "all" | string[];
  state: "delivering" | "failing" | "gone";
  delivered: number;
  failed: number;
  dead: number;
  waiting: number;
  oldest: string | null;
  lastSuccess: string | null;
  lastError: string | null;
}

export interface WebhookLetter {
  id: string;
  queued: string;
  type: string;
  segment: string;
  profile: string;
  time: string;
  attempts: number;
  lastError: string;
}

export interface EventSchema {
  event: string;
  version: number;
  versions: number[];
  description: string;
  owner: string;
  source: "directory" | "api";
  created: string | null;
  schema?: Record<string, unknown>;
}

export interface Observed {
  event: string;
  declared: boolean;
  version: number | null;
  count: number;
  invalid: number;
  outcomes: Record<string, number>;
  sources: { source: string; count: number; first: string; last: string }[];
  violations: { pointer: string; rule: string; count: number }[];
  typeConflicts: { pointer: string; declared: string[]; observed: Record<string, number> }[];
  incomplete: boolean;
  undeclaredProperties: unknown[];
  neverSeen: unknown[];
}

export interface PrivacyRequest {
  id: string;
  kind: "access" | "portability" | "erasure" | "rectification" | "opt_out" | "objection";
  regulation: "gdpr" | "ccpa";
  status: "received" | "verified" | "running" | "done" | "refused";
  subject: { hash: string; kind?: string; type?: string; id?: string }[];
  traits: Record<string, unknown> | null;
  purposes: string[];
  note: string | null;
  receivedAt: string;
  dueAt: string;
  confirmBy: string | null;
  confirmedAt: string | null;
  extended: boolean;
  verified: boolean;
  closedAt: string | null;
  error: string | null;
  history: { at: string; by: string; action: string; detail: string | null }[];
  result: {
    exports: { profile: string | null; bytes: number; sha256: string; until: string; gone: boolean }[];
    applied: { profile: string | null; at: string }[];
    receipts: string[];
    notFound: number;
    deadLetters: number;
  };
  version: number;
  overdue: boolean;
  dueSoon: boolean;
}

export interface Suppression {
  hash: string;
  since: string;
}

export interface Token {
  name: string;
  role: string;
  description: string;
  source: "api" | "config";
  version: number | null;
  created: string | null;
  createdBy: string | null;
  rotated: string | null;
  expires: string | null;
  lastUsed: string | null;
  token?: string; // told once
}

export interface AuditRecord {
  sequence: number;
  hash: string;
  time: string;
  method: string;
  route: string;
  status: number;
  outcome: "done" | "refused" | "failed";
  who: string | null;
  display?: string;
  role: string | null;
  by: string;
  address: string;
  arguments?: string[];
  noted?: { action?: string };
  [key: string]: unknown;
}
