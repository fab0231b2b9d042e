import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { api, type Consent, type Definition, type Explanation, type Membership, type Page, path } from "../api";
import * as format from "../format";
import { useLoad } from "../load";
import { to } from "../router";
import { Await, Badge, Empty, ProblemBox, Section, SelectField, Table, Time } from "../ui";
import { consentSources } from "./profile_privacy";

const changes = (of: { until?: string }): VNode =>
  of.until ? (
    <span>
      leaves <Time at={of.until} /> <span class="muted">({format.ago(of.until)})</span>
    </span>
  ) : (
    <span class="muted">with an event</span>
  );

/** Without consent to the purpose nobody is a member, whatever the expression says. */
const Purpose = (of: { purpose: string; consent: Consent }): VNode => (
  <p>
    Purpose {of.purpose}: {of.consent.granted === true ? <Badge tone="good">granted</Badge> : <Badge tone="bad">{of.consent.status ?? "denied"}</Badge>}
    {of.consent.source && <> by {consentSources[of.consent.source] ?? of.consent.source}</>}
    {of.consent.at && (
      <>
        {" "}
        at <Time at={of.consent.at} />
      </>
    )}
    {of.consent.messageId && (
      <>
        , event <span class="mono">{of.consent.messageId}</span>
      </>
    )}
    {of.consent.granted !== true && <>; nobody is a member without it</>}
  </p>
);

/** The parts of an expression, each below the one that it is part of, with what it came to for this profile. */
export function Why(of: { at: string; segment: string; version: number }): VNode {
  const told = useLoad(`${of.at}/explain/${of.segment}?${of.version}`, (signal) => api<Explanation>(of.at + path("explain", of.segment), { signal }));
  return (
    <Await of={told}>
      {(why) => (
        <div class="why">
          <p>
            {why.member ? <Badge tone="good">member</Badge> : <Badge tone="quiet">not a member</Badge>}{" "}
            {why.since && (
              <>
                since <Time at={why.since} />
              </>
            )}
            {why.changesAt && (
              <>
                {" "}
                · time alone changes this {format.ago(why.changesAt)}, at <Time at={why.changesAt} />
              </>
            )}
          </p>
          {why.purpose && why.consent && <Purpose purpose={why.purpose} consent={why.consent} />}
          <ul class="parts" aria-label="Parts of the expression">
            {why.parts.map((part, i) => (
              <li key={i} class={`depth-${Math.min(part.depth, 8)}`}>
                <code class="grow">{part.expression}</code>
                <span class={`part-value ${part.value === "true" ? "good" : part.value?.startsWith("error") ? "bad" : ""}`}>{part.value ?? ""}</span>
                {part.count !== undefined && !(part.events && part.events.length > 0) && (
                  <span class="part-events muted">
                    {format.counted(part.count, "event")} counted; the profile keeps no more of them than that, the timeline may.
                  </span>
                )}
                {part.events && part.events.length > 0 && (
                  <details class="part-events">
                    <summary>
                      {format.counted(part.count ?? part.events.length, "event")} behind it
                    </summary>
                    <ul>
                      {part.events.map((event) => (
                        <li key={event.id}>
                          <Time at={event.time} /> <span class="mono">{event.messageId ?? event.id}</span>
                        </li>
                      ))}
                    </ul>
                  </details>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Await>
  );
}

export function SegmentsOf(of: { at: string; version: number; why: string | undefined; link: (name: string) => string }): VNode {
  const told = useLoad(`${of.at}/segments`, (signal) => api<Page<Membership>>(`${of.at}/segments`, { signal }), 5000);
  const all = useLoad("segments", (signal) => api<Page<Definition>>("/v1/segments?limit=1000", { signal }));
  const [chosen, setChosen] = useState("");
  const why = of.why ?? "";
  const inside = new Set((told.data?.items ?? []).map((each) => each.segment));
  const others = (all.data?.items ?? []).filter((each) => !inside.has(each.name));
  return (
    <>
      <Section title="In these segments" flush>
        <Await of={told}>
          {(page) =>
            page.items.length === 0 ? (
              <Empty>In no segment.</Empty>
            ) : (
              <Table
                label="Segments"
                items={page.items}
                keyOf={(each) => each.segment}
                columns={[
                  { head: "Segment", cell: (each) => <a href={to(["segments", each.segment])}>{each.segment}</a> },
                  { head: "Since", cell: (each) => <Time at={each.since} /> },
                  { head: "Changes", cell: changes },
                  {
                    head: <span class="hidden">Why</span>,
                    cell: (each) => (
                      <a class="button small" href={of.link(each.segment)} aria-label={`Why in ${each.segment}`}>
                        Why?
                      </a>
                    ),
                  },
                ]}
              />
            )
          }
        </Await>
      </Section>
      {others.length > 0 && (
        <div class="row bottom below">
          <SelectField
            label="Why not in another one?"
            value={chosen}
            onInput={(name) => {
              setChosen(name);
              if (name !== "") location.hash = of.link(name);
            }}
            options={[["", "Choose a segment"], ...others.map((each): [string, string] => [each.name, each.name])]}
          />
        </div>
      )}
      <ProblemBox problem={all.problem} />
      {why !== "" && (
        <Section title={<>Why: {why}</>} note="The expression, its parts, and what each comes to for this profile now.">
          <Why at={of.at} segment={why} version={of.version} />
        </Section>
      )}
    </>
  );
}
