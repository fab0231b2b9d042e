// The peer: an HTTPS server in Node.js that takes the same batches, parses them and writes each event to Redis.
//   node peer.mjs PORT CERTIFICATE KEY REDIS_PORT CA
// It checks nothing, knows no duplicates, keeps no profile. One RPUSH a batch, answered before the sender is.
import https from "node:https";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import zlib from "node:zlib";

const [port, certificate, key, redisPort, ca] = process.argv.slice(2);
const redis = tls.connect({ port: Number(redisPort), host: "127.0.0.1", ca: readFileSync(ca) });
const waiting = [];
let unread = "";
redis.on("data", (bytes) => {
  unread += bytes.toString("latin1");
  for (let end; (end = unread.indexOf("\r\n")) >= 0; unread = unread.slice(end + 2)) waiting.shift()(unread[0] === ":");
});
function push(values) {
  const parts = [`*${values.length + 2}\r\n$5\r\nRPUSH\r\n$6\r\nevents\r\n`];
  for (const value of values) parts.push(`$${Buffer.byteLength(value)}\r\n${value}\r\n`);
  redis.write(parts.join(""));
  return new Promise((resolve) => waiting.push(resolve));
}

https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", async () => {
    let body = Buffer.concat(pieces);
    if (request.headers["content-encoding"] === "gzip") body = zlib.gunzipSync(body);
    const parsed = JSON.parse(body);
    const events = parsed.batch ?? [parsed];
    const ok = await push(events.map((event) => JSON.stringify(event)));
    response.writeHead(ok ? 200 : 500, { "Content-Type": "application/json" });
    response.end('{"success":true}');
  });
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
