import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { api } from "../api";
import { Chart } from "../chart";
import * as format from "../format";
import { latencyOf, newest, points, rateOf, sample, type Shard, type Stage, stages } from "../live";
import { useLoad } from "../load";
import { to } from "../router";
import { Await, Header, Hint, Loading, Section, SelectField, Table } from "../ui";

export const stageNames: Record<Stage, string> = {
  ingest: "Ingest",
  journal: "Journal",
  apply: "Apply",
  segment: "Segment",
  read: "Read",
  end_to_end: "End to end",
};

const stageMeanings: Record<Stage, string> = {
  ingest: "From a request's last byte to the hand-over to the journal: parsing, checks, routing.",
  journal: "From that hand-over until the events are safe on disk. Events of many senders share one sync.",
  apply: "From safe on disk until every profile of the batch has taken its events.",
  segment: "From a request's last byte until changed memberships are on their way to watchers and webhooks.",
  read: "From a read's last byte to its reply.",
  end_to_end: "From a protocol request's last byte to its reply: what a sender waits for.",
};

function Tile(of: { name: string; value: string; more?: string; href?: string; tone?: string }): VNode {
  const inner = (
    <>
      <span class="tile-name">{of.name}</span>
      <span class={`tile-value ${of.tone ?? ""}`}>{of.value}</span>
      <span class="tile-more">{of.more ?? ""}</span>
    </>
  );
  return of.href ? (
    <a class="tile" href={of.href}>
      {inner}
    </a>
  ) : (
    <div class="tile">{inner}</div>
  );
}

function Tiles(): VNode {
  const now = sample.value!;
  const stage = newest("end_to_end") ? "end_to_end" : "journal";
  const wait = newest(stage);
  const connections = now.protocol.connections + now.https.connections;
  return (
    <div class="tiles">
      <Tile name="Events a second" value={format.rate(now.point.applied)} more={`${format.compact(now.stats.eventsApplied ?? 0)} since the start`} />
      <Tile
        name={`${stageNames[stage]}, p99`}
        value={wait ? format.latency(wait[1]) : "–"}
        more={wait ? `p50 ${format.latency(wait[0])}, of a second` : "nothing to measure now"}
      />
      <Tile
        name="Profiles in memory"
        value={format.compact(now.stats.profilesActive ?? 0)}
        more={`${format.bytes(now.stats.profileBytes ?? 0)}; ${format.compact(now.stats.profilesStored ?? 0)} on disk`}
      />
      <Tile name="Journal" value={format.bytes(now.stats.journalBytes ?? 0)} more={`${format.rate(rateOf((of) => of.stats.journalSyncs ?? 0))} syncs a second`} />
      <Tile name="Connections" value={format.count(connections)} more={`${now.protocol.connections} protocol, ${now.https.connections} HTTPS`} />
      <Tile
        name="Dead letters"
        value={format.compact(now.deadLetters.letters)}
        more={now.deadLetters.letters === 0 ? "nothing was refused" : "refused, kept to be mended"}
        tone={now.deadLetters.letters > 0 ? "warn" : ""}
        href={to(["dead-letters"])}
      />
    </div>
  );
}

const spans: [string, string][] = [
  ["120", "2 minutes"],
  ["300", "5 minutes"],
  ["600", "10 minutes"],
];

const percentileLines = ["p50", "p99", "p99.9"].map((label, i) => ({ label, color: `--line-${i + 1}` }));
const stageLines = stages.map((each, i) => ({ label: stageNames[each], color: `--line-${i + 1}` }));

function Charts(): VNode {
  const [chosen, setStage] = useState<Stage | "all" | null>(null);
  const [span, setSpan] = useState("600");
  const all = points.value;
  // What comes over HTTPS alone is not measured end to end.
  const stage = chosen ?? (all.some((each) => latencyOf(each, "end_to_end")) ? "end_to_end" : "journal");
  const times = useMemo(() => all.map((each) => each.t / 1000), [all]);
  const rates = useMemo(
    () => [times, all.map((each) => each.applied), all.map((each) => each.duplicate), all.map((each) => each.refused)],
    [all],
  );
  const latencies = useMemo(
    () => [
      times,
      ...(stage === "all"
        ? stages.map((each) => all.map((at) => latencyOf(at, each)?.[1] ?? null))
        : [0, 1, 2].map((i) => all.map((at) => latencyOf(at, stage)?.[i] ?? null))),
    ],
    [all, stage],
  );
  const sizes = useMemo(() => [times, all.map((each) => each.memory), all.map((each) => each.journal)], [all]);
  const last = stage === "all" ? null : newest(stage);
  const seconds = Number(span);
  return (
    <>
      <Section
        title="Events a second"
        actions={<SelectField label="Last" value={span} onInput={setSpan} options={spans} class="inline" />}
      >
        <Chart
          label={`Events a second: ${format.rate(all.at(-1)?.applied ?? 0)} applied now`}
          span={seconds}
          data={rates}
          show={format.rate}
          lines={[
            { label: "applied", color: "--line-1", fill: true },
            { label: "duplicate", color: "--line-2" },
            { label: "refused", color: "--line-3" },
          ]}
        />
      </Section>
      <Section
        title={
          <>
            Latency{" "}
            {stage === "all" ? (
              <Hint about="the latency of all stages">Of each stage the p99: one request in a hundred took longer. A stage is chosen to see its p50 and p99.9, too.</Hint>
            ) : (
              <Hint about={`the stage ${stageNames[stage]}`}>{stageMeanings[stage]}</Hint>
            )}
          </>
        }
        actions={
          <SelectField
            label="Stage"
            value={stage}
            onInput={(next) => setStage(next as Stage | "all")}
            options={[...stages.map((each): [string, string] => [each, stageNames[each]]), ["all", "All, p99"]]}
            class="inline"
          />
        }
      >
        <Chart
          label={
            stage === "all"
              ? `Latency, p99 of each stage: ${stages.map((each) => `${stageNames[each]} ${newest(each) ? format.latency(newest(each)![1]) : "nothing"}`).join(", ")} now`
              : `Latency of ${stageNames[stage]}: ${last ? `p99 ${format.latency(last[1])}` : "nothing"} now`
          }
          span={seconds}
          data={latencies}
          show={format.latency}
          log
          lines={stage === "all" ? stageLines : percentileLines}
        />
      </Section>
      <Section title="Memory and journal" note="What profiles hold in memory, and what the journal's files take on disk until snapshots replace them.">
        <Chart
          label={`Memory ${format.bytes(all.at(-1)?.memory ?? 0)}, journal ${format.bytes(all.at(-1)?.journal ?? 0)} now`}
          span={seconds}
          data={sizes}
          show={format.bytes}
          binary
          lines={[
            { label: "profiles", color: "--line-1" },
            { label: "journal", color: "--line-2" },
          ]}
        />
      </Section>
    </>
  );
}

type Percentiles = Record<"p50" | "p90" | "p99" | "p999" | "max" | "count", number>;
type Latencies = { stages: Record<Stage, Record<"1m" | "5m" | "1h", Percentiles>> };

function LatencyTable(): VNode {
  const [over, setOver] = useState<"1m" | "5m" | "1h">("5m");
  const told = useLoad("latency", (signal) => api<Latencies>("/v1/latency", { signal }), 5000);
  const cell = (stage: Stage, of: keyof Percentiles) => {
    const value = told.data!.stages[stage][over];
    return value.count === 0 ? <span class="muted">–</span> : format.latency(value[of]);
  };
  return (
    <Section
      title="Latency by stage"
      flush
      actions={
        <SelectField
          label="Over the last"
          value={over}
          onInput={(next) => setOver(next as "1m")}
          options={[
            ["1m", "minute"],
            ["5m", "5 minutes"],
            ["1h", "hour"],
          ]}
          class="inline"
        />
      }
    >
      <Await of={told}>
        {() => (
          <Table
            label="Latency by stage"
            items={[...stages]}
            keyOf={(stage) => stage}
            columns={[
              {
                head: "Stage",
                cell: (stage) => (
                  <>
                    {stageNames[stage]} <Hint about={`the stage ${stageNames[stage]}`}>{stageMeanings[stage]}</Hint>
                  </>
                ),
              },
              { head: "Samples", number: true, cell: (stage) => format.compact(told.data!.stages[stage][over].count) },
              { head: "p50", number: true, cell: (stage) => cell(stage, "p50") },
              { head: "p90", number: true, cell: (stage) => cell(stage, "p90") },
              { head: "p99", number: true, cell: (stage) => cell(stage, "p99") },
              { head: "p99.9", number: true, cell: (stage) => cell(stage, "p999") },
              { head: "max", number: true, cell: (stage) => cell(stage, "max") },
            ]}
          />
        )}
      </Await>
    </Section>
  );
}

function Shards(): VNode {
  const items = sample.value!.shards.map((of, index) => ({ of, index }));
  type Item = { of: Shard; index: number };
  return (
    <Section title="Shards" flush note="A shard is a thread that owns its share of the profiles, and serves its share of the connections: events and journal are counted where they come in.">
      <Table<Item>
        label="Shards"
        items={items}
        keyOf={(each) => String(each.index)}
        columns={[
          { head: "Shard", cell: (each) => each.index },
          { head: "Events taken in a second", number: true, cell: (each) => format.rate(rateOf((of) => of.shards[each.index]?.applied ?? 0)) },
          { head: "Profiles in memory", number: true, cell: (each) => format.count(each.of.profiles) },
          { head: "Memory", number: true, cell: (each) => format.bytes(each.of.profileBytes) },
          { head: "Journal", number: true, cell: (each) => format.bytes(each.of.journalBytes) },
          { head: "In flight", number: true, cell: (each) => format.bytes(each.of.inFlightBytes) },
        ]}
      />
    </Section>
  );
}

export function Overview(): VNode {
  const now = sample.value;
  return (
    <>
      <Header
        title="Overview"
        intro={now && `Kith ${now.version}, up for ${format.seconds(now.uptimeSeconds)}. What is here comes live, once a second.`}
      />
      {now && now.phase !== "ready" && (
        <div class="problem" role="alert">
          <strong>{now.phase === "recovering" ? "Recovering" : "Not taking events"}</strong> {now.reason || "The journal is being replayed; events are taken when that is done."}
        </div>
      )}
      {now === null ? (
        <Loading />
      ) : (
        <>
          <Tiles />
          <div class="grid">
            <Charts />
          </div>
          <LatencyTable />
          <Shards />
        </>
      )}
    </>
  );
}
