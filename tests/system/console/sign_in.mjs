// People sign in at a real OpenID provider, in headless Chromium: sign_in.mjs ADMIN_URL PROVIDER_URL [DIRECTORY FOR
// SCREENSHOTS]. The two are of different sites for a browser (127.0.0.1 and localhost), as they are in life.
import assert from "node:assert/strict";
import path from "node:path";
import { chromium } from "playwright-core";

const [admin, provider, shots] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** A browser of its own. */
async function visitor() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const callbacks = [];
  page.on("request", (request) => {
    if (request.url().startsWith(`${admin}/v1/session/callback`)) callbacks.push(request.url());
  });
  return { context, page, callbacks };
}
const button = (page) => page.getByRole("link", { name: "Sign in with the test provider" });
const refused = (page, text) => page.getByRole("alert").getByText(text).waitFor();
async function atProvider(page, name, does = "Go on") {
  await page.getByRole("heading", { name: "Provider" }).waitFor();
  assert.equal(new URL(page.url()).origin, provider);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: does }).click();
}

let ada;
const steps = {
  async "a known person without a role is told so"() {
    const { page, context } = await visitor();
    // The server may be reading its configuration still.
    for (const end = Date.now() + 20_000; ; ) {
      await page.goto(admin);
      await page.getByLabel("Token").waitFor();
      await page.waitForLoadState("networkidle");
      if ((await button(page).count()) > 0) break;
      assert.ok(Date.now() < end, "the login page has no button for the provider");
    }
    if (shots) await page.screenshot({ path: path.join(shots, "login-provider.png") });
    await button(page).click();
    await atProvider(page, "ben");
    await refused(page, "you have no role here");
    assert.equal(await page.evaluate(async () => (await fetch("/v1/session")).status), 401);
    if (shots) await page.screenshot({ path: path.join(shots, "login-refused.png") });
    await context.close();
  },

  async "who goes away at the provider is back at the login page"() {
    const { page, context } = await visitor();
    await page.goto(admin);
    await button(page).click();
    await atProvider(page, "ada", "Cancel");
    await refused(page, "you do not want to sign in");
    await context.close();
  },

  async "who is sent back by somebody else's answer is not signed in"() {
    const { page, context } = await visitor();
    await page.goto(`${admin}/v1/session/callback?code=stolen&state=guess`);
    await refused(page, "was not begun in this browser");
    await context.close();
  },

  async "an operator signs in, and comes where they wanted to"() {
    ada = await visitor();
    await ada.page.goto(`${admin}/#/segments`);
    await button(ada.page).click();
    await atProvider(ada.page, "ada");
    await ada.page.getByRole("heading", { level: 1, name: "Segments" }).waitFor();
    assert.match(await ada.page.locator(".who").innerText(), /ada operator/);
    assert.equal(await ada.page.getByRole("link", { name: "Tokens" }).count(), 0);
    const kept = await ada.page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
    assert.equal(kept, '[{},{},""]');
    const cookies = (await ada.context.cookies(admin)).filter((each) => each.name.startsWith("__Host-kith"));
    assert.deepEqual(cookies.map((each) => [each.name, each.httpOnly, each.secure, each.sameSite]).sort(), [
      ["__Host-kith", true, true, "Strict"],
      ["__Host-kith-sign-in", true, true, "Lax"],
    ]);
    await ada.page.reload();
    await ada.page.getByRole("heading", { level: 1, name: "Segments" }).waitFor();
  },

  async "the provider's answer is good once"() {
    const again = await ada.context.newPage();
    await again.goto(ada.callbacks[0]);
    await again.waitForURL(/#\/(overview|sign-in)/);
    const other = await visitor(); // nor in another browser
    await other.page.goto(ada.callbacks[0]);
    await refused(other.page, "was not begun in this browser");
    await other.context.close();
    await again.close();
  },

  async "who signs out is out, and the answer does not bring them back"() {
    await ada.page.getByRole("button", { name: "Sign out" }).click();
    await ada.page.getByLabel("Token").waitFor();
    await ada.page.goto(ada.callbacks[0]);
    await refused(ada.page, "was tried before");
    assert.equal(await ada.page.evaluate(async () => (await fetch("/v1/session")).status), 401);
  },
};

let failed = false;
for (const [name, run] of Object.entries(steps)) {
  const started = Date.now();
  try {
    await run();
    console.log(`ok      ${name} (${Date.now() - started} ms)`);
  } catch (why) {
    failed = true;
    console.log(`FAILED  ${name}\n${why.stack}`);
    break;
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
