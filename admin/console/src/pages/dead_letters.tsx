// What was refused, and what can be done about it.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { allowed, api, type DeadLetter, type LetterCounts, type Page, path, query, type Replayed } from "../api";
import * as format from "../format";
import { useAction, useLoad, usePages } from "../load";
import { go, place, replace, to } from "../router";
import { Badge, Confirm, Empty, Field, Header, PagedTable, ProblemBox, Section, TextField, Time } from "../ui";
import { Letter } from "./dead_letter";

const narrow = 700; // px: on a phone the filter is folded away
const keys = ["source", "edge", "code", "event", "q"] as const;
type Filter = Record<(typeof keys)[number], string>;

export function outcomeText(of: Replayed): string {
  const parts = [
    of.applied > 0 && `${format.count(of.applied)} applied`,
    of.duplicate > 0 && `${format.count(of.duplicate)} had counted before`,
    of.rejected > 0 && `${format.count(of.rejected)} refused again`,
    of.failed > 0 && `${format.count(of.failed)} could not be tried`,
    of.dropped > 0 && `${format.count(of.dropped)} dropped`,
    of.missing > 0 && `${format.count(of.missing)} were gone`,
  ].filter(Boolean);
  return parts.length === 0 ? "Nothing was there to be done." : `${parts.join(", ")}.`;
}

/** Until no more is left: a request does a part. */
async function decideAll(action: string, filter: Partial<Filter>, progress: (so: Replayed) => void): Promise<Replayed> {
  const sum: Replayed = { replayed: 0, applied: 0, duplicate: 0, rejected: 0, failed: 0, dropped: 0, missing: 0, more: true, next: null, stopped: null, failures: [] };
  let cursor: string | null = null;
  while (sum.more) {
    const done: Replayed = await api("/v1/dead-letters", { method: "POST", body: { action, filter, ...(cursor ? { cursor } : {}) } });
    for (const key of ["replayed", "applied", "duplicate", "rejected", "failed", "dropped", "missing"] as const) sum[key] += done[key];
    sum.stopped = done.stopped;
    sum.failures.push(...done.failures);
    sum.more = done.more && done.stopped === null && done.next !== null;
    cursor = done.next;
    progress({ ...sum });
  }
  return sum;
}

function Counts(of: { counts: LetterCounts; filter: Filter; choose: (next: Partial<Filter>) => void }): VNode | null {
  if (of.counts.items.length === 0) return null;
  const most = Math.max(...of.counts.items.map((each) => each.letters));
  return (
    <ul class="bars" aria-label="Dead letters by source and reason">
      {of.counts.items.map((each) => {
        const chosen = of.filter.source === each.source && of.filter.code === each.code;
        return (
          <li key={each.source + "\0" + each.code}>
            <button type="button" aria-pressed={chosen} onClick={() => of.choose(chosen ? { source: "", code: "" } : { source: each.source, code: each.code })}>
              <span class="bar-name">
                {each.code} <span class="muted">from {each.source}</span>
              </span>
              <meter min={0} max={most} value={each.letters} aria-hidden="true" />
              <span class="bar-value">{format.count(each.letters)}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function List(): VNode {
  const asked = place.value.query;
  const filter = Object.fromEntries(keys.map((key) => [key, asked.get(key) ?? ""])) as Filter;
  const from = asked.get("from") ?? "";
  const until = asked.get("until") ?? "";
  const times = { from: from && new Date(from).toISOString(), until: until && new Date(until).toISOString() };
  const set = (next: Partial<Filter> & { from?: string; until?: string }): void => replace(to(["dead-letters"], { ...filter, from, until, ...next }));
  const used: Record<string, string> = Object.fromEntries(Object.entries({ ...filter, ...times }).filter(([, value]) => value !== ""));

  const counts = useLoad("counts", (signal) => api<LetterCounts>("/v1/dead-letters:counts", { signal }), 3000);
  const pages = usePages<DeadLetter>(`letters${query(used)}`, (cursor, signal) => api<Page<DeadLetter>>(`/v1/dead-letters${query({ ...used, limit: 50, cursor })}`, { signal }));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [told, setTold] = useState("");
  const after = (done: Replayed): void => {
    setTold(outcomeText(done) + (done.stopped ? ` Stopped: ${done.stopped}` : ""));
    setChosen(new Set());
    pages.reload();
    counts.reload();
  };
  const some = useAction(async (action: string) => after(await api<Replayed>("/v1/dead-letters", { method: "POST", body: { action, ids: [...chosen] } })));
  const every = useAction(async (action: string) => after(await decideAll(action, used, (so) => setTold(outcomeText(so)))));
  const busy = some.busy || every.busy;
  const shown = pages.data ?? [];
  const all = shown.length > 0 && shown.every((each) => chosen.has(each.id));
  const filtered = Object.keys(used).length > 0;
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const input = (key: keyof Filter, label: string): VNode => (
    <TextField label={label} value={filter[key]} onInput={(value) => set({ [key]: value })} type={key === "q" ? "search" : "text"} />
  );
  return (
    <>
      <Header
        title="Dead letters"
        intro="Events that were refused or held back. They are kept with the reason, so that they can be replayed once sender, schema or mapping is mended."
      />
      <ProblemBox problem={counts.problem} retry={counts.reload} />
      {counts.data && <Counts counts={counts.data} filter={filter} choose={set} />}
      {counts.data && counts.data.letters === 0 && !filtered ? (
        <Empty>There are no dead letters: nothing was refused, or all of it was replayed or dropped.</Empty>
      ) : (
        <Section
          title={filtered ? "Those that match" : "All"}
          flush
          actions={
            allowed("operator") && <>
              <button type="button" disabled={chosen.size === 0 || busy} onClick={() => some.run("replay")}>
                Replay {chosen.size > 0 ? chosen.size : "selected"}
              </button>
              <Confirm
                text={`Drop ${chosen.size > 0 ? chosen.size : "selected"}`}
                title="Drop them?"
                question={`${chosen.size} dead letters are deleted. What they hold is lost.`}
                yes="Drop"
                danger
                disabled={chosen.size === 0 || busy}
                onYes={() => some.run("drop")}
              />
              <Confirm
                text={filtered ? "Replay all that match" : "Replay all"}
                title="Replay them all?"
                question="Each is tried as if it came in now. What is applied, or counted before, is taken off the list; what is refused again stays."
                yes="Replay"
                disabled={busy}
                onYes={() => every.run("replay")}
              />
              <Confirm
                text={filtered ? "Drop all that match" : "Drop all"}
                title="Drop them all?"
                question={filtered ? "All dead letters that match the filter are deleted. What they hold is lost." : "All dead letters are deleted. What they hold is lost."}
                yes="Drop"
                danger
                disabled={busy}
                onYes={() => every.run("drop")}
              />
            </>
          }
        >
          <details class="inset" open={filtered || innerWidth > narrow}>
            <summary>Filter</summary>
            <div class="row bottom filters">
              {input("source", "Source")}
              {input("code", "Reason")}
              {input("event", "Event")}
              {input("edge", "Came in by")}
              {input("q", "Text")}
              <Field label="From">{(id) => <input id={id} type="datetime-local" value={from} onInput={(event) => set({ from: event.currentTarget.value })} />}</Field>
              <Field label="Until">{(id) => <input id={id} type="datetime-local" value={until} onInput={(event) => set({ until: event.currentTarget.value })} />}</Field>
              {filtered && (
                <button type="button" onClick={() => replace(to(["dead-letters"]))}>
                  Clear
                </button>
              )}
            </div>
          </details>
          <div role="status">{told !== "" && <p class="done inset">{told}</p>}</div>
          <ProblemBox problem={some.problem ?? every.problem} />
          <PagedTable<DeadLetter>
            label="Dead letters"
            pages={pages}
            keyOf={(each) => each.id}
            empty="None match."
            columns={[
              {
                head: (
                  <input
                    type="checkbox"
                    checked={all}
                    aria-label="Select all that are shown"
                    onChange={() => setChosen(all ? new Set() : new Set(shown.map((each) => each.id)))}
                  />
                ),
                cell: (each) => <input type="checkbox" checked={chosen.has(each.id)} aria-label={`Select letter ${each.id}`} onChange={() => toggle(each.id)} />,
              },
              {
                head: "When",
                cell: (each) => (
                  <a href={to(["dead-letters", each.id])}>
                    <Time at={each.at} />
                  </a>
                ),
              },
              { head: "Reason", cell: (each) => <Badge tone={each.code === "quarantined" ? "warn" : "bad"}>{each.code}</Badge> },
              { head: "Event", cell: (each) => each.event ?? <span class="muted">–</span> },
              { head: "Of", cell: (each) => (each.ids ? <span class="mono">{each.ids}</span> : <span class="muted">–</span>) },
              { head: "Source", cell: (each) => each.source },
              { head: "Why", wide: true, cell: (each) => each.message },
              { head: "Tried", number: true, cell: (each) => each.attempts },
            ]}
          />
        </Section>
      )}
    </>
  );
}

export function DeadLetters(): VNode {
  const id = place.value.parts[1];
  return id ? <Letter key={id} at={path("v1", "dead-letters", id)} id={id} onGone={() => go(to(["dead-letters"]))} /> : <List />;
}
