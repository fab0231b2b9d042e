// Consent and Global Privacy Control in headless Chromium: consent.mjs URL WRITE_KEY USER. Ends with 0 if kith.js says and
// keeps no more than the page's reader agreed to.
import assert from "node:assert/strict";
import http from "node:http";
import puppeteer from "puppeteer-core";

const [url, writeKey, user] = process.argv.slice(2);
const kith = (attributes) =>
  `<!doctype html><script src="${url}/kith.js" data-write-key=${JSON.stringify(writeKey)} ${attributes}></script>`;
const pages = {
  "/asked": kith('data-consent="required" data-auto-page'),
  "/opted-out": kith(""),
  "/recorded": kith('data-gpc="record"'),
};
const site = http.createServer((request, response) => {
  response.writeHead(pages[request.url] ? 200 : 404, { "Content-Type": "text/html" });
  response.end(pages[request.url]);
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--ignore-certificate-errors", "--disable-gpu", "--disable-dev-shm-usage"],
});

/// A page with a storage of its own, and the bodies that it posted.
async function open(path, prepare = async () => {}) {
  const context = await (browser.createBrowserContext ?? browser.createIncognitoBrowserContext).call(browser);
  const page = await context.newPage();
  const posted = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().startsWith(url)) posted.push(JSON.parse(request.postData()));
  });
  page.on("pageerror", (error) => { console.error(error); process.exit(1); });
  await prepare(page);
  await page.goto(`http://127.0.0.1:${site.address().port}${path}`, { waitUntil: "networkidle0", timeout: 30000 });
  const kept = () => page.evaluate(() => Object.keys(localStorage).sort());
  const answered = () =>
    page.waitForResponse((one) => one.url() === url + "/v1/batch" && one.status() === 200, { timeout: 20000 });
  return { page, posted, kept, answered };
}
const names = (batches) => batches.flatMap((each) => each.batch.map((one) => one.event ?? one.type));

try {
  {
    const { page, posted, kept, answered } = await open("/asked");
    await page.evaluate((user) => {
      kith.identify(user);
      kith.track("Before Consent");
      kith.flush();
      kith.flush(true);
    }, user);
    assert.deepEqual(await kept(), [], "an id is kept without consent");
    const first = answered();
    await page.evaluate(() => { kith.consent(true, { news: true, ads: false }); kith.track("After Consent"); });
    await first;
    await page.waitForNetworkIdle({ idleTime: 500, timeout: 10000 });
    assert.deepEqual(names(posted.slice(0, 1)), ["page", "identify", "Before Consent", "After Consent"],
                     "something was sent before consent");
    assert.deepEqual(await kept(), ["ajs_anonymous_id", "ajs_user_id"]);
    await page.evaluate(() => { kith.consent(false); });
    assert.deepEqual(await kept(), [], "an id is kept after consent was taken back");
  }
  {
    const { page, posted, kept, answered } = await open("/asked");
    await page.evaluate(() => { kith.track("Refused"); kith.consent(false); kith.track("Refused"); kith.flush(); });
    assert.deepEqual(await kept(), []);
    const first = answered();
    await page.evaluate((user) => {
      kith.consent(false);
      kith.consent(true);
      kith.identify(user);
      kith.track("Agreed Later");
    }, user);
    await first;
    assert.deepEqual(names(posted), ["identify", "Agreed Later"]);
  }
  // The browser's setting: navigator.globalPrivacyControl for scripts, and a header of each request.
  const optOut = async (page) => {
    await page.evaluateOnNewDocument(() => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }));
    await page.setExtraHTTPHeaders({ "Sec-GPC": "1" });
  };
  {
    const { page, posted, kept } = await open("/opted-out", optOut);
    await page.evaluate((user) => { kith.identify(user); kith.track("Not Tracked"); kith.flush(); kith.flush(true); }, user);
    await page.waitForNetworkIdle({ idleTime: 500, timeout: 10000 });
    assert.deepEqual(posted, []);
    assert.deepEqual(await kept(), []);
  }
  {
    const { page, answered } = await open("/recorded", optOut);
    const first = answered();
    await page.evaluate(() => kith.track("Recorded"));
    await first;
  }
} finally {
  await browser.close();
  site.close();
}
