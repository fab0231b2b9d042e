import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { api, type KeptEvent, type Page, query } from "../api";
import * as format from "../format";
import { usePages } from "../load";
import { Code, Empty, Loading, ProblemBox, Section, SelectField, TextField } from "../ui";

const a_page = 50;

function Item(of: { event: KeptEvent }): VNode {
  const [open, setOpen] = useState(false);
  const { event } = of;
  const details = (event.properties ?? event.traits) as Record<string, unknown> | undefined;
  return (
    <li>
      <details onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
        <summary>
          <time dateTime={event.time} class="nowrap" title={format.ago(event.time)}>
            {format.time(event.time)}
          </time>
          <strong>{event.event ?? event.type}</strong>
          <span class="muted clip">{details ? format.value(details) : ""}</span>
        </summary>
        {open && <Code label="The whole event">{format.pretty(event)}</Code>}
      </details>
    </li>
  );
}

export function Timeline(of: { at: string; version: number }): VNode {
  const [order, setOrder] = useState("desc");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const rfc = (local: string): string => (local === "" ? "" : new Date(local).toISOString());
  const asked = query({ limit: a_page, order, from: rfc(from), to: rfc(to) });
  const pages = usePages<KeptEvent>(`${of.at}${asked}`, (cursor, signal) =>
    api<Page<KeptEvent>>(`${of.at}/events${query({ limit: a_page, order, from: rfc(from), to: rfc(to), cursor })}`, { signal }),
  );
  const newer = of.version - (pages.data?.length ?? 0);
  return (
    <Section
      title="Timeline"
      note="What the history keeps of this profile's events, by their own time. Open one to see all of it."
      actions={
        <button type="button" class="small" onClick={pages.reload}>
          Reload
        </button>
      }
    >
      <div class="row bottom filters">
        <SelectField
          label="Order"
          value={order}
          onInput={setOrder}
          options={[
            ["desc", "Newest first"],
            ["asc", "Oldest first"],
          ]}
        />
        <TextField label="From" type="datetime-local" value={from} onInput={setFrom} />
        <TextField label="Before" type="datetime-local" value={to} onInput={setTo} />
      </div>
      <ProblemBox problem={pages.problem} retry={pages.reload} />
      {!pages.data && pages.loading && <Loading />}
      {pages.data && pages.data.length === 0 && <Empty>{newer > 0 ? "No events in that time, or history.retention dropped them." : "No events."}</Empty>}
      {pages.data && pages.data.length > 0 && (
        <ol class="timeline">
          {pages.data.map((event, i) => (
            <Item key={`${event.messageId ?? ""}${event.time}${i}`} event={event} />
          ))}
        </ol>
      )}
      {pages.data && pages.data.length > 0 && (
        <div class="row spread foot">
          <span class="muted">
            {format.count(pages.data.length)} shown{pages.more ? "" : ", that is all"}
          </span>
          {pages.more && (
            <button type="button" onClick={pages.more} disabled={pages.loading}>
              {pages.loading ? "Loading…" : "Show more"}
            </button>
          )}
        </div>
      )}
    </Section>
  );
}
