import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { allowed, api, type Identifier, type Identity } from "../api";
import * as format from "../format";
import { useAction, useLoad } from "../load";
import { toProfile } from "../router";
import { Await, Badge, Confirm, Empty, ProblemBox, Section, Table, Time } from "../ui";

const nameOf = (of: Identifier): string => `${of.kind === "external" ? of.type : of.kind}:${of.id}`;
const Shown = (of: { who: Identifier }): VNode => (
  <span class="nowrap">
    <span class="muted">{of.who.kind === "external" ? of.who.type : of.who.kind}</span> <span class="mono">{of.who.id}</span>
  </span>
);

export function IdentityOf(of: { at: string; changed: () => void }): VNode {
  const told = useLoad(`${of.at}/identity`, (signal) => api<Identity>(`${of.at}/identity`, { signal }));
  const [out, setOut] = useState<Map<string, Identifier>>(new Map());
  const [made, setMade] = useState<Identity[] | null>(null);
  const action = useAction(async () => {
    const identifiers = [...out.values()].map(({ kind, type, id }) => (kind === "external" ? { kind, type, id } : { kind, id }));
    const answer = await api<{ profiles: Identity[] }>(`${of.at}/unmerge`, { method: "POST", body: { identifiers } });
    setOut(new Map());
    setMade(answer.profiles);
    told.reload();
    of.changed();
  });
  const toggle = (who: Identifier): void => {
    const next = new Map(out);
    if (!next.delete(nameOf(who))) next.set(nameOf(who), who);
    setOut(next);
  };
  return (
    <Await of={told}>
      {(identity) => {
        const all = identity.identifiers;
        const some = out.size > 0 && out.size < all.length;
        return (
          <>
            <Section
              title="Identifiers"
              flush
              note="Which identifiers make this profile. What was joined by mistake can be taken out again: it becomes a profile of its own, with the events that named it."
              actions={
                all.length > 1 &&
                allowed("operator") && (
                  <Confirm
                    text={`Unmerge ${out.size === 0 ? "selected" : out.size}`}
                    title="Take identifiers out?"
                    question={
                      <>
                        {[...out.keys()].join(", ")} will be a profile of {out.size === 1 ? "its" : "their"} own. They are not joined with this one again, whatever events name
                        both.
                      </>
                    }
                    yes="Unmerge"
                    danger
                    disabled={!some || action.busy}
                    onYes={action.run}
                  />
                )
              }
            >
              <ProblemBox problem={action.problem} />
              {made && (
                <p class="done" role="status">
                  Done. There are now{" "}
                  {made.map((each, i) => (
                    <span key={each.profile}>
                      {i > 0 && " and "}
                      <a class="mono" href={toProfile(each.profile)}>
                        {each.profile.slice(0, 8)}…
                      </a>
                    </span>
                  ))}
                  .
                </p>
              )}
              {all.length === 0 ? (
                <Empty>Nothing was ever joined: the profile has one identifier.</Empty>
              ) : (
                <Table
                  label="Identifiers"
                  items={all}
                  keyOf={nameOf}
                  columns={[
                    {
                      head: <span class="hidden">Take out</span>,
                      cell: (each) => (
                        <input type="checkbox" checked={out.has(nameOf(each))} aria-label={`Take out ${nameOf(each)}`} onChange={() => toggle(each)} />
                      ),
                    },
                    { head: "Identifier", cell: (each) => <Shown who={each} /> },
                    { head: "Events addressed to it", number: true, cell: (each) => format.count(each.version) },
                    { head: "Alone it would be", cell: (each) => <span class="mono muted">{each.profile}</span> },
                  ]}
                />
              )}
            </Section>
            <Section title="How they were joined" flush note="The earliest event that names both of two identifiers.">
              {identity.links.length === 0 ? (
                <Empty>No event names two of them.</Empty>
              ) : (
                <Table
                  label="Links between identifiers"
                  items={identity.links}
                  keyOf={(each) => each.at + each.between.map(nameOf).join()}
                  columns={[
                    { head: "At", cell: (each) => <Time at={each.at} /> },
                    {
                      head: "Joins",
                      cell: (each) => (
                        <>
                          <Shown who={each.between[0]} /> with <Shown who={each.between[1]} />
                        </>
                      ),
                    },
                    {
                      head: "By event",
                      wide: true,
                      cell: (each) => (each.messageId ? <span class="mono">{each.messageId}</span> : <span class="muted">kept together by an unmerge</span>),
                    },
                    { head: "Holds", cell: (each) => (each.counts ? <Badge tone="good">yes</Badge> : <Badge tone="quiet">no, unmerged</Badge>) },
                  ]}
                />
              )}
            </Section>
            {identity.unmerged.length > 0 && (
              <Section title="Unmerged" flush note="Pairs that an unmerge took apart. They stay apart.">
                <Table
                  label="Unmerged"
                  items={identity.unmerged}
                  keyOf={(each) => each.at + each.between.join()}
                  columns={[
                    { head: "At", cell: (each) => <Time at={each.at} /> },
                    {
                      head: "Between",
                      cell: (each) =>
                        each.between.map((id, i) => (
                          <span key={id}>
                            {i > 0 && " and "}
                            <a class="mono" href={toProfile(id)}>
                              {id}
                            </a>
                          </span>
                        )),
                    },
                  ]}
                />
              </Section>
            )}
          </>
        );
      }}
    </Await>
  );
}
