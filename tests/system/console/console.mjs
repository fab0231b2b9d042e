// The web console in headless Chromium against a real server, as an operator uses it: console.mjs ADMIN_URL INGEST_URL
// WRITE_KEY TOKEN [DIRECTORY FOR SCREENSHOTS]. Ends with 0 if every step did what it should, no page broke a rule of
// WCAG 2.2 AA that axe-core knows, none overflowed a phone, and nothing but the server was asked for anything.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [admin, ingest, writeKey, token, shots] = process.argv.slice(2);
const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const patience = 20_000; // ms for anything to appear
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
if (shots) await mkdir(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: desktop, colorScheme: "light", ignoreHTTPSErrors: true });
context.setDefaultTimeout(patience);
const page = await context.newPage();

const complaints = [];
page.on("pageerror", (error) => complaints.push(`error in the page: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error" && !/status of 4\d\d|ERR_INTERNET_DISCONNECTED/.test(message.text())) complaints.push(`console: ${message.text()}`);
});
page.on("request", (request) => {
  if (new URL(request.url()).origin !== new URL(admin).origin) complaints.push(`asked ${request.url()}`);
});

async function send(...batch) {
  const answer = await fetch(`${ingest}/v1/batch`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Basic ${Buffer.from(`${writeKey}:`).toString("base64")}` },
    body: JSON.stringify({ batch }),
  });
  assert.equal(answer.status, 200, await answer.text());
}
const order = (user, messageId, total, more = {}) => ({ type: "track", event: "Order Completed", userId: user, messageId, properties: { orderId: messageId, total }, ...more });

/** What axe finds on the page as it is now, in both themes; and whether a phone can show it. */
async function inspect(name) {
  await page.evaluate(`window.axe ??= (() => { ${axeSource}; return window.axe; })()`);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, colorScheme);
    const only = colorScheme === "light" ? { type: "tag", values: rules } : { type: "rule", values: ["color-contrast"] };
    const found = await page.evaluate((runOnly) => window.axe.run({ runOnly }), only);
    for (const each of found.violations) {
      complaints.push(`${name}, ${colorScheme}: ${each.id}: ${each.help}\n    ${each.nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join("\n    ")}`);
    }
    if (shots) await page.screenshot({ path: path.join(shots, `${name}-${colorScheme}.png`) });
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(phone);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (excess > 0) complaints.push(`${name}: ${excess} pixels too wide for a phone`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}-phone.png`) });
  await page.setViewportSize(desktop);
}

const main = page.locator("main");
/** How many pixels of a chart have a color: its lines and points do, its grid and words do not. What the page says is
 *  drawn a frame later. */
const inked = (chart) =>
  chart.locator("canvas").evaluate(async (canvas) => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const rgb = data.slice(i, i + 3);
      if (data[i + 3] > 128 && Math.max(...rgb) - Math.min(...rgb) > 60) ++count;
    }
    return count;
  });
const sees = (text) => main.getByText(text).first().waitFor();
const go = async (hash, heading) => {
  await page.goto(`${admin}/#/${hash}`);
  await main.getByRole("heading", { level: 1, name: heading }).waitFor();
};
const confirm = async (button, yes) => {
  await main.getByRole("button", { name: button }).click();
  await page.getByRole("dialog").getByRole("button", { name: yes, exact: true }).click();
};

/** What a browser saves, read as JSON. */
const saved = async (by) => {
  const [download] = await Promise.all([page.waitForEvent("download"), by()]);
  return JSON.parse(await readFile(await download.path(), "utf8"));
};

const steps = {
  async "only a token that is known signs in"() {
    const answer = await page.goto(`${admin}/`);
    const policy = answer.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    await page.getByLabel("Token").fill("no such token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await inspect("login");
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await main.getByRole("heading", { name: "Overview" }).waitFor();
    const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
    assert.ok(!kept.includes(token), "the token is within reach of scripts");
  },

  async "the overview shows events as they come"() {
    await send(
      { type: "identify", userId: "ada", anonymousId: "a-17", messageId: "i-1", traits: { name: "Ada", address: { city: "Bonn" } } },
      order("ada", "o-1", 100), order("ada", "o-2", 150), order("ada", "o-3", 50),
      order("ben", "o-4", 20), { type: "page", anonymousId: "a-17", messageId: "p-1", name: "Home", properties: { path: "/" } },
    );
    await page.waitForFunction(() => /^6 since/.test(document.querySelector(".tile-more")?.textContent ?? ""));
    assert.equal(await main.locator("canvas").count(), 3);
    assert.match(await page.locator(".standing").innerText(), /Ready/);
    await main.getByRole("button", { name: "What is the stage Journal?" }).first().click();
    await main.getByText("safe on disk").first().waitFor();
    await page.keyboard.press("Escape");
    await main.getByLabel("Stage", { exact: true }).selectOption("All, p99");
    await main.locator(".legend", { hasText: "End to end" }).getByText("Journal").waitFor();
    await inspect("overview-stages");
    await main.getByLabel("Stage", { exact: true }).selectOption("Journal");
    await page.evaluate(() => document.activeElement.blur());
    await inspect("overview");
  },

  async "the page is usable without a mouse"() {
    await page.goto(`${admin}/#/overview`);
    await page.reload();
    await main.getByRole("heading", { name: "Overview" }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.getByRole("link", { name: "Pipeline" }).focus();
    await page.keyboard.press("Enter");
    await main.getByRole("heading", { name: "Pipeline" }).waitFor();
    await page.getByLabel("Colors").selectOption("dark");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.getByLabel("Colors").selectOption("system");
  },

  async "the pipeline shows the way of events"() {
    await go("pipeline", "Pipeline");
    for (const step of ["Sources", "Validate", "Deduplicate", "Merge", "Segment", "Outputs"]) await main.getByRole("heading", { name: step }).waitFor();
    await inspect("pipeline");
  },

  async "a customer is found by any identifier, with the event that set each trait"() {
    await go("profiles", "Profiles");
    await inspect("profiles");
    await main.getByLabel("Identifier").fill("nobody");
    await main.getByRole("button", { name: "Find" }).click();
    await main.getByRole("alert").waitFor();
    await main.getByLabel("Identifier").fill("a-17");
    await page.keyboard.press("Enter");
    await main.getByRole("heading", { name: "anonymous a-17" }).waitFor();
    const trait = main.getByRole("row", { name: /address\.city/ });
    await trait.waitFor();
    assert.match(await trait.innerText(), /Bonn\s.*i-1/s);
    await sees("revenue");
    await inspect("profile");
  },

  async "the timeline opens an event"() {
    await main.getByRole("link", { name: "Timeline" }).click();
    const entries = main.locator(".timeline > li");
    await entries.nth(4).waitFor();
    assert.equal(await entries.count(), 5);
    await entries.filter({ hasText: "Home" }).or(entries.filter({ hasText: '"path":"/"' })).first().locator("summary").click();
    await sees('"receivedAt"');
    await inspect("profile-timeline");
  },

  async "a membership is explained, and so is that there is none"() {
    await main.getByRole("link", { name: "loyal", exact: true }).click(); // beside the profile's other facts
    await main.getByRole("heading", { name: "Why: loyal" }).waitFor();
    await main.getByRole("link", { name: "Segments", exact: true }).click();
    await main.getByRole("link", { name: "Why in loyal" }).click();
    await sees("since");
    await main.locator(".part-value", { hasText: "true" }).first().waitFor();
    await inspect("profile-segments");
    await main.getByLabel("Why not in another one?").selectOption("whale");
    await sees("not a member");
  },

  async "identifiers are taken out of a profile"() {
    await main.getByRole("link", { name: "Identity" }).click();
    await main.getByLabel("Take out anonymous:a-17").waitFor();
    await inspect("profile-identity");
    await main.getByLabel("Take out anonymous:a-17").check();
    await confirm("Unmerge 1", "Unmerge");
    await sees("Done. There are now");
    await sees("no, unmerged");
  },

  async "a segment is written, checked, previewed, and fills"() {
    await go("segments", "Segments");
    await main.getByRole("link", { name: "loyal", exact: true }).waitFor();
    await inspect("segments");
    await main.getByRole("link", { name: "New segment" }).click();
    await main.getByLabel("Name").fill("buyers");
    await main.getByLabel("Expression").fill('events("Order Completed").count() = 1');
    await sees("Line 1, column");
    await main.getByLabel("Expression").fill('events("Order Completed").count() >= 1');
    await sees("The expression holds.");
    await main.getByRole("button", { name: "Preview members" }).click();
    await main.getByText("would be in it now").waitFor();
    assert.match(await main.locator(".preview").innerText(), /^2 of 3 profiles/);
    await inspect("segment-new");
    await main.getByLabel("Purpose").focus();
    await page.keyboard.type("mark");
    assert.equal(await main.getByLabel("Purpose").inputValue(), "marketing");
    await sees("The expression holds.");
    await main.getByRole("button", { name: "Preview members" }).click();
    await main.locator(".preview", { hasText: /^0 of 3 profiles/ }).waitFor(); // nobody was asked yet
    await main.getByLabel("Purpose").selectOption("none");
    await sees("The expression holds.");
    await main.getByRole("button", { name: "Create" }).click();
    await main.getByRole("heading", { level: 1, name: "buyers" }).waitFor();
    await main.locator(".facts .big", { hasText: /^2$/ }).waitFor();
    await send(order("cleo", "o-5", 10));
    await main.locator(".facts .big", { hasText: /^3$/ }).waitFor();
    await main.getByRole("button", { name: "Reload" }).click();
    await main.getByRole("row").nth(3).waitFor();
    await main.getByRole("link", { name: "user:cleo" }).waitFor();
    const chart = main.getByRole("img", { name: "Members over time: 3 now" });
    await chart.waitFor();
    for (const end = Date.now() + 3000; (await inked(chart)) === 0; ) { // before it is counted again, ten seconds later
      assert.ok(Date.now() < end, "a segment that was just made has its first point on the chart");
    }
    await inspect("segment");
    await main.getByRole("button", { name: "Edit" }).click();
    await main.getByLabel("Expression").fill('events("Order Completed").count() >= 3');
    await sees("The expression holds.");
    await main.getByRole("button", { name: "Save" }).click();
    await main.locator(".facts .big", { hasText: /^1$/ }).waitFor();
    await main.getByText("Not complete: the backfill").waitFor({ state: "detached" });
    await main.getByRole("button", { name: "Edit" }).click();
    await main.getByLabel("Purpose").selectOption("marketing");
    await sees("The expression holds.");
    await main.getByRole("button", { name: "Save" }).click();
    await main.locator(".facts .big", { hasText: /^0$/ }).waitFor();
    await main.locator(".facts", { hasText: /Purpose\s*marketing/ }).waitFor();
    await go("profiles/user/ada/segments/buyers", "user ada");
    await main.locator(".why", { hasText: /not a member\s*Purpose marketing:\s*denied by the configuration\s*; nobody is a member without it/ }).waitFor();
    await inspect("profile-segments-purpose");
    await go("segments/buyers", "buyers");
    await confirm("Delete", "Delete");
    await main.getByRole("heading", { level: 1, name: "Segments" }).waitFor();
    await go("computed", "Computed traits");
    await main.getByRole("row", { name: /revenue/ }).getByText("up to date").waitFor();
    await inspect("computed");
  },

  async "a schema is proposed from what was seen, and registered"() {
    await go("schemas", "Schemas");
    await main.getByRole("link", { name: "Order Completed" }).click();
    await main.getByRole("button", { name: "Propose from what was seen" }).click();
    await main.getByLabel("JSON Schema").waitFor();
    await main.getByRole("button", { name: "Check" }).click();
    await sees("It can be registered.");
    await main.getByRole("button", { name: "Register" }).click();
    await main.getByRole("heading", { name: "Schema", exact: true }).waitFor();
    await send({ ...order("ada", "bad-1", "59.90") });
    await go("schemas", "Schemas");
    await sees("1 do not fit");
    await inspect("schemas");
    await go("schemas/Order%20Completed", "Order Completed");
    await sees("What does not fit");
    await inspect("schema");
  },

  async "what was refused is found, mended and replayed"() {
    await send({ type: "bogus", userId: "ada", messageId: "bad-2" });
    await go("dead-letters", "Dead letters");
    await main.getByRole("row", { name: /bogus/ }).waitFor();
    await page.getByRole("link", { name: /^Dead letters/ }).getByText("2").waitFor();
    await inspect("dead-letters");
    await main.getByRole("button", { name: /quarantined from/ }).click();
    await main.getByRole("row", { name: /quarantined/ }).getByRole("link").click();
    await main.getByLabel("The event").waitFor();
    assert.equal(await main.getByRole("link", { name: "user:ada" }).getAttribute("href"), "#/profiles/user/ada");
    await inspect("dead-letter");
    const text = await main.getByLabel("The event").inputValue();
    await main.getByLabel("The event").fill(text.replace('"59.90"', "59.90"));
    await main.getByRole("button", { name: "Replay as mended" }).click();
    await sees("1 applied.");
    await main.getByRole("status").getByRole("link", { name: "user:ada" }).waitFor();
    await go("dead-letters", "Dead letters");
    await main.getByRole("row", { name: /bogus/ }).getByRole("checkbox").check();
    await main.getByRole("button", { name: "Replay 1" }).click();
    await sees("1 refused again.");
    await confirm("Drop all", "Drop");
    await sees("There are no dead letters");
    await go("profiles/user/ada", "user ada");
    await main.getByRole("row", { name: /^revenue/ }).getByText("359.9").waitFor();
  },

  async "an endpoint that is not told is seen"() {
    await go("webhooks", "Webhooks");
    await sees("failing");
    await inspect("webhooks");
    await main.getByRole("link", { name: "crm" }).click();
    await main.getByRole("row", { name: /entered loyal/ }).waitFor();
    await inspect("webhook");
    await confirm("Send all again", "Send again");
    await sees("will be sent again");
  },

  async "a token is made, shown once, and does what its role may"() {
    await go("tokens", "Tokens");
    await main.getByRole("button", { name: "New token" }).click();
    await main.getByLabel("Name").fill("reader");
    await main.getByLabel("Description").fill("the wall display");
    await main.getByRole("button", { name: "Create" }).click();
    const secret = await main.getByLabel("The new token").inputValue();
    await main.getByRole("row", { name: /reader/ }).waitFor();
    await inspect("tokens");
    await main.getByRole("button", { name: "Done" }).click();
    const other = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await other.goto(admin);
    await other.getByLabel("Token").fill(secret);
    await other.keyboard.press("Enter");
    await other.getByRole("link", { name: "Segments" }).waitFor();
    assert.equal(await other.getByRole("link", { name: "Tokens" }).count(), 0);
    await confirm("Revoke", "Revoke");
    await main.getByRole("row", { name: /reader/ }).waitFor({ state: "detached" });
    await other.getByRole("link", { name: "Segments" }).click();
    await other.getByLabel("Token").waitFor(); // the session ended with its token
    await other.context().close();
  },

  async "what is kept of a person is saved, and their consent is seen"() {
    const purposes = { marketing: { granted: true, basis: "consent", source: "banner", version: "2026-01" }, ads: { granted: false } };
    await send({ type: "identify", userId: "ada", messageId: "c-1", context: { consent: { purposes } } });
    await go("profiles/user/ada", "user ada");
    assert.match(await main.getByRole("row", { name: /marketing/ }).innerText(), /granted\s+consent\s+banner\s+2026-01\s.*c-1/s);
    assert.match(await main.getByRole("row", { name: /^ads/ }).innerText(), /denied/);
    await inspect("profile-consent");
    const person = await saved(() => main.getByRole("link", { name: /^Export/ }).click());
    assert.equal(person.profile.traits.name, "Ada");
    assert.ok(person.end.complete && person.end.events === person.events.length && person.events.length >= 5);
  },

  async "a request is entered, carried out, and answered with a document"() {
    await go("privacy", "Privacy");
    await sees("No request is open.");
    const enter = async (identifier, law, received) => {
      await main.getByRole("button", { name: "New request" }).click();
      await main.getByLabel("By which law").selectOption(law);
      if (received) await main.getByLabel("Received, if not now").fill(received);
      await main.getByLabel("Identifier 1", { exact: true }).fill(identifier);
      if (!received) await inspect("privacy-new");
      await main.getByRole("button", { name: "Enter" }).click();
      await main.getByRole("heading", { level: 1, name: "Request for access" }).waitFor();
    };
    await enter("ben", "ccpa", "2026-01-05T09:00");
    await sees("overdue");
    await go("privacy", "Privacy");
    await enter("ada", "gdpr");
    await main.getByLabel("Reason, or how").fill("passport seen");
    await main.getByRole("button", { name: "Person is verified" }).click();
    await main.getByRole("cell", { name: "passport seen" }).waitFor();
    await go("privacy", "Privacy");
    await main.getByRole("link", { name: "access for user:ada" }).waitFor();
    await inspect("privacy");
    await main.getByRole("link", { name: "access for user:ada" }).click();
    await main.getByRole("button", { name: "Carry out" }).click();
    const link = main.getByRole("link", { name: "Download" });
    await link.waitFor();
    await inspect("privacy-request");
    assert.equal((await saved(() => link.click())).profile.traits.name, "Ada");
    await go("privacy", "Privacy");
    await main.getByRole("link", { name: "access for user:ben" }).click();
    await main.getByLabel("Reason, or how").fill("asked twice");
    await main.getByRole("button", { name: "Refuse" }).click();
    await main.getByRole("cell", { name: "asked twice" }).waitFor();
    assert.equal(await main.getByRole("button", { name: "Carry out" }).count(), 0);
  },

  async "a correction is entered as JSON, and an objection by purpose"() {
    await go("privacy", "Privacy");
    await main.getByRole("button", { name: "New request" }).click();
    await main.getByLabel("What is asked for").selectOption("opt_out");
    assert.equal(await main.getByLabel("By which law").inputValue(), "ccpa");
    await main.getByLabel("What is asked for").selectOption("objection");
    assert.equal(await main.getByLabel("By which law").inputValue(), "gdpr");
    await main.getByRole("checkbox", { name: /^marketing/ }).waitFor();
    await inspect("privacy-new-objection");
    await main.getByLabel("What is asked for").selectOption("rectification");
    await main.getByLabel("Identifier 1", { exact: true }).fill("ada");
    const traits = main.getByLabel("Corrected traits");
    await traits.fill('{"name":');
    await sees("Not JSON");
    assert.ok(await main.getByRole("button", { name: "Enter" }).isDisabled());
    await traits.fill('{"nickname": "Countess"}');
    await inspect("privacy-new-rectification");
    await main.getByRole("button", { name: "Enter" }).click();
    await main.getByRole("heading", { level: 1, name: "Request for rectification" }).waitFor();
    await main.getByRole("button", { name: "Carry out" }).click();
    await main.getByRole("group", { name: "Profiles that it was applied to" }).getByRole("link").click();
    await sees("Countess");
  },

  async "a person is erased for good, and only then may come back"() {
    await go("profiles/user/cleo", "user cleo");
    await main.getByRole("button", { name: "Erase" }).click();
    const dialog = page.getByRole("dialog");
    const yes = dialog.getByRole("button", { name: "Erase for ever" });
    await dialog.getByLabel("Reason").fill("ticket 4711");
    await dialog.getByLabel("Type cleo to confirm").fill("cle");
    assert.ok(await yes.isDisabled());
    await dialog.getByLabel("Type cleo to confirm").fill("cleo");
    await inspect("profile-erase");
    await yes.click();
    await main.getByLabel("The receipt").waitFor();
    assert.match(await main.getByLabel("The receipt").innerText(), /^[\w-]+\.[\w-]+\.[\w-]+$/);
    await inspect("profile-erased");
    await go("privacy/suppressions", "Privacy");
    await main.getByLabel("Identifier", { exact: true }).fill("cleo");
    await main.getByRole("button", { name: "Is it suppressed?" }).click();
    await sees("Suppressed since");
    await inspect("privacy-suppressions");
    const row = main.getByRole("row").nth(1);
    for (const end = Date.now() + patience; ; ) { // refused until its bytes are gone
      await row.getByRole("button", { name: "Lift" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Lift", exact: true }).click();
      const gone = main.getByText("Nobody was erased.");
      await gone.or(row.getByRole("alert")).first().waitFor();
      if ((await gone.count()) > 0) break;
      assert.ok(Date.now() < end, await row.innerText());
    }
  },

  async "all of this stands in the audit log"() {
    await go("audit", "Audit log");
    for (const text of ["PUT /v1/tokens", "DELETE /v1/segments/buyers", "POST /v1/dead-letters", "PUT /v1/schemas/Order Completed", "POST /v1/privacy/requests"]) {
      const record = main.getByText(text).first();
      const more = main.getByRole("button", { name: "Show more" });
      for (const end = Date.now() + patience; ; ) {
        await record.or(more).first().waitFor();
        if ((await record.count()) > 0) break;
        assert.ok(Date.now() < end, `no record has ${text}`);
        await more.click({ timeout: 1000 }).catch(() => {}); // it goes with the last page
      }
    }
    await page.evaluate(() => scrollTo(0, 0));
    await inspect("audit");
    await main.getByLabel("About").fill("cleo"); // a user's id, as it stands
    await main.getByText("POST /v1/tokens").waitFor({ state: "detached" });
    await sees("DELETE /v1/profiles/user/");
    await main.getByLabel("About").fill("");
    await main.getByLabel("Outcome").selectOption("refused");
    await sees("POST /v1/session");
    await main.locator(".timeline summary").first().click();
    await sees('"sequence"');
  },

  async "that the server is not reached is said, and it is asked again"() {
    await go("overview", "Overview");
    await context.setOffline(true);
    await page.getByRole("link", { name: "Segments" }).click();
    await main.getByRole("alert").getByText("cannot be reached").waitFor();
    await context.setOffline(false);
    await main.getByRole("link", { name: "loyal", exact: true }).waitFor();
    assert.equal(await main.getByRole("alert").count(), 0);
  },

  async "who signs out sees nothing more"() {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    await page.goto(`${admin}/#/segments`);
    await page.reload();
    await page.getByLabel("Token").waitFor();
  },
};

/** From the start of the navigation until the overview's tiles are there, with nothing in the browser's cache; ms. */
async function timeToInteractive() {
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  const client = await context.newCDPSession(page);
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  const taken = [];
  for (let i = 0; i < 5; ++i) {
    await page.goto(`${admin}/#/overview`);
    await page.reload({ waitUntil: "commit" });
    await page.locator(".tile").first().waitFor();
    taken.push(await page.evaluate(() => Math.round(performance.now())));
  }
  return taken.sort((a, b) => a - b)[2];
}

let failed = 0;
for (const [name, run] of Object.entries(steps)) {
  const started = Date.now();
  try {
    await run();
    console.log(`ok      ${name} (${Date.now() - started} ms)`);
  } catch (why) {
    failed += 1;
    console.log(`FAILED  ${name}\n${why.stack}`);
    if (shots) await page.screenshot({ path: path.join(shots, "failed.png"), fullPage: true });
    break;
  }
}
for (const each of complaints) console.log(`FAILED  ${each}`);
if (shots && failed === 0) console.log(`interactive after ${await timeToInteractive()} ms`);
await browser.close();
process.exit(failed + complaints.length > 0 ? 1 : 0);
