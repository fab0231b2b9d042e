// Segments and computed traits: the list, one of them, and the editor of both.
import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { allowed, api, type Backfill, type Definition, type Identifier, type Kind, type Page, path, send } from "../api";
import { Chart } from "../chart";
import * as format from "../format";
import { useAction, useLoad, usePages } from "../load";
import { go, place, to, toProfile } from "../router";
import { Await, Badge, Code, Confirm, Empty, Facts, Header, Hint, PagedTable, ProblemBox, Progress, Section, SelectField, Table, Time } from "../ui";
import { Editor } from "./definition_editor";

const words = {
  segments: {
    one: "segment",
    many: "Segments",
    intro: "A segment is a condition over one profile. Who meets it is known at any moment: on each event, and as time passes.",
  },
  computed: {
    one: "computed trait",
    many: "Computed traits",
    intro: "A computed trait is a value worked out from one profile. Other expressions may use it.",
  },
};

function State(of: { one: Definition }): VNode {
  const { disabled, backfill } = of.one;
  if (disabled) return <Badge tone="bad">disabled</Badge>;
  if (backfill.complete) return <Badge tone="good">up to date</Badge>;
  if (backfill.running) return <Badge tone="warn">filling {backfill.of > 0 ? Math.floor((100 * backfill.done) / backfill.of) : 0} %</Badge>;
  return <Badge tone="warn">{backfill.cancelled ? "backfill halted" : "incomplete"}</Badge>;
}

export function BackfillPanel(): VNode | null {
  const told = useLoad("backfill", (signal) => api<Backfill>("/v1/backfill", { signal }), 1000);
  const action = useAction(async (verb: string) => {
    await send(`/v1/backfill:${verb}`, { method: "POST" });
    told.reload();
  });
  const of = told.data;
  if (!of || (of.complete && !of.running)) return null;
  return (
    <Section
      title="Backfill"
      note="After a change of an expression every profile is evaluated anew in the background. Until that is done, members are not complete."
      actions={
        !allowed("operator") ? null : of.running ? (
          <button type="button" disabled={action.busy} onClick={() => action.run("cancel")}>
            Halt
          </button>
        ) : (
          of.cancelled && (
            <button type="button" class="primary" disabled={action.busy} onClick={() => action.run("resume")}>
              Go on
            </button>
          )
        )
      }
    >
      <ProblemBox problem={action.problem} />
      <Progress done={of.done} of={of.of} label="Backfill" />
      <p class="muted">
        {format.count(of.done)} of about {format.counted(of.of, "profile")}, {format.rate(of.perSecond)} a second
        {of.secondsLeft !== null && `, ${format.seconds(of.secondsLeft)} left`}
        {of.cancelled && ", halted"}
      </p>
    </Section>
  );
}

function List(of: { kind: Kind }): VNode {
  const pages = useLoad(of.kind, (signal) => api<Page<Definition>>(`/v1/${of.kind}?limit=1000`, { signal }), 2000);
  const [text, setText] = useState("");
  const word = words[of.kind];
  return (
    <>
      <Header
        title={word.many}
        intro={word.intro}
        actions={
          allowed("operator") && (
            <a class="button primary" href={to([of.kind], { new: "1" })}>
              New {word.one}
            </a>
          )
        }
      />
      <BackfillPanel />
      <Await of={pages}>
        {(page) => {
          const found = page.items.filter((each) => (each.name + " " + each.description + " " + each.owner).toLowerCase().includes(text.toLowerCase()));
          return page.items.length === 0 ? (
            <Empty>
              None yet. <a href={to([of.kind], { new: "1" })}>Define the first {word.one}</a>, or name it in the configuration.
            </Empty>
          ) : (
            <>
              {page.items.length > 8 && (
                <div class="filters">
                  <input type="search" aria-label={`Filter ${word.many.toLowerCase()}`} placeholder="Filter" value={text} onInput={(event) => setText(event.currentTarget.value)} />
                </div>
              )}
              <div class="panel flush">
                <Table<Definition>
                  label={word.many}
                  items={found}
                  keyOf={(each) => each.name}
                  columns={[
                    {
                      head: "Name",
                      cell: (each) => (
                        <a class="strong" href={to([of.kind, each.name])}>
                          {each.name}
                        </a>
                      ),
                    },
                    ...(of.kind === "segments"
                      ? [
                          {
                            head: "Members",
                            number: true,
                            cell: (each: Definition) => (each.members === null || each.members === undefined ? <span class="muted">–</span> : format.count(each.members)),
                          },
                        ]
                      : []),
                    { head: "State", cell: (each) => <State one={each} /> },
                    { head: "Description", wide: true, cell: (each) => each.description },
                    { head: "Owner", cell: (each) => each.owner },
                    { head: "Defined in", cell: (each) => (each.source === "config" ? "configuration" : "console or API") },
                    { head: "Changed", cell: (each) => <Time at={each.updated} relative /> },
                  ]}
                />
              </div>
            </>
          );
        }}
      </Await>
    </>
  );
}

/** Asked for anew with each version, and until it is complete where the definition is said to be up to date. */
function Members(of: { name: string; version: number; upToDate: boolean }): VNode {
  type Member = { profile: string; identifier: Identifier | null; since: string };
  const [complete, setComplete] = useState(true);
  const pages = usePages<Member>(`members/${of.name}/${of.version}`, async (cursor, signal) => {
    const page = await api<Page<Member> & { complete: boolean }>(path("v1", "segments", of.name, "members") + "?limit=100" + (cursor ? `&cursor=${cursor}` : ""), { signal });
    setComplete(page.complete);
    return page;
  });
  useEffect(() => {
    if (complete || !of.upToDate) return;
    const timer = setTimeout(pages.reload, 1500);
    return () => clearTimeout(timer);
  }, [complete, of.upToDate, pages.data]);
  return (
    <Section
      title="Members"
      flush
      note={complete ? "In the order of their profile ids." : of.upToDate ? "The backfill is done; they are asked for again." : "Not complete: the backfill is under way."}
      actions={
        <button type="button" class="small" onClick={pages.reload}>
          Reload
        </button>
      }
    >
      <PagedTable<Member>
        label="Members"
        pages={pages}
        keyOf={(each) => each.profile}
        empty="Nobody is in it."
        columns={[
          {
            head: "Known as",
            wide: true,
            cell: (each) => (
              <a class="mono" href={toProfile(each.profile)}>
                {each.identifier === null ? each.profile : `${each.identifier.kind === "external" ? each.identifier.type : each.identifier.kind}:${each.identifier.id}`}
              </a>
            ),
          },
          { head: "Since", cell: (each) => <Time at={each.since} /> },
          { head: "Profile id", cell: (each) => <span class="mono muted">{each.profile}</span> },
          {
            head: <span class="hidden">Why</span>,
            cell: (each) => (
              <a class="button small" href={toProfile(each.profile, "segments", of.name)} aria-label={`Why is ${each.profile} in it`}>
                Why?
              </a>
            ),
          },
        ]}
      />
    </Section>
  );
}

/** `now`: the number that the page shows, counted a moment ago. */
function Counts(of: { name: string; now: number | null | undefined }): VNode {
  type Told = { points: { t: number; members: number }[] };
  const [over, setOver] = useState<"10m" | "1h">("1h");
  const told = useLoad(`counts/${of.name}/${over}`, (signal) => api<Told>(path("v1", "segments", of.name, "counts") + `?over=${over}`, { signal }), 5000);
  const data = useMemo(() => {
    const points = [...(told.data?.points ?? [])];
    if (typeof of.now === "number") points.push({ t: Date.now(), members: of.now });
    return [points.map((each) => each.t / 1000), points.map((each) => each.members)];
  }, [told.data, of.now]);
  return (
    <Section
      title="Members over time"
      note="Counted every ten seconds while somebody looks at segments, each minute else, since the server's start."
      actions={
        <SelectField
          label="Last"
          value={over}
          onInput={(next) => setOver(next as "1h")}
          options={[
            ["10m", "10 minutes"],
            ["1h", "hour"],
          ]}
          class="inline"
        />
      }
    >
      <ProblemBox problem={told.problem} />
      <Chart
        label={`Members over time: ${typeof of.now === "number" ? format.count(of.now) : "not known"} now`}
        span={over === "1h" ? 3600 : 600}
        data={data}
        show={format.compact}
        whole
        lines={[{ label: "members", color: "--line-1", fill: true }]}
      />
    </Section>
  );
}

function One(of: { kind: Kind; name: string }): VNode {
  const at = path("v1", of.kind, of.name);
  const told = useLoad(at, (signal) => api<Definition>(at, { signal }), 1000);
  const [editing, setEditing] = useState(false);
  const remove = useAction(async () => {
    await send(at, { method: "DELETE", headers: { "If-Match": `"${told.data!.version}"` } });
    go(to([of.kind]));
  });
  const enable = useAction(async () => {
    await send(`${at}/enable`, { method: "POST" });
    told.reload();
  });
  const one = told.data;
  const fixed = one?.source === "config";
  return (
    <>
      <Header
        back={{ href: to([of.kind]), text: words[of.kind].many }}
        title={<span class="mono">{of.name}</span>}
        intro={one?.description || undefined}
        actions={
          one &&
          !editing &&
          allowed("operator") && (
            <>
              {!fixed && <button type="button" onClick={() => setEditing(true)}>Edit</button>}
              <a class="button" href={to([of.kind], { new: "1", from: of.name })}>
                Copy
              </a>
              {!fixed && (
                <Confirm
                  text="Delete"
                  title={`Delete ${of.name}?`}
                  question={`The ${words[of.kind].one} is gone at once; those who watch it are not told. It can be defined anew.`}
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
      <ProblemBox problem={remove.problem} />
      <ProblemBox problem={enable.problem} />
      <Await of={told}>
        {(definition) => (
          <>
            {definition.disabled && (
              <div class="problem" role="alert">
                <strong>Disabled</strong> {definition.disabled.reason}: <code>{definition.disabled.error}</code>, <Time at={definition.disabled.since} relative />.{" "}
                {allowed("operator") && (
                  <button type="button" class="small" onClick={enable.run} disabled={enable.busy}>
                    Evaluate it again
                  </button>
                )}
              </div>
            )}
            {editing ? (
              <Editor
                kind={of.kind}
                start={definition}
                onDone={() => {
                  setEditing(false);
                  told.reload();
                }}
                onCancel={() => setEditing(false)}
              />
            ) : (
              <>
                <Facts
                  items={[
                    ...(of.kind === "segments"
                      ? [["Members", <span class="big">{definition.members === null || definition.members === undefined ? "–" : format.count(definition.members)}</span>] as [string, VNode]]
                      : []),
                    ["State", <State one={definition} />],
                    [
                      "Purpose",
                      <>
                        {definition.purpose || <span class="muted">none</span>}{" "}
                        <Hint about="a purpose">
                          {of.kind === "segments" ? "Without consent to it nobody is a member" : "Without consent to it nobody has the trait"}, whatever the expression says.
                        </Hint>
                      </>,
                    ],
                    ["Owner", definition.owner || <span class="muted">nobody named</span>],
                    [
                      "Version",
                      <>
                        {definition.version}{" "}
                        <Hint about="a version">It rises with each change of the expression. Two people who edit at once do not overwrite one another: the second is told.</Hint>
                      </>,
                    ],
                    ["Changed", <Time at={definition.updated} />],
                    ["Defined in", fixed ? "the configuration file: change it there" : "console or API"],
                  ]}
                />
                <Code label="Expression">{definition.expression}</Code>
                <BackfillPanel />
                {of.kind === "segments" && (
                  <>
                    <Counts name={of.name} now={definition.members} />
                    <Members name={of.name} version={definition.version} upToDate={definition.backfill.complete} />
                  </>
                )}
              </>
            )}
          </>
        )}
      </Await>
    </>
  );
}

function New(of: { kind: Kind; from: string | null }): VNode {
  const at = of.from === null ? "" : path("v1", of.kind, of.from);
  const told = useLoad(`from${at}`, async (signal) => (at === "" ? null : await api<Definition>(at, { signal })));
  return (
    <>
      <Header back={{ href: to([of.kind]), text: words[of.kind].many }} title={`New ${words[of.kind].one}`} />
      <Await of={told}>
        {(copied) => (
          <Editor
            kind={of.kind}
            start={copied && { ...copied, name: "", version: 0 }}
            onDone={(name) => go(to([of.kind, name]))}
            onCancel={() => go(to([of.kind]))}
          />
        )}
      </Await>
    </>
  );
}

function Definitions(of: { kind: Kind }): VNode {
  const { parts, query } = place.value;
  const name = parts[1];
  if (name) return <One key={of.kind + name} kind={of.kind} name={name} />;
  if (query.has("new")) return <New key={of.kind} kind={of.kind} from={query.get("from")} />;
  return <List key={of.kind} kind={of.kind} />;
}

export const Segments = (): VNode => <Definitions kind="segments" />;
export const ComputedTraits = (): VNode => <Definitions kind="computed" />;
