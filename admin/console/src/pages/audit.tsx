// What was done through the admin API, by whom: records that are chained by their hashes.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { api, type AuditRecord, type Page, query } from "../api";
import * as format from "../format";
import { useLoad, usePages } from "../load";
import { place, replace, to } from "../router";
import { Badge, Code, Empty, Field, Header, Hint, Loading, ProblemBox, Section, ShowMore, SelectField, TextField, type Tone } from "../ui";

const tones: Record<AuditRecord["outcome"], Tone> = { done: "good", refused: "bad", failed: "warn" };
const outcomes: [string, string][] = [
  ["", "All"],
  ["done", "Done"],
  ["refused", "Refused"],
  ["failed", "Failed"],
];

/** "ada" means a user, as for `kith get`; it is asked for as "user/ada". */
const aboutWhom = (text: string): string => (text === "" || text.includes("/") ? text : `user/${text}`);

/** The route with what its parameters were. */
function target(of: AuditRecord): string {
  const left = [...(of.arguments ?? [])];
  return of.route.replace(/\{\}/g, () => left.shift() ?? "…");
}

function Item(of: { record: AuditRecord }): VNode {
  const [open, setOpen] = useState(false);
  const { record } = of;
  return (
    <li>
      <details onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
        <summary>
          <time dateTime={record.time} class="nowrap" title={format.ago(record.time)}>
            {format.time(record.time)}
          </time>
          <strong title={record.who ?? undefined}>{record.display ?? record.who ?? "nobody known"}</strong>
          {record.display !== undefined && <span class="muted nowrap">by OpenID</span>}
          <Badge tone={tones[record.outcome]}>{record.outcome}</Badge>
          <span class="muted clip">
            {record.method} {target(record)} {record.noted?.action}
          </span>
        </summary>
        {open && <Code label="The whole record">{format.pretty(record)}</Code>}
      </details>
    </li>
  );
}

export function Audit(): VNode {
  const asked = place.value.query;
  const get = (name: string): string => asked.get(name) ?? "";
  const set = (name: string, value: string): void => replace(to(["audit"], { ...Object.fromEntries(asked), [name]: value }));
  const rfc = (local: string): string => (local === "" ? "" : new Date(local).toISOString());
  const wanted = { who: get("who"), action: get("action"), outcome: get("outcome"), about: aboutWhom(get("about").trim()), from: rfc(get("from")), until: rfc(get("until")) };
  const pages = usePages<AuditRecord>(`audit${query(wanted)}`, (cursor, signal) => api<Page<AuditRecord>>(`/v1/audit${query({ ...wanted, limit: 50, cursor })}`, { signal }));
  const head = useLoad("audit:head", (signal) => api<{ sequence: number; hash: string; head: string }>("/v1/audit:head", { signal }), 5000);
  const filtered = Object.values(wanted).some((each) => each !== "");
  return (
    <>
      <Header
        title="Audit log"
        intro={
          <>
            What was done through the admin API and this console, and what was refused. Profiles stand here by a hash of their identifier.{" "}
            <Hint about="the chain">
              Each record holds the hash of the one before, so that one that is changed or missing is found: <code>kith audit verify</code> looks at the whole log.
            </Hint>
          </>
        }
      />
      {head.data && (
        <p class="note">
          The newest is number {format.count(head.data.sequence)}, hash <code>{head.data.hash}</code>
        </p>
      )}
      <Section
        title={filtered ? "Those that match" : "All"}
        actions={
          <button type="button" class="small" onClick={pages.reload}>
            Reload
          </button>
        }
      >
        <div class="row bottom filters">
          <TextField label="Who" value={get("who")} onInput={(value) => set("who", value)} />
          <TextField label="Action" value={get("action")} onInput={(value) => set("action", value)} placeholder="PUT /v1/segments" />
          <SelectField label="Outcome" value={get("outcome")} onInput={(value) => set("outcome", value)} options={outcomes} />
          <TextField label="About" value={get("about")} onInput={(value) => set("about", value)} placeholder="user/ada" />
          <Field label="From">{(id) => <input id={id} type="datetime-local" value={get("from")} onInput={(event) => set("from", event.currentTarget.value)} />}</Field>
          <Field label="Until">{(id) => <input id={id} type="datetime-local" value={get("until")} onInput={(event) => set("until", event.currentTarget.value)} />}</Field>
        </div>
        <ProblemBox problem={pages.problem} retry={pages.reload} />
        {!pages.data && pages.loading && <Loading />}
        {pages.data && pages.data.length === 0 && !pages.more && <Empty>{filtered ? "None match." : "Nothing was done yet."}</Empty>}
        {pages.data && pages.data.length > 0 && (
          <ol class="timeline">
            {pages.data.map((each) => (
              <Item key={each.sequence} record={each} />
            ))}
          </ol>
        )}
        {pages.data && (pages.data.length > 0 || pages.more) && <ShowMore pages={pages} />}
      </Section>
    </>
  );
}
