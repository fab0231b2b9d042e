// The way of an event as a row of steps, with what flows between them.
import type { ComponentChildren, VNode } from "preact";
import * as format from "../format";
import { newest, rateOf, sample, type Stage } from "../live";
import { to } from "../router";
import { Header, Hint, Loading } from "../ui";

const p99 = (stage: Stage): string => {
  const of = newest(stage);
  return of ? format.latency(of[1]) : "–";
};

const counter = (name: string): number => rateOf((of) => of.stats[name] ?? 0);

function Number_(of: { name: string; value: string; href?: string; bad?: boolean }): VNode {
  return (
    <div class={of.bad ? "flow-number bad" : "flow-number"}>
      <dt>{of.href ? <a href={of.href}>{of.name}</a> : of.name}</dt>
      <dd>{of.value}</dd>
    </div>
  );
}

function Step(of: { title: string; meaning: string; children: ComponentChildren }): VNode {
  return (
    <li class="flow-step">
      <h2>
        {of.title} <Hint about={of.title}>{of.meaning}</Hint>
      </h2>
      <dl>{of.children}</dl>
    </li>
  );
}

function Edge(of: { rate: number; what: string; latency?: string; of?: string }): VNode {
  return (
    <li class={of.rate > 0 ? "flow-edge moving" : "flow-edge"}>
      <span class="flow-arrow" aria-hidden="true" />
      <span class="flow-rate">
        {format.rate(of.rate)} {of.what}/s
      </span>
      {of.latency && (
        <span class="flow-latency">
          {of.of} p99 {of.latency}
        </span>
      )}
    </li>
  );
}

const edgeNames: Record<string, string> = {
  tracking: "Tracking API",
  webhook: "Webhooks in",
  cloudevents: "CloudEvents",
};

export function Pipeline(): VNode {
  const now = sample.value;
  if (now === null) {
    return (
      <>
        <Header title="Pipeline" />
        <Loading />
      </>
    );
  }
  const { applied, duplicate } = now.point;
  const invalid = counter("eventsRejected");
  const late = counter("eventsTooLate");
  const refusedAtEdges = rateOf((of) => Object.values(of.edges).reduce((sum, each) => sum + each.refused, 0));
  const judged = applied + duplicate + invalid + late;
  const changed = counter("segmentsEntered") + counter("segmentsLeft");
  const hooks = now.webhooks;
  return (
    <>
      <Header
        title="Pipeline"
        intro="The way of an event, and what flows through it in this second. Follow a link to what was refused there."
      />
      <ol class="flow">
        <Step title="Sources" meaning="Where events come in: Kith's own protocol, and over HTTPS the tracking API, signed webhooks and CloudEvents.">
          <Number_ name="Protocol frames" value={`${format.rate(rateOf((of) => of.protocol.frames))}/s`} />
          {Object.entries(now.edges).map(([name]) => (
            <Number_ key={name} name={edgeNames[name] ?? name} value={`${format.rate(rateOf((of) => of.edges[name]?.events ?? 0))}/s`} />
          ))}
          <Number_ name="Connections" value={format.count(now.protocol.connections + now.https.connections)} />
        </Step>
        <Edge rate={judged + refusedAtEdges} what="events" />
        <Step title="Validate" meaning="Is it an event, within the limits, and does it fit its schema? What is not is kept as a dead letter with the reason.">
          <Number_ name="Refused over HTTPS" value={`${format.rate(refusedAtEdges)}/s`} href={to(["dead-letters"])} bad={refusedAtEdges > 0} />
          <Number_ name="Invalid" value={`${format.rate(invalid)}/s`} href={to(["dead-letters"], { code: "invalid_argument" })} bad={invalid > 0} />
        </Step>
        <Edge rate={judged - invalid} what="events" latency={p99("ingest")} of="ingest" />
        <Step title="Deduplicate" meaning="An event id counts once for each profile, whatever is sent again. Ids older than dedup.retention cannot be judged, and such events are refused.">
          <Number_ name="Duplicates" value={`${format.rate(duplicate)}/s`} />
          <Number_ name="Too late" value={`${format.rate(late)}/s`} href={to(["dead-letters"], { code: "too_late" })} bad={late > 0} />
          <Number_ name="Syncs to disk" value={`${format.rate(counter("journalSyncs"))}/s`} />
        </Step>
        <Edge rate={applied} what="events" latency={p99("journal")} of="journal" />
        <Step title="Merge" meaning="The event changes its customer's profile. Identifiers that appear together join two profiles into one.">
          <Number_ name="Applied" value={`${format.rate(applied)}/s`} />
          <Number_ name="Profiles joined" value={`${format.rate(counter("merges"))}/s`} />
          <Number_ name="In memory" value={format.compact(now.stats.profilesActive ?? 0)} />
        </Step>
        <Edge rate={applied} what="events" latency={p99("apply")} of="apply" />
        <Step title="Segment" meaning="Segments and computed traits that the event can change are evaluated at once. An expression that comes to an error counts as false.">
          <Number_ name="Entered" value={`${format.rate(counter("segmentsEntered"))}/s`} href={to(["segments"])} />
          <Number_ name="Left" value={`${format.rate(counter("segmentsLeft"))}/s`} href={to(["segments"])} />
          <Number_ name="Errors" value={`${format.rate(counter("segmentErrors"))}/s`} bad={counter("segmentErrors") > 0} />
        </Step>
        <Edge rate={changed} what="changes" latency={p99("segment")} of="segment" />
        <Step title="Outputs" meaning="Who is told of changes: watchers at once, webhooks with retries until they took it or their time is up.">
          <Number_ name="Watches open" value={format.count(now.stats.watches ?? 0)} />
          <Number_ name="Webhooks took" value={`${format.rate(rateOf((of) => of.webhooks.delivered))}/s`} href={to(["webhooks"])} />
          <Number_ name="Waiting" value={format.compact(hooks.waiting)} href={to(["webhooks"])} />
          <Number_ name="Failing endpoints" value={`${hooks.failing} of ${hooks.endpoints}`} href={to(["webhooks"])} bad={hooks.failing > 0} />
          <Number_ name="Given up" value={format.compact(hooks.dead)} href={to(["webhooks"])} bad={hooks.dead > 0} />
        </Step>
      </ol>
    </>
  );
}
