// Bundles the console into dist/: index.html, and scripts and styles whose names hold a hash of what is in them, so
// that browsers may keep them for ever. Beside each file lies its gzip, smaller than what a server would make in time.
//   node build.mjs      does nothing if dist/ was made from the same sources
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const source = (name) => path.join(here, "src", name);

async function filesIn(folder) {
  const found = await readdir(path.join(here, folder), { withFileTypes: true });
  const nested = found.map((each) => (each.isDirectory() ? filesIn(path.join(folder, each.name)) : [path.join(folder, each.name)]));
  return (await Promise.all(nested)).flat().sort();
}
const inputs = createHash("sha256");
for (const name of ["build.mjs", "package-lock.json", ...(await filesIn("src"))]) {
  inputs.update(name).update("\0").update(await readFile(path.join(here, name)));
}
const stamp = inputs.digest("hex");
const stampFile = path.join(dist, ".made-from");
if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) {
  console.log("console: is bundled");
  process.exit(0);
}

await rm(dist, { recursive: true, force: true });
await mkdir(path.join(dist, "assets"), { recursive: true });

const made = await build({
  absWorkingDir: here,
  entryPoints: { console: source("main.tsx"), style: source("style.css") },
  outdir: path.join(dist, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2021", "chrome109", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  metafile: true,
  write: false,
});

const files = new Map(made.outputFiles.map((file) => [path.relative(dist, file.path), Buffer.from(file.contents)]));
const named = (start, end) => [...files.keys()].find((name) => name.startsWith(`assets/${start}-`) && name.endsWith(end));

const icon = await readFile(source("favicon.svg"));
const iconName = `assets/favicon-${createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase()}.svg`;
files.set(iconName, icon);
// What the first view loads: the page and all that it names or imports at once.
const first = new Set(["index.html", iconName, named("style", ".css")]);
const outputs = new Map(Object.entries(made.metafile.outputs).map(([name, of]) => [path.relative(dist, path.resolve(here, name)), of]));
const follow = (name) => {
  if (first.has(name)) return;
  first.add(name);
  for (const each of outputs.get(name)?.imports ?? []) {
    if (each.kind === "import-statement") follow(path.relative(dist, path.resolve(here, each.path)));
  }
};
follow(named("console", ".js"));
// What the entry imports is asked for together with it.
const preloads = [...first].filter((name) => name.endsWith(".js") && name !== named("console", ".js"));
const page = (await readFile(source("index.html"), "utf8"))
  .replace("FAVICON", iconName)
  .replace("STYLE", named("style", ".css"))
  .replace("SCRIPT", named("console", ".js"))
  .replace(/( *)<script/, (tag, indent) => preloads.map((name) => `${indent}<link rel="modulepreload" href="/${name}">\n`).join("") + tag);
files.set("index.html", Buffer.from(page));

for (const [name, bytes] of files) {
  await writeFile(path.join(dist, name), bytes);
  await writeFile(path.join(dist, `${name}.gz`), gzipSync(bytes, { level: 9 }));
}

const sizes = [...files].map(([name, bytes]) => ({ name, first: first.has(name), gzip: gzipSync(bytes, { level: 9 }).length }));
for (const each of sizes) console.log(`${each.first ? "first " : "later "} ${String(each.gzip).padStart(7)} ${each.name}`);
console.log(`console: first view ${sizes.filter((each) => each.first).reduce((sum, each) => sum + each.gzip, 0)} bytes gzipped`);
await writeFile(stampFile, stamp);
