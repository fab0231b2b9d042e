// Who a customer is: found by any of their identifiers.
import { Fragment, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { allowed, api, path, Problem, type Profile } from "../api";
import * as format from "../format";
import { IdentifierForm } from "../identifier_form";
import { useLoad } from "../load";
import { go, place, to } from "../router";
import { Await, Empty, Facts, Header, Tabs, Time } from "../ui";
import { IdentityOf } from "./profile_identity";
import { ConsentOf, Erase, Erased, type ErasedAnswer, Export } from "./profile_privacy";
import { SegmentsOf } from "./profile_segments";
import { Timeline } from "./profile_timeline";
import { TraitsOf } from "./profile_traits";

const kinds: [string, string][] = [
  ["any", "Any of these"],
  ["user", "User id"],
  ["anonymous", "Anonymous id"],
  ["profile", "Profile id"],
  ["external", "External id"],
];

/** The first kind under which there is a profile. */
async function kindOf(id: string): Promise<string> {
  const tried = /^[0-9a-f]{32}$/.test(id) ? ["profile", "user", "anonymous"] : ["user", "anonymous"];
  for (const kind of tried) {
    try {
      await api(path("v1", "profiles", kind, id) + "?fields=profile");
      return kind;
    } catch (why) {
      if (!(why instanceof Problem) || why.status !== 404) throw why;
    }
  }
  throw new Problem(404, "Nobody found", `No profile has the user, anonymous or profile id “${id}”. For an id of another system choose “External id”.`);
}

function Search(): VNode {
  return (
    <IdentifierForm
      kinds={kinds}
      button="Find"
      look={async (kind, id) => go(to(["profiles", kind === "any" ? await kindOf(id) : kind, id]))}
    />
  );
}

function Identifiers(of: { profile: Profile }): VNode {
  const { userIds, anonymousIds, externalIds } = of.profile;
  const all = [
    ...userIds.map((id) => ({ kind: "user", id })),
    ...externalIds.map((each) => ({ kind: each.type, id: each.id })),
    ...anonymousIds.map((id) => ({ kind: "anonymous", id })),
  ];
  if (all.length === 0) return <Empty>No identifiers.</Empty>;
  const shown = all.slice(0, 24);
  return (
    <ul class="chips" aria-label="Identifiers">
      {shown.map((each) => (
        <li key={each.kind + ":" + each.id}>
          <span class="muted">{each.kind}</span> <span class="mono">{each.id}</span>
        </li>
      ))}
      {all.length > shown.length && <li class="muted">and {format.count(all.length - shown.length)} more</li>}
    </ul>
  );
}

/** Each leads to why the profile is in it. */
const Memberships = (of: { names: string[]; link: (tab: string, ...rest: string[]) => string }): VNode => (
  <>
    {of.names.map((name) => (
      <Fragment key={name}>
        <a href={of.link("segments", name)} title={`Why in ${name}?`}>
          {name}
        </a>{" "}
      </Fragment>
    ))}
  </>
);

function One(of: { kind: string; id: string; tab: string; rest: string[] }): VNode {
  const at = path("v1", "profiles", of.kind, of.id);
  const told = useLoad(at, (signal) => api<Profile>(at, { signal })); // not by itself again: each look stands in the audit log
  const link = (tab: string, ...rest: string[]) => to(["profiles", of.kind, of.id, ...(tab === "" ? [] : [tab]), ...rest]);
  const [receipt, setReceipt] = useState<ErasedAnswer | null>(null);
  const profile = receipt ? undefined : told.data;
  return (
    <>
      <Header
        back={{ href: to(["profiles"]), text: "Find another" }}
        title={
          <>
            <span class="muted">{of.kind}</span> <span class="mono">{of.id}</span>
          </>
        }
        actions={
          <>
            {allowed("privacy") && profile && (
              <>
                <Export at={at} id={of.id} />
                <Erase at={at} id={of.id} onErased={setReceipt} />
              </>
            )}
            <button type="button" class="small" onClick={told.reload} disabled={told.loading}>
              Reload
            </button>
          </>
        }
      />
      {receipt ? (
        <Erased erased={receipt} />
      ) : told.problem?.status === 404 ? (
        <Empty>
          There is no profile with this identifier. It appears with its first event. <a href={to(["profiles"])}>Find another</a>
        </Empty>
      ) : (
        <Await of={told}>
          {() => (
            <>
              <Facts
                items={[
                  ["Events", format.count(profile!.version)],
                  ["First seen", <Time at={profile!.firstSeen} />],
                  ["Last seen", <Time at={profile!.lastSeen} />],
                  ["Segments", profile!.segments.length === 0 ? <span class="muted">none</span> : <Memberships names={profile!.segments} link={link} />],
                  ["Profile id", <span class="mono">{profile!.profile}</span>],
                ]}
              />
              <Identifiers profile={profile!} />
              <Tabs
                label="Parts of the profile"
                items={[
                  { href: link(""), text: "Traits", current: of.tab === "" },
                  { href: link("timeline"), text: "Timeline", current: of.tab === "timeline" },
                  { href: link("segments"), text: "Segments", current: of.tab === "segments" },
                  { href: link("identity"), text: "Identity", current: of.tab === "identity" },
                ]}
              />
              {of.tab === "" && <ConsentOf consent={profile!.consent ?? {}} />}
              {of.tab === "" && <TraitsOf at={at} profile={profile!} />}
              {of.tab === "timeline" && <Timeline at={at} version={profile!.version} />}
              {of.tab === "segments" && <SegmentsOf at={at} version={profile!.version} why={of.rest[0]} link={(name) => link("segments", name)} />}
              {of.tab === "identity" && <IdentityOf at={at} changed={told.reload} />}
            </>
          )}
        </Await>
      )}
    </>
  );
}

export function Profiles(): VNode {
  const [, kind, id, tab = "", ...rest] = place.value.parts;
  useEffect(() => {
    if (id) document.title = `${id} · Kith`;
  }, [id]);
  if (kind && id) return <One key={`${kind}/${id}`} kind={kind} id={id} tab={tab} rest={rest} />;
  return (
    <>
      <Header
        title="Profiles"
        intro="A profile is all that is known of one customer. Any identifier that it was ever seen with leads to it."
      />
      <Search />
      <p class="note">
        Nobody in mind? Each <a href={to(["segments"])}>segment</a> lists its members.
      </p>
    </>
  );
}
