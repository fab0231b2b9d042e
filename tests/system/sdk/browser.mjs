// Real pages in headless Chromium against the store: browser.mjs URL WRITE_KEY USER. Each page is one way by which
// sites load a tracker. Prints a JSON line for each request that reached the store; ends with 0 if all pages were done.
import http from "node:http";
import { readFile } from "node:fs/promises";
import path from "node:path";
import puppeteer from "puppeteer-core";

const [url, writeKey, user] = process.argv.slice(2);
const library = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
                             "node_modules/@segment/analytics-next/dist/umd");
const key = JSON.stringify(writeKey);

// Segment's snippet, in short: calls are queued as arrays until the script that it loads takes them over.
const snippet = `
  var analytics = (window.analytics = window.analytics || []);
  analytics.methods = ["track", "page", "identify", "group", "alias", "reset"];
  analytics.methods.forEach(function (m) {
    analytics[m] = function () { analytics.push([m].concat([].slice.call(arguments))); return analytics; };
  });
  analytics._writeKey = ${key};
  var script = document.createElement("script");
  script.async = true;
  script.src = "${url}/analytics.js/v1/" + encodeURIComponent(${key}) + "/analytics.min.js";
  document.head.appendChild(script);`;

const pages = {
  // analytics.js as its package is: only the hosts are ours.
  "/analytics-next": `<script src="/umd/index.js"></script><script>
      const [analytics] = [AnalyticsNext.AnalyticsBrowser.load({ writeKey: ${key}, cdnURL: "${url}" })];
      analytics.identify("${user}", { country: "DE" });
      analytics.page("Docs", "Start");
      analytics.track("Product Viewed", { sku: "a-1" });
      window.sent = analytics.track("Order Completed", { total: 20 });
    </script>`,
  // A tag manager puts the snippet into the page, from a push into its data layer.
  "/tag-manager": `<script>
      window.dataLayer = [];
      dataLayer.push = function (entry) {
        if (entry.event !== "gtm.js") return;
        var tag = document.createElement("script");
        tag.text = ${JSON.stringify(snippet)} + 'analytics.identify("${user}", { newsletter: true });' +
                   'analytics.page(); analytics.track("Newsletter Joined");';
        document.head.appendChild(tag);
      };
      dataLayer.push({ event: "gtm.js" });
    </script>`,
  "/kith": `<script src="${url}/kith.js" data-write-key=${key}></script><script>
      kith.identify("${user}", { seen: true });
      kith.track("Article Read", { title: "caf\\u00e9" });
    </script>`,
  // What a page still has to say when it is left goes by navigator.sendBeacon.
  "/leaving": `<script src="${url}/kith.js" data-write-key=${key}></script><script>
      kith.identify("${user}");
      addEventListener("pagehide", function () { kith.track("Page Left"); kith.flush(true); });
    </script>`,
};

const site = http.createServer(async (request, response) => {
  if (pages[request.url]) {
    response.setHeader("Content-Type", "text/html");
    return response.end(`<!doctype html><title>${request.url}</title>${pages[request.url]}`);
  }
  try {
    const file = path.join(library, path.basename(request.url));
    response.setHeader("Content-Type", "text/javascript");
    response.end(await readFile(file));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${site.address().port}`;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--ignore-certificate-errors", "--disable-gpu", "--disable-dev-shm-usage"],
});
let failed = false;
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => { failed = true; console.error(error); });
  let answered = 0;
  page.on("response", (response) => {
    if (!response.url().startsWith(url)) return;
    if (response.request().method() === "POST") ++answered;
    console.log(JSON.stringify({ url: response.url().slice(url.length), status: response.status() }));
    if (response.status() >= 400) failed = true;
  });
  for (const each of Object.keys(pages)) {
    const before = answered;
    await page.goto(origin + each, { waitUntil: "networkidle0", timeout: 30000 });
    if (each === "/analytics-next") await page.evaluate(() => window.sent);
    await page.waitForNetworkIdle({ idleTime: 700, timeout: 20000 });
    if (answered === before) throw new Error(each + " sent nothing");
  }
  await page.goto("about:blank");
  await page.waitForNetworkIdle({ idleTime: 500, timeout: 10000 });
} finally {
  await browser.close();
  site.close();
}
process.exit(failed ? 1 : 0);
