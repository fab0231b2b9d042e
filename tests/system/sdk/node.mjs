// Segment's server library against the store: node.mjs URL WRITE_KEY USER. Ends with 0 once all was delivered.
import { Analytics } from "@segment/analytics-node";

const [url, writeKey, user] = process.argv.slice(2);
const failures = [];
const analytics = new Analytics({ writeKey, host: url, path: "/v1/batch", flushAt: 3, maxRetries: 1 });
analytics.on("error", (error) => failures.push(error));

const send = (call, message) =>
  new Promise((resolve, reject) => analytics[call](message, (error) => (error ? reject(error) : resolve())));
await Promise.all([
  send("identify", { userId: user, traits: { plan: "gold", age: 36 } }),
  send("track", { userId: user, event: "Order Completed", properties: { total: 12.5 }, messageId: "node-order-1" }),
  send("track", { userId: user, event: "Order Completed", properties: { total: 12.5 }, messageId: "node-order-1" }),
  send("page", { userId: user, name: "Home" }),
  send("group", { userId: user, groupId: "acme", traits: { size: 3 } }),
]);
await analytics.closeAndFlush({ timeout: 5000 });
if (failures.length > 0) {
  console.error(failures);
  process.exit(1);
}
