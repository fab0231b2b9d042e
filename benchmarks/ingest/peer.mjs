// The peer: an HTTPS server in Node.js that takes the same batches, parses them and writes each event to Redis.
//   node peer.mjs PORT CERTIFICATE KEY REDIS_PORT CA list|keys
// list: one RPUSH a batch, the least that it can do: no check, no duplicates known, no profile. keys: one SET … NX an
// event by its messageId, so that it is there once. Redis answers before the sender is answered.
import https from "node:https";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import zlib from "node:zlib";

const [port, certificate, key, redisPort, ca, way] = process.argv.slice(2);
const redis = tls.connect({ port: Number(redisPort), host: "127.0.0.1", ca: readFileSync(ca) });
const waiting = [];
let unread = "";
redis.on("data", (bytes) => {
  unread += bytes.toString("latin1");
  for (let end; (end = unread.indexOf("\r\n")) >= 0; unread = unread.slice(end + 2)) waiting.shift()(unread[0] === ":" || unread[0] === "+");
});
const bulk = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const reply = () => new Promise((resolve) => waiting.push(resolve));
async function push(events) {
  if (way === "list") {
    redis.write(`*${events.length + 2}\r\n${bulk("RPUSH")}${bulk("events")}` +
                events.map((event) => bulk(JSON.stringify(event))).join(""));
    return reply();
  }
  redis.write(events.map((event) => `*4\r\n${bulk("SET")}${bulk(event.messageId)}${bulk(JSON.stringify(event))}${bulk("NX")}`)
                    .join(""));
  return (await Promise.all(events.map(reply))).every(Boolean);
}

https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", async () => {
    let body = Buffer.concat(pieces);
    if (request.headers["content-encoding"] === "gzip") body = zlib.gunzipSync(body);
    const parsed = JSON.parse(body);
    const events = parsed.batch ?? [parsed];
    const ok = await push(events);
    response.writeHead(ok ? 200 : 500, { "Content-Type": "application/json" });
    response.end('{"success":true}');
  });
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
