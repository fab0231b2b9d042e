// Opens every page of the console in headless Chromium, with nothing in its cache: pages.mjs ADMIN_URL TOKEN_FILE PROFILE
// [DIRECTORY FOR SCREENSHOTS]. Prints a JSON object a page: milliseconds from the start of the navigation until what the
// page is for is there, the median and the most of five.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(new URL("../../tests/system/console/", import.meta.url));
const { chromium } = require("playwright-core");
const [admin, tokenFile, profile, shots] = process.argv.slice(2);
const token = (await readFile(tokenFile, "utf8")).trim();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
await page.goto(admin);
await page.getByLabel("Token").fill(token);
await page.keyboard.press("Enter");
await page.getByRole("button", { name: "Sign out" }).waitFor();
await (await context.newCDPSession(page)).send("Network.setCacheDisabled", { cacheDisabled: true });

const row = "main table tbody tr";
const pages = {
  overview: ".tile",
  pipeline: ".flow-step",
  segments: row,
  "segments/everybody": row,
  computed: row,
  [`profiles/profile/${profile}`]: row,
  [`profiles/profile/${profile}/timeline`]: ".timeline > li",
  [`profiles/profile/${profile}/segments`]: row,
  [`profiles/profile/${profile}/identity`]: row,
  schemas: "main h1", // of events that came over HTTPS: none
  webhooks: "main h1",
  "dead-letters": "main h1",
  audit: ".timeline > li",
  tokens: row,
};
for (const [hash, there] of Object.entries(pages)) {
  const taken = [];
  for (let i = 0; i < 5; ++i) {
    await page.goto(`${admin}/#/${hash}`);
    await page.reload({ waitUntil: "commit" });
    await page.locator(there).first().waitFor();
    taken.push(await page.evaluate(() => Math.round(performance.now())));
  }
  if (shots) await page.screenshot({ path: path.join(shots, `${hash.replaceAll("/", "-")}.png`) });
  taken.sort((a, b) => a - b);
  console.log(JSON.stringify({ page: hash.replace(profile, "ID"), ms: taken[2], most_ms: taken[4] }));
}
await browser.close();
