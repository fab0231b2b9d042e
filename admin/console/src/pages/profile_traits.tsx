import type { VNode } from "preact";
import { api, type Page, type Profile, type SetTrait } from "../api";
import * as format from "../format";
import { type Loaded, useLoad } from "../load";
import { Await, Empty, Section, Table, Time } from "../ui";

function leaves(of: Record<string, unknown>, above: string[]): SetTrait[] {
  return Object.entries(of).flatMap(([key, value]) => {
    const path = [...above, key];
    const nested = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return nested ? leaves(value as Record<string, unknown>, path) : [{ path, value, at: "", messageId: "" }];
  });
}

export function TraitsOf(of: { at: string; profile: Profile }): VNode {
  const told = useLoad(`${of.at}/traits?${of.profile.version}`, (signal) => api<Page<SetTrait>>(`${of.at}/traits`, { signal }));
  // Who may not see personal data is shown the traits as the profile tells them, masked, and not what set them.
  const plain: Loaded<Page<SetTrait>> = { data: { items: leaves(of.profile.traits, []), next: null }, problem: undefined, loading: false, reload: told.reload };
  const computed = Object.entries(of.profile.computed);
  const events = Object.entries(of.profile.events).sort((a, b) => b[1].count - a[1].count);
  return (
    <>
      <Section title="Traits" flush note="Each value is that of the newest event that set it, by the event's own time.">
        <Await of={told.problem?.status === 403 ? plain : told}>
          {(traits) =>
            traits.items.length === 0 ? (
              <Empty>No traits yet. An identify event sets them.</Empty>
            ) : (
              <Table
                label="Traits"
                items={traits.items}
                keyOf={(each) => each.path.join("\0")}
                columns={[
                  { head: "Trait", cell: (each) => <span class="mono">{each.path.join(".")}</span> },
                  { head: "Value", wide: true, cell: (each) => <span class="mono">{format.value(each.value)}</span> },
                  { head: "Set", cell: (each) => (each.at === "" ? <span class="muted">not shown to your role</span> : <Time at={each.at} />) },
                  { head: "By event", wide: true, cell: (each) => <span class="mono">{each.messageId}</span> },
                ]}
              />
            )
          }
        </Await>
      </Section>
      {computed.length > 0 && (
        <Section title="Computed traits" flush note="Worked out from the profile, and always up to date.">
          <Table
            label="Computed traits"
            items={computed}
            keyOf={([name]) => name}
            columns={[
              { head: "Name", cell: ([name]) => <span class="mono">{name}</span> },
              { head: "Value", wide: true, cell: ([, value]) => <span class="mono">{format.value(value)}</span> },
            ]}
          />
        </Section>
      )}
      <Section title="Events by name" flush>
        {events.length === 0 ? (
          <Empty>No events yet.</Empty>
        ) : (
          <Table
            label="Events by name"
            items={events}
            keyOf={([name]) => name}
            columns={[
              { head: "Event", cell: ([name]) => name },
              { head: "Count", number: true, cell: ([, each]) => format.count(each.count) },
              { head: "First", cell: ([, each]) => <Time at={each.firstAt} /> },
              { head: "Last", cell: ([, each]) => <Time at={each.lastAt} /> },
            ]}
          />
        )}
      </Section>
    </>
  );
}
