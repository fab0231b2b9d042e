// What events may hold, beside what they are seen to hold.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { allowed, api, type EventSchema, type Observed, type Page, path, query, send } from "../api";
import * as format from "../format";
import { useAction, useLoad } from "../load";
import { go, place, to } from "../router";
import { Await, Badge, Code, Confirm, Empty, Facts, FormButtons, Header, ProblemBox, Section, SelectField, Table, TextArea, Time } from "../ui";

interface Row {
  event: string;
  schema: EventSchema | undefined;
  seen: Observed | undefined;
}

async function everything<T>(url: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Page<T> = await api(`${url}${query({ limit: 1000, cursor })}`, { signal });
    items.push(...page.items);
    cursor = page.next;
    if (cursor === null || items.length >= 5000) return items;
  }
}

async function rows(signal: AbortSignal): Promise<Row[]> {
  const [schemas, seen] = await Promise.all([everything<EventSchema>("/v1/schemas", signal), everything<Observed>("/v1/schemas:report", signal)]);
  const names = [...new Set([...schemas.map((each) => each.event), ...seen.map((each) => each.event)])].sort();
  return names.map((event) => ({ event, schema: schemas.find((each) => each.event === event), seen: seen.find((each) => each.event === event) }));
}

const fits = (seen: Observed | undefined): VNode => {
  if (!seen || seen.count === 0) return <span class="muted">not seen</span>;
  if (!seen.declared) return <span class="muted">no schema</span>;
  return seen.invalid === 0 ? <Badge tone="good">all fit</Badge> : <Badge tone="bad">{format.count(seen.invalid)} do not fit</Badge>;
};

function List(): VNode {
  const told = useLoad("schemas", rows); // not by itself again: each look at what was seen stands in the audit log
  return (
    <>
      <Header
        title="Schemas"
        actions={
          <button type="button" class="small" onClick={told.reload} disabled={told.loading}>
            Reload
          </button>
        }
        intro="What an event may hold, as JSON Schema, compared with what really comes. What was seen counts from the server's start, over HTTPS."
      />
      <Await of={told}>
        {(all) =>
          all.length === 0 ? (
            <Empty>No schemas are registered, and no events came over HTTPS yet.</Empty>
          ) : (
            <div class="panel flush">
              <Table<Row>
                label="Schemas"
                items={all}
                keyOf={(each) => each.event}
                columns={[
                  {
                    head: "Event",
                    cell: (each) => (
                      <a class="strong" href={to(["schemas", each.event])}>
                        {each.event}
                      </a>
                    ),
                  },
                  { head: "Version", number: true, cell: (each) => each.schema?.version ?? <span class="muted">–</span> },
                  { head: "Seen", number: true, cell: (each) => format.count(each.seen?.count ?? 0) },
                  { head: "Fit", cell: (each) => fits(each.seen) },
                  { head: "Owner", cell: (each) => each.schema?.owner || <span class="muted">–</span> },
                  { head: "Description", wide: true, cell: (each) => each.schema?.description ?? "" },
                ]}
              />
            </div>
          )
        }
      </Await>
    </>
  );
}

function Report(of: { seen: Observed }): VNode {
  const { seen } = of;
  const conflicts = seen.typeConflicts;
  return (
    <Section title="What was seen" note={seen.incomplete ? "More was seen than is kept track of: the lists are not complete." : undefined}>
      <Facts
        items={[
          ["Events", format.count(seen.count)],
          ["Do not fit", seen.declared ? format.count(seen.invalid) : "no schema"],
          ...Object.entries(seen.outcomes).map(([name, value]): [string, string] => [{ allow: "Applied", quarantine: "Held back", reject: "Refused" }[name] ?? name, format.count(value)]),
          ["Sources", seen.sources.map((each) => `${each.source} (${format.count(each.count)})`).join(", ")],
        ]}
      />
      {seen.violations.length > 0 && (
        <>
          <h3>What does not fit</h3>
          <Table
            label="Violations"
            items={seen.violations}
            keyOf={(each) => each.pointer + each.rule}
            columns={[
              { head: "Where", cell: (each) => <span class="mono">{each.pointer}</span> },
              { head: "Rule", cell: (each) => <span class="mono">{each.rule}</span> },
              { head: "Events", number: true, cell: (each) => format.count(each.count) },
            ]}
          />
        </>
      )}
      {conflicts.length > 0 && (
        <>
          <h3>Other types than declared</h3>
          <Table
            label="Types"
            items={conflicts}
            keyOf={(each) => each.pointer}
            columns={[
              { head: "Where", cell: (each) => <span class="mono">{each.pointer}</span> },
              { head: "Declared", cell: (each) => each.declared.join(" or ") },
              { head: "Seen", cell: (each) => Object.entries(each.observed).map(([type, n]) => `${type} (${format.count(n)})`).join(", ") },
            ]}
          />
        </>
      )}
      {seen.undeclaredProperties.length > 0 && (
        <p>
          Not declared: {seen.undeclaredProperties.map((each, i) => (
            <code key={i}>{format.value(each)} </code>
          ))}
        </p>
      )}
      {seen.neverSeen.length > 0 && (
        <p>
          Declared and never seen: {seen.neverSeen.map((each, i) => (
            <code key={i}>{format.value(each)} </code>
          ))}
        </p>
      )}
    </Section>
  );
}

interface Checked {
  compatible?: boolean;
  incompatibilities?: { of: string; pointer: string; reason: string }[];
}

function Register(of: { event: string; start: string; version: number; onDone: () => void; onCancel: () => void }): VNode {
  const [text, setText] = useState(of.start);
  const [checked, setChecked] = useState<Checked | null>(null);
  let wrong = "";
  try {
    JSON.parse(text);
  } catch (why) {
    wrong = why instanceof Error ? why.message : String(why);
  }
  const check = useAction(async () => setChecked(await api<Checked>("/v1/schemas:check", { method: "POST", body: { name: of.event, schema: JSON.parse(text) as unknown } })));
  const save = useAction(async () => {
    await send(path("v1", "schemas", of.event), {
      method: "PUT",
      body: JSON.parse(text) as unknown,
      headers: of.version > 0 ? { "If-Match": `"${of.version}"` } : {},
    });
    of.onDone();
  });
  const incompatibilities = checked?.incompatibilities ?? [];
  return (
    <Section title={`Register version ${of.version + 1}`}>
      <TextArea
        label="JSON Schema"
        rows={18}
        value={text}
        onInput={(next) => {
          setText(next);
          setChecked(null);
        }}
        note="It counts from the next event on. A version that does not fit the one before, by the compatibility that is configured, is refused."
      />
      {wrong !== "" && <p class="bad">Not JSON: {wrong}</p>}
      <ProblemBox problem={check.problem} />
      <ProblemBox problem={save.problem} />
      <div role="status">
        {checked &&
          (checked.compatible === false ? (
            <div class="problem">
              <strong>Does not fit the version before.</strong>
              <ul>
                {incompatibilities.map((each, i) => (
                  <li key={i}>
                    <code>{each.pointer || "/"}</code> {each.reason} <span class="muted">({each.of})</span>
                  </li>
                ))}
              </ul>
            </div>
          ) : (
            <p class="ok">It can be registered.</p>
          ))}
      </div>
      <FormButtons text="Register" disabled={wrong !== "" || save.busy} onDo={save.run} onCancel={of.onCancel}>
        <button type="button" disabled={wrong !== "" || check.busy} onClick={check.run}>
          Check
        </button>
      </FormButtons>
    </Section>
  );
}

function One(of: { event: string }): VNode {
  const at = path("v1", "schemas", of.event);
  const [version, setVersion] = useState("");
  const [draft, setDraft] = useState<string | null>(null);
  const told = useLoad(`schema/${of.event}?${version}`, async (signal) => {
    const all = await rows(signal);
    const row = all.find((each) => each.event === of.event) ?? { event: of.event, schema: undefined, seen: undefined };
    const shown = row.schema ? await api<EventSchema>(at + query({ version }), { signal }) : undefined;
    return { row, shown };
  });
  const propose = useAction(async () => setDraft(format.pretty(await api<unknown>(`${at}/proposal`))));
  const remove = useAction(async () => {
    await send(at, { method: "DELETE", headers: { "If-Match": `"${told.data!.row.schema!.version}"` } });
    go(to(["schemas"]));
  });
  const row = told.data?.row;
  const fixed = row?.schema?.source === "directory";
  return (
    <>
      <Header
        back={{ href: to(["schemas"]), text: "Schemas" }}
        title={of.event}
        intro={row?.schema?.description}
        actions={
          row &&
          draft === null &&
          allowed("operator") && (
            <>
              {row.seen && row.seen.count > 0 && !fixed && (
                <button type="button" disabled={propose.busy} onClick={propose.run}>
                  Propose from what was seen
                </button>
              )}
              {!fixed && (
                <button type="button" onClick={() => setDraft(format.pretty(told.data?.shown?.schema ?? { title: of.event, type: "object", properties: {} }))}>
                  {row.schema ? "New version" : "Write a schema"}
                </button>
              )}
              {row.schema && !fixed && (
                <Confirm
                  text="Delete"
                  title={`Delete the schema of ${of.event}?`}
                  question="All its versions are deleted. Events of this name are not judged any more."
                  yes="Delete"
                  danger
                  disabled={remove.busy}
                  onYes={remove.run}
                />
              )}
            </>
          )
        }
      />
      <ProblemBox problem={propose.problem ?? remove.problem} />
      <Await of={told}>
        {({ row: { schema, seen }, shown }) => (
          <>
            {draft !== null && (
              <Register
                event={of.event}
                start={draft}
                version={schema?.version ?? 0}
                onCancel={() => setDraft(null)}
                onDone={() => {
                  setDraft(null);
                  setVersion("");
                  told.reload();
                }}
              />
            )}
            {seen && <Report seen={seen} />}
            {shown && draft === null && (
              <Section
                title="Schema"
                actions={
                  <SelectField
                    label="Version"
                    class="inline"
                    value={String(shown.version)}
                    onInput={setVersion}
                    options={shown.versions.map((each): [string, string] => [String(each), String(each)]).reverse()}
                  />
                }
                note={
                  <>
                    {fixed ? "From the directory of schemas: change it there. " : ""}
                    {shown.owner && `Owner: ${shown.owner}. `}
                    {shown.created && (
                      <>
                        Registered <Time at={shown.created} />.
                      </>
                    )}
                  </>
                }
              >
                <Code label="Schema">{format.pretty(shown.schema)}</Code>
              </Section>
            )}
            {!schema && draft === null && <Empty>There is no schema of this event: whatever it holds is taken, unless unknown events are configured to be refused.</Empty>}
          </>
        )}
      </Await>
    </>
  );
}

export function Schemas(): VNode {
  const event = place.value.parts[1];
  return event ? <One key={event} event={event} /> : <List />;
}
