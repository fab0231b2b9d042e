// Outgoing webhooks: how each endpoint does, and what it was not told.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { allowed, api, type Page, query, type Webhook, type WebhookLetter } from "../api";
import * as format from "../format";
import { useAction, useLoad, usePages } from "../load";
import { place, to, toProfile } from "../router";
import { Await, Badge, Confirm, Empty, Facts, Header, PagedTable, ProblemBox, Section, Table, Time, type Tone } from "../ui";

const tones: Record<Webhook["state"], Tone> = { delivering: "good", failing: "bad", gone: "warn" };
const meanings: Record<Webhook["state"], string> = {
  delivering: "The last request was taken.",
  failing: "The last request failed; it is made again with growing pauses.",
  gone: "The endpoint answered 410 Gone, and is asked no more.",
};

const useWebhooks = () => useLoad("webhooks", (signal) => api<Page<Webhook>>("/v1/webhooks", { signal }), 2000);

function List(): VNode {
  const told = useWebhooks();
  return (
    <>
      <Header title="Webhooks" intro="Endpoints of other systems that are told when a profile enters or leaves a segment. They are named in the configuration." />
      <Await of={told}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>
              None are configured. A <code>[webhooks.NAME]</code> section in the configuration names one.
            </Empty>
          ) : (
            <div class="panel flush">
              <Table
                label="Webhooks"
                items={page.items}
                keyOf={(each) => each.name}
                columns={[
                  {
                    head: "Name",
                    cell: (each) => (
                      <a class="strong" href={to(["webhooks", each.name])}>
                        {each.name}
                      </a>
                    ),
                  },
                  { head: "State", cell: (each) => <Badge tone={tones[each.state]}>{each.state}</Badge> },
                  { head: "Delivered", number: true, cell: (each) => format.count(each.delivered) },
                  { head: "Waiting", number: true, cell: (each) => format.count(each.waiting) },
                  { head: "Oldest waits since", cell: (each) => (each.oldest ? <Time at={each.oldest} relative /> : <span class="muted">–</span>) },
                  { head: "Failed requests", number: true, cell: (each) => format.count(each.failed) },
                  { head: "Given up", number: true, cell: (each) => format.count(each.dead) },
                  { head: "Last success", cell: (each) => <Time at={each.lastSuccess} relative /> },
                ]}
              />
            </div>
          )
        }
      </Await>
    </>
  );
}

function Letters(of: { webhook: string; onDone: () => void }): VNode {
  const pages = usePages<WebhookLetter>(`letters/${of.webhook}`, (cursor, signal) =>
    api<Page<WebhookLetter>>(`/v1/dead-letters${query({ webhook: of.webhook, limit: 50, cursor })}`, { signal }),
  );
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [told, setTold] = useState("");
  const action = useAction(async (verb: string, ids: string[] | "all") => {
    const done = await api<{ replayed?: number; dropped?: number }>("/v1/dead-letters", { method: "POST", body: { webhook: of.webhook, action: verb, ids } });
    setTold(done.replayed !== undefined ? `${format.count(done.replayed)} will be sent again.` : `${format.count(done.dropped ?? 0)} dropped.`);
    setChosen(new Set());
    pages.reload();
    of.onDone();
  });
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const none = !pages.data || pages.data.length === 0;
  return (
    <Section
      title="Given up"
      flush
      note="Messages that the endpoint did not take in time. The oldest come first."
      actions={
        allowed("operator") && <>
          <button type="button" disabled={chosen.size === 0 || action.busy} onClick={() => action.run("replay", [...chosen])}>
            Send {chosen.size > 0 ? chosen.size : "selected"} again
          </button>
          <Confirm text="Send all again" title="Send them all again?" question="Each goes back into the queue, at its end." yes="Send again" disabled={none || action.busy} onYes={() => action.run("replay", "all")} />
          <Confirm
            text="Drop all"
            title="Drop them all?"
            question="The endpoint will never be told of these changes."
            yes="Drop"
            danger
            disabled={none || action.busy}
            onYes={() => action.run("drop", "all")}
          />
        </>
      }
    >
      <div role="status">{told !== "" && <p class="done inset">{told}</p>}</div>
      <ProblemBox problem={action.problem} />
      <PagedTable<WebhookLetter>
        label="Messages given up"
        pages={pages}
        keyOf={(each) => each.id}
        empty="None: everything was delivered, or still waits."
        columns={[
          {
            head: <span class="hidden">Select</span>,
            cell: (each) => <input type="checkbox" checked={chosen.has(each.id)} aria-label={`Select ${each.id}`} onChange={() => toggle(each.id)} />,
          },
          { head: "Changed", cell: (each) => <Time at={each.time} /> },
          {
            head: "Profile",
            cell: (each) => (
              <a class="mono nowrap" href={toProfile(each.profile)}>
                {each.profile.slice(0, 12)}…
              </a>
            ),
          },
          { head: "Change", cell: (each) => `${each.type.endsWith("entered") ? "entered" : "left"} ${each.segment}` },
          { head: "Tries", number: true, cell: (each) => each.attempts },
          { head: "Last error", wide: true, cell: (each) => each.lastError },
        ]}
      />
    </Section>
  );
}

function One(of: { name: string }): VNode {
  const told = useWebhooks();
  return (
    <>
      <Header back={{ href: to(["webhooks"]), text: "Webhooks" }} title={<span class="mono">{of.name}</span>} />
      <Await of={told}>
        {(page) => {
          const each = page.items.find((one) => one.name === of.name);
          if (!each) return <Empty>There is no webhook of this name in the configuration.</Empty>;
          return (
            <>
              <Facts
                items={[
                  ["State", <><Badge tone={tones[each.state]}>{each.state}</Badge> <span class="muted">{meanings[each.state]}</span></>],
                  ["Address", <span class="mono">{each.url}</span>],
                  ["Segments", each.segments === "all" ? "all" : each.segments.join(", ")],
                  ["Delivered", format.count(each.delivered)],
                  ["Waiting", format.count(each.waiting)],
                  ["Failed requests", format.count(each.failed)],
                  ["Last success", <Time at={each.lastSuccess} />],
                ]}
              />
              {each.lastError && <div class="problem">{each.lastError}</div>}
              <Letters webhook={of.name} onDone={told.reload} />
            </>
          );
        }}
      </Await>
    </>
  );
}

export function Webhooks(): VNode {
  const name = place.value.parts[1];
  return name ? <One key={name} name={name} /> : <List />;
}
